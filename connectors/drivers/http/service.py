"""What is asked over HTTP: an agency's service, how much may be asked of it, and one request."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class HttpService:
    """An agency's service."""

    agency: str
    url: str
    """The base address, below which requests name their paths."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Headers of every request: credentials, `Accept`."""
    addresses: Sequence[str] = ()
    """IP addresses to connect to. Where there are any, the host is not looked up; the `Host` header and the certificate
    are still those of the host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLimits:
    """How much may be asked of a service."""

    deadline: float
    """Seconds for one call, from waiting for a free connection to the last byte."""
    connections: int
    """Calls that may be pending at the same moment."""
    max_bytes: int
    """Of a reply's body, after decompression."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request to a service."""

    method: str
    path: str
    """Plain text below the base address; empty for the base address itself. Signs that mean something in a URL are
    escaped, and `..` is refused with ValueError."""
    query: Mapping[str, str] | None = None
    form: Mapping[str, str] | None = None
    """Sent as `application/x-www-form-urlencoded`; give this or `body`."""
    body: bytes | None = None
    """Sent as it is."""
    headers: Mapping[str, str] | None = None
    accept_status: Collection[int] = ()
    """Statuses that come back as replies although they would count as failures."""
    repeatable: bool = False
    """Whether a request whose method is not safe in itself (a POST that only reads) may be sent once more when a kept
    connection turns out to be dead. GET and HEAD are so anyway."""
