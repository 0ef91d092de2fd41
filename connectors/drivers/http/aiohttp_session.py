"""Requests through aiohttp's client: those that change data, or are unusual."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from math import inf
from time import monotonic
from typing import Any, Final, cast

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http import SERVER_SOFTWARE, RawResponseMessage
from aiohttp.streams import StreamReader
from yarl import URL

from connectors.drivers.bounded_reading import NOTHING, BoundedReading
from connectors.drivers.http.connection import MAX_BYTES_AROUND_BODY
from connectors.drivers.http.content_encoding import ACCEPTED
from connectors.drivers.http.reply import HttpReply
from records.calls.failures import AgencyFailure, AgencyMalformed, AgencyTimeout, AgencyUnavailable

USER_AGENT: Final = SERVER_SOFTWARE
"""The `User-Agent` of every request, so that an agency sees one client for both kinds of connections."""
_IPV4: Final = 4
_FIRST_FINAL: Final = 200


@dataclass(frozen=True, slots=True)
class SessionRequest:
    """One request."""

    method: str
    url: URL
    body: bytes | None
    headers: Mapping[str, str] | None
    repeatable: bool

    def sent_by(
        self, session: aiohttp.ClientSession, trace: _ReuseTrace
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """Send the request; the reply can be read until the context ends."""
        return session.request(
            self.method,
            self.url,
            data=self.body,
            headers=self.headers,
            allow_redirects=False,
            trace_request_ctx=trace,
        )


class AiohttpSession:
    """aiohttp's connections to one agency, opened on first use. Does not follow redirects or store cookies."""

    def __init__(
        self,
        agency: str,
        *,
        headers: Mapping[str, str],
        tls: ssl.SSLContext | None,
        connections: int,
        max_bytes: int,
        addresses: Sequence[str] = (),
    ) -> None:
        """Store the settings. With `addresses`, connections go there and no host is resolved."""
        self._agency = agency
        self._headers = headers
        self._tls = tls
        self._connections = connections
        self._max_bytes = max_bytes
        self._addresses = addresses
        self._current: _SessionGeneration | None = None
        self._retired: set[_SessionGeneration] = set()
        self._closed = False

    async def replace_tls(self, tls: ssl.SSLContext) -> None:
        """Use another TLS context for new connections. Running requests keep theirs, which then close."""
        self._tls = tls
        await self.drop_idle(inf)

    async def send(
        self, request: SessionRequest | Callable[[], SessionRequest], *, deadline: float
    ) -> HttpReply | AgencyFailure:
        """Return the outcome of one request, at its deadline at the latest; a failure is returned, not raised.

        A function builds a request that must differ each time it is sent.
        """
        if self._closed:
            return AgencyUnavailable(self._agency, "ClientConnectionError", sent=False)
        generation = self._open()
        generation.under_way += 1
        progress = _Progress(deadline)
        _PROGRESS.set(progress)
        try:
            async with asyncio.timeout(deadline - monotonic()):
                reply = await self._exchange(request, generation.session)
            generation.answered_at = monotonic()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return _to_failure(self._agency, error, connected=progress.is_connected)
        finally:
            generation.under_way -= 1
            if generation in self._retired and not generation.under_way:
                self._retired.discard(generation)
                await generation.session.close()
        return reply

    async def drop_idle(self, since: float) -> None:
        """Discard the idle connections, unless one of them has received data since this moment.

        aiohttp does not allow a choice, so all are discarded: new requests open new ones, running requests keep theirs.
        """
        generation = self._current
        if generation is None or generation.answered_at >= since:
            return
        self._current = None
        if generation.under_way:
            self._retired.add(generation)
        else:
            await generation.session.close()

    async def close(self) -> None:
        """Close every connection."""
        self._closed = True
        generations = [*self._retired, *([self._current] if self._current else [])]
        self._current = None
        self._retired.clear()
        for generation in generations:
            await generation.session.close()

    async def _exchange(
        self, request: SessionRequest | Callable[[], SessionRequest], session: aiohttp.ClientSession
    ) -> HttpReply | AgencyFailure:
        trace = _ReuseTrace()
        sent = request() if callable(request) else request
        try:
            return await self._whole(sent.sent_by(session, trace))
        except (aiohttp.ServerDisconnectedError, ConnectionError):
            # A reused connection may be dead (the agency was restarted).
            if not (sent.repeatable and trace.reused):
                raise
        sent = request() if callable(request) else request
        return await self._whole(sent.sent_by(session, trace))

    async def _whole(self, request: AbstractAsyncContextManager[aiohttp.ClientResponse]) -> HttpReply | AgencyFailure:
        async with request as response:
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > self._max_bytes:
                    return AgencyMalformed(self._agency, f"the body is longer than {self._max_bytes} bytes")
            return HttpReply(
                status=response.status,
                headers=response.headers,
                body=bytes(body),
                encoding=response.headers.get("Content-Encoding", ""),
            )

    def _open(self) -> _SessionGeneration:
        if self._current is None:
            trace = aiohttp.TraceConfig()
            trace.on_connection_reuseconn.append(_note_reuse)
            session = aiohttp.ClientSession(
                connector=_Connector(
                    limit=self._connections,
                    ssl=self._tls or True,
                    resolver=_FixedResolver(self._addresses) if self._addresses else None,
                ),
                # Cookies that an agency sets for one caller must not be sent for another.
                cookie_jar=aiohttp.DummyCookieJar(),
                # aiohttp would accept every encoding of its Python: from 3.14 also zstd, which the hub cannot decode.
                headers={"Accept-Encoding": ACCEPTED, **self._headers},
                # `send` applies the deadline, so that it always ends as the same failure.
                timeout=aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None),
                trace_configs=[trace],
                # aiohttp would unpack 64 KiB into 64 MiB before the bytes could be counted.
                auto_decompress=False,
            )
            self._current = _SessionGeneration(session)
        return self._current


