"""Prepared statements on asyncpg's own connection, and connections that the server closed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import Double, Select, bindparam, event, func, literal, select, text
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import QueuePool

from store.database import POOL_SIZE, create_database_engine
from store.database_timeout import StateUnavailable, database_timeout
from store.prepared_statement import PreparedStatement

TERMINATE_OTHERS = text(
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    " WHERE pid <> pg_backend_pid() AND datname = current_database() AND usename = current_user"
)

COUNT_OTHERS = text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE pid <> pg_backend_pid() AND datname = current_database() AND usename = current_user"
)


def select_sum() -> Select[tuple[int]]:
    return select((bindparam("given", type_=literal(1).type) + 40).label("total"))


async def test_constants_and_parameters_get_their_places(empty: AsyncEngine) -> None:
    statement = PreparedStatement(select_sum())
    found = [await statement.load(empty, {"given": number}) for number in (2, 3)]
    assert [[dict(row) for row in rows] for rows in found] == [[{"total": 42}], [{"total": 43}]]


async def test_a_connection_that_the_server_closed_is_replaced(empty: AsyncEngine, state_url: str) -> None:
    statement = PreparedStatement(select_sum())
    async with empty.connect() as connection:
        driver: Any = (await connection.get_raw_connection()).driver_connection
    other = create_database_engine(state_url)
    async with other.connect() as connection:
        assert (await connection.execute(TERMINATE_OTHERS)).scalar_one() == 1
    await other.dispose()
    async with asyncio.timeout(10):
        while not driver.is_closed():  # noqa: ASYNC110 - asyncpg sets no event
            await asyncio.sleep(0.01)
    assert [dict(row) for row in await statement.load(empty, {"given": 2})] == [{"total": 42}]


def build_keeping_statement() -> PreparedStatement:
    return PreparedStatement(
        select(func.pg_backend_pid().label("pid"), func.pg_sleep(bindparam("seconds", type_=Double))),
        keeps_connection=True,
    )


async def find_pid(statement: PreparedStatement, engine: AsyncEngine, *, seconds: float = 0) -> int:
    return int((await statement.load(engine, {"seconds": seconds}))[0]["pid"])


async def test_a_statement_of_many_requests_keeps_its_connection_and_others_run_beside_it(empty: AsyncEngine) -> None:
    statement, pool = build_keeping_statement(), empty.sync_engine.pool
    assert isinstance(pool, QueuePool)
    first = await find_pid(statement, empty)
    assert [await find_pid(statement, empty) for _ in range(3)] == [first] * 3
    assert pool.checkedout() == 1
    together = await asyncio.gather(*(find_pid(statement, empty, seconds=0.02) for _ in range(3)))
    assert len(set(together)) == 3
    assert first in together
    assert pool.checkedout() == 1


async def test_a_kept_connection_that_the_server_closed_is_replaced(empty: AsyncEngine, state_url: str) -> None:
    drivers: list[Any] = []
    event.listen(empty.sync_engine, "checkout", lambda adapted, *_: drivers.append(adapted.driver_connection))
    statement = build_keeping_statement()
    first = await find_pid(statement, empty)
    other = create_database_engine(state_url)
    async with other.connect() as connection:
        assert (await connection.execute(TERMINATE_OTHERS)).scalar_one() == 1
    await other.dispose()
    async with asyncio.timeout(10):
        while not drivers[0].is_closed():  # noqa: ASYNC110 - asyncpg sets no event
            await asyncio.sleep(0.01)
    assert await find_pid(statement, empty) != first


async def test_a_kept_connection_in_an_unknown_state_is_not_kept(empty: AsyncEngine) -> None:
    statement = build_keeping_statement()
    first = await find_pid(statement, empty)
    with pytest.raises(StateUnavailable):
        async with database_timeout(0.05):
            await find_pid(statement, empty, seconds=5)
    assert await find_pid(statement, empty) != first


async def test_a_kept_connection_ends_with_the_engine(state_url: str, empty: AsyncEngine) -> None:
    statement, ending = build_keeping_statement(), create_database_engine(state_url)
    pid = await find_pid(statement, ending)
    await ending.dispose()
    async with asyncio.timeout(10), empty.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        running = text("SELECT count(*) FROM pg_stat_activity WHERE pid = :pid")
        while (await connection.execute(running, {"pid": pid})).scalar_one():  # noqa: ASYNC110 - the server ends it later
            await asyncio.sleep(0.01)
    # An engine that serves again keeps none, so nothing is left behind a second time.
    await find_pid(statement, ending)
    await ending.dispose()


async def test_a_statement_that_takes_too_long_leaves_no_busy_connection_behind(empty: AsyncEngine) -> None:
    with pytest.raises(StateUnavailable):
        async with database_timeout(0.05):
            await PreparedStatement(select(func.pg_sleep(5))).load(empty, {})
    assert [dict(row) for row in await PreparedStatement(select_sum()).load(empty, {"given": 2})] == [{"total": 42}]


async def test_an_error_of_the_server_is_a_state_that_is_unavailable(empty: AsyncEngine) -> None:
    with pytest.raises(StateUnavailable, match=r"^DivisionByZeroError$"):
        async with database_timeout(5):
            await PreparedStatement(select(literal(1) / bindparam("by", type_=literal(1).type))).load(empty, {"by": 0})


async def test_connections_beyond_the_size_of_the_pool_are_closed(empty: AsyncEngine, state_url: str) -> None:
    statement = PreparedStatement(select_sum().where(func.pg_sleep(0.05).is_not(None)))
    await asyncio.gather(*(statement.load(empty, {"given": number}) for number in range(POOL_SIZE + 3)))
    other = create_database_engine(state_url)

    async def count() -> int:
        async with other.connect() as connection:  # the view stays the same within a transaction
            return int((await connection.execute(COUNT_OTHERS)).scalar_one())

    async with asyncio.timeout(5):
        while await count() > POOL_SIZE:  # noqa: ASYNC110 - the server ends closed sessions a moment later
            await asyncio.sleep(0.01)
    await other.dispose()
