"""The kinds of SQL databases, and everything that differs between them.

Another kind is one entry here (an asynchronous driver that SQLAlchemy knows, sqlglot's name of the dialect, the way its
server refuses writes) and a connection in `connections.py`. Oracle would have parser `oracle`, driver
`oracle+oracledb_async`, and no session that only reads: its account needs `SELECT` alone. ODBC (`mssql+aioodbc`, parser
`tsql`) is the way to SQL Server. Both also need their error codes in `driver.py`, a limit of received bytes in
`byte_limits.py`, and a reader in `query_plans.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from connectors.drivers.sql.placeholders import PlaceholderStyle
from connectors.drivers.sql.query_plans import FindScans, find_mysql_scans, find_postgres_scans, find_sqlite_scans


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlDialect:
    """One kind of database."""

    scheme: str
    """The scheme of its addresses."""
    parser: str
    """The name of the dialect in sqlglot."""
    driver: str
    """The dialect and its driver in SQLAlchemy."""
    placeholders: PlaceholderStyle
    """How the driver names parameters."""
    takes_arrays: bool = False
    """Whether a list of keys is one parameter, `= ANY(:keys)`, so that the statement is the same for all lists."""
    has_moments: bool = True
    """Whether it has a type for dates and times; else they are texts, `2026-11-01 12:00:00`."""
    exact_text: str = ""
    """The expression that compares a column `{}` byte by byte; empty if a comparison of texts is always exact."""
    any_text: str = ""
    """The expression that compares a column `{}` with any text, whatever its letters; empty if every column can."""
    unspoken: Mapping[str, str] = field(default_factory=dict)
    """What the databases do not speak, by the name of sqlglot's node or a form of it, and what to write."""
    read_only: Mapping[str, Any]
    """Arguments of the driver for a session whose writes the server refuses."""
    explain: str
    """What stands before a statement to get its plan."""
    explain_session: str = ""
    """A statement that prepares a session for plans."""
    find_scans: FindScans
    """From the rows of a plan to the tables that it reads completely."""


_UNSPOKEN: Final = {
    "ILike": "ILIKE; write LIKE",
    "Fetch": "FETCH FIRST; write LIMIT",
    "DistinctOn": "DISTINCT ON; write GROUP BY",
    "FullJoin": "FULL JOIN; write LEFT JOIN",
    "Array": "arrays; write IN",
    "AnyArray": "= ANY(:keys); write IN :keys",
    "DoubleColon": "`::`; write CAST(... AS ...)",
}
_MYSQL_READ_ONLY: Final = {"init_command": "SET SESSION TRANSACTION READ ONLY"}
_MYSQL_EXACT: Final = "CAST(CONVERT({} USING utf8mb4) AS BINARY)"
"""Collations ignore case, accents and blanks at the end, and a number column takes `12abc` for 12."""
_MYSQL_ANY: Final = "CONVERT({} USING utf8mb4)"
"""Without it, a comparison of a latin1 column with letters that latin1 lacks is an error."""

DIALECTS: Final[Mapping[str, SqlDialect]] = {
    each.scheme: each
    for each in (
        SqlDialect(
            scheme="postgresql",
            parser="postgres",
            driver="postgresql+asyncpg",
            placeholders=PlaceholderStyle.NUMBERED,
            takes_arrays=True,
            read_only={"server_settings": {"default_transaction_read_only": "on"}},
            explain="EXPLAIN (FORMAT JSON)",
            # PostgreSQL reads small tables completely, also where it has an index.
            explain_session="SELECT set_config('enable_seqscan', 'off', false)",
            find_scans=find_postgres_scans,
        ),
        SqlDialect(
            scheme="mysql",
            parser="mysql",
            driver="mysql+asyncmy",
            placeholders=PlaceholderStyle.FORMAT,
            exact_text=_MYSQL_EXACT,
            any_text=_MYSQL_ANY,
            unspoken=_UNSPOKEN,
            read_only=_MYSQL_READ_ONLY,
            explain="EXPLAIN",
            find_scans=find_mysql_scans,
        ),
        SqlDialect(
            scheme="mariadb",
            parser="mysql",
            driver="mariadb+asyncmy",
            placeholders=PlaceholderStyle.FORMAT,
            exact_text=_MYSQL_EXACT,
            any_text=_MYSQL_ANY,
            unspoken={**_UNSPOKEN, "Lateral": "LATERAL; write a join or a view"},
            read_only=_MYSQL_READ_ONLY,
            explain="EXPLAIN",
            find_scans=find_mysql_scans,
        ),
        SqlDialect(
            scheme="sqlite",
            parser="sqlite",
            driver="sqlite+pysqlite",
            placeholders=PlaceholderStyle.QUESTION,
            has_moments=False,
            exact_text="CAST({} AS TEXT) COLLATE BINARY",
            unspoken={**_UNSPOKEN, "Lateral": "LATERAL; write a join", "Any": "ANY; write IN"},
            # The mode of the file that SQLite opens. A mode that creates would make an empty file of a missing one.
            read_only={"mode": "ro", "uri": "true"},
            explain="EXPLAIN QUERY PLAN",
            find_scans=find_sqlite_scans,
        ),
    )
}
"""By the scheme of an address."""
