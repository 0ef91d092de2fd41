"""Calls as Indonesia's payment standard (SNAP) signs them, and what becomes of a clock that is wrong.

`openssl` checks the signatures: by the public key of the token endpoint, and by HMAC of the service.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import subprocess
from base64 import b64decode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.declared.http.tables import HttpWire
from connectors.declared.service.credentials import build_service
from connectors.declared.tables import NotDeclarableError
from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.http.service import HttpLimits, HttpRequest
from records.calls.failures import AgencyClockSkew, AgencyFailure, AgencyRefused, AgencyUnavailable
from tests.connectors.drivers.byte_server import ByteServer, ReceivedRequest, Script, reply, serve_bytes
from tests.connectors.drivers.scripted_driver import both_ways, call

CLIENT = "962489e9-de5d-4eb7-92a4-b07d44d64bf4"
SECRET = "rahasia-bank"
TOKEN = {"responseCode": "2007300", "accessToken": "gp9HjjEj813Y9JGoqwOe", "tokenType": "Bearer", "expiresIn": "900"}
QUERY = HttpRequest(
    "POST", "v1.0/qr/qr-mpm-query", body=b'{"serviceCode":"47"}', headers={"Content-Type": "application/json"}
)


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A private key, with its public one beside it."""
    private = tmp_path_factory.mktemp("key") / "private.pem"
    run_openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", str(private))
    private.chmod(0o600)
    run_openssl("pkey", "-in", str(private), "-pubout", "-out", str(private.with_name("public.pem")))
    return private


def run_openssl(*arguments: str, given: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *arguments], input=given, capture_output=True, check=True).stdout  # noqa: S603, S607 - of tests


def build_credential(url: str, key: Path) -> dict[str, Any]:
    return {
        "oauth2": {
            "token_url": f"{url}/v1.0/access-token/b2b",
            "client_id": CLIENT,
            "authentication": "signature",
            "body": {"grantType": "client_credentials"},
            "signature": {
                "private_key": str(key),
                "key_id": CLIENT,
                "signed": "{key_id}|{local_date}",
                "encoding": "base64",
                "headers": {"X-CLIENT-KEY": "{key_id}", "X-TIMESTAMP": "{local_date}", "X-SIGNATURE": "{signature}"},
            },
        },
        "signature": {
            "secret": SECRET,
            "algorithm": "sha512",
            "encoding": "base64",
            "signed": "{method}:{path}:{access_token}:{body_sha256}:{local_date}",
            "headers": {
                "X-TIMESTAMP": "{local_date}",
                "X-SIGNATURE": "{signature}",
                "X-EXTERNAL-ID": "{nonce_digits}",
            },
        },
    }


def parse(url: str, credential: Mapping[str, Any]) -> HttpWire:
    return HttpWire.model_validate({"driver": "http", "url": url, "credential": credential})


@asynccontextmanager
async def run_bank(script: Script, key: Path) -> AsyncIterator[tuple[HttpDriver, ByteServer]]:
    async with serve_bytes(script) as server:
        service = build_service(parse(server.url, build_credential(server.url, key)), "pembayaran")
        driver = HttpDriver(service, HttpLimits(deadline=5, connections=2, max_bytes=1000))
        yield driver, server
        await driver.close()


