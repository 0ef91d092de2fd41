from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

_PROJECT = Path(__file__).parents[1]


class Exposure(Enum):
    """Who is shown what maps the graph."""

    OFF = "off"
    SIGNED_IN = "signed-in"
    """Whoever proves to be somebody: a person, an official, a client."""
    ON = "on"


LOOPBACK_ORIGINS = re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?")
"""The origins of pages that this machine serves to itself, such as a frontend in development on any port."""


@dataclass(frozen=True, slots=True)
class AllowedOrigins:
    """The origins whose pages may read answers (CORS): named ones and, with `loopback`, all on the loopback."""

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
    """What an operator may set about the HTTP side. Times are seconds, sizes are bytes."""

    max_body_bytes: int = 1024 * 1024
    """The largest request body that is read; a larger one is answered with 413."""
    max_header_bytes: int = 32 * 1024
    """Request line and headers together; more is answered with 431."""
    header_timeout: float = 10.0
    """Until when the header of a request must have arrived, from its first byte or from the connection's start."""
    body_timeout: float = 10.0
    """Until when the body of a request must have arrived, from the end of its header."""
    write_timeout: float = 20.0
    """How long a client may leave an answer unread before the connection is cut."""
    keep_alive_timeout: int = 15
    """How long an idle connection is kept."""
    request_timeout: float = 20.0
    """How long the hub works on one request: the deadline of the `Call` that the engine is handed."""
    overrun_grace: float = 1.0
    """How long after its deadline a request that the engine left unanswered is ended with 504."""
    max_connections: int = 1000
    """Requests over more connections than this are refused with 503, all but those of the emergency lane; a tenth of
    it is left for these."""
    allowed_hosts: tuple[str, ...] = ("localhost", "127.0.0.1", "[::1]")
    """Names under which the hub may be addressed. Stops a foreign page that re-points its own name at the hub."""
    allowed_origins: tuple[str, ...] = ()
    """Origins whose pages may read answers (CORS), such as `https://app.example.go.id`."""
    allows_loopback_origins: bool = False
    """Whether pages of every loopback origin may read answers, too. For development only."""
    public_max_age: int = 60
    """For how long anybody may keep an answer of public data to a GET (`Cache-Control: public`); 0 for not at all."""
    hsts_seconds: int = 0
    """`max-age` of Strict-Transport-Security; 0 sends none. For servers that are reached by HTTPS alone."""
    certificate_header: str | None = None
    """The header in which a TLS terminator tells the client's certificate; None where there is no such terminator."""
    trusted_proxies: tuple[str, ...] = ()
    """IP addresses and networks from which that header is believed, and `X-Forwarded-For`."""
    trusts_loopback: bool = True
    """Whether this machine's addresses are believed about the header with the certificate, too. Not where the hub
    listens for others: what publishes a container's port may connect from this machine."""
    graphiql: Exposure = Exposure.OFF
    """Who may use `/graphiql`. A page cannot be asked for with a token: for those who are signed in it is served to
    anybody, and asks nothing of the graph before it has a token."""
    graphiql_packages: Path = _PROJECT / "node_modules"
    """Where `make` put the npm packages of GraphiQL."""
    graphiql_examples: Path = _PROJECT / "docs" / "frontend" / "examples"
    """The folder of example operations that GraphiQL opens in tabs."""
    development: bool = False
    """Logs the text of unexpected errors, which may hold personal data. For sample data only."""

    @property
    def origins(self) -> AllowedOrigins:
        """All origins whose pages may read answers."""
        return AllowedOrigins(self.allowed_origins, self.allows_loopback_origins)
