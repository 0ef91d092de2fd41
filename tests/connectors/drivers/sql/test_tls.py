"""Agencies' databases over TLS: the same parameters for PostgreSQL and MariaDB, and plain text only on request."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from connectors.drivers.sql.address import get_tls_mode
from connectors.drivers.sql.driver import SqlDriver
from records.calls.failures import AgencyFailure
from records.database_tls import TlsMode
from sandbox.databases.mariadb import MariaDb, installed_mariadb
from sandbox.databases.server import give_ownership
from tests.connectors.failures import assert_reveals_nothing, make_call
from tests.fakes.tls_terminator import Authority, CertificatePair, run_tls_terminator
from tests.sandbox_agencies import HOST, RunningAgency, free_port

SECRET = "rahasia-tls-uji"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def other_authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("other-authority"))


async def answer(url: str, statement: str) -> object:
    """The one value that the statement gives. Raises AgencyFailure."""
    sql = SqlDriver("dukcapil", url, deadline=10, pool_size=1)
    try:
        [row] = await sql.rows(statement, {}, make_call())
        return next(iter(row.values()))
    finally:
        await sql.close()


class TestPostgresTls:
    @pytest.mark.parametrize(
        ("query", "connects"),
        [
            ("sslrootcert={ca}", True),
            ("sslmode=verify-full&sslrootcert={ca}", True),
            ("sslmode=verify-full&sslrootcert={other}", False),
            ("sslmode=verify-full", False),  # the system knows no such authority
            ("sslmode=require", True),
            ("sslmode=disable", False),  # this end wants TLS
        ],
    )
    async def test_the_address_sets_the_mode(
        self, dukcapil: RunningAgency, authority: Authority, other_authority: Authority, query: str, *, connects: bool
    ) -> None:
        given = query.format(ca=authority.file, other=other_authority.file)
        async with run_tls_terminator(dukcapil.port, authority.issue(HOST)) as end:
            url = f"postgresql://{dukcapil.user}:{dukcapil.secret}@{HOST}:{end.port}/siak?{given}"
            if connects:
                assert await answer(url, "SELECT current_database()") == "siak"
            else:
                with pytest.raises(AgencyFailure) as raised:
                    await answer(url, "SELECT 1")
                assert_reveals_nothing(raised.value, dukcapil.secret)
        assert len(end.plain) == ("disable" in query)

    async def test_a_server_without_tls_gets_no_password(self, dukcapil: RunningAgency) -> None:
        async with run_tls_terminator(dukcapil.port, None) as end:
            with pytest.raises(AgencyFailure):
                await answer(f"postgresql://a:{SECRET}@{HOST}:{end.port}/siak?sslmode=require", "SELECT 1")
        assert end.plain == []


@pytest.fixture(scope="module")
async def mariadb(authority: Authority) -> AsyncIterator[int]:
    """The port of a MariaDB that takes logins over TLS alone, and shows a certificate for 127.0.0.1."""
    programs = installed_mariadb()
    if programs is None:
        pytest.skip("MariaDB is not installed (mariadbd and mariadb-install-db), so its TLS cannot be tried")
    with TemporaryDirectory(prefix="simpul-mariadb-", dir="/tmp") as folder:  # a socket's path has to be short
        home, port = Path(folder), free_port()
        shown = _given_to_server(authority.issue(HOST), home)
        server = MariaDb(
            programs,
            home,
            home / "mariadb.sock",
            settings=(
                "--skip-networking=0",
                f"--bind-address={HOST}",
                f"--port={port}",
                "--ssl=1",
                f"--ssl-cert={shown.certificate}",
                f"--ssl-key={shown.key}",
            ),
        )
        login = f"simpul@'{HOST}'"
        await server.start([f"CREATE OR REPLACE USER {login} IDENTIFIED BY '{SECRET}' REQUIRE SSL"])
        try:
            yield port
        finally:
            server.stop()


def _given_to_server(pair: CertificatePair, folder: Path) -> CertificatePair:
    """Copies that the server's user may read."""
    copies = [Path(shutil.copy(each, folder / each.name)) for each in (pair.certificate, pair.key)]
    for each in copies:
        give_ownership(each)
    return CertificatePair(certificate=copies[0], key=copies[1])


class TestMariaDbTls:
    CIPHER = "SELECT VARIABLE_VALUE FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME = 'Ssl_cipher'"

    @pytest.mark.parametrize(
        ("host", "query", "connects"),
        [
            (HOST, "sslrootcert={ca}", True),
            (HOST, "sslmode=verify-full&sslrootcert={ca}", True),
            ("localhost", "sslmode=verify-full&sslrootcert={ca}", False),  # the certificate bears another name
            ("localhost", "sslmode=verify-ca&sslrootcert={ca}", True),
            (HOST, "sslmode=verify-full&sslrootcert={other}", False),
            (HOST, "sslmode=require", True),
            (HOST, "sslmode=disable", False),  # this login wants TLS
        ],
    )
    async def test_the_address_sets_the_mode(
        self, mariadb: int, authority: Authority, other_authority: Authority, host: str, query: str, *, connects: bool
    ) -> None:
        given = query.format(ca=authority.file, other=other_authority.file)
        url = f"mysql://simpul:{SECRET}@{host}:{mariadb}/?{given}"
        if connects:
            assert str(await answer(url, self.CIPHER)).startswith("TLS_")
        else:
            with pytest.raises(AgencyFailure) as raised:
                await answer(url, "SELECT 1")
            assert_reveals_nothing(raised.value, SECRET)


@pytest.mark.parametrize(
    ("url", "mode"),
    [
        ("postgresql://a:b@db.example/siak", TlsMode.VERIFY_FULL),
        ("mysql://a:b@db.example/jakpreneur", TlsMode.VERIFY_FULL),
        ("mariadb://a:b@127.0.0.1/jakpreneur", TlsMode.DISABLE),
        ("mysql://a:b@db.example/jakpreneur?sslmode=disable", TlsMode.DISABLE),
        ("postgresql://a:b@/siak?host=db.example:5432", TlsMode.VERIFY_FULL),
        ("mysql://a:b@/x?unix_socket=/run/mysqld.sock", TlsMode.DISABLE),
        ("sqlite:///x.sqlite3", None),
    ],
)
def test_the_default_mode_depends_on_the_host(url: str, mode: TlsMode | None) -> None:
    assert get_tls_mode("dukcapil", url) is mode


@pytest.mark.parametrize("parameter", ["ssl=true", "ssl_ca=/x.pem", "sslmode=prefer", "sslmode=verify_full"])
@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
def test_other_tls_parameters_are_refused_with_the_agencys_name(scheme: str, parameter: str) -> None:
    with pytest.raises(
        ValueError, match=r"^The address of the agency 'dukcapil': ssl.*Write .*sslmode=verify-full"
    ) as raised:
        SqlDriver("dukcapil", f"{scheme}://a:{SECRET}@db.example/x?{parameter}", deadline=1, pool_size=1)
    assert SECRET not in str(raised.value)
