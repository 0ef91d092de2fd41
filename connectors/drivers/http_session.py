"""Requests through aiohttp's client: those that change something, carry a body, or are out of the ordinary."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from time import monotonic
from typing import Any, Final, cast

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.http import SERVER_SOFTWARE, RawResponseMessage
from aiohttp.streams import StreamReader
from yarl import URL

from connectors.drivers.bounded_reading import NOTHING, BoundedReading
from connectors.drivers.http_connection import MOST_BARREN
from connectors.drivers.http_reply import HttpReply
from connectors.drivers.http_unpacking import ACCEPTED
from records.failures import AgencyFailure, AgencyMalformed, AgencyTimeout, AgencyUnavailable

AGENT: Final = SERVER_SOFTWARE
"""The `User-Agent` of every request: an agency sees one client, whichever way a call takes."""
_IPV4: Final = 4
_FIRST_FINAL: Final = 200


@dataclass(frozen=True, slots=True)
class Request:
    """One request; `data` is a body, or a form by the names of its fields."""

    method: str
    url: URL
    data: bytes | dict[str, str] | None
    headers: Mapping[str, str] | None
    repeatable: bool

    def sent_by(
        self, session: aiohttp.ClientSession, trace: _Trace
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """Have it sent; the reply is there to be read until the context ends."""
        return session.request(
            self.method,
            self.url,
            data=self.data,
            headers=self.headers,
            allow_redirects=False,
            trace_request_ctx=trace,
        )


class Session:
    """aiohttp's connections to one agency, opened when first needed. No redirect is followed, no cookie kept."""

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
        """Keep the settings. With `addresses`, connections lead there and no host is looked up."""
        self._agency = agency
        self._headers = headers
        self._tls = tls
        self._connections = connections
        self._max_bytes = max_bytes
        self._addresses = addresses
        self._current: _Generation | None = None
        self._retired: set[_Generation] = set()
        self._closed = False

    async def ask(self, request: Request, *, deadline: float) -> HttpReply | AgencyFailure:
        """What one request ends in, at its deadline at last; a failure is given, not raised."""
        if self._closed:
            return AgencyUnavailable(self._agency, "ClientConnectionError")
        generation = self._open()
        generation.under_way += 1
        try:
            async with asyncio.timeout(deadline - monotonic()):
                reply = await self._exchange(request, generation.session)
            generation.answered_at = monotonic()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return _failure_of(self._agency, error)
        finally:
            generation.under_way -= 1
            if generation in self._retired and not generation.under_way:
                self._retired.discard(generation)
                await generation.session.close()
        return reply

    async def distrust(self, since: float) -> None:
        """Use none of the idle connections, unless something has come on one of them since a moment.

        aiohttp lets nobody choose among them, so all go: requests that come open new ones, those under way keep theirs.
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

    async def _exchange(self, request: Request, session: aiohttp.ClientSession) -> HttpReply | AgencyFailure:
        trace = _Trace()
        try:
            return await self._whole(request.sent_by(session, trace))
        except (aiohttp.ServerDisconnectedError, ConnectionError):
            # A connection that was kept since an earlier call may have died meanwhile (the agency was restarted).
            if not (request.repeatable and trace.reused):
                raise
        return await self._whole(request.sent_by(session, trace))

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

    def _open(self) -> _Generation:
        if self._current is None:
            trace = aiohttp.TraceConfig()
            trace.on_connection_reuseconn.append(_note_reuse)
            session = aiohttp.ClientSession(
                connector=_Connector(
                    limit=self._connections,
                    ssl=self._tls or True,
                    resolver=_GivenAddresses(self._addresses) if self._addresses else None,
                ),
                # Answers belong to one caller each: nothing an agency sets for one may travel with another.
                cookie_jar=aiohttp.DummyCookieJar(),
                # aiohttp itself would accept whatever its Python can unpack: from 3.14 on also zstd, which we cannot.
                headers={"Accept-Encoding": ACCEPTED, **self._headers},
                # `ask` keeps the deadline itself, so that it ends as one kind of failure.
                timeout=aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None),
                trace_configs=[trace],
                # aiohttp would unpack 64 KiB into 64 MiB before the bytes could be counted.
                auto_decompress=False,
            )
            self._current = _Generation(session)
        return self._current


class _NotHttpError(aiohttp.ClientError):
    """What came is no reply; the text says why."""


class _BoundedHandler(BoundedReading, ResponseHandler):
    """aiohttp reads interim replies, blank lines and chunk extensions for as long as they come: this counts them."""

    _barren = 0
    """Bytes that came in pieces without any of a body."""
    _is_final = False
    """Whether the head of the reply has come, after interim ones."""
    _held = NOTHING
    _lost: BaseException | bool = False

    def set_response_params(self, **params: Any) -> None:  # noqa: ANN401 - aiohttp's own
        """A request begins; see `ResponseHandler`."""
        self._barren, self._is_final = 0, False
        super().set_response_params(**params)

    def feed_data(self, data: tuple[RawResponseMessage, StreamReader], size: int = 0) -> None:
        """A head is read; see `DataQueue`."""
        self._is_final = data[0].code >= _FIRST_FINAL
        super().feed_data(data, size)

    def resume_reading(self, resume_parser: bool = True) -> None:  # noqa: FBT001, FBT002 - aiohttp's own
        """Read on; see `ResponseHandler`. aiohttp asks for it with every chunk that is consumed."""
        if self._reading_paused:
            super().resume_reading(resume_parser)

    def _feed(self, data: bytes) -> int | None:
        if self._is_final and self.transport is not None and self._payload is not None and self._payload.is_eof():
            self.transport.abort()  # whatever comes behind a reply is no reply to the next request
            return None
        payload, before = self._payload, self._body_bytes()
        ResponseHandler.data_received(self, data)
        body = self._body_bytes() - (before if payload is self._payload else 0)
        self._barren = 0 if body else self._barren + len(data)
        if self._barren > MOST_BARREN:
            self._refuse(f"more than {MOST_BARREN} bytes around the body")
        elif self.exception() is not None:  # aiohttp tells nobody who waits for the body that it lost its way
            self._refuse("the body breaks off")
        else:
            return len(data) - body
        return None

    def _is_wanted(self) -> bool:
        return self.transport is not None and self.exception() is None

    def _is_full(self) -> bool:
        return self._reading_paused

    def _wire(self) -> asyncio.Transport | None:
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
    """aiohttp's connections, each with a bound around its bodies."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - aiohttp's own
        super().__init__(**settings)
        # aiohttp has no setting for it; a test of this bound holds it to the name.
        self._factory = cast("partial[ResponseHandler]", partial(_BoundedHandler, loop=self._loop))


