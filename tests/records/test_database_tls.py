"""TLS of a database connection, from the parameters of its address."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from records.database_tls import TlsMode, get_hosts, is_local, resolve_database_tls
from tests.fakes.tls_terminator import Authority, CertificatePair


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def pair(authority: Authority) -> CertificatePair:
    return authority.issue("db.example")


@pytest.mark.parametrize(
    "host", ["db.example", "10.0.0.11", "2001:db8::1", "localhost.example", "db", "127.0.0.1.example"]
)
def test_a_database_on_another_machine_is_verified_by_name_unless_the_address_says_otherwise(host: str) -> None:
    tls = resolve_database_tls([host], {})
    assert tls.mode is TlsMode.VERIFY_FULL
    assert tls.context is not None
    assert (tls.context.verify_mode, tls.context.check_hostname) == (ssl.CERT_REQUIRED, True)


@pytest.mark.parametrize(
    "host", [None, "", "localhost", "127.0.0.1", "127.8.8.8", "::1", "[::1]", "/var/run/postgresql"]
)
def test_a_database_on_this_machine_is_connected_in_plain_text(host: str | None) -> None:
    assert is_local(host)
    assert resolve_database_tls([host], {}).context is None


def test_one_remote_host_among_several_requires_tls() -> None:
    assert resolve_database_tls([None, "127.0.0.1", "db.example"], {}).mode is TlsMode.VERIFY_FULL


@pytest.mark.parametrize(
    ("query", "hosts"),
    [
        ({}, []),
        ({"host": "db.example:5432"}, ["db.example"]),
        ({"host": ("a.example:5432", "b.example:5433")}, ["a.example", "b.example"]),
        ({"host": "a.example,b.example"}, ["a.example", "b.example"]),
        ({"host": "/var/run/postgresql"}, ["/var/run/postgresql"]),
    ],
)
def test_hosts_are_read_from_the_parameters(query: dict[str, str | tuple[str, ...]], hosts: list[str]) -> None:
    assert get_hosts(query) == hosts


@pytest.mark.parametrize(
    ("mode", "verify", "by_name"),
    [
        ("require", ssl.CERT_NONE, False),
        ("verify-ca", ssl.CERT_REQUIRED, False),
        ("verify-full", ssl.CERT_REQUIRED, True),
    ],
)
def test_each_mode_verifies_as_in_libpq_on_this_machine_too(
    mode: str, verify: ssl.VerifyMode, *, by_name: bool
) -> None:
    tls = resolve_database_tls(["127.0.0.1"], {"sslmode": mode})
    assert tls.context is not None
    assert (tls.mode.value, tls.context.verify_mode, tls.context.check_hostname) == (mode, verify, by_name)


def test_plain_text_to_another_machine_must_be_requested() -> None:
    assert resolve_database_tls(["db.example"], {"sslmode": "disable"}).context is None


def test_a_named_authority_is_the_only_one_trusted_and_switches_tls_on(
    authority: Authority, pair: CertificatePair
) -> None:
    tls = resolve_database_tls(["127.0.0.1"], {"sslrootcert": str(authority.file)})
    assert tls.mode is TlsMode.VERIFY_FULL
    assert tls.context is not None
    assert len(tls.context.get_ca_certs()) == 1
    both = {"sslcert": str(pair.certificate), "sslkey": str(pair.key)}
    assert resolve_database_tls(["db.example"], both).mode is TlsMode.VERIFY_FULL


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (
            {"sslmode": "prefer"},
            "sslmode must be one of disable, require, verify-ca, verify-full. Write sslmode=verify-full.",
        ),
        ({"sslmode": ""}, "sslmode is given twice, or is empty. Give it once."),
        ({"sslmode": ("disable", "require")}, "sslmode is given twice, or is empty. Give it once."),
        (
            {"ssl": "verify-full"},
            "ssl is not supported. Write sslmode, sslrootcert, sslcert, sslkey (sslmode=verify-full).",
        ),
        (
            {"ssl_ca": "/x"},
            "ssl_ca is not supported. Write sslmode, sslrootcert, sslcert, sslkey (sslmode=verify-full).",
        ),
        (
            {"sslmode": "disable", "sslrootcert": "/x"},
            "sslrootcert has no effect without TLS. Add sslmode=verify-full, or remove it.",
        ),
        (
            {"sslmode": "require", "sslrootcert": "/x"},
            "sslmode=require verifies nothing, so sslrootcert has no effect. Write sslmode=verify-full.",
        ),
        (
            {"sslrootcert": "/none.pem"},
            "sslrootcert cannot be read (No such file or directory). Name a PEM file with the authority's certificate.",
        ),
        ({"sslcert": "/x"}, "sslcert and sslkey belong together. Give both, or neither."),
        (
            {"sslcert": "/none.pem", "sslkey": "/none.key"},
            "sslcert or sslkey cannot be read (No such file or directory). Name PEM files; the key has no password.",
        ),
    ],
)
def test_an_unsupported_parameter_is_refused_by_name_with_the_fix(
    query: dict[str, str | tuple[str, ...]], said: str
) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the text is compared whole
        resolve_database_tls(["db.example"], query)
    assert str(raised.value) == said


def test_a_file_that_is_no_certificate_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "authority.pem"
    file.write_text("no certificate")
    with pytest.raises(ValueError, match=r"^sslrootcert cannot be read \("):
        resolve_database_tls(["db.example"], {"sslrootcert": str(file)})
