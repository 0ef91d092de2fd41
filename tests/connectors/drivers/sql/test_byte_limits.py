"""The limits on what databases send for one statement, with real servers."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
import uvloop

from connectors.drivers.sql.driver import MAX_BYTES, MAX_ROWS, SqlDriver
from connectors.resilience.agency_terms import AgencyTerms, BreakerEntry
from connectors.resilience.breaker import BreakerState
from connectors.resilience.gate import Gate
from records.calls.call import Call
from records.calls.failures import AgencyMalformed, ReplyBudgetSpent
from records.calls.reply_budget import BYTES_PER_ROW, ReplyBudget
from tests.connectors.failures import make_call
from tests.connectors.hostile.loop_probe import STALL, longest_turn
from tests.sandbox_agencies import RunningAgency

TOO_LONG = f"the answer is longer than {MAX_BYTES} bytes"

TOO_MANY = f"the answer has more than {MAX_ROWS} rows"

TOO_MUCH = {
    "one value of 50 MB": ("SELECT repeat('x', 50000000) AS x", TOO_LONG),
    "a million tiny rows": ("SELECT 1 AS x FROM generate_series(1, 1000000)", TOO_MANY),
    "100,000 rows of a card": (
        "SELECT n::text AS nik, '3171010101900001' AS no_kk, repeat('A', 60) AS n FROM generate_series(1, 100000) AS n",
        TOO_MANY,
    ),
    "rows of 10 kB": ("SELECT repeat('x', 10000) AS x FROM generate_series(1, 1000)", TOO_LONG),
    "many columns": ("SELECT " + ", ".join(f"repeat('x', 5000) AS c{each}" for each in range(1000)), TOO_LONG),
}


@asynccontextmanager
async def driver_of(url: str, *, gate: Gate | None = None) -> AsyncIterator[SqlDriver]:
    driver = SqlDriver("dukcapil", url, deadline=10, pool_size=4, gate=gate)
    try:
        yield driver
    finally:
        await driver.close()


@pytest.fixture
def url(dukcapil: RunningAgency) -> str:
    """The population register's own PostgreSQL."""
    return f"postgresql://{dukcapil.user}:{dukcapil.secret}@127.0.0.1:{dukcapil.port}/siak"


async def refused(driver: SqlDriver, statement: str) -> str:
    with pytest.raises(AgencyMalformed) as caught:
        await driver.rows(statement, {}, make_call())
    return caught.value.detail


class TestPostgresLimits:
    @pytest.mark.parametrize("attack", TOO_MUCH)
    async def test_too_many_bytes_are_malformed_and_do_not_stop_the_loop(self, attack: str, url: str) -> None:
        async with driver_of(url) as driver:
            await driver.rows("SELECT 1", {}, make_call())
            details: list[str] = []
            statement, detail = TOO_MUCH[attack]

            async def ask() -> None:
                details[:] = await asyncio.gather(*(refused(driver, statement) for _ in range(4)))

            assert await longest_turn(ask) < STALL
            assert details == [detail] * 4
            assert await driver.rows("SELECT 1 AS x", {}, make_call()) == [{"x": 1}]

    async def test_the_maximum_of_rows_is_read_without_a_stall(self, url: str) -> None:
        statement = "SELECT n::text AS nik, repeat('A', 400) AS nama FROM generate_series(1, %d) AS n"
        async with driver_of(url) as driver:
            assert len(await driver.rows(statement % MAX_ROWS, {}, make_call())) == MAX_ROWS
            asked = [statement % MAX_ROWS] * 4
            assert (
                await longest_turn(lambda: asyncio.gather(*(driver.rows(each, {}, make_call()) for each in asked)))
                < STALL
            )
            assert await refused(driver, statement % (MAX_ROWS + 1)) == TOO_MANY

    async def test_bytes_of_earlier_statements_do_not_count(self, url: str) -> None:
        statement = f"SELECT repeat('x', {MAX_BYTES // 2}) AS x"
        async with driver_of(url) as driver:
            for _ in range(6):
                assert len(await driver.rows(statement, {}, make_call())) == 1

    async def test_oversized_results_open_the_breaker(self, url: str) -> None:
        gate = Gate("dukcapil", AgencyTerms(deadline=10.0, max_concurrency=4, breaker=BreakerEntry(failures=3)))
        async with driver_of(url, gate=gate) as driver:
            for _ in range(3):
                await refused(driver, TOO_MUCH["one value of 50 MB"][0])
        assert gate.breaker_state is BreakerState.OPEN

    async def test_rows_count_against_the_budget_of_their_request(self, url: str) -> None:
        budget = ReplyBudget(100 * BYTES_PER_ROW)
        asking = Call(deadline=make_call().deadline, request_id="r-1", reply_budget=budget)
        statement = "SELECT n FROM generate_series(1, 60) AS n"
        async with driver_of(url) as driver:
            assert len(await driver.rows(statement, {}, asking)) == 60
            for _ in range(2):
                with pytest.raises(ReplyBudgetSpent):
                    await driver.rows(statement, {}, asking)
        assert budget.left == -20 * BYTES_PER_ROW

    def test_bytes_are_also_counted_on_uvloop(self, url: str) -> None:
        async def test() -> None:
            async with driver_of(url) as driver:
                assert await driver.rows("SELECT 1 AS x", {}, make_call()) == [{"x": 1}]
                assert await refused(driver, TOO_MUCH["one value of 50 MB"][0]) == TOO_LONG
                assert await driver.rows("SELECT 1 AS x", {}, make_call()) == [{"x": 1}]

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(asyncio.wait_for(test(), 30))


