"""SQL databases as agencies: PostgreSQL, MariaDB/MySQL and SQLite behind one interface."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar
from urllib.parse import quote
from weakref import WeakSet

from sqlalchemy import Connection, TextClause, bindparam, event, text
from sqlalchemy.connectors.asyncio import AsyncAdapt_terminate
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from connectors.drivers.long_work import LongWork
from connectors.drivers.sql.byte_limits import (
    ByteBound,
    ConnectionCut,
    StatementLimits,
    connect_mysql,
    connect_postgres,
    limit_connection,
)
from connectors.drivers.sql.dialects import DIALECTS, SqlDialect
from connectors.resilience.call_counters import CallCounters
from connectors.resilience.gate import Gate, NoGate
from records.calls.call import Call
from records.calls.failures import (
    AgencyFailure,
    AgencyMalformed,
    AgencyRefused,
    AgencyTimeout,
    AgencyUnavailable,
    ReplyBudgetSpent,
)
from records.calls.reply_budget import BYTES_PER_ROW
from records.database_tls import TLS_PARAMETERS, DatabaseTls, TlsMode, get_hosts, resolve_database_tls

T = TypeVar("T")

Row = Mapping[str, object]
"""One row of a result, by column name."""

_CLOSE_TIMEOUT = 1.0
"""Seconds that a server may take to acknowledge the end of a connection before it is cut."""
MAX_ROWS = 3_000
"""Maximum rows of one result. The longest real ones: 2,500 members of the households of 500 people. Measured as
processor time: a row takes 1 µs to receive and 8 to 25 µs to read, in slices if there are more than 10."""
MAX_BYTES = 4 * 1024 * 1024
"""Bytes that a database may send for one statement: 1,400 for each of the maximum rows."""
_LIMITS = StatementLimits(size=MAX_BYTES, rows=MAX_ROWS)
_BOUND_KEY = "simpul.bound"
"""Key in a connection's `info`: the counter of its received bytes."""
_SERVED_KEY = "simpul.served"
"""Key in a connection's `info`: the time of its last answer. A connection that has answered before may be stale."""
_FULL_DEADLINE_SHARE = 0.9
"""Share of its deadline after which a missing answer says something about the agency's connections."""

# Codes of PostgreSQL (https://www.postgresql.org/docs/current/errcodes-appendix.html) and MariaDB
# (https://mariadb.com/kb/en/mariadb-error-codes/), SQLite's (https://sqlite.org/rescode.html), and the failure each
# means. Any other code is an error of the agency.
_REFUSED = frozenset(
    {"25006", "28000", "28P01", "42501", "SQLite 3", "SQLite 8", "SQLite 23"}
    | {1044, 1045, 1130, 1142, 1143, 1227, 1698, 1792}
    | {1267, 1271}  # letters that a column's character set lacks: a caller sent them, and the database is well
)
_TOO_SLOW = frozenset({"57014", 1969, 3024})
_BROKEN_PROTOCOL = frozenset({"08P01", "SQLite 11", "SQLite 26", 2014, 2027})
_TOO_LARGE = frozenset({"SQLite 18"})
_CONNECTION_ENDED = frozenset({"57P01", "57P02", "57P05", "0A000", 1053, 1927, 2006, 2013, 2055, 4031})
"""Codes for the end of a connection, by server or driver. (0A000: its prepared statement is outdated.)"""


