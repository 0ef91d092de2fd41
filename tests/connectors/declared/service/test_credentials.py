"""The credential of a manifest: what is built from it, and what is refused, with its place and the fix."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from pydantic import ValidationError

from connectors.declared.driver_families import DRIVER_FAMILIES
from connectors.declared.driver_family import DriverParts
from connectors.declared.http.tables import HttpWire
from connectors.declared.service.credentials import build_service
from connectors.declared.service.wire import ServiceWire
from connectors.declared.soap.tables import SoapWire
from connectors.declared.tables import NotDeclarableError
from connectors.drivers.http.address import AgencyAddress, is_internal, is_loopback
from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.http.service import HttpLimits, HttpRequest
from connectors.drivers.long_work import LongWork
from connectors.resilience.agency_terms import AgencyTerms
from connectors.resilience.gate import Gate
from tests.connectors.drivers.byte_server import reply, serve_bytes
from tests.connectors.drivers.certificates import make_certificate
from tests.connectors.drivers.scripted_driver import both_ways, call

SECRET = "kunci-sangat-rahasia"
OAUTH2 = {"token_url": "https://sso.example.go.id/token", "client_id": "simpul", "client_secret": SECRET}
HMAC = {"secret": SECRET, "signed": "{path}", "headers": {"Authorization": "HMAC {signature}"}}


def parse(url: str = "https://a.example/v1", **credential: object) -> HttpWire:
    return HttpWire.model_validate({"driver": "http", "url": url, "credential": credential})


def find_problem(url: str = "https://a.example/v1", **credential: object) -> str:
    """The refusal of a credential, which never holds the secret."""
    with pytest.raises(NotDeclarableError) as caught:
        build_service(parse(url, **credential), "izin")
    assert SECRET not in str(caught.value)
    return str(caught.value)


@both_ways
async def test_fixed_parts_are_sent_with_every_call(method: str) -> None:
    async with serve_bytes(reply()) as server:
        wire = parse(server.url, headers={"X-Key": "k 1"}, query={"api_key": "a&b"}, form={"token": "t=1"})
        driver = HttpDriver(build_service(wire, "izin"), HttpLimits(deadline=5, connections=1, max_bytes=10))
        form = {"nik": "1"} if method == "POST" else None
        await driver.send(HttpRequest(method, "izin", query={"page": "2"}, form=form), call())
        link = AgencyAddress("izin", server.url).resolve_link("/izin?page=3&api_key=old", "izin", None)
        await driver.send(HttpRequest(method, link), call())
        await driver.close()
    first, second = server.asked
    assert (first.target, second.target) == ("/izin?page=2&api_key=a%26b", "/izin?page=3&api_key=a%26b")
    assert (first.headers["x-key"], second.headers["x-key"]) == ("k 1", "k 1")
    bodies = (b"nik=1&token=t%3D1", b"token=t%3D1") if method == "POST" else (b"", b"")
    assert (first.body, second.body) == bodies
    assert "a&b" not in repr(driver)
    assert "k 1" not in repr(driver)


@pytest.mark.parametrize("driver", DRIVER_FAMILIES)
def test_every_driver_of_a_service_says_when_its_credential_expires(driver: str) -> None:
    family = DRIVER_FAMILIES[driver]
    assert hasattr(family.driver, "expiries") == issubclass(family.wire, ServiceWire)


def test_every_driver_over_http_has_the_same_credential() -> None:
    given = {
        "wsdl": "a.wsdl",
        "user": "u",
        "password": "p",
        "headers": {"kepala": {"nama": "{user}", "sandi": "{password}", "kunci": "k"}},
    }
    wire = SoapWire.model_validate({"driver": "soap", "url": "https://a", "credential": {"oauth2": OAUTH2}, **given})
    assert wire.list_credentials() == {
        "wire.credential.oauth2.client_secret": SECRET,
        "wire.password": "p",
        "wire.headers.kepala.kunci": "k",
    }


def test_every_secret_is_listed_by_its_place_and_shown_by_none() -> None:
    wire = parse(headers={"X": "h"}, query={"q": "q"}, form={"f": "f"}, oauth2=OAUTH2, signature=HMAC)
    assert wire.list_credentials() == {
        "wire.credential.headers.X": "h",
        "wire.credential.query.q": "q",
        "wire.credential.form.f": "f",
        "wire.credential.oauth2.client_secret": SECRET,
        "wire.credential.signature.secret": SECRET,
    }
    assert SECRET not in repr(wire)


TOKEN_URL_PROBLEMS = {
    "http://sso.example.go.id/token": "the client secret would travel in plain text between machines: use https",
    "http://10.1.2.3/token": "the client secret would travel in plain text between machines: use https",
    "ftp://sso.example.go.id/token": "write it as 'https://host/path', without user and password",
    f"https://u:{SECRET}@sso.example.go.id/token": "write it as 'https://host/path', without user and password",
    "https://sso.example.go.id/token#x": "write it as 'https://host/path', without user and password",
    "https:///token": "write it as 'https://host/path', without user and password",
    "https://[/token": "write it as 'https://host/path', without user and password",
    "https://169.254.169.254/token": "it leads to an internal address (link-local, multicast or unspecified)",
}


@pytest.mark.parametrize("url", TOKEN_URL_PROBLEMS)
def test_an_unsafe_token_endpoint_is_refused(url: str) -> None:
    problem = find_problem(oauth2=OAUTH2 | {"token_url": url})
    assert problem.startswith(f"wire.credential.oauth2.token_url: {TOKEN_URL_PROBLEMS[url]}")


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/token", "http://localhost/token", "https://10.1.2.3/token?a=b"])
def test_a_token_endpoint_over_tls_or_on_this_machine_is_accepted(url: str) -> None:
    build_service(parse(oauth2=OAUTH2 | {"token_url": url}), "izin")


@pytest.mark.parametrize(
    "host",
    [
        *("169.254.169.254", "169.254.0.1", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "0"),
        *("224.0.0.1", "[fe80::1]", "[::ffff:169.254.169.254]", "[::]", "[ff02::1]"),
    ],
)
def test_an_internal_address_is_refused_in_every_notation(host: str) -> None:
    expected = "wire.url: it leads to an internal address (link-local, multicast or unspecified), where no agency is"
    assert find_problem(f"http://{host}/v1") == expected


@pytest.mark.parametrize("host", ["10.1.2.3", "192.168.1.1:8080", "[fd00::1]", "izin.example", "127.0.0.1.example"])
def test_plain_http_to_another_machine_needs_a_setting(host: str) -> None:
    assert find_problem(f"http://{host}/v1") == (
        "wire.url: calls to another machine would travel in plain text: use https; or, if the network between is"
        " trusted, write plain_http = true in [wire]"
    )
    wire = parse(f"http://{host}/v1").model_copy(update={"plain_http": True})
    assert build_service(wire, "izin").url == f"http://{host}/v1"


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://[::1]:9", "http://localhost", "https://10.1.2.3"])
def test_tls_and_this_machine_need_no_setting(url: str) -> None:
    assert build_service(parse(url), "izin").url == url


def test_private_networks_and_this_machine_are_no_internal_addresses() -> None:
    hosts = ["10.0.0.1", "192.168.1.1", "127.0.0.1", "::1", "fd00::1", "8.8.8.8", "localhost", "agency.example"]
    assert [each for each in hosts if is_internal(each)] == []
    assert [each for each in hosts if is_loopback(each)] == ["127.0.0.1", "::1", "localhost"]


@pytest.mark.parametrize(
    ("credential", "problem"),
    [
        ({"headers": {"X": "a\r\nY: 1"}}, "wire.credential.headers.X: not a header that the hub can send"),
        ({"headers": {"Host": "x"}}, "wire.credential.headers.Host: not a header that the hub can send"),
        (
            {"headers": {"authorization": "x"}, "oauth2": OAUTH2},
            "wire.credential: two parts of it fill the header 'authorization'; keep one",
        ),
        (
            {"oauth2": OAUTH2, "signature": HMAC},
            "wire.credential: two parts of it fill the header 'authorization'; keep one",
        ),
        (
            {"signature": HMAC | {"signed": "{x}"}},
            "wire.credential.signature.signed: {x} is unknown; the parts are method, host",
        ),
        (
            {"signature": HMAC | {"signed": "{access_token}"}},
            "wire.credential.signature: {access_token} needs the table oauth2",
        ),
        (
            {"oauth2": {**OAUTH2, "client_secret": None, "authentication": "tls_client_auth"}},
            "wire.credential.oauth2.authentication: tls_client_auth needs the table certificate",
        ),
        (
            {"certificate": {"file": "a.pem", "key": "/k.pem"}},
            "wire.credential.certificate.file: name the file from the root: /path",
        ),
        (
            {"certificate": {"file": "/none.pem", "key": "/none.pem"}},
            "wire.credential.certificate.file: the file cannot be read: No such file or directory",
        ),
    ],
)
def test_a_credential_that_cannot_work_is_refused(credential: dict[str, Any], problem: str) -> None:
    assert find_problem(**credential).startswith(problem)


def test_a_sealed_reply_needs_a_signature_and_its_parts() -> None:
    given = {"driver": "http", "url": "https://a.example", "sealed": {"at": "response", "key": f"{SECRET}{{x}}"}}
    with pytest.raises(ValidationError, match=r"give credential\.signature"):
        HttpWire.model_validate(given)
    wire = HttpWire.model_validate({**given, "credential": {"signature": HMAC}})
    assert SECRET not in repr(wire)
    assert wire.list_credentials()["wire.sealed.key"] == f"{SECRET}{{x}}"
    with pytest.raises(
        NotDeclarableError, match=r"^wire.sealed.key: {x} is unknown; the parts are method, host"
    ) as caught:
        DRIVER_FAMILIES["http"].build_driver(
            wire,
            DriverParts(gate=Gate("izin", AgencyTerms(deadline=5.0, max_concurrency=1)), work=LongWork(), city=Path()),
        )
    assert SECRET not in str(caught.value)


def test_a_password_in_the_address_and_a_token_are_two_credentials() -> None:
    problem = find_problem(f"https://u:{SECRET}@a.example", oauth2=OAUTH2)
    assert problem == "wire.credential: two parts of it fill the header 'authorization'; keep one"


def test_a_client_certificate_needs_tls(tmp_path: Path) -> None:
    file = make_certificate(tmp_path, name=x509.DNSName("hub"))
    problem = find_problem("http://127.0.0.1", certificate={"file": str(file), "key": str(file)})
    assert problem == "wire.credential.certificate: it is shown over TLS only: use https in wire.url"


def test_a_key_that_every_user_can_read_is_refused(tmp_path: Path) -> None:
    file = make_certificate(tmp_path, name=x509.DNSName("hub"))
    file.chmod(0o644)
    problem = find_problem(certificate={"file": str(file), "key": str(file)})
    assert problem == f"wire.credential.certificate.key: every user can read or change it: chmod 640 {file}"


@pytest.mark.parametrize(
    "table",
    [
        {"oauth2": OAUTH2 | {"authentication": "tls_client_auth"}},
        {"oauth2": {name: value for name, value in OAUTH2.items() if name != "client_secret"}},
        {"oauth2": OAUTH2 | {"authentication": "private_key_jwt"}},
        {"oauth2": OAUTH2 | {"timeout": 0}},
        {"signature": HMAC | {"algorithm": "md5"}},
        {"signature": HMAC | {"headers": {}}},
        {"signature": HMAC | {"private_key": "/key.pem"}},
        {"signature": {name: value for name, value in HMAC.items() if name != "secret"}},
        {"signature": {"private_key": "/k", "algorithm": "sha1", "signed": "{path}", "headers": {"X": "{signature}"}}},
        {"oauth2": OAUTH2 | {"authentication": "signature"}},
        {"oauth2": {"token_url": "https://a", "client_id": "simpul", "authentication": "signature"}},
        {"oauth2": OAUTH2 | {"signature": HMAC}},
        {"oauth2": OAUTH2 | {"body": {"grantType": "client_credentials"}, "scope": "izin.read"}},
        {"basic": {}},
    ],
)
def test_a_table_with_a_mistake_is_refused_without_its_values(table: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        parse(**table)
    assert SECRET not in str(caught.value)


def test_the_time_until_parts_expire_is_known_by_place(tmp_path: Path) -> None:
    file = make_certificate(tmp_path, name=x509.DNSName("hub"), days=20)
    file.chmod(0o600)
    day = (datetime.now(UTC) + timedelta(days=11)).date()
    wire = parse(expires_on=day, certificate={"file": str(file), "key": str(file)})
    left = wire.find_expiries()
    assert {place: each.days for place, each in left.items()} == {
        "wire.credential.expires_on": 10,
        "wire.credential.certificate.file": 19,
    }
    expiries = build_service(wire, "izin").credential.expiries
    assert sorted(expiries) == ["certificate", "secret"]
    assert datetime.fromtimestamp(expiries["secret"], UTC).date() == day
    file.unlink()
    assert list(wire.find_expiries()) == ["wire.credential.expires_on"]
