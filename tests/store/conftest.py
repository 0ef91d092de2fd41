"""The hub's own database for each test: empty as before the first start, or migrated and without rows."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from store.database import create_database_engine, migrate

# Every change of a table rewrites a row of these catalogs. TRUNCATE does not.
_FORM = text(
    """
    SELECT md5(string_agg(part, ',' ORDER BY part)) FROM (
        SELECT concat_ws(' ', 'schema', oid, xmin) AS part FROM pg_namespace WHERE nspname = 'public'
        UNION ALL
        SELECT concat_ws(' ', 'class', oid, relname)
        FROM pg_class WHERE relnamespace = 'public'::regnamespace
        UNION ALL
        SELECT concat_ws(' ', 'attribute', attrelid, attnum, attribute.xmin)
        FROM pg_attribute AS attribute JOIN pg_class AS class ON class.oid = attrelid
        WHERE relnamespace = 'public'::regnamespace
        UNION ALL
        SELECT concat_ws(' ', 'constraint', oid, xmin) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    ) AS parts
    """
)
_TABLES = text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'")
_migrated: dict[str, str] = {}
"""The state of each database's catalogs after its last migration."""


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
    """The database with all tables and no row. It is migrated again only after a test that changed a table.

    A test that changes `alembic_version` uses `empty`.
    """
    engine = create_database_engine(state_url)
    async with engine.begin() as connection:
        kept = await _form(connection) == _migrated.get(state_url)
        if kept:
            tables = ", ".join(f'"{name}"' for name in await connection.scalars(_TABLES))
            await connection.exec_driver_sql(f"TRUNCATE {tables} RESTART IDENTITY")
    if not kept:
        await _drop(engine)
        await migrate(engine)
        async with engine.connect() as connection:
            _migrated[state_url] = await _form(connection)
    yield engine
    await engine.dispose()


async def _drop(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        await connection.exec_driver_sql("CREATE SCHEMA public")


async def _form(connection: AsyncConnection) -> str:
    return str(await connection.scalar(_FORM))
