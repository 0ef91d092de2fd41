"""TLS for database connections, from the parameters of a database address.

PostgreSQL and MariaDB share libpq's vocabulary here: `sslmode`, `sslrootcert`, `sslcert`, `sslkey`. Each driver has its
own parameters, and defaults to plain text. So the hub builds the TLS context itself, for both.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from enum import Enum
from ipaddress import ip_address
from typing import Final

from records.record import record

TLS_PARAMETERS: Final = ("sslmode", "sslrootcert", "sslcert", "sslkey")
"""Address parameters that the hub reads, and does not pass to the driver."""
_DRIVER_PARAMETERS: Final = ("ssl", "ssl_ca", "ssl_capath", "ssl_cert", "ssl_key", "ssl_cipher", "ssl_check_hostname")
"""Address parameters that drivers would read themselves; the hub refuses them."""
_UNSUPPORTED_PARAMETERS: Final = ("sslcrl", "sslpassword", "sslnegotiation", "sslcertmode", "ssl_min_protocol_version")

QueryParameters = Mapping[str, str | tuple[str, ...]]
"""The parameters of an address, as SQLAlchemy parses them."""


class TlsMode(Enum):
    """The required protection of a connection, in libpq's words."""

    DISABLE = "disable"
    """Plain text."""
    REQUIRE = "require"
    """Encrypted; the server is not verified."""
    VERIFY_CA = "verify-ca"
    """Encrypted, and the authority signed the certificate, for any host name."""
    VERIFY_FULL = "verify-full"
    """Encrypted, and the authority signed the certificate for this host name."""


@record
class DatabaseTls:
    """The protection of connections to one database."""

    mode: TlsMode
    context: ssl.SSLContext | None
    """None for plain text."""


def resolve_database_tls(hosts: Sequence[str | None], query: QueryParameters) -> DatabaseTls:
    """Resolves the TLS of a database address: `verify-full` by default, plain text for a database on this machine.

    `hosts` are the hosts that the address names; no host, or None, is a local socket. Without `sslrootcert` the
    system's authorities are trusted. Raises ValueError, which names the parameter and the fix.
    """
    mode = _resolve_mode(hosts, query)
    given = {name: _get_single(query, name) for name in TLS_PARAMETERS if name in query}
    if mode is TlsMode.DISABLE:
        if unused := [name for name in given if name != "sslmode"]:
            raise ValueError(f"{unused[0]} has no effect without TLS. Add sslmode=verify-full, or remove it.")
        return DatabaseTls(mode=mode, context=None)
    if mode is TlsMode.REQUIRE and "sslrootcert" in given:
        raise ValueError("sslmode=require verifies nothing, so sslrootcert has no effect. Write sslmode=verify-full.")
    return DatabaseTls(mode=mode, context=_build_context(mode, given))


def get_hosts(query: QueryParameters) -> Sequence[str]:
    """Returns the hosts that address parameters name (`host=a:5432&host=b:5432`, `unix_socket=/run/x`)."""
    named = query.get("host", ())
    every = (named,) if isinstance(named, str) else named
    hosts = [each for part in every for each in part.split(",")]
    return [host if host.startswith("/") else host.partition(":")[0] for host in hosts]


def is_local(host: str | None) -> bool:
    """Whether a host is this machine: a socket, `localhost`, or a loopback address."""
    if not host or host.startswith(("/", "@")) or host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _resolve_mode(hosts: Sequence[str | None], query: QueryParameters) -> TlsMode:
    for name in (*_DRIVER_PARAMETERS, *_UNSUPPORTED_PARAMETERS):
        if name in query:
            raise ValueError(f"{name} is not supported. Write {', '.join(TLS_PARAMETERS)} (sslmode=verify-full).")
    written = _get_single(query, "sslmode") if "sslmode" in query else None
    if written is None:
        return TlsMode.DISABLE if all(map(is_local, hosts)) and not _has_file_parameter(query) else TlsMode.VERIFY_FULL
    try:
        return TlsMode(written)
    except ValueError:
        modes = ", ".join(each.value for each in TlsMode)
        raise ValueError(f"sslmode must be one of {modes}. Write sslmode=verify-full.") from None


def _has_file_parameter(query: QueryParameters) -> bool:
    return any(name in query for name in TLS_PARAMETERS if name != "sslmode")


def _get_single(query: QueryParameters, name: str) -> str:
    value = query[name]
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} is given twice, or is empty. Give it once.")
    return value


def _build_context(mode: TlsMode, given: Mapping[str, str]) -> ssl.SSLContext:
    authority = given.get("sslrootcert")
    try:
        context = ssl.create_default_context(cafile=None if authority == "system" else authority)
    except (OSError, ValueError) as problem:
        raise ValueError(
            f"sslrootcert cannot be read ({_reason(problem)}). Name a PEM file with the authority's certificate."
        ) from None
    context.check_hostname = mode is TlsMode.VERIFY_FULL
    context.verify_mode = ssl.CERT_NONE if mode is TlsMode.REQUIRE else ssl.CERT_REQUIRED
    certificate, key = given.get("sslcert"), given.get("sslkey")
    if (certificate is None) is not (key is None):
        raise ValueError("sslcert and sslkey belong together. Give both, or neither.")
    if certificate is not None:
        try:
            context.load_cert_chain(certificate, key, password=_get_no_password)
        except (OSError, ValueError) as problem:
            raise ValueError(
                f"sslcert or sslkey cannot be read ({_reason(problem)}). Name PEM files; the key has no password."
            ) from None
    return context


def _get_no_password() -> str:
    """Returns an empty password, so that OpenSSL does not prompt at the terminal."""
    return ""


def _reason(problem: Exception) -> str:
    return problem.strerror if isinstance(problem, OSError) and problem.strerror else type(problem).__name__
