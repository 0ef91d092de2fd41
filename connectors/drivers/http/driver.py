"""HTTP to one agency: connections, deadlines, bounds, and failures in the hub's own words.

There are two kinds of connections. A request that may be repeated, so every read, goes over the hub's own connections
(`read_connections.py`): aiohttp's client would take more processor time than everything else for a small query.
Everything else goes through aiohttp (`aiohttp_session.py`). Deadlines, limits and failures are the same for both.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache, partial
from time import monotonic
from typing import Any, Final, NoReturn, TypeVar

from msgspec import structs
from multidict import CIMultiDict

from connectors.drivers.http.address import AgencyAddress, LinkTarget, list_pairs
from connectors.drivers.http.aiohttp_session import USER_AGENT, AiohttpSession, SessionRequest
from connectors.drivers.http.body_format import BodyFormat, UnparsableBody
from connectors.drivers.http.content_encoding import ACCEPTED, BodyTooLong, NotDecodable, decode_body
from connectors.drivers.http.credentials.client_certificate import ClientCertificate
from connectors.drivers.http.credentials.request_signature import UnsignedRequest
from connectors.drivers.http.form_files import encode_form, encode_pairs
from connectors.drivers.http.json_body import JSON_BODY, join_objects, write_json
from connectors.drivers.http.read_connections import (
    ReadConnectionPool,
    WireRequest,
    build_request_head,
    get_tls_context,
)
from connectors.drivers.http.reply import HttpReply, measure_clock_skew, parse_media_type, parse_retry_after
from connectors.drivers.http.sealed.body_seal import OpeningUse
from connectors.drivers.http.service import HttpLimits, HttpRequest, HttpService
from connectors.drivers.long_work import LongWork
from connectors.resilience.bulkhead import Bulkhead
from connectors.resilience.call_counters import CallCounters
from connectors.resilience.gate import Gate, NoGate
from records.calls.call import Call
from records.calls.failures import (
    AgencyClockSkew,
    AgencyFailure,
    AgencyMalformed,
    AgencyRefused,
    AgencyTimeout,
    AgencyUnavailable,
    ReplyBudgetSpent,
)
from records.calls.reply_budget import BYTES_PER_VALUE

T = TypeVar("T")
R = TypeVar("R", WireRequest, SessionRequest)
"""A request: for the hub's own connections, or for aiohttp."""

_READS: Final = frozenset({"GET", "HEAD"})
_AUTHORIZATION: Final = "Authorization"
_FIRST_SUCCESS: Final = 200
_FIRST_REDIRECT: Final = 300
_FIRST_CLIENT_ERROR: Final = 400
_FIRST_SERVER_ERROR: Final = 500
_UNAUTHORIZED: Final = 401
_CREDENTIALS_REFUSED: Final = frozenset({401, 403, 407})
_TOO_MANY: Final = 429
_BODY_TYPE: Final = "application/octet-stream"
"""The media type of a body whose headers name none."""
_FULL_DEADLINE_SHARE: Final = 0.9
"""Share of its deadline after which a missing answer makes the agency's idle connections suspect."""
_SMALL_FACTOR: Final = 4
"""Approximate memory of a short reply in addition to its bytes, measured on pages of complaints."""
_MAX_CLOCK_SKEW: Final = 60.0
"""Seconds between the hub's clock and the agency's that explain no refusal. Agencies accept some minutes."""