@dataclass(slots=True)
class _Progress:
    """How far a request is."""

    deadline: float
    """On the clock of `time.monotonic`."""
    is_connected: bool = False
    """Whether anything may have been written."""


_PROGRESS: Final = ContextVar[_Progress]("progress")
"""That of the request which the task sends."""


class _NotHttpError(aiohttp.ClientError):
    """The received bytes are not a valid reply; the text states why."""


class _BoundedHandler(BoundedReading, ResponseHandler):
    """Limits interim replies, blank lines and chunk extensions, which aiohttp reads without end."""

    _bytes_since_body = 0
    """Received bytes without any part of a body."""
    _is_final = False
    """Whether the head of the final reply was received."""
    _held = NOTHING
    _lost_error: BaseException | bool = False

    def set_response_params(self, **params: Any) -> None:  # noqa: ANN401 - aiohttp's own
        """A request begins; see `ResponseHandler`."""
        self._bytes_since_body, self._is_final = 0, False
        super().set_response_params(**params)

    def feed_data(self, data: tuple[RawResponseMessage, StreamReader], size: int = 0) -> None:
        """A head is read; see `DataQueue`."""
        self._is_final = data[0].code >= _FIRST_FINAL
        super().feed_data(data, size)

    def resume_reading(self, resume_parser: bool = True) -> None:  # noqa: FBT001, FBT002 - aiohttp's own
        """Resume reading; see `ResponseHandler`. aiohttp calls this for every consumed chunk."""
        if self._reading_paused:
            super().resume_reading(resume_parser)

    def _feed(self, data: bytes | memoryview) -> int | None:
        if self.transport is not None and self._has_ended():
            self.transport.abort()  # bytes after a reply are not the reply to the next request
            return None
        payload, before = self._payload, self._body_bytes()
        ResponseHandler.data_received(self, bytes(data))
        body = self._body_bytes() - (before if payload is self._payload else 0)
        self._bytes_since_body = 0 if body else self._bytes_since_body + len(data)
        if self._bytes_since_body > MAX_BYTES_AROUND_BODY:
            self._refuse(f"more than {MAX_BYTES_AROUND_BODY} bytes around the body")
        elif self.exception() is not None:  # aiohttp does not report a parser error to the reader of the body
            self._refuse("the body breaks off")
        else:
            # So bytes after the reply are refused in this turn: held, they would answer the next request.
            return 0 if self._has_ended() else len(data) - body
        return None

    def _has_ended(self) -> bool:
        """Whether the whole final reply was received."""
        return self._is_final and self._payload is not None and self._payload.is_eof()

    def _is_wanted(self) -> bool:
        return self.transport is not None and self.exception() is None

    def _is_full(self) -> bool:
        return self._reading_paused

    def _get_transport(self) -> asyncio.Transport | None:
        return self.transport

    def _lose(self, error: BaseException | None) -> None:
        ResponseHandler.connection_lost(self, error)

    def _body_bytes(self) -> int:
        return 0 if self._payload is None else self._payload.total_bytes

    def _refuse(self, reason: str) -> None:
        error = _NotHttpError(reason)
        if self._payload is not None and not self._payload.is_eof():
            self._payload.set_exception(error)
        if self.exception() is None:
            self.set_exception(error)
        if self.transport is not None:
            self.transport.abort()


