"""The SQL driver against real servers: PostgreSQL, SQLite, and other servers."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from connectors.drivers.sql.connections import SqliteFile
from connectors.drivers.sql.driver import SqlDriver
from records.calls.call import Call
from records.calls.failures import AgencyFailure, AgencyMalformed, AgencyRefused, AgencyTimeout, AgencyUnavailable
from sandbox.databases.postgres import UNSAFE_SETTINGS, Postgres
from tests.sandbox_agencies import free_port

LOGIN = "pembaca"
PASSWORD = "rahasia-uji"
SELECT = (
    "SELECT key, name FROM (VALUES ('a', 'ANI'), ('b', 'BUDI'), ('c', 'CITRA')) AS person (key, name)"
    " WHERE key = ANY(:keys) ORDER BY key"
)
SECRETS = (LOGIN, PASSWORD, "127.0.0.1", "localhost", "siak", "kunci-rahasia")
"""What no failure may tell anybody."""


def call(seconds: float = 10) -> Call:
    return Call(deadline=time.monotonic() + seconds, request_id="test")


@asynccontextmanager
async def driver_of(url: str, *, deadline: float = 10, pool_size: int = 2) -> AsyncIterator[SqlDriver]:
    driver = SqlDriver("dukcapil", url, deadline=deadline, pool_size=pool_size)
    try:
        yield driver
    finally:
        await driver.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    postgres = Postgres(
        tmp_path_factory.mktemp("postgres"),
        port=free_port(),
        database="siak",
        logins={LOGIN: PASSWORD},
        settings={**UNSAFE_SETTINGS, "log_statement": "all"},
    )
    postgres.start()
    yield postgres
    postgres.stop()


def url_of(postgres: Postgres, *, password: str = PASSWORD) -> str:
    return f"postgresql://{LOGIN}:{password}@127.0.0.1:{postgres.port}/{postgres.database}"


@pytest.fixture(scope="module")
def url(server: Postgres) -> str:
    return url_of(server)


def describe_failure(failure: AgencyFailure) -> str:
    """All texts of a failure, for callers and logs."""
    return f"{failure} {failure!r} {failure.detail}"


async def failing(ask: Awaitable[object], kind: type[AgencyFailure]) -> AgencyFailure:
    with pytest.raises(AgencyFailure) as raised:
        await ask
    assert isinstance(raised.value, kind), describe_failure(raised.value)
    assert raised.value.agency == "dukcapil"
    assert not [secret for secret in SECRETS if secret in describe_failure(raised.value)]
    return raised.value


async def until(met: Callable[[], Awaitable[bool]], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not await met():  # noqa: ASYNC110 - the condition lies in another process
            await asyncio.sleep(0.02)


class TestAsking:
    async def test_any_number_of_keys_is_one_unchanged_statement(self, url: str) -> None:
        async with driver_of(url) as driver:
            assert await driver.rows(SELECT, {"keys": ["c", "a", "x"]}, call()) == [
                {"key": "a", "name": "ANI"},
                {"key": "c", "name": "CITRA"},
            ]
            assert await driver.rows(SELECT, {"keys": []}, call()) == []
            assert await driver.rows(SELECT, {"keys": ["b"]}, call()) == [{"key": "b", "name": "BUDI"}]

    async def test_a_list_parameter_stands_for_any_number_of_values(self, url: str) -> None:
        statement = SELECT.replace("= ANY(:keys)", "IN :keys")
        async with driver_of(url) as driver:
            rows = await driver.rows(statement, {"keys": ["a", "b"]}, call(), lists=("keys",))
            assert [row["key"] for row in rows] == ["a", "b"]

    async def test_values_are_never_part_of_the_statement(self, url: str) -> None:
        async with driver_of(url) as driver:
            rows = await driver.rows("SELECT CAST(:word AS text) AS word", {"word": "'; DROP TABLE x; --"}, call())
            assert rows == [{"word": "'; DROP TABLE x; --"}]

    async def test_a_read_is_one_statement_without_a_transaction_around_it(self, server: Postgres, url: str) -> None:
        async with driver_of(url) as driver:
            await driver.rows("SELECT 'before'", {}, call())
            for _ in range(2):
                await driver.rows("SELECT :word", {"word": "x"}, call())
        said = server.log.read_text().partition("SELECT 'before'")[2].strip().splitlines()
        assert [line.rpartition(": ")[2] for line in said if "LOG:" in line] == ["SELECT $1", "SELECT $1"]

    async def test_connections_are_kept_and_bounded_by_the_pool(self, url: str) -> None:
        statement = "SELECT pg_backend_pid() AS pid, pg_sleep(0.02)"
        async with driver_of(url, pool_size=2) as driver:
            answers = await asyncio.gather(*(driver.rows(statement, {}, call()) for _ in range(10)))
            assert len({rows[0]["pid"] for rows in answers}) == 2


class TestFailing:
    async def test_a_dead_agency_is_unavailable_and_does_not_stop_the_start(self) -> None:
        async with driver_of(f"postgresql://{LOGIN}:{PASSWORD}@127.0.0.1:{free_port()}/siak") as driver:
            failure = await failing(driver.rows(SELECT, {"keys": ["kunci-rahasia"]}, call()), AgencyUnavailable)
        assert failure.detail == "ConnectionRefusedError"

    async def test_an_error_of_the_server_is_unavailable_and_keeps_the_connection(self, url: str) -> None:
        async with driver_of(url, pool_size=1) as driver:
            before = await driver.rows("SELECT pg_backend_pid() AS pid", {}, call())
            failure = await failing(
                driver.rows("SELECT 1 / 0 WHERE :key <> ''", {"key": "kunci-rahasia"}, call()), AgencyUnavailable
            )
            assert failure.detail.endswith("DivisionByZeroError (22012)")
            assert await driver.rows("SELECT pg_backend_pid() AS pid", {}, call()) == before

    async def test_wrong_credentials_are_refused(self, server: Postgres) -> None:
        async with driver_of(url_of(server, password="salah")) as driver:
            failure = await failing(driver.rows("SELECT 1", {}, call()), AgencyRefused)
        assert failure.detail == "InvalidPasswordError (28P01)"

    async def test_a_missing_permission_is_refused(self, url: str) -> None:
        async with driver_of(url) as driver:
            await failing(driver.rows("SELECT rolpassword FROM pg_authid", {}, call()), AgencyRefused)

    async def test_a_key_of_the_wrong_type_is_not_repeated_in_the_failure(self, url: str) -> None:
        async with driver_of(url) as driver:
            await failing(driver.rows("SELECT CAST(:n AS int)", {"n": "kunci-rahasia"}, call()), AgencyUnavailable)
            await failing(
                driver.rows("SELECT CAST(CAST(:n AS text) AS int)", {"n": "kunci-rahasia"}, call()), AgencyUnavailable
            )

    @pytest.mark.parametrize(
        "noise",
        [
            b"\x00\xff\xff\xff\xff<html><h1>502 Bad Gateway</h1></html>",
            b"SSH-2.0-OpenSSH_9.2\r\n",
            b"R\0\0\0\x08\0\0\0\x63",
        ],
    )
    async def test_another_server_is_malformed_or_unavailable(self, noise: bytes) -> None:
        async def speak(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with closing(writer):
                writer.write(noise)
                await writer.drain()

        async with await asyncio.start_server(speak, "127.0.0.1", 0) as other:
            port = other.sockets[0].getsockname()[1]
            for scheme in ("postgresql", "mysql"):
                async with driver_of(f"{scheme}://{LOGIN}:{PASSWORD}@127.0.0.1:{port}/siak", deadline=3) as driver:
                    failure = await failing(driver.rows("SELECT 1", {}, call()), AgencyFailure)
                    assert isinstance(failure, AgencyMalformed | AgencyUnavailable), describe_failure(failure)


class TestSqlDeadlines:
    async def test_the_earlier_of_the_two_deadlines_ends_a_call(self, url: str) -> None:
        for deadline, remaining in ((0.2, 30.0), (30.0, 0.2)):
            async with driver_of(url, deadline=deadline) as driver:
                started = time.monotonic()
                await failing(driver.rows("SELECT pg_sleep(30)", {}, call(remaining)), AgencyTimeout)
                assert 0.2 <= time.monotonic() - started < 1

    async def test_without_time_left_no_call_is_made(self) -> None:
        async with driver_of(f"postgresql://{LOGIN}@127.0.0.1:{free_port()}/siak") as driver:
            failure = await failing(driver.rows("SELECT 1", {}, call(0)), AgencyTimeout)
        assert failure.detail == "no time was left for the call"

    async def test_a_server_that_never_speaks_costs_no_more_than_the_deadline(self) -> None:
        held = asyncio.Event()

        async def hold(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with closing(writer):
                await held.wait()

        async with await asyncio.start_server(hold, "127.0.0.1", 0) as silent:
            port = silent.sockets[0].getsockname()[1]
            for scheme in ("postgresql", "mysql"):
                async with driver_of(f"{scheme}://{LOGIN}:{PASSWORD}@127.0.0.1:{port}/siak") as driver:
                    started = time.monotonic()
                    await failing(driver.rows("SELECT 1", {}, call(0.2)), AgencyTimeout)
                    assert time.monotonic() - started < 1
            held.set()

    async def test_waiting_for_a_free_connection_counts(self, url: str) -> None:
        async with driver_of(url, pool_size=1) as driver:
            await driver.rows("SELECT 1", {}, call())
            hog = asyncio.create_task(driver.rows("SELECT pg_sleep(30)", {}, call(1)))
            await asyncio.sleep(0)
            await failing(driver.rows("SELECT 1", {}, call(0.2)), AgencyTimeout)
            await failing(hog, AgencyTimeout)
            assert await driver.rows("SELECT 1 AS one", {}, call()) == [{"one": 1}]

    async def test_a_cancelled_call_also_ends_at_the_server(self, url: str) -> None:
        running = (
            "SELECT count(*) AS n FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(29)%' AND state = 'active'"
        )
        async with driver_of(url, pool_size=1) as driver, driver_of(url) as witness:

            async def sleepers() -> object:
                return (await witness.rows(running, {}, call()))[0]["n"]

            async def asleep() -> bool:
                return await sleepers() == 1

            async def gone() -> bool:
                return await sleepers() == 0

            waiting = asyncio.create_task(driver.rows("SELECT pg_sleep(29)", {}, call(30)))
            await until(asleep)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            await until(gone)
            assert await driver.rows("SELECT 1 AS one", {}, call()) == [{"one": 1}]


class TestRecovering:
    async def test_a_restarted_agency_causes_no_error(self, tmp_path: Path) -> None:
        postgres = Postgres(tmp_path / "postgres", port=free_port(), database="siak", logins={LOGIN: PASSWORD})
        postgres.start()
        try:
            async with driver_of(url_of(postgres), pool_size=3) as driver:
                sleep = "SELECT 1 AS one, pg_sleep(0.05)"
                await asyncio.gather(*(driver.rows(sleep, {}, call()) for _ in range(3)))
                postgres.stop()
                await failing(driver.rows("SELECT 1 AS one", {}, call()), AgencyUnavailable)
                postgres.start()
                answers = await asyncio.gather(*(driver.rows("SELECT 1 AS one", {}, call()) for _ in range(6)))
                assert answers == [[{"one": 1}]] * 6
                # Ended by the server, and nobody heard of it until the next call.
                postgres.stop()
                postgres.start()
                assert await driver.rows("SELECT 1 AS one", {}, call()) == [{"one": 1}]
        finally:
            postgres.stop()

    async def test_connections_that_the_server_ended_cause_no_error(self, url: str) -> None:
        end = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND usename = :login"
        )
        async with driver_of(url, pool_size=3) as driver, driver_of(url) as other:
            await asyncio.gather(*(driver.rows("SELECT 1, pg_sleep(0.05)", {}, call()) for _ in range(3)))
            await other.rows(end, {"login": LOGIN}, call())
            assert await driver.rows("SELECT 1 AS one", {}, call()) == [{"one": 1}]

    async def test_a_call_cut_on_a_new_connection_is_not_repeated(self, url: str) -> None:
        async with driver_of(url) as driver:
            await failing(driver.rows("SELECT pg_terminate_backend(pg_backend_pid())", {}, call()), AgencyUnavailable)


class SilencingRelay:
    """A relay to a server that can fall silent in both directions, like a frozen machine or a lost route."""

    def __init__(self, port: int) -> None:
        self._server_port = port
        self.passing = asyncio.Event()
        self.passing.set()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._server_port)
        ways = self._pass(reader, server_writer), self._pass(server_reader, writer)
        with closing(writer), closing(server_writer):
            await asyncio.wait([asyncio.create_task(way) for way in ways], return_when=asyncio.FIRST_COMPLETED)

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                await self.passing.wait()
                sink.write(data)
                await sink.drain()


class TestSilence:
    async def test_a_silent_connection_costs_one_deadline_and_recovers(self, server: Postgres) -> None:
        relay = SilencingRelay(server.port)
        async with await asyncio.start_server(relay.accept, "127.0.0.1", 0) as line:
            port = line.sockets[0].getsockname()[1]
            async with driver_of(f"postgresql://{LOGIN}:{PASSWORD}@127.0.0.1:{port}/siak", pool_size=1) as driver:
                await driver.rows("SELECT 1", {}, call())
                relay.passing.clear()
                await failing(driver.rows("SELECT 1", {}, call(0.1)), AgencyTimeout)
                await failing(driver.rows("SELECT 1", {}, call(0.1)), AgencyTimeout)
                relay.passing.set()
                assert await driver.rows("SELECT 1 AS one", {}, call()) == [{"one": 1}]

    async def test_closing_does_not_wait_for_a_silent_server(self, server: Postgres) -> None:
        relay = SilencingRelay(server.port)
        async with await asyncio.start_server(relay.accept, "127.0.0.1", 0) as line:
            port = line.sockets[0].getsockname()[1]
            driver = SqlDriver(
                "dukcapil", f"postgresql://{LOGIN}:{PASSWORD}@127.0.0.1:{port}/siak", deadline=10, pool_size=3
            )
            await asyncio.gather(*(driver.rows("SELECT 1, pg_sleep(0.05)", {}, call()) for _ in range(3)))
            relay.passing.clear()
            await failing(driver.rows("SELECT 1", {}, call(0.1)), AgencyTimeout)
            started = time.monotonic()
            await driver.close()
            assert time.monotonic() - started < 3
            relay.passing.set()


class TestSqliteDriver:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        path = tmp_path / "jak preneur?.sqlite"
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("CREATE TABLE umkm (id TEXT PRIMARY KEY, nama TEXT)")
            database.executemany("INSERT INTO umkm VALUES (?, ?)", [("1", "WARUNG"), ("2", "KEDAI")])
        return path

    async def test_a_file_is_queried_like_a_server(self, file: Path) -> None:
        async with driver_of(f"sqlite:///{str(file).replace('?', '%3F')}") as driver:
            rows = await driver.rows(
                "SELECT id, nama FROM umkm WHERE id IN :ids", {"ids": ["2", "9"]}, call(), lists=("ids",)
            )
        assert rows == [{"id": "2", "nama": "KEDAI"}]

    async def test_a_missing_file_is_unavailable_and_is_not_created(self, tmp_path: Path) -> None:
        async with driver_of(f"sqlite:///{tmp_path / 'none.sqlite'}") as driver:
            await failing(driver.rows("SELECT 1", {}, call()), AgencyUnavailable)
        assert not (tmp_path / "none.sqlite").exists()

    async def test_a_file_without_a_database_is_malformed(self, tmp_path: Path) -> None:
        path = tmp_path / "rubbish.sqlite"
        path.write_bytes(b"<html>502 Bad Gateway</html>" * 100)
        async with driver_of(f"sqlite:///{path}") as driver:
            await failing(driver.rows("SELECT * FROM umkm", {}, call()), AgencyMalformed)

    async def test_a_statement_that_takes_too_long_ends_in_its_thread(self, file: Path) -> None:
        endless = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) AS n FROM n"
        async with driver_of(f"sqlite:///{str(file).replace('?', '%3F')}") as driver:
            await failing(driver.rows(endless, {}, call(0.2)), AgencyTimeout)
            assert await driver.rows("SELECT 1 AS one", {}, call()) == [{"one": 1}]

        async def is_idle() -> bool:
            running = sys._current_frames().values()
            return not [each for each in running if each.f_code is SqliteFile._read.__code__]

        await until(is_idle)

    async def test_a_missing_table_is_unavailable(self, file: Path) -> None:
        async with driver_of(f"sqlite:///{str(file).replace('?', '%3F')}") as driver:
            await failing(driver.rows("SELECT * FROM produk", {}, call()), AgencyUnavailable)


class TestAddresses:
    @pytest.mark.parametrize("address", ["oracle://u:kunci@host/db", "kunci", "", "postgresql+psycopg://u:kunci@h/d"])
    def test_an_unknown_kind_of_database_is_named_without_its_address(self, address: str) -> None:
        with pytest.raises(ValueError, match=r"must start with one of postgresql://, mysql://") as raised:
            SqlDriver("dukcapil", address, deadline=1, pool_size=1)
        assert "kunci" not in str(raised.value)

    @pytest.mark.parametrize("address", ["postgresql://u:kunci@host:port/db"])
    def test_an_unreadable_address_is_not_repeated(self, address: str) -> None:
        with pytest.raises(ValueError, match=r"The address of the agency 'dukcapil' is not readable") as raised:
            SqlDriver("dukcapil", address, deadline=1, pool_size=1)
        assert "kunci" not in str(raised.value)

    @pytest.mark.parametrize("address", ["sqlite://", "sqlite:///:memory:"])
    def test_sqlite_needs_a_file(self, address: str) -> None:
        with pytest.raises(ValueError, match=r"names no file"):
            SqlDriver("dukcapil", address, deadline=1, pool_size=1)

    async def test_the_password_is_not_shown(self) -> None:
        async with driver_of("mysql://pembaca:kunci-rahasia@db.example:3306/umkm") as driver:
            assert repr(driver) == "<SqlDriver dukcapil mysql+asyncmy://pembaca:***@db.example:3306/umkm>"