class TestMariaDbLimits:
    @pytest.mark.parametrize(
        "statement",
        ["SELECT REPEAT('x', 15000000) AS x", "SELECT seq, REPEAT('A', 60) AS x FROM seq_1_to_100000"],
        ids=["one value of 15 MB", "100,000 rows"],
    )
    @pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
    def test_too_many_bytes_are_malformed(
        self, statement: str, loop: type[asyncio.AbstractEventLoop], jakpreneur_mariadb: RunningAgency
    ) -> None:
        async def test() -> None:
            agency = jakpreneur_mariadb
            url = f"mysql://{agency.user}:{agency.secret}@127.0.0.1:{agency.port}/jakpreneur"
            async with driver_of(url) as driver:
                assert await driver.rows("SELECT 1 AS x", {}, make_call()) == [{"x": 1}]
                assert await refused(driver, statement) == TOO_LONG
                assert await driver.rows("SELECT 1 AS x", {}, make_call()) == [{"x": 1}]

        with asyncio.Runner(loop_factory=loop) as runner:
            runner.run(asyncio.wait_for(test(), 30))

    async def test_server_warnings_with_values_are_not_logged(
        self, jakpreneur_mariadb: RunningAgency, caplog: pytest.LogCaptureFixture
    ) -> None:
        agency = jakpreneur_mariadb
        caplog.set_level(0)
        async with driver_of(f"mysql://{agency.user}:{agency.secret}@127.0.0.1:{agency.port}/jakpreneur") as driver:
            assert await driver.rows("SELECT 1 AS x FROM DUAL WHERE :nik = 0", {"nik": "NIK 3171"}, make_call()) == [
                {"x": 1}
            ]
        assert not [line for line in caplog.messages if "3171" in line]


class TestSqliteLimits:
    @pytest.fixture
    def file(self, tmp_path: Path) -> str:
        path = tmp_path / "umkm.db"
        with closing(sqlite3.connect(path)) as file, file:
            file.execute("CREATE TABLE umkm (nik TEXT, nama TEXT)")
            file.executemany("INSERT INTO umkm VALUES (?, ?)", [(str(each), "A") for each in range(100_000)])
            file.execute("CREATE TABLE foto (x BLOB)")
            file.execute("INSERT INTO foto VALUES (zeroblob(50000000))")
        return f"sqlite:///{path}"

    async def test_a_value_of_50_mb_and_100_000_rows_are_malformed(self, file: str) -> None:
        async with driver_of(file) as driver:
            with pytest.raises(AgencyMalformed):
                await driver.rows("SELECT x FROM foto", {}, make_call())
            assert await refused(driver, "SELECT * FROM umkm") == TOO_MANY
            assert len(await driver.rows("SELECT * FROM umkm LIMIT 3", {}, make_call())) == 3

    async def test_an_endless_result_is_read_only_up_to_the_limit(self, file: str) -> None:
        endless = "WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number) SELECT n FROM number"
        async with driver_of(file) as driver:
            assert await refused(driver, endless) == TOO_MANY

    async def test_rows_over_the_byte_limit_are_malformed(self, file: str) -> None:
        long = "SELECT printf('%%.*c', 4096, 'x') AS text, zeroblob(4096) AS photo FROM umkm LIMIT %d"
        async with driver_of(file) as driver:
            assert len(await driver.rows(long % 512, {}, make_call())) == 512
            assert await refused(driver, long % 513) == TOO_LONG
            assert len(await driver.rows("SELECT * FROM umkm LIMIT 3", {}, make_call())) == 3