def answer(token: bytes, service: bytes) -> Script:
    async def script(asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(token if "access-token" in asked.target else service)

    return script


TOKEN_REPLY = reply(200, json.dumps(TOKEN).encode())


async def test_a_token_is_fetched_with_a_signature_by_the_private_key(key: Path, tmp_path: Path) -> None:
    async with run_bank(answer(TOKEN_REPLY, reply()), key) as (driver, server):
        await driver.send(QUERY, call())
    fetch = server.asked[0]
    assert (fetch.method, fetch.target, fetch.body) == (
        "POST",
        "/v1.0/access-token/b2b",
        b'{"grantType":"client_credentials"}',
    )
    assert (fetch.headers["content-type"], fetch.headers["x-client-key"]) == ("application/json", CLIENT)
    assert "authorization" not in fetch.headers
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+07:00", moment := fetch.headers["x-timestamp"])
    (tmp_path / "signature").write_bytes(b64decode(fetch.headers["x-signature"], validate=True))
    verify = ("dgst", "-sha256", "-verify", str(key.with_name("public.pem")), "-signature", str(tmp_path / "signature"))
    assert run_openssl(*verify, given=f"{CLIENT}|{moment}".encode()) == b"Verified OK\n"


async def test_each_call_is_signed_over_token_body_and_time(key: Path) -> None:
    async with run_bank(answer(TOKEN_REPLY, reply()), key) as (driver, server):
        await driver.send(QUERY, call())
        await driver.send(QUERY, call())
    _, first, second = server.asked
    for asked in (first, second):
        assert asked.headers["authorization"] == f"Bearer {TOKEN['accessToken']}"
        digest = hashlib.sha256(b'{"serviceCode":"47"}').hexdigest()
        signed = f"POST:/v1.0/qr/qr-mpm-query:{TOKEN['accessToken']}:{digest}:{asked.headers['x-timestamp']}"
        mac = ("dgst", "-sha512", "-mac", "HMAC", "-macopt", f"key:{SECRET}", "-binary")
        assert b64decode(asked.headers["x-signature"]) == run_openssl(*mac, given=signed.encode())
        assert re.fullmatch(r"[0-9]{32}", asked.headers["x-external-id"])
    assert first.headers["x-external-id"] != second.headers["x-external-id"]


async def test_an_expired_token_is_replaced_and_the_repeated_call_has_another_number(key: Path) -> None:
    refused = reply(401, b'{"responseCode":"4015101","responseMessage":"Invalid Token (B2B)"}')
    replies = iter([refused, reply()])
    tokens = iter(["token-1", "token-2"])

    async def script(asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        is_fetch = "access-token" in asked.target
        token = reply(200, json.dumps({**TOKEN, "accessToken": next(tokens)}).encode()) if is_fetch else b""
        writer.write(token or next(replies))

    async with run_bank(script, key) as (driver, server):
        assert (await driver.send(QUERY, call())).status == 200
    calls = [each for each in server.asked if "access-token" not in each.target]
    assert [each.headers["authorization"] for each in calls] == ["Bearer token-1", "Bearer token-2"]
    assert len({each.headers["x-external-id"] for each in calls}) == 2


def date_in(minutes: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(minutes=minutes), usegmt=True)


async def find_failure(key: Path, token: bytes, service: bytes = b"", method: str = "POST") -> AgencyFailure:
    async with run_bank(answer(token, service), key) as (driver, _):
        request = QUERY if method == "POST" else HttpRequest("GET", "v1.0/balance")
        with pytest.raises(AgencyFailure) as caught:
            await driver.send(request, call())
    assert not any(hidden in f"{caught.value} {caught.value.detail}" for hidden in (SECRET, CLIENT, "gp9Hjj"))
    return caught.value


CLOCKS = [(10.0, "600 s ahead of the hub's"), (-2.0, "120 s behind the hub's")]


@both_ways
@pytest.mark.parametrize(("minutes", "problem"), CLOCKS)
async def test_a_refusal_with_another_time_is_a_clock_that_differs(
    key: Path, method: str, minutes: float, problem: str
) -> None:
    failure = await find_failure(key, TOKEN_REPLY, reply(403, Date=date_in(minutes)), method)
    assert (type(failure), failure.code) == (AgencyClockSkew, "AGENCY_CLOCK_SKEW")
    seconds = re.sub(r"\d+ s", lambda found: f"{round(int(found[0][:-2]), -1)} s", failure.detail)
    assert seconds == f"HTTP 403; the agency's clock is {problem}"


async def test_a_token_that_is_refused_with_another_time_is_a_clock_that_differs(key: Path) -> None:
    failure = await find_failure(key, reply(401, Date=date_in(5)))
    assert isinstance(failure, AgencyClockSkew)
    assert failure.detail.startswith("token endpoint: HTTP 401; the agency's clock is ")


@pytest.mark.parametrize("date", [None, "yesterday", ""])
async def test_a_refusal_with_the_same_time_or_none_is_a_refusal(key: Path, date: str | None) -> None:
    date = date_in(0.5) if date is None else date
    assert type(await find_failure(key, TOKEN_REPLY, reply(403, Date=date))) is AgencyRefused
    assert type(await find_failure(key, reply(401, Date=date))) is AgencyUnavailable


async def test_an_error_with_another_time_is_an_error(key: Path) -> None:
    assert type(await find_failure(key, TOKEN_REPLY, reply(503, Date=date_in(10)))) is AgencyUnavailable


async def test_a_refusal_in_the_body_with_another_time_is_a_clock_that_differs(key: Path) -> None:
    def refuse(_reply: object, _value: object) -> None:
        raise AgencyRefused("pembayaran", "code 201")

    async with run_bank(answer(TOKEN_REPLY, reply(200, b"{}", Date=date_in(9))), key) as (driver, _):
        with pytest.raises(AgencyClockSkew, match="its clock and the hub's differ") as caught:
            await driver.ask_value(QUERY, call(), refuse)
    assert caught.value.detail.startswith("code 201; the agency's clock is ")


async def test_a_credential_without_a_time_cannot_fail_by_the_clock() -> None:
    async with serve_bytes(reply(403, Date=date_in(60))) as server:
        credential = {"signature": {"secret": SECRET, "signed": "{path}", "headers": {"X-S": "{signature}"}}}
        service = build_service(parse(server.url, credential), "pembayaran")
        driver = HttpDriver(service, HttpLimits(deadline=5, connections=1, max_bytes=10))
        with pytest.raises(AgencyRefused) as caught:
            await driver.send(HttpRequest("GET", "a"), call())
        await driver.close()
    assert type(caught.value) is AgencyRefused


def find_problem(credential: Mapping[str, Any]) -> str:
    with pytest.raises(NotDeclarableError) as caught:
        build_service(parse("https://bank.example", credential), "pembayaran")
    return str(caught.value)


def replace_key(key: Path, path: str) -> dict[str, Any]:
    credential = build_credential("https://bank.example", key)
    credential["oauth2"]["signature"]["private_key"] = path
    return credential


PLACE = "wire.credential.oauth2.signature"


def test_a_private_key_that_cannot_be_used_is_refused(key: Path, tmp_path: Path) -> None:
    (weak := tmp_path / "weak.pem").write_bytes(
        run_openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024")
    )
    (curve := tmp_path / "curve.pem").write_bytes(
        run_openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    )
    (locked := tmp_path / "locked.pem").write_bytes(
        run_openssl("pkey", "-in", str(key), "-aes256", "-passout", "pass:x")
    )
    (text := tmp_path / "text.pem").write_text("kunci")
    for each in (weak, curve, locked, text):
        each.chmod(0o600)
    problems = [find_problem(replace_key(key, str(each))) for each in (weak, curve, locked, text)]
    assert problems == [
        f"{PLACE}.private_key: it is not an RSA key of at least 2048 bits",
        f"{PLACE}.private_key: it is not an RSA key of at least 2048 bits",
        f"{PLACE}.private_key: the file holds no unencrypted private key in PEM",
        f"{PLACE}.private_key: the file holds no unencrypted private key in PEM",
    ]
    (text := tmp_path / "open.pem").write_bytes(key.read_bytes())
    text.chmod(0o644)
    assert find_problem(replace_key(key, str(text))).endswith(f"every user can read or change it: chmod 640 {text}")
    assert find_problem(replace_key(key, "/none.pem")).endswith("the file cannot be read: No such file or directory")
    assert find_problem(replace_key(key, "key.pem")) == f"{PLACE}.private_key: name the file from the root: /path"


def test_a_fetch_of_a_token_cannot_be_signed_with_the_token(key: Path) -> None:
    credential = build_credential("https://bank.example", key)
    credential["oauth2"]["signature"]["signed"] = "{access_token}"
    assert find_problem(credential) == f"{PLACE}: there is no {{access_token}} before a token is fetched"
