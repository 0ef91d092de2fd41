from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

_PROJECT = Path(__file__).parents[1]


class Exposure(Enum):
    """Who can see the schema and GraphiQL."""

    OFF = "off"
    SIGNED_IN = "signed-in"
    """Any authenticated caller: a person, an official, a client."""
    ON = "on"


LOOPBACK_ORIGINS = re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?")
"""Origins of pages that this machine serves, such as a frontend in development on any port."""


@dataclass(frozen=True, slots=True)
class AllowedOrigins:
    """Origins whose pages may read responses (CORS): named ones and, with `loopback`, all loopback origins."""

    named: tuple[str, ...]
    loopback: bool

    def __contains__(self, origin: object) -> bool:
        return origin in self.named or (
            self.loopback and isinstance(origin, str) and LOOPBACK_ORIGINS.fullmatch(origin) is not None
        )

    def __bool__(self) -> bool:
        return self.loopback or bool(self.named)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """Settings of the HTTP side. Times are in seconds, sizes in bytes."""

    max_body_bytes: int = 1024 * 1024
    """Maximum size of a request body; a larger one gets a 413."""
    max_header_bytes: int = 32 * 1024
    """Maximum size of request line and headers together; larger ones get a 431."""
    header_timeout: float = 10.0
    """Maximum time for the header of a request, from its first byte or from the start of the connection."""
    body_timeout: float = 10.0
    """Maximum time for the body of a request, from the end of its header."""
    write_timeout: float = 20.0
    """How long a client may leave a response unread before the connection is closed."""
    keep_alive_timeout: int = 15
    """How long an idle connection stays open."""
    max_upload_bytes: int = 64 * 1024 * 1024
    """Maximum size of a request body with files."""
    upload_timeout: float = 120.0
    """Maximum time for such a body: 40 MB over a slow mobile connection."""
    request_timeout: float = 20.0
    """Maximum time for one request: the deadline of its `Call`."""
    overrun_grace: float = 1.0
    """How long after its deadline an unanswered request is ended with a 504."""
    max_connections: int = 1000
    """Limit of open connections. Requests over further ones get a 503, except monitoring and the emergency lane, for
    which a tenth more are open."""
    allowed_hosts: tuple[str, ...] = ("localhost", "127.0.0.1", "[::1]")
    """Host names of the hub. Prevents DNS rebinding, in which a foreign page points its own name at the hub."""
    allowed_origins: tuple[str, ...] = ()
    """Origins whose pages may read responses (CORS), such as `https://app.example.go.id`."""
    allows_loopback_origins: bool = False
    """Whether pages of every loopback origin may read responses too. For development only."""
    public_max_age: int = 60
    """How long any cache may keep public data in the response to a GET (`Cache-Control: public`); 0 disables it."""
    hsts_seconds: int = 0
    """`max-age` of Strict-Transport-Security; 0 sends no such header. For hubs that are reached only by HTTPS."""
    certificate_header: str | None = None
    """The header in which a TLS-terminating proxy sends the client's certificate; None without such a proxy."""
    trusted_proxies: tuple[str, ...] = ()
    """IP addresses and networks from which that header and `X-Forwarded-For` are trusted."""
    trusts_loopback: bool = True
    """Whether this machine's addresses are trusted for the certificate header too. Not if other machines can reach the
    hub: the program that publishes a container's port may connect from this machine."""
    graphiql: Exposure = Exposure.OFF
    """Who may use `/graphiql`. Browsers request a page without a token, so `SIGNED_IN` serves the page to everyone; it
    sends no request to the graph before it has a token."""
    graphiql_packages: Path = _PROJECT / "node_modules"
    """The folder of GraphiQL's npm packages, which `make` fetches."""
    graphiql_examples: Path = _PROJECT / "docs" / "frontend" / "examples"
    """The folder of example operations that GraphiQL opens in tabs."""
    docs_folder: Path = _PROJECT / "docs"
    """The folder of the project's documentation, which a hub in development serves."""
    development: bool = False
    """Logs the text of unexpected errors, which may contain personal data. For sample data only."""

    @property
    def origins(self) -> AllowedOrigins:
        """All origins whose pages may read responses."""
        return AllowedOrigins(self.allowed_origins, self.allows_loopback_origins)
