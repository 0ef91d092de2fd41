"""HTTP to one agency: a pool of connections, deadlines, bounds, and failures in the hub's own words."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import Final

import aiohttp
import orjson
from aiohttp import hdrs
from aiohttp.http_exceptions import ContentEncodingError
from multidict import CIMultiDict
from yarl import URL

from records.call import Call
from records.failures import AgencyFailure, AgencyMalformed, AgencyRefused, AgencyTimeout, AgencyUnavailable

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_FIRST_REDIRECT: Final = 300
_FIRST_CLIENT_ERROR: Final = 400
_FIRST_SERVER_ERROR: Final = 500
_NO_ENTRY: Final = frozenset({401, 403, 407})
_TOO_MANY: Final = 429
_LONGEST_NUMBER: Final = 9
"""Digits of the longest `Retry-After` in seconds that is believed (some 31 years)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpReply:
    """What an agency answered. Its `repr` shows the status only: the rest may be personal."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    """By name in any case (`reply.headers["content-type"]`)."""
    body: bytes = field(repr=False)
    """Whole, with any `Content-Encoding` undone."""


class HttpDriver:
    """Sends requests to one agency.

    `headers` go with every request (credentials, `Accept`). `deadline` is the agency's own, in seconds; the caller's
    counts too where it is nearer, and both cover everything: waiting for a free connection, connecting, sending,
    reading the last byte. `connections` is how many calls may be under way at once, `max_bytes` how long a reply's
    body may be (after decompression).

    Connections are opened when they are first needed, inside the running event loop, so an agency that is down does
    not keep the hub from starting. No redirect is followed and no cookie kept.
    """

    def __init__(
        self,
        agency: str,
        base_url: str,
        *,
        headers: Mapping[str, str],
        deadline: float,
        connections: int,
        max_bytes: int,
    ) -> None:
        """Keep the settings; raises ValueError, naming the setting, where the address is none."""
        self.agency = agency
        self._base = _address(agency, base_url)
        self._headers = CIMultiDict(headers)
        self._deadline = deadline
        self._connections = connections
        self._max_bytes = max_bytes
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    def __repr__(self) -> str:
        state = "closed" if self._closed else "idle" if self._session is None else "open"
        return f"<HttpDriver {self.agency} {state} deadline={self._deadline:g}s headers={sorted(self._headers)}>"

    async def send(
        self,
        method: str,
        path: str,
        call: Call,
        *,
        query: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        accept_status: Collection[int] = (),
        repeatable: bool = False,
    ) -> HttpReply:
        """Send one request and read its whole reply.

        `path` is plain text below the base address (empty: the base address itself); signs that mean something in a
        URL are escaped, and `..` is refused with ValueError. `form` is sent as
        `application/x-www-form-urlencoded`, `body` as it is; give one of them at most.

        Replies with 2xx, and 4xx other than those below, come back; so does every status in `accept_status`, whatever
        it is. `repeatable` says that a request whose method is not safe in itself (a POST that only reads) may be sent
        once more when a kept connection turns out to be dead; GET and HEAD are so anyway.

        Raises AgencyUnavailable (no connection, cut off, 5xx), AgencyTimeout, AgencyRefused (401, 403, 407, and 429
        with `retry_after`), AgencyMalformed (not HTTP, redirects, a body that is too long or cannot be decompressed).
        """
        deadline = min(call.deadline, monotonic() + self._deadline)
        if deadline <= monotonic():
            raise AgencyTimeout(self.agency, "the deadline had passed before the call")
        url = self._url(path, query)
        reply: HttpReply | AgencyFailure
        try:
            async with asyncio.timeout(deadline - monotonic()):
                reply = await self._exchange(method, url, form=form, body=body, headers=headers, repeatable=repeatable)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            reply = _failure_of(self.agency, error)
        if isinstance(reply, AgencyFailure):
            # Raised here, not above: messages of the library carry the URL, and with it the numbers in a query.
            raise reply
        if reply.status not in accept_status:
            self._require_success(reply)
        return reply

    def json_of(self, reply: HttpReply) -> object:
        """The JSON value in a reply's body (RFC 8259; a byte order mark is tolerated). Raises AgencyMalformed."""
        try:
            value: object = orjson.loads(reply.body.removeprefix(_BYTE_ORDER_MARK))
        except orjson.JSONDecodeError:
            # The library's error carries the whole body.
            value = AgencyMalformed(self.agency, f"the body of an HTTP {reply.status} reply is not JSON")
        if isinstance(value, AgencyMalformed):
            raise value
        return value

    async def close(self) -> None:
        """Close every connection. A driver that was closed cannot send again."""
        self._closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _url(self, path: str, query: Mapping[str, str] | None) -> URL:
        parts = [part for part in path.split("/") if part]
        if ".." in parts or "." in parts:
            raise ValueError(f"The path for agency '{self.agency}' holds '.' or '..'. Check what is put into it.")
        if parts and path.endswith("/"):
            parts.append("")
        url = self._base.joinpath(*parts) if parts else self._base
        return url.with_query(query) if query else url

    async def _exchange(
        self,
        method: str,
        url: URL,
        *,
        form: Mapping[str, str] | None,
        body: bytes | None,
        headers: Mapping[str, str] | None,
        repeatable: bool,
    ) -> HttpReply:
        session = self._open()
        trace = _Trace()

        def request() -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
            return session.request(
                method,
                url,
                data=body if form is None else dict(form),
                headers=headers,
                allow_redirects=False,
                trace_request_ctx=trace,
            )

        try:
            return await self._read(request())
        except (aiohttp.ServerDisconnectedError, ConnectionError):
            # A connection that was kept since an earlier call may have died meanwhile (the agency was restarted).
            if not (repeatable and trace.reused):
                raise
        return await self._read(request())

    async def _read(self, request: AbstractAsyncContextManager[aiohttp.ClientResponse]) -> HttpReply:
        async with request as response:
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > self._max_bytes:
                    raise AgencyMalformed(self.agency, f"the body is longer than {self._max_bytes} bytes")
            return HttpReply(status=response.status, headers=response.headers, body=bytes(body))

    def _require_success(self, reply: HttpReply) -> None:
        status, detail = reply.status, f"HTTP {reply.status}"
        if status in _NO_ENTRY:
            raise AgencyRefused(self.agency, detail)
        if status == _TOO_MANY:
            raise AgencyRefused(self.agency, detail, retry_after=retry_after(reply))
        if status >= _FIRST_SERVER_ERROR:
            raise AgencyUnavailable(self.agency, detail, retry_after=retry_after(reply))
        if _FIRST_REDIRECT <= status < _FIRST_CLIENT_ERROR:
            raise AgencyMalformed(self.agency, f"{detail}: redirects are not followed")

    def _open(self) -> aiohttp.ClientSession:
        if self._closed:
            raise RuntimeError(f"The HTTP driver of agency '{self.agency}' was closed. Build a new one.")
        if self._session is None:
            trace = aiohttp.TraceConfig()
            trace.on_connection_reuseconn.append(_note_reuse)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections),
                # Answers belong to one caller each: nothing an agency sets for one may travel with another.
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=self._headers,
                # `send` keeps the deadline itself, so that it ends as one kind of failure.
                timeout=aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None),
                trace_configs=[trace],
            )
        return self._session


