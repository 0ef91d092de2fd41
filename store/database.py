"""The hub's own database: how it is reached, and brought to the newest form."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

MIGRATIONS = Path(__file__).parent / "migrations"


def database(url: str) -> AsyncEngine:
    """An engine for the hub's PostgreSQL (`postgresql://...`); nothing is opened before the first use.

    Raises `ValueError` for another kind of database.
    """
    address = make_url(url)
    if address.drivername not in ("postgresql", "postgresql+asyncpg"):
        raise ValueError(f"The hub's state lives in PostgreSQL; '{address.drivername}' is another kind of database.")
    return create_async_engine(
        address.set(drivername="postgresql+asyncpg"), pool_pre_ping=True, pool_size=4, hide_parameters=True
    )


async def migrate(engine: AsyncEngine) -> None:
    """Bring the database to the newest form; several hubs may start at once, one of them does it."""
    async with engine.begin() as connection:
        await connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7305134)")
        await connection.run_sync(_upgrade)


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
