"""Requests that may be repeated, over the hub's own connections: most calls, at a sixth of aiohttp's cost."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import ssl
from collections.abc import Callable, Mapping
from functools import cache
from math import inf
from time import monotonic
from typing import Final, final

from aiohappyeyeballs import start_connection
from msgspec import Struct

from connectors.drivers.http.address import AgencyAddress
from connectors.drivers.http.connection import ReadConnection
from connectors.drivers.http.reply import HttpReply
from records.calls.failures import AgencyFailure, AgencyTimeout, AgencyUnavailable

_HAPPY_EYEBALLS_DELAY: Final = 0.25
"""Seconds after which the next address of a host is tried as well (RFC 8305)."""

_NAME: Final = re.compile(r"[-!#$%&'*+.^_`|~0-9A-Za-z]+", re.ASCII)
_END: Final = b"\r\n"
"""The end of a request's head."""
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_FRAMING: Final = frozenset(
    {"connection", "content-encoding", "content-length", "cookie", "expect", "host", "te", "trailer"}
    | {"transfer-encoding", "upgrade"}
)


@final
class WireRequest(Struct, frozen=True):
    """A request as it is sent."""

    head: bytes
    """Its first line and header fields, with the empty line after them."""
    body: bytes

    @classmethod
    def with_body(cls, start: bytes, head: bytes, body: bytes) -> WireRequest:
        """Build one from its method and target, the head after them (`build_request_head`), and its body."""
        return cls(b"%b%bContent-Length: %d\r\n\r\n" % (start, head[: -len(_END)], len(body)), body)

    def add_lines(self, lines: str) -> WireRequest:
        """The request with more header fields, whose lines are in ASCII."""
        return WireRequest(self.head[: -len(_END)] + lines.encode("ascii") + _END, self.body)


def build_request_head(authority: str, fields: Mapping[str, str]) -> bytes | None:
    """Build the head of a request without a body, after its target.

    None if a field is invalid or would change the framing of the message: control characters, names that are not
    tokens, fields about framing or the connection.
    """
    lines = [" HTTP/1.1", f"Host: {authority}"]
    for name, value in fields.items():
        if name.lower() in _FRAMING or not _NAME.fullmatch(name) or _CONTROLS.search(value):
            return None
        lines.append(f"{name}: {value}")
    try:
        return "\r\n".join([*lines, "", ""]).encode()
    except UnicodeEncodeError:
        return None


def build_tls_context() -> ssl.SSLContext:
    """Build a TLS context that verifies certificates and host names. Reads the system's certificates."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def get_tls_context() -> ssl.SSLContext:
    """The TLS context of all agencies without a client certificate. Do not change it.

    A context for each agency would take 0.7 MiB and read the system's certificates again.
    """
    return _get_tls_context(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@cache
def _get_tls_context(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    """The context with the certificates of these variables, which OpenSSL reads itself."""
    return build_tls_context()


class ReadConnectionPool:
    """The connections to one agency for requests that may be repeated.

    The last used free connection is reused first, so that unneeded ones become idle and close. The caller limits the
    number of concurrent calls.
    """

    def __init__(self, agency: str, address: AgencyAddress, *, tls: ssl.SSLContext | None, max_bytes: int) -> None:
        """Store the settings; connections are opened on first use."""
        self._agency = agency
        self._address = address
        self._tls = tls
        self._max_bytes = max_bytes
        self._free: list[ReadConnection] = []
        self._all: set[ReadConnection] = set()
        self._retired: set[ReadConnection] = set()
        self._closed = False

    def replace_tls(self, tls: ssl.SSLContext) -> None:
        """Use another TLS context for new connections. Running requests keep theirs, which then close."""
        self._tls = tls
        self.drop_idle(inf)
        self._retired.update(self._all)

    async def send(
        self, request: WireRequest | Callable[[], WireRequest], *, deadline: float, bodiless: bool
    ) -> HttpReply | AgencyFailure:
        """Send one request and return its outcome, at the deadline at the latest. A failure is returned, not raised.

        A function builds a request that must differ each time it is sent. Cancelling closes the connection.
        """
        for is_reused in (True, False):
            connection = self._take_free() if is_reused else await self._open(deadline)
            if connection is None:
                continue
            if isinstance(connection, AgencyFailure):
                return connection
            try:
                asked = request if isinstance(request, WireRequest) else request()
                outcome = await connection.send(asked.head + asked.body, deadline=deadline, bodiless=bodiless)
            finally:
                # Keep a connection that can be used again; close one that was left in the middle of a reply.
                if connection.is_usable and connection.pending_reply is None and connection not in self._retired:
                    self._free.append(connection)
                else:
                    connection.abort()
            if outcome is not None:
                return outcome
            # The agency restarted or closed the idle connection: no byte of a reply came, so the request is sent again.
        return AgencyUnavailable(self._agency, "ServerDisconnectedError")

    def drop_idle(self, since: float) -> None:
        """Discard the idle connections that have received nothing since this moment."""
        for connection in tuple(self._free):
            if connection.idle_since < since:
                connection.abort()  # and it removes itself from the pool

    async def close(self) -> None:
        """Close every connection, and with it all running requests."""
        self._closed = True
        self._free.clear()
        for connection in self._all:
            connection.abort()
        if self._all:
            await asyncio.wait([connection.closed_future for connection in self._all])

    def _take_free(self) -> ReadConnection | None:
        while self._free:
            connection = self._free.pop()
            if connection.is_usable:
                return connection
        return None

    async def _open(self, deadline: float) -> ReadConnection | AgencyFailure:
        if self._closed:
            return AgencyUnavailable(self._agency, "ClientConnectionError")
        timeout = asyncio.timeout(deadline - monotonic())
        try:
            async with timeout:
                connection = await self._connect()
        except OSError as error:
            if timeout.expired():
                return AgencyTimeout(self._agency, "no whole answer before the deadline")
            return AgencyUnavailable(self._agency, _get_error_name(error))
        if self._closed:
            connection.abort()
            return AgencyUnavailable(self._agency, "ClientConnectionError")
        return connection

    async def _connect(self) -> ReadConnection:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(self._address.host, self._address.port, type=socket.SOCK_STREAM)
        raw = await start_connection(
            found, happy_eyeballs_delay=_HAPPY_EYEBALLS_DELAY, interleave=1, loop=loop
        )  # fmt: skip
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _, connection = await loop.create_connection(
            lambda: ReadConnection(self._agency, self._max_bytes, self._forget),
            sock=raw,
            ssl=self._tls,
            server_hostname=self._address.host.rstrip(".") if self._tls else None,
        )
        self._all.add(connection)
        return connection

    def _forget(self, connection: ReadConnection) -> None:
        self._all.discard(connection)
        self._retired.discard(connection)
        if connection in self._free:
            self._free.remove(connection)


def _get_error_name(error: OSError) -> str:
    """Return the name for the log: aiohttp's name, so that both kinds of connections use the same."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return "ClientConnectorCertificateError"
    if isinstance(error, ssl.SSLError):
        return "ClientConnectorSSLError"
    if isinstance(error, socket.gaierror):
        return "ClientConnectorDNSError"
    return "ClientConnectorError"
