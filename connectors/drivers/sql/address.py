"""The address of an agency's database, as SQLAlchemy reads it, with the choice of TLS."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from connectors.drivers.sql.dialects import DIALECTS, SqlDialect
from records.database_tls import TLS_PARAMETERS, DatabaseTls, TlsMode, get_hosts, resolve_database_tls


@dataclass(frozen=True, slots=True)
class SqlAddress:
    """A database and how to connect to it."""

    url: URL = field(repr=False)
    dialect: SqlDialect
    options: dict[str, Any] = field(repr=False)
    """Arguments of the driver besides those of the URL: TLS, and a session whose writes the server refuses."""

    @property
    def is_file(self) -> bool:
        """Whether it is a file of SQLite."""
        return self.url.get_backend_name() == "sqlite"

    def list_arguments(self) -> tuple[list[Any], dict[str, Any]]:
        """The driver's positional and named arguments: parts of the URL, its options, several hosts."""
        positional, named = self.url.get_dialect()().create_connect_args(self.url)
        return list(positional), {**named, **self.options}


def parse_address(agency: str, url: str) -> SqlAddress:
    """Parse the address of an agency's database. Raises ValueError, without the address, if it is invalid."""
    parsed = _check_url(agency, url)
    dialect = _get_dialect(parsed)
    if parsed.get_backend_name() == "sqlite":
        return SqlAddress(parsed, dialect, {})
    # Always set: asyncpg would use its environment variables, asyncmy would use no TLS. On this machine, TLS is
    # optional.
    unsaid = "prefer" if dialect.scheme == "postgresql" and "sslmode" not in parsed.query else False
    options = {"ssl": _get_tls(agency, parsed).context or unsaid, **dialect.read_only}
    return SqlAddress(parsed.difference_update_query(TLS_PARAMETERS), dialect, options)


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
    """The TLS mode of an agency's database; None for a file. Raises ValueError as `SqlDriver` does."""
    parsed = _check_url(agency, url)
    return None if parsed.get_backend_name() == "sqlite" else _get_tls(agency, parsed).mode


def _get_tls(agency: str, url: URL) -> DatabaseTls:
    try:
        return resolve_database_tls([url.host, *get_hosts(url.query)], url.query)
    except ValueError as problem:
        raise ValueError(f"The address of the agency '{agency}': {problem}") from None
