"""What databases send for one statement, bounded: by real servers, whatever their rows hold."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
import uvloop

from connectors.drivers.sql import MOST_BYTES, MOST_ROWS, SqlDriver
from connectors.policies.breaker import BreakerState
from connectors.policies.gate import Gate
from connectors.policies.terms import BreakerEntry, Terms
from records.call import Call
from records.failures import AgencyMalformed, ReplyBudgetSpent
from records.reply_budget import BYTES_OF_A_ROW, ReplyBudget
from tests.city import RunningAgency
from tests.connectors.drivers.loop_probe import STALL, longest_turn
from tests.connectors.failing import call

TOO_LONG = f"the answer is longer than {MOST_BYTES} bytes"

TOO_MUCH = {
    "one value of 50 MB": "SELECT repeat('x', 50000000) AS x",
    "a million tiny rows": "SELECT 1 AS x FROM generate_series(1, 1000000)",
    "100,000 rows of a card": "SELECT n::text AS nik, '3171010101900001' AS no_kk, repeat('A', 60) AS nama"
    " FROM generate_series(1, 100000) AS n",
    "many columns": "SELECT " + ", ".join(f"repeat('x', 5000) AS c{each}" for each in range(1000)),
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
        await driver.rows(statement, {}, call())
    return caught.value.detail


class TestPostgres:
    @pytest.mark.parametrize("attack", TOO_MUCH)
    async def test_more_than_may_come_is_malformed_and_the_loop_turns_on(self, attack: str, url: str) -> None:
        async with driver_of(url) as driver:
            await driver.rows("SELECT 1", {}, call())
            details: list[str] = []

            async def ask() -> None:
                details[:] = await asyncio.gather(*(refused(driver, TOO_MUCH[attack]) for _ in range(4)))

            assert await longest_turn(ask) < STALL
            assert details == [TOO_LONG] * 4
            assert await driver.rows("SELECT 1 AS x", {}, call()) == [{"x": 1}]

    async def test_as_many_rows_as_may_be_are_read_without_a_stall(self, url: str) -> None:
        statement = "SELECT n::text AS nik, repeat('A', 400) AS nama FROM generate_series(1, %d) AS n"
        async with driver_of(url) as driver:
            assert len(await driver.rows(statement % MOST_ROWS, {}, call())) == MOST_ROWS
            asked = [statement % MOST_ROWS] * 4
            assert (
                await longest_turn(lambda: asyncio.gather(*(driver.rows(each, {}, call()) for each in asked))) < STALL
            )
            assert await refused(driver, statement % (MOST_ROWS + 1)) == f"the answer has more than {MOST_ROWS} rows"

    async def test_what_came_for_earlier_statements_does_not_count(self, url: str) -> None:
        statement = f"SELECT repeat('x', {MOST_BYTES // 2}) AS x"
        async with driver_of(url) as driver:
            for _ in range(6):
                assert len(await driver.rows(statement, {}, call())) == 1

    async def test_answers_that_are_too_much_open_the_breaker(self, url: str) -> None:
        gate = Gate("dukcapil", Terms(deadline=10.0, at_once=4, breaker=BreakerEntry(failures=3)))
        async with driver_of(url, gate=gate) as driver:
            for _ in range(3):
                await refused(driver, TOO_MUCH["one value of 50 MB"])
        assert gate.breaker_state is BreakerState.OPEN

    async def test_rows_are_paid_for_by_the_request_that_wants_them(self, url: str) -> None:
        budget = ReplyBudget(100 * BYTES_OF_A_ROW)
        asking = Call(deadline=call().deadline, request_id="r-1", reply_budget=budget)
        statement = "SELECT n FROM generate_series(1, 60) AS n"
        async with driver_of(url) as driver:
            assert len(await driver.rows(statement, {}, asking)) == 60
            for _ in range(2):
                with pytest.raises(ReplyBudgetSpent):
                    await driver.rows(statement, {}, asking)
        assert budget.left == -20 * BYTES_OF_A_ROW

    def test_the_loop_that_the_hub_is_served_with_counts_the_same(self, url: str) -> None:
        async def test() -> None:
            async with driver_of(url) as driver:
                assert await driver.rows("SELECT 1 AS x", {}, call()) == [{"x": 1}]
                assert await refused(driver, TOO_MUCH["one value of 50 MB"]) == TOO_LONG
                assert await driver.rows("SELECT 1 AS x", {}, call()) == [{"x": 1}]

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(asyncio.wait_for(test(), 30))


class TestMariaDb:
    @pytest.mark.parametrize(
        "statement",
        ["SELECT REPEAT('x', 15000000) AS x", "SELECT seq, REPEAT('A', 60) AS x FROM seq_1_to_100000"],
        ids=["one value of 15 MB", "100,000 rows"],
    )
    @pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
    def test_more_than_may_come_is_malformed(
        self, statement: str, loop: type[asyncio.AbstractEventLoop], jakpreneur_mariadb: RunningAgency
    ) -> None:
        async def test() -> None:
            agency = jakpreneur_mariadb
            url = f"mysql://{agency.user}:{agency.secret}@127.0.0.1:{agency.port}/jakpreneur"
            async with driver_of(url) as driver:
                assert await driver.rows("SELECT 1 AS x", {}, call()) == [{"x": 1}]
                assert await refused(driver, statement) == TOO_LONG
                assert await driver.rows("SELECT 1 AS x", {}, call()) == [{"x": 1}]

        with asyncio.Runner(loop_factory=loop) as runner:
            runner.run(asyncio.wait_for(test(), 30))

    async def test_warnings_of_the_server_which_hold_values_are_not_logged(
        self, jakpreneur_mariadb: RunningAgency, caplog: pytest.LogCaptureFixture
    ) -> None:
        agency = jakpreneur_mariadb
        caplog.set_level(0)
        async with driver_of(f"mysql://{agency.user}:{agency.secret}@127.0.0.1:{agency.port}/jakpreneur") as driver:
            assert await driver.rows("SELECT 1 AS x FROM DUAL WHERE :nik = 0", {"nik": "NIK 3171"}, call()) == [
                {"x": 1}
            ]
        assert not [line for line in caplog.messages if "3171" in line]


class TestSqlite:
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
                await driver.rows("SELECT x FROM foto", {}, call())
            assert await refused(driver, "SELECT * FROM umkm") == f"the answer has more than {MOST_ROWS} rows"
            assert len(await driver.rows("SELECT * FROM umkm LIMIT 3", {}, call())) == 3

    async def test_a_statement_without_end_is_read_no_further_than_the_bound(self, file: str) -> None:
        endless = "WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number) SELECT n FROM number"
        async with driver_of(file) as driver:
            assert await refused(driver, endless) == f"the answer has more than {MOST_ROWS} rows"

    async def test_rows_that_are_too_long_together_are_malformed(self, file: str) -> None:
        long = "SELECT printf('%%.*c', 4096, 'x') AS text, zeroblob(4096) AS photo FROM umkm LIMIT %d"
        async with driver_of(file) as driver:
            assert len(await driver.rows(long % 512, {}, call())) == 512
            assert await refused(driver, long % 513) == TOO_LONG
            assert len(await driver.rows("SELECT * FROM umkm LIMIT 3", {}, call())) == 3