class HttpDriver:
    """Sends requests to one agency.

    The deadline of the `limits` is the agency's; an earlier deadline of the caller takes precedence. Both cover
    everything: waiting for a free connection, connecting, sending, reading the last byte.

    Connections are opened when they are first needed, inside the running event loop, so an agency that is down does
    not stop the start of the hub. Redirects are not followed, and cookies not stored.
    """

    def __init__(
        self,
        service: HttpService,
        limits: HttpLimits,
        *,
        body_format: BodyFormat = JSON_BODY,
        gate: Gate | None = None,
        work: LongWork | None = None,
    ) -> None:
        """Takes the settings; raises `ValueError` with the name of the setting if the address is invalid.

        `body_format` is that of replies to `ask_value`.

        Every request passes the `gate`, if there is one. A user that judges the contents of replies (`SoapDriver`) has
        the gate instead of the driver. Long replies are decompressed and parsed as `work`, which all drivers share.
        """
        agency, addresses, max_bytes = service.agency, service.addresses, limits.max_bytes
        self._credential = credential = service.credential
        self.agency = agency
        self._format = body_format
        self._seal = service.seal
        self.work = work or LongWork()
        self._gate = gate or NoGate()
        self._max_bytes = max_bytes
        self._address = AgencyAddress(agency, service.url)
        self._headers = CIMultiDict({**service.headers, **credential.headers})
        self._is_fixed = credential.is_fixed
        self._deadline = limits.deadline
        self._take_replay = limits.take_replay
        self._permits = Bulkhead(max_concurrency=limits.connections, max_waiting=None)
        tls = get_tls_context() if self._address.is_secure else None
        if credential.certificate is not None:
            tls = credential.certificate.context
        self._tls = tls
        self._reads = ReadConnectionPool(agency, self._address, tls=tls, max_bytes=max_bytes)
        self._addresses = addresses
        self._session = AiohttpSession(
            agency,
            headers=self._headers,
            tls=tls,
            connections=limits.connections,
            max_bytes=max_bytes,
            addresses=addresses,
        )
        self._find_head = lru_cache(32)(self._build_head)  # 5 us each, and all calls of a route have the same
        self._state = "idle"

    def __repr__(self) -> str:
        deadline, headers = f"{self._deadline:g}s", sorted(self._headers)
        return f"<HttpDriver {self.agency} {self._state} deadline={deadline} headers={headers}>"

    def send(self, request: HttpRequest, call: Call) -> Coroutine[Any, Any, HttpReply]:
        """Send one request and read its whole reply.

        Not a coroutine itself, because one more around the gate's would run twice for each call.

        Returns replies with 2xx, with 4xx other than those below, and with every status in `accept_status`.

        Raises AgencyUnavailable (no connection, cut off, 5xx), AgencyTimeout, AgencyRefused (401, 403, 407, and 429
        with `retry_after`), AgencyMalformed (not HTTP, redirects, a body that is too long or cannot be decompressed;
        more than the request's `reply_budget`), and the gate's refusals.
        """
        read = self._is_read(request)
        asked = self._prepare(request, is_read=read)
        if call.reply_budget.is_spent:
            self._refuse_spent()
        attempt = partial(self._exchange, request, asked)
        safe = read or request.repeatable
        return self._gate.ask(call, attempt, repeatable=safe, hedgeable=read, writes=not safe)

    def ask_value(
        self, request: HttpRequest, call: Call, read: Callable[[HttpReply, object], T], *, writes: bool = False
    ) -> Coroutine[Any, Any, T]:
        """Send one request, and return the result of `read` for the reply and its parsed body.

        A request that `writes` is sent once; others may be sent again.

        The body of HTTP 4xx and 5xx is parsed for the request's `parse_status` and `answer_type` only; otherwise the
        value is None.
        `read` runs inside the gate: if it raises AgencyMalformed, the reply counts against the agency like an
        unparsable body. It should take a few milliseconds; rows are read one by one afterwards (`LongWork.map`).
        Raises as `send`.
        """
        asked = self._prepare(request, is_read=self._is_read(request))

        async def attempt(call: Call) -> T:
            reply = await self._exchange(request, asked, call, charges=False)
            is_parsed = (
                reply.status < _FIRST_CLIENT_ERROR
                or reply.status in request.parse_status
                or (request.answer_type != "" and parse_media_type(reply) == request.answer_type)
            )
            value = await self._parse_value(reply, call) if is_parsed else None
            try:
                return read(reply, value)
            except AgencyRefused as refusal:
                if refusal.retry_after is None:
                    self.require_same_time(reply, refusal.detail)
                raise

        if call.reply_budget.is_spent:
            self._refuse_spent()
        is_get = request.method == "GET" and request.body is None and request.form is None
        return self._gate.ask(call, attempt, repeatable=not writes, hedgeable=is_get, writes=writes)

    def require_same_time(self, reply: HttpReply, detail: str) -> None:
        """Raise `AgencyClockSkew` for a refusal of a signed time, if the date of the reply differs from the present."""
        signature = self._credential.signature
        if signature is None or not signature.covers_time:
            return
        skew = measure_clock_skew(reply, signature.read_clock())
        if abs(skew) > _MAX_CLOCK_SKEW:
            direction = "ahead of" if skew > 0 else "behind"
            seen = f"{detail}; the agency's clock is {abs(skew):.0f} s {direction} the hub's"
            raise AgencyClockSkew(self.agency, seen)

    def build_linked_request(self, request: HttpRequest, link: str) -> HttpRequest:
        """The GET for a link in the reply to a request. Raises ValueError for a link to another origin."""
        target = self._address.resolve_link(link, request.path, request.query)
        return HttpRequest(
            "GET", target, accept_status=request.accept_status, repeatable=True, parse_status=request.parse_status
        )

    @property
    def counts(self) -> CallCounters:
        """The counters of calls."""
        return self._gate.counts

    async def close(self) -> None:
        """Close every connection. A closed driver cannot send again."""
        self._state = "closed"
        await self._credential.tokens.close()
        await self._reads.close()
        await self._session.close()

    @property
    def expiries(self) -> Mapping[str, float]:
        """When the parts of the credential expire, in seconds since 1970."""
        return self._credential.expiries

    def _refuse_spent(self) -> NoReturn:
        raise ReplyBudgetSpent(self.agency, "not called: earlier replies used up the budget of the request", sent=False)

    def _is_read(self, request: HttpRequest) -> bool:
        return request.method in _READS and request.body is None and request.form is None and not self._addresses

    def _prepare(self, request: HttpRequest, *, is_read: bool) -> WireRequest | SessionRequest:
        """The request as it is sent: over the hub's own connections if possible, else through aiohttp."""
        if self._credential.query:
            request = self._add_query(request, self._credential.query)
        body, headers = (None, request.headers) if is_read else self._build_body(request)
        if is_read or (request.repeatable and not self._addresses):
            head = self._find_head(tuple(headers.items()) if headers else (), "" if body is None else _BODY_TYPE)
            if head is not None:
                target = self._address.build_target(request.path, request.query)
                start = f"{request.method} {target}".encode()
                return WireRequest(start + head, b"") if body is None else WireRequest.with_body(start, head, body)
        url = self._address.build_url(request.path, request.query)
        return SessionRequest(request.method, url, body, headers, request.repeatable)

    def _build_body(self, request: HttpRequest) -> tuple[bytes | None, Mapping[str, str] | None]:
        """The body of a request with the credential's part of it, and the headers with the type of a form."""
        body, headers = request.body, request.headers
        if request.form is not None or (self._credential.form and request.method == "POST" and body is None):
            pairs = list_pairs({**(request.form or {}), **self._credential.form})
            if request.files:
                body, content_type = encode_form(pairs, request.files)
            else:
                body, content_type = encode_pairs(pairs), "application/x-www-form-urlencoded"
            headers = {"Content-Type": content_type, **(headers or {})}
        elif body is not None and self._credential.body:
            body = join_objects(write_json(self._credential.body), body)
        if body is None and request.method not in _READS:
            body = b""
        return body, headers

    def _add_query(self, request: HttpRequest, parameters: Mapping[str, str]) -> HttpRequest:
        """Add parameters to the query, which a link holds already."""
        if isinstance(request.path, LinkTarget):
            return structs.replace(request, path=self._address.extend_link(request.path, parameters))
        return structs.replace(request, query={**(request.query or {}), **parameters})

    async def _parse_value(self, reply: HttpReply, call: Call) -> object:
        """Parse the body of a reply; a long one in a separate turn of the event loop."""
        body, body_format = reply.body, self._format
        try:
            if len(body) <= body_format.small_bytes:
                value = body_format.parse(body)
                self._charge(call, _SMALL_FACTOR * len(body))
            else:
                value = await self.work.run(partial(body_format.parse, body))
                self._charge(call, len(body) + BYTES_PER_VALUE * body_format.count_values(body))
            value = await self._seal.open(value, reply.signed, OpeningUse(self.work, partial(self._charge, call)))
        except UnparsableBody as problem:
            why = str(problem)
        else:
            return value
        # Raised here, because the library's error contains the whole body.
        raise AgencyMalformed(self.agency, f"the body of an HTTP {reply.status} reply {why}")

    def _charge(self, call: Call, size: int) -> None:
        if not call.reply_budget.take(size):
            raise ReplyBudgetSpent(self.agency, "the replies for one request exceed its budget")

    async def _exchange(
        self, request: HttpRequest, asked: WireRequest | SessionRequest, call: Call, *, charges: bool = True
    ) -> HttpReply:
        """Send one request and return its reply; see `send`. `charges`: its bytes are taken from the budget here."""
        now = monotonic()
        deadline = min(call.deadline, now + self._deadline)
        if deadline <= now:
            raise AgencyTimeout(self.agency, "the deadline had passed before the call", sent=False)
        if self._state != "open":
            self._open()
        tokens, traced = self._credential.tokens, {} if call.span is None else call.span.headers
        token = "" if self._is_fixed else await tokens.get_token(deadline)
        bodiless = request.method == "HEAD"
        reply = await self._send(asked, deadline, bodiless=bodiless, token=token, traced=traced)
        # HTTP 401 says that the request was not carried out, so one that changes data may be sent again, too.
        if reply.status == _UNAUTHORIZED and tokens.replace_token(token):
            token = await tokens.get_token(deadline)
            if not await self._take_replay(deadline - monotonic()):
                raise AgencyRefused(self.agency, f"HTTP {reply.status}: not called again, as its terms allow no call")
            reply = await self._send(asked, deadline, bodiless=bodiless, token=token, traced=traced)
        if call.span is not None:
            call.span.set_attribute("http.response.status_code", reply.status)
        if not _FIRST_SUCCESS <= reply.status < _FIRST_REDIRECT and reply.status not in request.accept_status:
            self._require_success(reply)
        if reply.encoding and not bodiless:
            reply = await self._decode(reply)
        if charges:
            self._charge(call, len(reply.body))
        return reply

    async def _send(
        self,
        asked: WireRequest | SessionRequest,
        deadline: float,
        *,
        bodiless: bool,
        token: str,
        traced: Mapping[str, str],
    ) -> HttpReply:
        now = monotonic()
        signed: dict[str, str] = {}
        is_varied = traced or not self._is_fixed
        if self._credential.certificate is not None:
            await self._follow_certificate(self._credential.certificate)
        if not (self._permits.take_free() or await self._permits.acquire(deadline - now)):
            raise AgencyTimeout(self.agency, "no whole answer before the deadline", sent=False)
        try:
            if isinstance(asked, WireRequest):
                read = partial(self._complete, asked, token, traced, signed) if is_varied else asked
                reply = await self._reads.send(read, deadline=deadline, bodiless=bodiless)
            else:
                request = partial(self._complete, asked, token, traced, signed) if is_varied else asked
                reply = await self._session.send(request, deadline=deadline)
        finally:
            self._permits.release()
        if isinstance(reply, AgencyFailure):
            if isinstance(reply, AgencyTimeout) and deadline - now >= _FULL_DEADLINE_SHARE * self._deadline:
                # The network path may be lost silently, and then every idle connection is lost.
                self._reads.drop_idle(now)
                await self._session.drop_idle(now)
            # Raised here, not in the session, because library messages contain the URL with its query.
            raise reply
        return structs.replace(reply, signed=signed) if signed else reply

    def _complete(self, asked: R, token: str, traced: Mapping[str, str], signed: dict[str, str]) -> R:
        """Add what belongs to one attempt: headers of its trace, the access token, a signature of this moment.

        `signed` gets the parts of the signature: the reply may be sealed with them.
        """
        fields = {**traced, _AUTHORIZATION: f"Bearer {token}"} if token else dict(traced)
        if self._credential.signature is not None:
            signed.update(self._credential.signature.sign(_describe_request(asked, self._address.authority, token)))
            fields |= self._credential.signature.fill_headers(signed)
        return _add_headers(fields, asked)

    async def _follow_certificate(self, certificate: ClientCertificate) -> None:
        """Use the client certificate for new connections, if its files have changed."""
        if (tls := certificate.context) is not self._tls:
            self._tls = tls
            self._reads.replace_tls(tls)
            await self._session.replace_tls(tls)

    async def _decode(self, reply: HttpReply) -> HttpReply:
        """Return the reply with its decoded body."""
        try:
            body = await decode_body(reply.body, reply.encoding, max_bytes=self._max_bytes, work=self.work)
        except BodyTooLong:
            why = f"is longer than {self._max_bytes} bytes"
        except NotDecodable:
            why = "cannot be decompressed"
        else:
            return structs.replace(reply, body=body, encoding="")
        raise AgencyMalformed(self.agency, f"the body {why}")

    def _open(self) -> None:
        if self._state == "closed":
            raise RuntimeError(f"The HTTP driver of agency '{self.agency}' was closed. Build a new one.")
        self._state = "open"

    def _build_head(self, headers: Iterable[tuple[str, str]], body_type: str) -> bytes | None:
        """Build the head of a request over the hub's own connections; None for headers that only aiohttp handles."""
        given = CIMultiDict(headers)
        fields = given.copy()
        defaults = CIMultiDict(self._headers)
        # aiohttp's own defaults, so that an agency sees one client for both kinds of connections.
        for name, value in (("Accept", "*/*"), ("Accept-Encoding", ACCEPTED), ("User-Agent", USER_AGENT)):
            defaults.setdefault(name, value)
        for name, value in defaults.items():
            if name not in given:
                fields.add(name, value)
        try:
            authorization = self._address.build_authorization()
        except ValueError:
            return None
        if authorization is not None:
            if _AUTHORIZATION in fields:
                return None
            fields[_AUTHORIZATION] = authorization
        if body_type:
            fields.setdefault("Content-Type", body_type)
        return build_request_head(self._address.authority, fields)

    def _require_success(self, reply: HttpReply) -> None:
        status, detail = reply.status, f"HTTP {reply.status}"
        if status < _FIRST_SUCCESS:
            raise AgencyMalformed(self.agency, f"{detail}: no answer to what was asked")
        if status in _CREDENTIALS_REFUSED:
            self.require_same_time(reply, detail)
            raise AgencyRefused(self.agency, detail)
        if status == _TOO_MANY:
            raise AgencyRefused(self.agency, detail, retry_after=parse_retry_after(reply))
        if status >= _FIRST_SERVER_ERROR:
            raise AgencyUnavailable(self.agency, detail, retry_after=parse_retry_after(reply))
        if _FIRST_REDIRECT <= status < _FIRST_CLIENT_ERROR:
            raise AgencyMalformed(self.agency, f"{detail}: redirects are not followed")


def _describe_request(asked: WireRequest | SessionRequest, host: str, token: str) -> UnsignedRequest:
    """The parts of a request that a signature can cover."""
    if isinstance(asked, WireRequest):
        method, target, _ = asked.head.split(b" ", 2)
        return UnsignedRequest(
            method=method.decode(), host=host, target=target.decode(), body=asked.body, access_token=token
        )
    return UnsignedRequest(
        method=asked.method, host=host, target=asked.url.raw_path_qs, body=asked.body or b"", access_token=token
    )


def _add_headers(fields: Mapping[str, str], asked: R) -> R:
    """Add header fields to a request, which does not have them yet."""
    if isinstance(asked, SessionRequest):
        return replace(asked, headers={**(asked.headers or {}), **fields})
    return asked.add_lines("".join(f"{name}: {value}\r\n" for name, value in fields.items()))
