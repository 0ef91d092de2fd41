"""The tables of an agency's database with the kinds of their columns, for a proposal of a manifest. Reads no rows."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import create_engine, inspect, types
from sqlalchemy.engine import URL, Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from connectors.drivers.sql.byte_limits import connect_mysql, connect_postgres
from connectors.drivers.sql.driver import LIMITS, SqlDriver

_KINDS: Sequence[tuple[Any, str]] = (
    (types.Boolean, "flag"),
    (types.Integer, "number"),
    (types.Numeric, "number"),
    (types.Date, "day"),
    (types.DateTime, "moment"),
)


async def list_tables(driver: SqlDriver) -> Mapping[str, Mapping[str, str]]:
    """By table or view: the kind of each column, `text`, `number`, `flag`, `day` or `moment`.

    Raises the errors of SQLAlchemy and of the database.
    """
    address = driver.address
    if address.is_file:
        return await asyncio.to_thread(_list_tables_of_file, address.url)
    connect = connect_postgres if address.dialect.scheme == "postgresql" else connect_mysql
    options = {**address.options, "async_creator_fn": partial(connect, LIMITS)}
    engine = create_async_engine(address.url, poolclass=NullPool, connect_args=options, hide_parameters=True)
    async with engine.connect() as connection:
        return await connection.run_sync(_list_tables)


def _list_tables_of_file(url: URL) -> Mapping[str, Mapping[str, str]]:
    with create_engine(url, poolclass=NullPool).connect() as connection:
        return _list_tables(connection)


def _list_tables(connection: Connection) -> Mapping[str, Mapping[str, str]]:
    found = inspect(connection)
    names = [*found.get_table_names(), *found.get_view_names()]
    return {name: {each["name"]: _find_kind(each["type"]) for each in found.get_columns(name)} for name in names}


def _find_kind(column: Any) -> str:  # noqa: ANN401 - SQLAlchemy's types have no common base with a name
    return next((kind for base, kind in _KINDS if isinstance(column, base)), "text")