class _Trace:
    """What is worth knowing of the way a request took."""

    reused = False


async def _note_reuse(_session: aiohttp.ClientSession, context: object, _params: object) -> None:
    trace = getattr(context, "trace_request_ctx", None)
    if isinstance(trace, _Trace):
        trace.reused = True


def _address(agency: str, base_url: str) -> URL:
    # The address is not echoed: it may hold a password.
    complaint = (
        f"The address of agency '{agency}' is no HTTP address. Write it as 'http://host:port' or 'https://host/path'."
    )
    try:
        url = URL(base_url)
    except ValueError:
        raise ValueError(complaint) from None
    if url.scheme not in {"http", "https"} or not url.host or url.query_string or url.fragment:
        raise ValueError(complaint)
    return url


def _failure_of(agency: str, error: Exception) -> AgencyFailure:
    """The failure that stands for what went wrong on the wire, named by class: messages carry addresses."""
    seen = type(error).__name__
    if isinstance(error, TimeoutError):
        return AgencyTimeout(agency, "no whole answer before the deadline")
    if isinstance(error, aiohttp.ClientResponseError):
        return AgencyMalformed(agency, f"not HTTP ({seen})")
    if isinstance(error, aiohttp.ClientPayloadError) and isinstance(error.__cause__, ContentEncodingError):
        return AgencyMalformed(agency, f"the body cannot be decompressed ({seen})")
    return AgencyUnavailable(agency, seen)


def retry_after(reply: HttpReply) -> float | None:
    """Seconds until the agency wants to be asked again (RFC 9110, section 10.2.3), where it says so legibly."""
    text = reply.headers.get(hdrs.RETRY_AFTER, "").strip()
    if text.isascii() and text.isdigit():
        return float(text) if len(text) <= _LONGEST_NUMBER else None
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
