"""Prepared statements on asyncpg's own connection, and connections that the server closed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import Select, bindparam, func, literal, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

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
