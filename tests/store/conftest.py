"""The hub's own database for each test: empty as before the first start, or migrated and without rows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from store.database import create_database_engine, migrate

# Names and definitions, not numbers of the system: a table becomes the same again when it gets its constraints back.
_CONSTRAINTS = text(
    """
    SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND contype <> 'n' ORDER BY contype = 'f', 1, 2
    """
)
_OTHER_PARTS = text(
    """
    SELECT concat_ws(' ', nspname, nspacl) AS part FROM pg_namespace WHERE nspname = 'public'
    UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT concat_ws(' ', tgrelid::regclass, pg_get_triggerdef(oid)) FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL
    SELECT concat_ws(' ', relname, relkind, relacl, attname, format_type(atttypid, atttypmod), attnotnull, attidentity,
                     pg_get_expr(adbin, adrelid))
    FROM pg_class AS class JOIN pg_attribute ON attrelid = class.oid
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE relnamespace = 'public'::regnamespace AND attnum > 0 AND NOT attisdropped
    """
)
_TABLES = text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'")


@dataclass(frozen=True)
class Structure:
    """The tables of a database, apart from their rows."""

    constraints: tuple[tuple[str, str, str], ...]
    """Table, name and definition; those that refer to others last."""
    others: frozenset[str]


_migrated: dict[str, Structure] = {}
"""The structure of each database after its last migration."""


@pytest.fixture(scope="session")
def state_url(state_server_url: str) -> str:
    """The address of the hub's database."""
    return state_server_url


@pytest.fixture
async def empty(state_url: str) -> AsyncIterator[AsyncEngine]:
    """The database as it is before the hub's first start."""
    engine = create_database_engine(state_url)
    await _drop(engine)
    yield engine
    await engine.dispose()


@pytest.fixture
async def migrated(state_url: str) -> AsyncIterator[AsyncEngine]:
    """The database with all tables and no row. Constraints that a test dropped are added again.

    It is migrated again only after a test that changed more. A test that changes `alembic_version` uses `empty`.
    """
    engine = create_database_engine(state_url)
    if not await _is_emptied(engine, _migrated.get(state_url)):
        await _drop(engine)
        await migrate(engine)
        async with engine.connect() as connection:
            _migrated[state_url] = await _read_structure(connection)
    yield engine
    await engine.dispose()


async def _is_emptied(engine: AsyncEngine, wanted: Structure | None) -> bool:
    """Remove all rows, and whether the structure is now the wanted one."""
    if wanted is None:
        return False
    async with engine.begin() as connection:
        tables = set(await connection.scalars(_TABLES))
        if tables:
            names = ", ".join(f'"{name}"' for name in tables)
            await connection.exec_driver_sql(f"TRUNCATE {names} RESTART IDENTITY")
        found = await _read_structure(connection)
        for table, name, definition in wanted.constraints:
            if table in tables and (table, name, definition) not in found.constraints:
                await connection.exec_driver_sql(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
        return await _read_structure(connection) == wanted


async def _read_structure(connection: AsyncConnection) -> Structure:
    return Structure(
        constraints=tuple((each[0], each[1], each[2]) for each in await connection.execute(_CONSTRAINTS)),
        others=frozenset(await connection.scalars(_OTHER_PARTS)),
    )


async def _drop(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        await connection.exec_driver_sql("CREATE SCHEMA public")
