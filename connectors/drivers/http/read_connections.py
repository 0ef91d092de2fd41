"""Safe reads (GET, HEAD) over connections of our own: most of what the hub asks, at a sixth of aiohttp's cost."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import Mapping
from time import monotonic
from typing import Final

from aiohappyeyeballs import start_connection

from connectors.drivers.http.address import AgencyAddress
from connectors.drivers.http.connection import ReadConnection, ReplyOutcome
from connectors.drivers.http.reply import HttpReply
from records.calls.failures import AgencyFailure, AgencyTimeout, AgencyUnavailable

_HAPPY_EYEBALLS_DELAY: Final = 0.25
"""Seconds until the next address of a host is tried beside the one that does not answer (RFC 8305)."""

_NAME: Final = re.compile(r"[-!#$%&'*+.^_`|~0-9A-Za-z]+", re.ASCII)
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_FRAMING: Final = frozenset(
    {"connection", "content-encoding", "content-length", "cookie", "expect", "host", "te", "trailer"}
    | {"transfer-encoding", "upgrade"}
)


def build_request_head(authority: str, fields: Mapping[str, str]) -> bytes | None:
    """What follows the target in the first line of a request, to the end of its head.

    None if a field is invalid or would change how the message is read: control characters, names that are no token,
    fields about framing or the connection.
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
    """TLS as it is meant to be: certificates and host names are verified. Reads the system's certificates."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


class ReadConnectionPool:
    """The connections to one agency that carry its reads.

    One that is free is used again, the last one used first, so that what is not needed ends by itself. The caller
    bounds the number of concurrent calls.
    """

    def __init__(self, agency: str, address: AgencyAddress, *, tls: ssl.SSLContext | None, max_bytes: int) -> None:
        """Keep the settings; a connection is opened when it is first needed."""
        self._agency = agency
        self._address = address
        self._tls = tls
        self._max_bytes = max_bytes
        self._free: list[ReadConnection] = []
        self._all: set[ReadConnection] = set()
        self._closed = False

    async def send(self, request: bytes, *, deadline: float, bodiless: bool) -> HttpReply | AgencyFailure:
        """What one request ends in, at its deadline at last; a failure is given, not raised.

        Cancelling it closes the connection.
        """
        connection = self._kept()
        if connection is not None:
            outcome = await self._asked(connection, request, deadline, bodiless=bodiless)
            if outcome is not None:
                return outcome
            # The agency was started again, or has closed what lay idle: nothing of a reply came, and reads are safe.
        opened = await self._open(deadline)
        if isinstance(opened, AgencyFailure):
            return opened
        outcome = await self._asked(opened, request, deadline, bodiless=bodiless)
        return outcome or AgencyUnavailable(self._agency, "ServerDisconnectedError")

    def drop_idle(self, since: float) -> None:
        """Use none of the idle connections on which nothing has come since a moment."""
        for connection in tuple(self._free):
            if connection.idle_since < since:
                connection.abort()  # which forgets it

    async def close(self) -> None:
        """Close every connection, and with it what is under way."""
        self._closed = True
        self._free.clear()
        for connection in self._all:
            connection.abort()
        if self._all:
            await asyncio.wait([connection.lost for connection in self._all])

    def _kept(self) -> ReadConnection | None:
        while self._free:
            connection = self._free.pop()
            if connection.is_free:
                return connection
        return None

    async def _asked(
        self, connection: ReadConnection, request: bytes, deadline: float, *, bodiless: bool
    ) -> ReplyOutcome:
        try:
            return await connection.send(request, deadline=deadline, bodiless=bodiless)
        finally:
            if connection.is_free:
                self._free.append(connection)
            else:
                connection.abort()

    async def _open(self, deadline: float) -> ReadConnection | AgencyFailure:
        if self._closed:
            return AgencyUnavailable(self._agency, "ClientConnectionError")
        patience = asyncio.timeout(deadline - monotonic())
        try:
            async with patience:
                connection = await self._connected()
        except OSError as error:
            if patience.expired():
                return AgencyTimeout(self._agency, "no whole answer before the deadline")
            return AgencyUnavailable(self._agency, _get_error_name(error))
        if self._closed:
            connection.abort()
            return AgencyUnavailable(self._agency, "ClientConnectionError")
        return connection

    async def _connected(self) -> ReadConnection:
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
        if connection in self._free:
            self._free.remove(connection)


def _get_error_name(error: OSError) -> str:
    """What the log calls it: the names that aiohttp has for the same, whichever way a call took."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return "ClientConnectorCertificateError"
    if isinstance(error, ssl.SSLError):
        return "ClientConnectorSSLError"
    if isinstance(error, socket.gaierror):
        return "ClientConnectorDNSError"
    return "ClientConnectorError"
