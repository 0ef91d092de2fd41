"""`/graphql`: the way of a request through the deciding functions to the engine and back (GraphQL over HTTP).

Stands in front of Starlette, because what Starlette does for every path costs more than what `/graphql` needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import inf
from time import monotonic
from typing import Protocol

from starlette.types import Receive, Scope, Send

from auth.caller import Caller
from engine.document import NO_SUBSCRIPTIONS
from engine.encoding import encode
from engine.quota import Purse
from engine.request import GraphQLRequest, GraphQLResponse, Outcome
from records.call import Call
from telemetry import under_way
from telemetry.metrics.requests import RequestCounts
from web.access_log import AccessLog
from web.allowances import Allowance, Allowances
from web.at_most_old import at_most_old
from web.attended import Attending, ClientGone, Overdue
from web.cache_control import NOBODY, CacheControl, Storing
from web.csrf import check_forgery
from web.door import Door, preferred
from web.entity_tags import EntityTags, is_known
from web.failed_tokens import FailedTokens
from web.graphql_request import parse_body, parse_query_string
from web.graphql_response import headers_of, status_of
from web.hosts import check_hosts
from web.incidents import incident
from web.media_types import MediaType, check_content_encoding, check_content_type, negotiate
from web.refusals import Code, Refusal, refusal_body
from web.request_body import GuardedBody
from web.request_headers import RequestHeaders
from web.request_identity import new_call, patience
from web.request_spans import RequestSpans, ended
from web.security_headers import security_headers
from web.settings import WebSettings
from web.shedding import Shedding
from web.surplus_connections import is_surplus
from web.who_asks import Authenticate, WhoAsks
from web.whole_answers import WriteWhole, taken

PATH = "/graphql"
METHODS = ("GET", "POST")
_CLIENT_CLOSED_REQUEST = 499
"""What logs say of a request whose client went away; nobody reads the answer."""
_NOT_MODIFIED = 304


class Execute(Protocol):
    """Runs one request; the engine, wired by the composition root."""

    async def __call__(
        self, request: GraphQLRequest, caller: Caller, call: Call, purse: Purse | None, /
    ) -> GraphQLResponse:
        """The response, paid for by the purse. Agency failures and refusals are in it.

        An exception is a fault of the hub, or what the purse raised.
        """


@dataclass(slots=True)
class _Answer:
    status: int
    body: bytes
    media_type: MediaType
    headers: Mapping[str, str] = field(default_factory=dict)
    """Beside those that every answer has."""
    storing: Storing = NOBODY
    """Who may keep it."""
    tag: bytes = b""
    """The header line with its entity tag."""
    rates: bytes = b""
    """Header lines that tell what the caller has left, each with its end."""
    let_in: bool = True
    """Whether the request was, while there was more than the hub can answer."""

    @property
    def fields(self) -> bytes:
        """The header lines that are its own."""
        return self.storing.fields + self.tag + self.rates


class GraphQLEndpoint:
    """The endpoint (ASGI). The order of its stages stands in `_respond` and `_serve` and nowhere else."""

    def __init__(
        self,
        *,
        execute: Execute,
        authenticate: Authenticate,
        settings: WebSettings,
        access_log: AccessLog,
        allowances: Allowances | None = None,
        failed_tokens: FailedTokens | None = None,
        spans: RequestSpans | None = None,
        entity_tags: EntityTags | None = None,
        shedding: Shedding | None = None,
        requests: RequestCounts | None = None,
    ) -> None:
        self._execute = execute
        self._spans = spans
        self._requests = requests or RequestCounts()
        self._counted = self._requests.routes[PATH]
        self._who_asks = WhoAsks(authenticate, settings, failed_tokens)
        self._shedding = shedding or Shedding(after=0)
        self._door = Door(self._shedding, self._who_asks)
        self._allowances = allowances
        self._settings = settings
        self._access_log = access_log
        self._attending = Attending()
        self._cache_control = CacheControl(settings)
        self._entity_tags = entity_tags
        always = b"".join(b"%b: %b\r\n" % header for header in security_headers(settings.hsts_seconds))
        self._heads = {each: f"content-type: {each.content_type}\r\n".encode("ascii") + always for each in MediaType}
        self._head_without_body = always

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request under its id, whatever happens inside."""
        began = monotonic()
        settings = self._settings
        headers = RequestHeaders(scope)
        span = None if self._spans is None else self._spans.begun(scope, headers)
        call = new_call(headers, settings.request_timeout, began=began, span=span)
        working = under_way.began(call)
        whole = taken(scope)
        if settings.allowed_origins and "origin" in headers:
            whole = None  # a page of another origin: its headers are added on the way out
        body = GuardedBody(headers, receive, send, max_bytes=settings.max_body_bytes, timeout=settings.body_timeout)
        shed = not self._shedding.enter(began, surplus=is_surplus(scope))
        answer: _Answer | None = None
        self._requests.in_flight += 1
        try:
            answer = await self._respond(scope, headers, body, call, shed=shed)
            if not (whole is not None and body.complete and self._written(answer, call, whole)):
                await self._send(answer, call, send if body.complete else body.send)
        except Exception as error:  # noqa: BLE001 - the place where every fault of the hub ends
            refusal = incident(error, call.request_id, answering=answer is not None, with_messages=settings.development)
            answer = _refused(refusal, MediaType.JSON)
            await self._send(answer, call, send if body.complete else body.send)
        finally:
            working.over()
            method, status = scope["method"], 0 if answer is None else answer.status
            self._requests.in_flight -= 1
            self._counted.ended(status, monotonic() - began)
            self._access_log.note(call, method=method, path=PATH, status=status, began=began)
            if span is not None:
                ended(span, call, method=method, path=PATH, status=status)
            self._shedding.leave(let_in=answer is None or answer.let_in)

    async def _respond(
        self, scope: Scope, headers: RequestHeaders, body: GuardedBody, call: Call, *, shed: bool
    ) -> _Answer:
        """Answer; a refusal of any stage is answered in the media type that was negotiated before it.

        Where the hub is to `shed` load, the request has to be let in first.
        """
        media_type = MediaType.JSON
        allowance: Allowance | None = None
        outside = shed
        try:
            if outside:
                media_type = preferred(headers)
                outside = await self._door.look(scope, headers, body)
            check_hosts(headers, self._settings.allowed_hosts)
            media_type = negotiate(headers.getlist("accept"))
            check_method(scope["method"], headers)
            check_forgery(scope["method"], headers, self._settings.allowed_origins)
            patience(headers, self._settings.request_timeout)
            caller = self._who_asks(scope, headers)
            if not isinstance(caller, Caller):
                caller = await caller
            if outside:
                self._door.prove(caller, scope)
                outside = False
            if self._allowances is not None:
                allowance = self._allowances.of(caller, scope, headers)
                if allowance is not None and (entering := allowance.enter()) is not None:
                    await entering
            oldest = at_most_old(headers)
            if oldest < inf:
                call = await _asking_anew(call, oldest, allowance)
            answer = await self._serve(
                scope, headers, body, call=call, media_type=media_type, caller=caller, allowance=allowance
            )
        except Refusal as refusal:
            answer = _refused(refusal, media_type)
        except ClientGone:
            return _Answer(_CLIENT_CLOSED_REQUEST, b"", media_type, let_in=not outside)
        answer.let_in = not outside
        if allowance is not None and not answer.storing.is_shared:  # whoever is handed that has an own allowance
            answer.rates = allowance.fields()
        return answer

    async def _serve(
        self,
        scope: Scope,
        headers: RequestHeaders,
        body: GuardedBody,
        *,
        call: Call,
        media_type: MediaType,
        caller: Caller,
        allowance: Allowance | None,
    ) -> _Answer:
        method = scope["method"]
        if method == "GET":
            await body.whole()  # means nothing (RFC 9110, section 9.3.1), but has to be off the wire and within limits
            request = parse_query_string(scope["query_string"])
        else:
            check_content_encoding(headers.getlist("content-encoding"))
            check_content_type(headers.getlist("content-type"))
            request = parse_body(await body.whole())
        try:
            response = await self._attending.of(
                self._execute(request, caller, call, allowance),
                body.receive,
                timeout=call.remaining() + self._settings.overrun,
            )
        except Overdue as overdue:
            seconds = patience(headers, self._settings.request_timeout)
            raise Refusal(
                Code.DEADLINE_EXCEEDED,
                f"The hub did not answer within {seconds:g} s. Ask for less, or try again.",
            ) from overdue
        outcome = response.outcome
        answer = _Answer(status_of(outcome, media_type), encode(response), media_type, headers_of(outcome))
        if outcome is Outcome.ANSWERED:
            answer.storing = self._cache_control.of(response, caller.kind, headers, by_get=method == "GET")
            if answer.storing.is_validated and self._entity_tags is not None:
                whose = "" if response.is_public else caller.nik or caller.nib or caller.subject
                self._validate(answer, self._entity_tags, headers, whose=whose)
        return answer

    def _validate(self, answer: _Answer, tags: EntityTags, headers: RequestHeaders, *, whose: str) -> None:
        """Give the answer a tag, and leave its body out where the client has it (RFC 9110, section 15.4.5)."""
        tag = tags.of(answer.body, answer.media_type, whose=whose)
        answer.tag = f"etag: {tag}\r\n".encode("ascii")
        if is_known(tag, headers.getlist("if-none-match")):
            answer.status, answer.body = _NOT_MODIFIED, b""

    def _written(self, answer: _Answer, call: Call, write: WriteWhole) -> bool:
        """Write the answer in one go; False where it has to go out in pieces."""
        head = self._head(answer, call)
        for name, value in answer.headers.items():
            head += b"%b: %b\r\n" % (name.lower().encode("latin-1"), value.encode("latin-1"))
        return write(answer.status, head, answer.body)

    def _head(self, answer: _Answer, call: Call) -> bytes:
        """The header lines that every answer has, and those that this one has in a like form."""
        request_id = call.request_id.encode("ascii")
        if answer.status == _NOT_MODIFIED:
            return b"%bx-request-id: %b\r\n%b" % (self._head_without_body, request_id, answer.fields)
        lines = (self._heads[answer.media_type], len(answer.body), request_id, answer.fields)
        return b"%bcontent-length: %d\r\nx-request-id: %b\r\n%b" % lines

    async def _send(self, answer: _Answer, call: Call, send: Send) -> None:
        headers = [
            *(each.split(b": ", 1) for each in self._head(answer, call).splitlines()),
            *((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.items()),
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})


async def _asking_anew(call: Call, oldest: float, allowance: Allowance | None) -> Call:
    """The call, which takes nothing older than so many seconds; the caller has to be allowed that."""
    if allowance is not None and (freshening := allowance.freshen()) is not None:
        await freshening
    return replace(call, at_most_old=oldest)


def check_method(method: str, headers: RequestHeaders) -> None:
    """Let pass the methods of GraphQL over HTTP (section 4.1).

    Raises:
        Refusal: METHOD_NOT_ALLOWED, with `Allow`; BAD_REQUEST to a client that opens a WebSocket.

    """
    if method == "GET" and headers.get("upgrade", "").lower() == "websocket":
        raise Refusal(Code.BAD_REQUEST, f"WebSockets are not supported. {NO_SUBSCRIPTIONS}")
    if method not in METHODS:
        raise Refusal(
            Code.METHOD_NOT_ALLOWED,
            f"{method} is not served here. Use POST, or GET for queries.",
            headers={"Allow": ", ".join(METHODS)},
        )


def _refused(refusal: Refusal, media_type: MediaType) -> _Answer:
    return _Answer(refusal.code.status, refusal_body(refusal), media_type, refusal.headers)
