"""The hub's own database: connection and migrations."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from records.database_tls import TLS_PARAMETERS, DatabaseTls, TlsMode, get_hosts, resolve_database_tls

MIGRATIONS = Path(__file__).parent / "migrations"
POOL_SIZE = 4
"""Connections that an engine keeps open while idle."""
_SERVER_SETTINGS = {"idle_in_transaction_session_timeout": "10000"}
"""In milliseconds: a stopped process must not keep its locks. The hub waits for nothing within a transaction."""
_LOCK_TIMEOUT_MS = 500
"""Maximum milliseconds a migration may block others: less than an answer waits for its record (`ledger_timeout`)."""
_MAX_ATTEMPTS = 60
_RETRY_DELAY = 0.5
_REVISION_LENGTH = 4
"""The name of a migration's file begins with its revision."""
_LOCK_NOT_AVAILABLE = "55P03"


def create_database_engine(url: str) -> AsyncEngine:
    """Creates an engine for the hub's PostgreSQL (`postgresql://...`). Opens nothing before the first use.

    The address determines encryption and verification (`records/database_tls.py`). Raises `ValueError` for another kind
    of database, and for invalid TLS parameters.
    """
    address = _parse_address(url)
    tls = _resolve_tls(address)
    engine = create_async_engine(
        address.difference_update_query(TLS_PARAMETERS).set(drivername="postgresql+asyncpg"),
        # Always set, otherwise the driver would read TLS settings from the environment.
        connect_args={"ssl": tls.context or False, "server_settings": _SERVER_SETTINGS},
        pool_size=POOL_SIZE,
        hide_parameters=True,
    )
    event.listen(engine.sync_engine, "checkout", _require_open)
    return engine


def _require_open(
    connection: Any,  # noqa: ANN401 - SQLAlchemy's adapter of asyncpg has no types
    _entry: ConnectionPoolEntry,
    _proxy: PoolProxiedConnection,
) -> None:
    """Let the pool replace a connection that the server has closed. A ping would be a round trip for each statement.

    Raises `DisconnectionError`, from which the pool continues with a new connection.
    """
    if connection.driver_connection.is_closed():
        raise DisconnectionError


def get_tls_mode(url: str) -> TlsMode:
    """Returns the TLS mode of the hub's database. Raises `ValueError` like `create_database_engine`."""
    return _resolve_tls(_parse_address(url)).mode


def _parse_address(url: str) -> URL:
    address = make_url(url)
    if address.drivername not in ("postgresql", "postgresql+asyncpg"):
        raise ValueError(f"The hub's database must be PostgreSQL, not '{address.drivername}'.")
    return address


def _resolve_tls(address: URL) -> DatabaseTls:
    try:
        return resolve_database_tls([address.host, *get_hosts(address.query)], address.query)
    except ValueError as problem:
        raise ValueError(f"SIMPUL_STATE_URL, the address of the hub's database: {problem}") from None


async def migrate(engine: AsyncEngine) -> None:
    """Migrates the database to the newest revision; of several hubs that start concurrently, one does it.

    Other hubs keep serving. A table change waits for running reads, and all later reads wait behind it. So it gives up
    after a moment, lets them pass, and tries again. A revision that this code does not know stays as it is: migrations
    only add to earlier ones, so an older release can run on it.

    Raises the error of the last attempt.
    """
    if await _is_migrated(engine):
        return
    from store.migration import upgrade  # noqa: PLC0415 - Alembic takes 7 MiB, and a hub seldom needs it

    for tries_left in reversed(range(_MAX_ATTEMPTS)):
        try:
            async with engine.begin() as connection:
                await connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7305134)")
                await connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT_MS}ms'")
                await connection.run_sync(upgrade)
        except DBAPIError as problem:
            if getattr(problem.orig, "sqlstate", "") != _LOCK_NOT_AVAILABLE or not tries_left:
                raise
            await asyncio.sleep(_RETRY_DELAY)
        else:
            return


async def _is_migrated(engine: AsyncEngine) -> bool:
    """Whether the database has the newest revision that this release knows."""
    newest = max(each.name[:_REVISION_LENGTH] for each in (MIGRATIONS / "versions").glob("[0-9]*.py"))
    async with engine.connect() as connection:
        if (await connection.exec_driver_sql("SELECT to_regclass('alembic_version')")).scalar() is None:
            return False
        return (await connection.exec_driver_sql("SELECT version_num FROM alembic_version")).scalar() == newest