class SqlDriver:
    """Queries one agency's database. Connects on first use, so an unavailable agency does not stop the hub.

    `url` is `postgresql://`, `mysql://`, `mariadb://` or `sqlite:///path` (an existing file). `deadline` is the limit
    for one call, in seconds. `pool_size` limits the connections, and so the concurrent calls. Every statement passes
    the `gate`, if there is one, in a session whose writes the server refuses. A result of more than `MAX_ROWS` rows or
    `MAX_BYTES` bytes is not read; many rows are converted as `work`, which all drivers share. Every error is raised as
    an `AgencyFailure` without host names or requested values.
    """

    def __init__(
        self,
        agency: str,
        url: str,
        *,
        deadline: float,
        pool_size: int,
        gate: Gate | None = None,
        work: LongWork | None = None,
    ) -> None:
        self.work = work or LongWork()
        self.agency = agency
        self._gate = gate or NoGate()
        self._deadline = deadline
        self._pool_size = pool_size
        self._url = _check_url(agency, url)
        self.dialect = _get_dialect(self._url)
        self._engine = _build_engine(agency, self._url, deadline=deadline, pool_size=pool_size)
        self._ending: set[asyncio.Task[Any]] = set()
        self._entries: WeakSet[ConnectionPoolEntry] = WeakSet()
        event.listen(self._engine.sync_engine, "connect", self._connected)

    @property
    def counts(self) -> CallCounters:
        """The counters of calls."""
        return self._gate.counts

    def __repr__(self) -> str:
        """The agency and its database, without the password."""
        return f"<SqlDriver {self.agency} {self._url.render_as_string(hide_password=True)}>"

    async def rows(
        self,
        statement: str,
        parameters: Mapping[str, object],
        call: Call,
        *,
        lists: Collection[str] = (),
        check: Callable[[Sequence[Row]], None] = lambda _rows: None,
    ) -> Sequence[Row]:
        """Return the rows of a read statement, within the deadlines of the call and the agency.

        Parameters are written `:name`. A parameter in `lists` has one value or more, as in `id IN :ids`;
        on PostgreSQL, `nik = ANY(:niks)` with a list keeps the statement the same for any number of values.
        `check` checks inside the gate that the rows answer the query, and raises `AgencyMalformed` if they do not.
        If a pooled connection turns out to be dead, it is replaced and the statement is sent again, so statements must
        be safe to repeat. Raises `AgencyUnavailable`, `AgencyTimeout`, `AgencyRefused` or `AgencyMalformed`, and the
        gate's refusals.
        """

        async def attempt(call: Call) -> Sequence[Row]:
            rows = await self._rows(statement, parameters, call, lists)
            if not call.reply_budget.take(BYTES_PER_ROW * len(rows)):
                raise ReplyBudgetSpent(self.agency, "the replies for one request exceed its budget")
            check(rows)
            return rows

        if call.reply_budget.is_spent:
            raise ReplyBudgetSpent(self.agency, "not called: earlier replies used up the budget of the request")
        return await self._gate.ask(call, attempt, repeatable=True)

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Run work of SQLAlchemy's own on a connection, without the gate: for tools, not for calls."""
        async with self._engine.connect() as connection:
            return await connection.run_sync(work)

    async def close(self) -> None:
        """Close the unused connections, after the cancelled calls have ended.

        Takes at most a second or two: a server that does not acknowledge the end is disconnected by force.
        """
        closing = asyncio.create_task(self._close_all())
        _, late = await asyncio.wait({closing}, timeout=_CLOSE_TIMEOUT)
        if late:
            for entry in self._entries:
                _cut_connection(entry)
            await asyncio.wait({closing}, timeout=_CLOSE_TIMEOUT)

    async def _rows(
        self, statement: str, parameters: Mapping[str, object], call: Call, lists: Collection[str]
    ) -> Sequence[Row]:
        began, patience = monotonic(), min(call.remaining(), self._deadline)
        if patience <= 0:
            raise AgencyTimeout(self.agency, "no time was left for the call")
        # Cleanup after a silent server may take longer than the caller has, so it continues in a separate task.
        asking = asyncio.create_task(self._ask(statement, parameters, lists))
        try:
            done, _ = await asyncio.wait({asking}, timeout=patience)
        except asyncio.CancelledError:
            self._abandon(asking)
            raise
        if not done:
            self._abandon(asking)
            if patience >= _FULL_DEADLINE_SHARE * self._deadline:
                self._drop_idle(began)
            raise AgencyTimeout(self.agency, f"no answer within {patience:.3f} s")
        return asking.result()

    async def _close_all(self) -> None:
        await asyncio.gather(*self._ending, return_exceptions=True)
        await self._engine.dispose()

    async def _ask(self, statement: str, parameters: Mapping[str, object], lists: Collection[str]) -> Sequence[Row]:
        clause = text(statement).bindparams(*(bindparam(name, parameters[name], expanding=True) for name in lists))
        for _ in range(self._pool_size):
            with contextlib.suppress(_DiedInPool):
                return await self._attempt(clause, parameters)
        # Each of those attempts dropped a dead connection, so this one uses a new connection.
        return await self._attempt(clause, parameters)

    async def _attempt(self, clause: TextClause, parameters: Mapping[str, object]) -> Sequence[Row]:
        try:
            async with self._engine.connect() as connection:
                served = _SERVED_KEY in connection.info
                bound: ByteBound = connection.info[_BOUND_KEY]
                bound.begin()
                try:
                    result = await connection.execute(clause, parameters)
                except BaseException as error:
                    if _connection_is_sound(error):
                        raise
                    _drop_connection(connection)
                    if bound.cut:
                        raise AgencyMalformed(self.agency, str(bound.cut)) from None
                    if served and isinstance(error, Exception):
                        raise _DiedInPool(self.agency, _describe_error(error)) from None
                    raise
                connection.info[_SERVED_KEY] = monotonic()
                rows = result.fetchmany(MAX_ROWS + 1)
            return await self._mappings(rows)
        except AgencyFailure:
            raise
        except Exception as error:  # noqa: BLE001 - on a broken connection, database drivers raise any exception
            raise _to_failure(self.agency, error) from None

    async def _mappings(self, rows: Sequence[Any]) -> Sequence[Row]:
        if len(rows) > MAX_ROWS:
            raise AgencyMalformed(self.agency, _LIMITS.describe_rows())
        return await self.work.map(rows, _as_mapping)

    def _drop_idle(self, since: float) -> None:
        """Cut the idle connections that have received nothing since the agency fell silent.

        If the network path to the server is lost silently (a firewall forgot it, a machine lost power), every
        connection of the pool would cost a caller a whole deadline, and the breaker its probes one after the other.
        """
        for entry in tuple(self._entries):
            if not entry.in_use and entry.info.get(_SERVED_KEY, since) < since:
                _cut_connection(entry)

    def _connected(self, connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
        self._entries.add(entry)
        driver = getattr(connection, "driver_connection", None)
        entry.info[_BOUND_KEY] = limit_connection(driver, _LIMITS)

    def _abandon(self, task: asyncio.Task[Any]) -> None:
        self._ending.add(task)
        task.add_done_callback(self._ended)
        task.cancel()
        # Cancelled a second time, SQLAlchemy cuts the connection without waiting for the server.
        asyncio.get_running_loop().call_later(_CLOSE_TIMEOUT, task.cancel)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._ending.discard(task)
        if not task.cancelled():
            task.exception()  # retrieved, so that asyncio does not report it


class _DiedInPool(AgencyUnavailable):
    """A reused connection is dead: the agency restarted, or the network path was cut."""


def _as_mapping(row: Any) -> Row:  # noqa: ANN401 - SQLAlchemy types rows by the statement, and the hub's statements are texts
    mapping: Row = row._asdict()
    return mapping


def _check_url(agency: str, url: str) -> URL:
    scheme = url.partition("://")[0]
    dialect = DIALECTS.get(scheme)
    if dialect is None:
        # The error of `make_url` would contain the address with the password.
        schemes = ", ".join(f"{name}://" for name in DIALECTS)
        raise ValueError(f"The address of the agency '{agency}' must start with one of {schemes}.")
    try:
        parsed = make_url(url).set(drivername=dialect.driver)
    except (ArgumentError, ValueError):
        raise ValueError(f"The address of the agency '{agency}' is not readable as {scheme}://... .") from None
    if scheme != "sqlite":
        return parsed
    if not parsed.database or parsed.database == ":memory:":
        raise ValueError(f"The address of the agency '{agency}' names no file. Write sqlite:///path.")
    return parsed.set(database=f"file:{quote(str(Path(parsed.database).absolute()))}", query=dialect.read_only)


def _get_dialect(url: URL) -> SqlDialect:
    return DIALECTS[url.drivername.partition("+")[0]]


def get_tls_mode(agency: str, url: str) -> TlsMode | None:
    """Build the connection function of an agency's database; None for a file. Raises ValueError as `SqlDriver` does."""
    parsed = _check_url(agency, url)
    return None if parsed.get_backend_name() == "sqlite" else _get_tls(agency, parsed).mode


def _get_tls(agency: str, url: URL) -> DatabaseTls:
    try:
        return resolve_database_tls([url.host, *get_hosts(url.query)], url.query)
    except ValueError as problem:
        raise ValueError(f"The address of the agency '{agency}': {problem}") from None


def _build_engine(agency: str, url: URL, *, deadline: float, pool_size: int) -> AsyncEngine:
    # A file is opened for each read, which costs little and notices a replaced or removed file.
    pool: dict[str, Any] = (
        {"poolclass": NullPool}
        if url.get_backend_name() == "sqlite"
        else {"pool_size": pool_size, "max_overflow": 0, "pool_timeout": deadline}
    )
    if url.get_backend_name() != "sqlite":
        # Always set: asyncpg would use its environment variables, asyncmy would use no TLS.
        # On this machine, TLS is optional.
        postgresql = url.get_backend_name() == "postgresql"
        unsaid = "prefer" if postgresql and "sslmode" not in url.query else False
        pool["connect_args"] = {
            "ssl": _get_tls(agency, url).context or unsaid,
            "async_creator_fn": partial(connect_postgres if postgresql else connect_mysql, _LIMITS),
            **_get_dialect(url).read_only,
        }
        url = url.difference_update_query(TLS_PARAMETERS)
    return create_async_engine(
        url,
        **pool,
        # One read is one statement, without BEGIN and ROLLBACK.
        isolation_level="AUTOCOMMIT",
        skip_autocommit_rollback=True,
        hide_parameters=True,
    )


def _cut_connection(entry: ConnectionPoolEntry) -> None:
    """Close a pooled connection by force."""
    if isinstance(entry.dbapi_connection, AsyncAdapt_terminate):
        entry.dbapi_connection.terminate()


def _drop_connection(connection: AsyncConnection) -> None:
    """Drop a connection without the termination message, which a silent server would never acknowledge."""
    if not connection.invalidated and connection.sync_connection is not None:
        # The synchronous call, outside SQLAlchemy's greenlet, closes by force; the asynchronous one says goodbye first.
        connection.sync_connection.invalidate()


def _connection_is_sound(error: BaseException) -> bool:
    """Whether the server refused this statement regularly, so that the connection can serve the next."""
    if not isinstance(error, DBAPIError) or error.connection_invalidated:
        return False
    code = _get_code(error)
    return code is not None and code not in _CONNECTION_ENDED | _BROKEN_PROTOCOL


def _to_failure(agency: str, error: Exception) -> AgencyFailure:
    for each in _list_causes(error):
        if isinstance(each, ConnectionCut):
            return AgencyMalformed(agency, str(each))
    code = _get_code(error)
    kind: type[AgencyFailure]
    if code in _REFUSED:
        kind = AgencyRefused
    elif code in _TOO_SLOW or isinstance(error, TimeoutError | PoolTimeoutError):
        kind = AgencyTimeout
    elif code in _BROKEN_PROTOCOL | _TOO_LARGE:
        kind = AgencyMalformed
    elif code is not None or _line_is_cut(error):
        kind = AgencyUnavailable
    else:
        kind = AgencyMalformed  # the driver could not parse the server's messages
    return kind(agency, _describe_error(error))


def _line_is_cut(error: BaseException) -> bool:
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    return any(isinstance(each, OSError | EOFError) for each in _list_causes(error))


def _describe_error(error: BaseException) -> str:
    """Return the cause for the log: only class and code, because messages contain hosts, users and values."""
    code = _get_code(error)
    name = type(_list_causes(error)[-1]).__name__
    return name if code is None else f"{name} ({code})"


def _get_code(error: BaseException) -> str | int | None:
    """Return the error code of the server or the driver; MariaDB's number, which says more than its state."""
    for each in _list_causes(error):
        if each.args and isinstance(number := each.args[0], int) and not isinstance(each, OSError):
            return number
        if isinstance(state := getattr(each, "sqlstate", None), str):
            return state
        if isinstance(number := getattr(each, "sqlite_errorcode", None), int):
            return f"SQLite {number & 0xFF}"
    return None


def _list_causes(error: BaseException) -> Sequence[BaseException]:
    """Yield the error and its causes, outermost first."""
    found: list[BaseException] = []
    inner: BaseException | None = error
    while inner is not None and inner not in found:
        found.append(inner)
        inner = (inner.orig if isinstance(inner, DBAPIError) else None) or inner.__cause__
    return found