class _GivenAddresses(AbstractResolver):
    """In place of a look-up: IP addresses that are known already."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = [(each, ip_address(each)) for each in addresses]

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002 - aiohttp's interface
    ) -> list[ResolveResult]:
        """The addresses, whatever the host and the family."""
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
        """Nothing is open."""


@dataclass(eq=False, slots=True)
class _Generation:
    """Connections that were opened while there was no reason to distrust them."""

    session: aiohttp.ClientSession
    under_way: int = 0
    answered_at: float = 0.0


class _Trace:
    """What is worth knowing of the way a request took."""

    reused = False


async def _note_reuse(_session: aiohttp.ClientSession, context: object, _params: object) -> None:
    trace = getattr(context, "trace_request_ctx", None)
    if isinstance(trace, _Trace):
        trace.reused = True


def _failure_of(agency: str, error: Exception) -> AgencyFailure:
    """The failure that stands for what went wrong on the wire, named by class: messages carry addresses."""
    seen = type(error).__name__
    if isinstance(error, TimeoutError):
        return AgencyTimeout(agency, "no whole answer before the deadline")
    if isinstance(error, _NotHttpError):
        return AgencyMalformed(agency, f"not HTTP ({error})")
    if isinstance(error, aiohttp.ClientResponseError):
        return AgencyMalformed(agency, f"not HTTP ({seen})")
    return AgencyUnavailable(agency, seen)
