"""SQL databases as agencies: PostgreSQL, MariaDB/MySQL and SQLite behind one interface."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from time import monotonic
from typing import Any

from connectors.drivers.long_work import LongWork
from connectors.drivers.sql.address import parse_address
from connectors.drivers.sql.byte_limits import ConnectionCut, StatementLimits
from connectors.drivers.sql.connections import CLOSE_TIMEOUT, Row, SqlConnection, build_connect
from connectors.drivers.sql.placeholders import place_parameters
from connectors.drivers.sql.pool import SqlPool
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

MAX_ROWS = 3_000
"""Maximum rows of one result. The longest real ones: 2,500 members of the households of 500 people. Measured as
processor time: a row takes 1 µs to receive and 8 to 25 µs to read, in slices if there are more than 10."""
MAX_BYTES = 4 * 1024 * 1024
"""Bytes that a database may send for one statement: 1,400 for each of the maximum rows."""
LIMITS = StatementLimits(size=MAX_BYTES, rows=MAX_ROWS)
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
        self.address = parse_address(agency, url)
        self.dialect = self.address.dialect
        self._pool = SqlPool(build_connect(self.address, LIMITS), pool_size)

    @property
    def counts(self) -> CallCounters:
        """The counters of calls."""
        return self._gate.counts

    def __repr__(self) -> str:
        """The agency and its database, without the password."""
        return f"<SqlDriver {self.agency} {self.address.url.render_as_string(hide_password=True)}>"

    def rows(
        self,
        statement: str,
        parameters: Mapping[str, object],
        call: Call,
        *,
        lists: Collection[str] = (),
        check: Callable[[Sequence[Row]], None] = lambda _rows: None,
    ) -> Coroutine[Any, Any, Sequence[Row]]:
        """Return the rows of a read statement, within the deadlines of the call and the agency.

        Parameters are written `:name`. A parameter in `lists` has one value or more, as in `id IN :ids`;
        on PostgreSQL, `nik = ANY(:niks)` with a list keeps the statement the same for any number of values.
        `check` checks inside the gate that the rows answer the query, and raises `AgencyMalformed` if they do not.
        If a pooled connection turns out to be dead, it is replaced and the statement is sent again, so statements must
        be safe to repeat. Raises `AgencyUnavailable`, `AgencyTimeout`, `AgencyRefused` or `AgencyMalformed`, and the
        gate's refusals.

        Not a coroutine itself, because one more around the gate's would run twice for each call.
        """

        async def attempt(call: Call) -> Sequence[Row]:
            rows = await self._rows(statement, parameters, call, lists)
            if not call.reply_budget.take(BYTES_PER_ROW * len(rows)):
                raise ReplyBudgetSpent(self.agency, "the replies for one request exceed its budget")
            check(rows)
            return rows

        if call.reply_budget.is_spent:
            raise ReplyBudgetSpent(self.agency, "not called: earlier replies used up the budget of the request")
        return self._gate.ask(call, attempt, repeatable=True)

    async def close(self) -> None:
        """Close the connections.

        Takes at most a second or two: a server that does not acknowledge the end is disconnected by force.
        """
        await self._pool.close(CLOSE_TIMEOUT)

    async def _rows(
        self, statement: str, parameters: Mapping[str, object], call: Call, lists: Collection[str]
    ) -> Sequence[Row]:
        began, patience = monotonic(), min(call.remaining(), self._deadline)
        if patience <= 0:
            raise AgencyTimeout(self.agency, "no time was left for the call")
        text, values = place_parameters(statement, parameters, lists, self.dialect.placeholders)
        permits = self._pool.permits
        if not (permits.take_free() or await permits.acquire(patience)):
            raise self._end_late(began, patience)
        try:
            async with asyncio.timeout(began + patience - monotonic()):
                return await self._ask(text, values)
        except TimeoutError:
            raise self._end_late(began, patience) from None
        finally:
            permits.release()

    async def _ask(self, text: str, values: Sequence[object]) -> Sequence[Row]:
        """Send a statement until a connection serves it: after a restart of the agency, all from before are dead."""
        pool, found = self._pool, None
        while found is None:
            connection = pool.take_free() or await self._open()
            connection.bound.begin()
            try:
                found = await connection.fetch(text, values)
            except asyncio.CancelledError:
                pool.abandon(connection)
                raise
            except Exception as error:  # noqa: BLE001 - on a broken connection, database drivers raise any exception
                self._require_dead(connection, error)
            else:
                connection.served_at = monotonic()
                pool.release(connection)
        if len(found.rows) > MAX_ROWS:
            raise AgencyMalformed(self.agency, LIMITS.describe_rows())
        try:
            return await self.work.map(found.rows, found.to_row)
        except Exception as error:  # noqa: BLE001 - as above
            raise _to_failure(self.agency, error) from None

    async def _open(self) -> SqlConnection:
        try:
            return await self._pool.open()
        except Exception as error:  # noqa: BLE001 - as above
            raise _to_failure(self.agency, error) from None

    def _end_late(self, began: float, patience: float) -> AgencyTimeout:
        """Cut connections that may be dead, and return the failure of a call without an answer in time."""
        # If the network path to the server is lost silently (a firewall forgot it, a machine lost power), every idle
        # connection would cost a caller a whole deadline, and the breaker its probes one after the other.
        if patience >= _FULL_DEADLINE_SHARE * self._deadline:
            self._pool.drop_idle(began)
        return AgencyTimeout(self.agency, f"no answer within {patience:.3f} s")

    def _require_dead(self, connection: SqlConnection, error: Exception) -> None:
        """Keep a connection whose statement failed, or cut it. Raises the failure unless it had died in the pool."""
        is_open = connection.is_open
        if is_open and _connection_is_sound(error):
            self._pool.release(connection)
            raise _to_failure(self.agency, error) from None
        self._pool.drop(connection)
        if connection.bound.cut:
            raise AgencyMalformed(self.agency, str(connection.bound.cut)) from None
        if connection.served_at is None:
            raise _to_failure(self.agency, error, is_lost=not is_open) from None


def _connection_is_sound(error: Exception) -> bool:
    """Whether the server refused this statement regularly, so that the connection can serve the next."""
    code = _get_code(error)
    return code is not None and code not in _CONNECTION_ENDED | _BROKEN_PROTOCOL


def _to_failure(agency: str, error: Exception, *, is_lost: bool = False) -> AgencyFailure:
    """The failure that an error means. `is_lost`: the connection closed meanwhile."""
    for each in _list_causes(error):
        if isinstance(each, ConnectionCut):
            return AgencyMalformed(agency, str(each))
    code = _get_code(error)
    kind: type[AgencyFailure]
    if code in _REFUSED:
        kind = AgencyRefused
    elif code in _TOO_SLOW or isinstance(error, TimeoutError):
        kind = AgencyTimeout
    elif code in _BROKEN_PROTOCOL | _TOO_LARGE:
        kind = AgencyMalformed
    elif code is not None or is_lost or _line_is_cut(error):
        kind = AgencyUnavailable
    else:
        kind = AgencyMalformed  # the driver could not parse the server's messages
    return kind(agency, _describe_error(error))


def _line_is_cut(error: BaseException) -> bool:
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
        inner = inner.__cause__
    return found
