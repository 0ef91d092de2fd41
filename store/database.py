"""The hub's own database: how it is reached, and brought to the newest form."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from records.database_tls import TLS_PARAMETERS, DatabaseTls, TlsMode, get_hosts, resolve_database_tls

MIGRATIONS = Path(__file__).parent / "migrations"
POOL_SIZE = 4
"""Connections that an engine keeps open when nobody asks."""
_LOCK_TIMEOUT_MS = 500
"""How long a migration may make others wait: less than an answer waits until it is recorded (`ledger_timeout`)."""
_MAX_ATTEMPTS = 60
_RETRY_DELAY = 0.5
_LOCK_NOT_AVAILABLE = "55P03"

_log = logging.getLogger("simpul.state")


def create_database_engine(url: str) -> AsyncEngine:
    """An engine for the hub's PostgreSQL (`postgresql://...`); nothing is opened before the first use.

    Connections are encrypted and verified as the address says (`records/database_tls.py`). Raises `ValueError` for
    another kind of database, and for parameters of TLS that cannot be obeyed.
    """
    address = _parse_address(url)
    tls = _resolve_tls(address)
    return create_async_engine(
        address.difference_update_query(TLS_PARAMETERS).set(drivername="postgresql+asyncpg"),
        # Given in any case, or the driver would look for its own in the environment.
        connect_args={"ssl": tls.context or False},
        pool_pre_ping=True,
        pool_size=POOL_SIZE,
        hide_parameters=True,
    )


def get_tls_mode(url: str) -> TlsMode:
    """How the hub's database is connected to. Raises `ValueError` as `create_database_engine` does."""
    return _resolve_tls(_parse_address(url)).mode


def _parse_address(url: str) -> URL:
    address = make_url(url)
    if address.drivername not in ("postgresql", "postgresql+asyncpg"):
        raise ValueError(f"The hub's state lives in PostgreSQL; '{address.drivername}' is another kind of database.")
    return address


def _resolve_tls(address: URL) -> DatabaseTls:
    try:
        return resolve_database_tls([address.host, *get_hosts(address.query)], address.query)
    except ValueError as problem:
        raise ValueError(f"SIMPUL_STATE_URL, the address of the hub's database: {problem}") from None


async def migrate(engine: AsyncEngine) -> None:
    """Bring the database to the newest form; several hubs may start at once, one of them does it.

    What serves meanwhile goes on: a change of a table waits for whoever reads it, and everybody else waits behind the
    change, so it gives up after a moment, lets them all by and tries again. A database in a newer form than this code
    knows is left as it is, since forms only ever add to those before: so a release can be taken back.

    Raises what the last of the tries raised.
    """
    for tries_left in reversed(range(_MAX_ATTEMPTS)):
        try:
            async with engine.begin() as connection:
                await connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7305134)")
                await connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT_MS}ms'")
                await connection.run_sync(_upgrade)
        except DBAPIError as problem:
            if getattr(problem.orig, "sqlstate", "") != _LOCK_NOT_AVAILABLE or not tries_left:
                raise
            await asyncio.sleep(_RETRY_DELAY)
        else:
            return


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    form = MigrationContext.configure(connection).get_current_revision()
    known = {each.revision for each in ScriptDirectory.from_config(config).walk_revisions()}
    if form is not None and form not in known:
        _log.warning("The form %s of the hub's database is newer than this release knows; it is used as it is", form)
        return
    command.upgrade(config, "head")
