"""The status of the hub's own database: revision, durability, privileges and table contents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Table, func, inspect, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from store.database import MIGRATIONS
from store.database_timeout import StateUnavailable, database_timeout
from store.tables import access_entries, consent_events, consents, data_requests, operation_changes, restrictions

MIN_POSTGRESQL_VERSION = 14
"""The oldest version of PostgreSQL that still receives fixes."""
_DATED_TABLES: Mapping[str, tuple[Table, str]] = {
    "access entries": (access_entries, "at"),
    "consents": (consents, "granted_at"),
    "events of consents": (consent_events, "at"),
    "restrictions": (restrictions, "since"),
    "data requests": (data_requests, "received_at"),
    "changes of operations": (operation_changes, "changed_at"),
}
_STATUS_QUERY = """
SELECT current_setting('server_version_num')::int AS version, current_setting('server_encoding') AS encoding,
    pg_is_in_recovery() AS in_recovery, current_setting('fsync') AS fsync,
    current_setting('full_page_writes') AS full_page_writes,
    current_setting('synchronous_commit') AS synchronous_commit,
    current_setting('synchronous_standby_names') AS standbys, current_setting('max_connections')::int AS connections,
    coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS encrypted,
    inet_server_addr() IS NULL OR inet_server_addr() <<= '127.0.0.0/8' OR inet_server_addr() = '::1' AS here,
    coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS may_create,
    NOT EXISTS (SELECT FROM pg_tables WHERE schemaname = current_schema() AND NOT pg_has_role(tableowner, 'USAGE'))
        AS owns, clock_timestamp() AS clock
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseStatus:
    """The status of the database."""

    version: int
    """Major version of PostgreSQL."""
    encoding: str
    is_in_recovery: bool
    """Whether it is a replica or is being restored, so that it cannot be written."""
    is_durable: bool
    """Whether `fsync` and `full_page_writes` are on."""
    synchronous_commit: str
    standbys: str
    """The standbys that every commit waits for (`synchronous_standby_names`); empty for none."""
    max_connections: int
    is_encrypted: bool
    is_local: bool
    """Whether the server is on this machine."""
    can_migrate: bool
    """Whether the hub's role may create tables, and owns the existing ones."""
    clock_offset: float
    """Seconds by which the server's clock is ahead of this machine's."""
    revision: str | None
    """The current revision; None before the hub's first start."""
    newest_revision: str
    """The newest revision that this release knows."""
    is_known_revision: bool
    """Whether this release knows the current revision; false if an older release is started again."""


async def read_database_status(engine: AsyncEngine, *, timeout: float = 5.0) -> DatabaseStatus:
    """Reads the status; changes nothing. Raises `StateUnavailable`, whose text is for the operator."""
    scripts = ScriptDirectory(str(MIGRATIONS))
    try:
        async with database_timeout(timeout), engine.connect() as connection:
            facts: Any = (await connection.exec_driver_sql(_STATUS_QUERY)).mappings().one()
            now = datetime.now(UTC)
            revision = await connection.run_sync(_read_revision)
    except StateUnavailable as failure:
        raise StateUnavailable(_reason(failure)) from failure
    known = {each.revision for each in scripts.walk_revisions()}
    return DatabaseStatus(
        version=facts["version"] // 10_000,
        encoding=facts["encoding"],
        is_in_recovery=facts["in_recovery"],
        is_durable=facts["fsync"] == facts["full_page_writes"] == "on",
        synchronous_commit=facts["synchronous_commit"],
        standbys=facts["standbys"],
        max_connections=facts["connections"],
        is_encrypted=facts["encrypted"],
        is_local=facts["here"],
        can_migrate=facts["may_create"] and facts["owns"],
        clock_offset=(facts["clock"] - now).total_seconds(),
        revision=revision,
        newest_revision=scripts.get_current_head() or "",
        is_known_revision=revision is None or revision in known,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSummary:
    """The number of rows of one kind, and the newest."""

    name: str
    rows: int
    newest: datetime | None


async def summarize_tables(engine: AsyncEngine) -> list[TableSummary]:
    """Counts the rows of the most important tables, and finds the newest of each."""
    found = []
    async with engine.connect() as connection:
        for name, (table, at) in _DATED_TABLES.items():
            rows, newest = (
                await connection.execute(select(func.count(), func.max(table.c[at])).select_from(table))
            ).one()
            found.append(TableSummary(name=name, rows=rows, newest=newest))
    return found


async def load_newest_sealed_people(engine: AsyncEngine) -> list[bytes]:
    """Returns the newest sealed person of each table that has any, to check the hub's secret."""
    found = []
    async with engine.connect() as connection:
        for name in ("consents", "restrictions", "data requests"):
            table, at = _DATED_TABLES[name]
            seal = (await connection.execute(select(table.c.subject).order_by(table.c[at].desc()).limit(1))).scalar()
            found += [] if seal is None else [bytes(seal)]
    return found


def _read_revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return MigrationContext.configure(connection).get_current_revision()


def _reason(failure: StateUnavailable) -> str:
    """Describes the server's error without a name or a password."""
    cause = failure.__cause__
    original = getattr(cause, "orig", None) if isinstance(cause, SQLAlchemyError) else cause
    # The TimeoutError of asyncio has no useful cause.
    inner = original if isinstance(original, TimeoutError) else getattr(original, "__cause__", None) or original
    return type(inner).__name__ if inner is not None else str(failure)