class _Connector(aiohttp.TCPConnector):
    """aiohttp's connector, whose connections limit the bytes around bodies."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - aiohttp's own
        super().__init__(**settings)
        # aiohttp has no setting for it; the test of this limit would notice another attribute name.
        self._factory = cast("partial[ResponseHandler]", partial(_BoundedHandler, loop=self._loop))

    async def connect(self, *given: Any, **named: Any) -> Connection:  # noqa: ANN401 - aiohttp's own
        """Connect; see `BaseConnector`. A process that wakes after its deadline sends nothing: others took over."""
        connection = await super().connect(*given, **named)
        progress = _PROGRESS.get()
        if progress.deadline <= monotonic():
            connection.close()
            raise TimeoutError
        progress.is_connected = True
        return connection


class _FixedResolver(AbstractResolver):
    """A resolver that returns known IP addresses."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = [(each, ip_address(each)) for each in addresses]

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002 - aiohttp's interface
    ) -> list[ResolveResult]:
        """Return the addresses for any host and family."""
        return [
            ResolveResult(
                hostname=host,
                host=text,
                port=port,
                family=socket.AF_INET if address.version == _IPV4 else socket.AF_INET6,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for text, address in self._addresses
        ]

    async def close(self) -> None:
        """Does nothing."""


@dataclass(eq=False, slots=True)
class _SessionGeneration:
    """The connections since the last discard of idle connections."""

    session: aiohttp.ClientSession
    under_way: int = 0
    answered_at: float = 0.0


class _ReuseTrace:
    """Facts about the connection of a request."""

    reused = False


async def _note_reuse(_session: aiohttp.ClientSession, context: object, _params: object) -> None:
    trace = getattr(context, "trace_request_ctx", None)
    if isinstance(trace, _ReuseTrace):
        trace.reused = True


def _to_failure(agency: str, error: Exception, *, connected: bool) -> AgencyFailure:
    """Convert a transport error to a failure; its detail is the class name, because messages contain addresses."""
    seen = type(error).__name__
    if isinstance(error, TimeoutError):
        return AgencyTimeout(agency, "no whole answer before the deadline", sent=connected)
    if isinstance(error, _NotHttpError):
        return AgencyMalformed(agency, f"not HTTP ({error})")
    if isinstance(error, aiohttp.ClientResponseError):
        return AgencyMalformed(agency, f"not HTTP ({seen})")
    return AgencyUnavailable(agency, seen, sent=not isinstance(error, aiohttp.ClientConnectorError))
