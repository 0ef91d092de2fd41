"""`/graphql`: the stages of a request before and after the engine (GraphQL over HTTP).

It runs before Starlette, because Starlette's work for every path costs more than `/graphql` needs.
"""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field, replace
from math import inf
from time import monotonic
from typing import Any

from starlette.types import Receive, Scope, Send

from auth.caller import Caller, CallerKind
from engine.document.parsing import NO_SUBSCRIPTIONS
from engine.request import GraphQLRequest, GraphQLResponse, ResponseOutcome
from engine.response_encoding import encode
from records.calls.call import Call
from telemetry.current_request import enter_request
from web.admission.graphql_admission import GraphQLAdmission, choose_media_type
from web.admission.surplus_connections import is_surplus
from web.authentication import RequestAuthenticator
from web.graphql.known_bodies import KnownBodies
from web.graphql.known_headers import KnownHeader, KnownHeaders
from web.graphql.media_types import (
    MediaType,
    check_content_encoding,
    check_content_type,
    check_multipart_type,
    is_multipart,
    negotiate,
)
from web.graphql.multipart_request import read_multipart_request
from web.graphql.request_parsing import parse_body, parse_query_string
from web.http_errors import CLIENT_CLOSED_REQUEST, HttpError, HttpErrorCode, build_error_body
from web.middleware.cache_control import NO_STORE, CacheControl, CachePolicy
from web.middleware.csrf import check_forgery
from web.middleware.entity_tags import matches_entity_tag
from web.middleware.hosts import check_hosts
from web.middleware.incidents import report_incident
from web.middleware.max_age import parse_max_age
from web.middleware.request_body import LimitedBody
from web.middleware.request_identity import check_timeout, choose_request_id, parse_timeout, start_call
from web.middleware.request_log import RequestLog
from web.middleware.request_spans import end_request_span
from web.middleware.security_headers import build_security_headers
from web.rate_limits.caller_limiter import NO_LIMITS, CallerLimits
from web.request_headers import RequestHeaders
from web.server.client_disconnect import ClientDisconnected, DisconnectWatcher, WorkTimedOut
from web.server.single_write_response import WholeExchange, take_whole_exchange
from web.uploads.upload_budget import UploadBudget
from web.web_parts import WebParts

PATH = "/graphql"
METHODS = ("GET", "POST")
_OK = 200
_NOT_MODIFIED = 304


@dataclass(slots=True)
class _EndpointResponse:
    status: int
    body: bytes
    media_type: MediaType
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers besides those of every response."""
    cache_policy: CachePolicy = NO_STORE
    """Which caches may store it, and for how long."""
    entity_tag_line: bytes = b""
    """The header line with its entity tag."""
    rate_limit_lines: bytes = b""
    """Header lines with the caller's remaining limits, each with its line end."""
    was_admitted: bool = True
    """False if admission control did not admit the request."""


class GraphQLEndpoint:
    """The endpoint (ASGI). `_respond` defines the order of its stages."""

    def __init__(self, parts: WebParts, request_log: RequestLog) -> None:
        settings = parts.settings
        self._execute = parts.execute
        self._request_spans = parts.request_spans
        self._requests = parts.requests
        self._route_counts = self._requests.routes[PATH]
        self._authenticator = RequestAuthenticator(parts.authenticate, settings, parts.failed_tokens)
        self._load_shedder = parts.load_shedder
        self._admission = GraphQLAdmission(self._load_shedder, self._authenticator)
        self._caller_limiter = parts.caller_limiter
        self._settings = settings
        self._origins = settings.origins
        self._has_origins = bool(settings.origins)
        self._request_log = request_log
        self._upload_budget = UploadBudget()
        self._disconnect_watcher = DisconnectWatcher()
        self._known_headers = KnownHeaders(settings.request_timeout)
        self._known_bodies = KnownBodies()
        self._cache_control = CacheControl(settings)
        self._entity_tags = parts.entity_tags
        always = b"".join(b"%b: %b\r\n" % header for header in build_security_headers(settings.hsts_seconds))
        self._fixed_heads = {
            each: f"content-type: {each.content_type}\r\n".encode("ascii") + always for each in MediaType
        }
        self._head_without_body = always

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request under its id, and handle unexpected errors."""
        began = monotonic()
        settings = self._settings
        headers = RequestHeaders(scope)
        span = self._request_spans.start(scope, headers)
        known = self._known_headers.find(scope)
        call = (
            start_call(headers, settings.request_timeout, started_at=began, span=span)
            if known is None
            else Call(
                deadline=began + known.timeout,
                request_id=choose_request_id(headers.get("x-request-id")),
                span=span,
                language=known.language,
            )
        )
        current_request = enter_request(call)
        exchange = take_whole_exchange(scope)
        body = LimitedBody(
            headers,
            receive,
            send,
            max_bytes=settings.max_body_bytes,
            timeout=settings.body_timeout,
            exchange=exchange,
        )
        if self._has_origins and "origin" in headers:
            exchange = None  # CORS headers are added on the way out
        needs_admission = not self._load_shedder.enter(began, is_surplus=is_surplus(scope))
        response: _EndpointResponse | None = None
        self._requests.in_flight += 1
        try:
            response = await self._respond(scope, headers, known, body, call, needs_admission=needs_admission)
            if not (exchange is not None and body.is_complete and self._write_at_once(response, call, exchange)):
                await self._send(response, call, send if body.is_complete else body.send)
        except Exception as error:  # noqa: BLE001 - the handler of all unexpected errors
            refusal = report_incident(
                error, call.request_id, has_started=response is not None, with_messages=settings.development
            )
            response = _build_refused_response(refusal, MediaType.JSON)
            await self._send(response, call, send if body.is_complete else body.send)
        finally:
            current_request.end()
            method, status = scope["method"], 0 if response is None else response.status
            self._requests.in_flight -= 1
            self._route_counts.record_response(status, monotonic() - began)
            self._request_log.record(call, method=method, path=PATH, status=status, started_at=began)
            if span is not None:
                end_request_span(span, call, method=method, path=PATH, status=status)
            self._load_shedder.leave(was_admitted=response is None or response.was_admitted)

    async def _respond(
        self,
        scope: Scope,
        headers: RequestHeaders,
        known: KnownHeader | None,
        body: LimitedBody,
        call: Call,
        *,
        needs_admission: bool,
    ) -> _EndpointResponse:
        """Build the response. A refusal uses the media type that was negotiated before it.

        `known` is what is known of an equal header, which passed the checks. `needs_admission`: the hub is overloaded,
        so admission control comes first.
        """
        media_type = MediaType.JSON
        caller_limits: CallerLimits = NO_LIMITS
        admission_pending = needs_admission
        try:
            # 1. Admission under overload, by a known token or the operation's id.
            if admission_pending:
                media_type = choose_media_type(headers)
                admission_pending = await self._admission.check(scope, headers, body)
            # 2. Checks of the headers. From here on, refusals use the negotiated media type.
            if known is None:
                check_hosts(headers, self._settings.allowed_hosts)
                media_type = negotiate(headers.getlist("accept"))
                check_method(scope["method"], headers)
                check_forgery(scope["method"], headers, self._origins)
                check_timeout(headers, self._settings.request_timeout)
                self._known_headers.store(scope, headers)
                max_age = parse_max_age(headers)
            else:
                media_type, max_age = known.media_type, known.max_age
            # 3. Authentication, and admission by the verified caller.
            caller = await self._authenticator.authenticate(scope, headers)
            if admission_pending:
                self._admission.check_verified(caller, scope)
                admission_pending = False
            # 4. Rate limits of the caller.
            caller_limits = self._caller_limiter.for_caller(caller, scope, headers)
            if (pending := caller_limits.take_request()) is not None:
                await pending
            if max_age < inf:
                call = await _charge_and_set_max_age(call, max_age, caller_limits)
            # 5. Read, execute, respond.
            if known is None and is_multipart(headers.get("content-type")) and scope["method"] == "POST":
                running = self._execute_with_files(headers, body, caller, call, caller_limits)
            else:
                request = (
                    self._known_bodies.parse(await body.read_all())
                    if known
                    else await _read_request(scope, headers, body)
                )
                running = self._run(request, body, caller, call, caller_limits)
            by_get = scope["method"] == "GET"
            response = self._build_response(await running, caller, headers, media_type, by_get=by_get)
        except (HttpError, WorkTimedOut, ClientDisconnected) as end:
            response = self._build_ended_response(end, headers, media_type)
        response.was_admitted = not admission_pending
        if not response.cache_policy.is_shared:  # each recipient of a shared answer has separate limits
            response.rate_limit_lines = caller_limits.build_header_lines()
        return response

    async def _execute_with_files(
        self, headers: RequestHeaders, body: LimitedBody, caller: Caller, call: Call, caller_limits: CallerLimits
    ) -> GraphQLResponse:
        """Run a request with files. Its time begins when its body has arrived, because photos take long to send."""
        if caller.kind is CallerKind.ANONYMOUS:
            message = "Files can be sent by a signed-in person only. Send your token as 'Authorization: Bearer ...'."
            raise HttpError(HttpErrorCode.UNAUTHENTICATED, message, headers={"WWW-Authenticate": "Bearer"})
        check_content_encoding(headers.getlist("content-encoding"))
        content_type = check_multipart_type(headers.getlist("content-type"))
        settings = self._settings
        body.expect_files(max_bytes=settings.max_upload_bytes, timeout=settings.upload_timeout)
        with self._upload_budget.reserve(body.announced_length):
            request = await read_multipart_request(content_type, body)
            call = replace(call, deadline=monotonic() + parse_timeout(headers, settings.request_timeout))
            return await self._run(request, body, caller, call, caller_limits)

    def _run(
        self, request: GraphQLRequest, body: LimitedBody, caller: Caller, call: Call, caller_limits: CallerLimits
    ) -> Coroutine[Any, Any, GraphQLResponse]:
        return self._disconnect_watcher.run(
            self._execute(request, caller, call, caller_limits),
            body.receive,
            timeout=call.remaining() + self._settings.overrun_grace,
        )

    def _build_response(
        self,
        graphql_response: GraphQLResponse,
        caller: Caller,
        headers: RequestHeaders,
        media_type: MediaType,
        *,
        by_get: bool,
    ) -> _EndpointResponse:
        outcome = graphql_response.outcome
        body = encode(graphql_response)
        if outcome is not ResponseOutcome.ANSWERED:
            return _EndpointResponse(get_status(outcome, media_type), body, media_type, get_headers(outcome))
        policy = self._cache_control.choose_policy(graphql_response, caller.kind, headers, by_get=by_get)
        response = _EndpointResponse(_OK, body, media_type, cache_policy=policy)
        if policy.has_entity_tag:
            owner = "" if graphql_response.is_public else caller.nik or caller.nib or caller.subject
            self._add_entity_tag(response, headers, owner=owner)
        return response

    def _build_ended_response(
        self, end: HttpError | WorkTimedOut | ClientDisconnected, headers: RequestHeaders, media_type: MediaType
    ) -> _EndpointResponse:
        """The response to a request that was refused, ran out of time, or lost its client."""
        if isinstance(end, ClientDisconnected):
            return _EndpointResponse(CLIENT_CLOSED_REQUEST, b"", media_type)
        if isinstance(end, WorkTimedOut):
            end = _build_deadline_error(parse_timeout(headers, self._settings.request_timeout))
        return _build_refused_response(end, media_type)

    def _add_entity_tag(self, response: _EndpointResponse, headers: RequestHeaders, *, owner: str) -> None:
        """Add an entity tag, and omit the body if the client has it (RFC 9110, section 15.4.5)."""
        tag = self._entity_tags.make_tag(response.body, response.media_type, owner=owner)
        response.entity_tag_line = f"etag: {tag}\r\n".encode("ascii")
        if matches_entity_tag(tag, headers.getlist("if-none-match")):
            response.status, response.body = _NOT_MODIFIED, b""

    def _write_at_once(self, response: _EndpointResponse, call: Call, exchange: WholeExchange) -> bool:
        """Write the response in one call; False if it has to be sent in pieces."""
        head = self._build_head(response, call)
        for name, value in response.headers.items():
            head += b"%b: %b\r\n" % (name.lower().encode("latin-1"), value.encode("latin-1"))
        return exchange.write_response(response.status, head, response.body)

    def _build_head(self, response: _EndpointResponse, call: Call) -> bytes:
        """The header lines of every response, with the values of this one."""
        request_id = call.request_id.encode("ascii")
        own_lines = response.cache_policy.header_lines + response.entity_tag_line + response.rate_limit_lines
        if response.status == _NOT_MODIFIED:
            return b"%bx-request-id: %b\r\n%b" % (self._head_without_body, request_id, own_lines)
        lines = (self._fixed_heads[response.media_type], len(response.body), request_id, own_lines)
        return b"%bcontent-length: %d\r\nx-request-id: %b\r\n%b" % lines

    async def _send(self, response: _EndpointResponse, call: Call, send: Send) -> None:
        headers = [
            *(each.split(b": ", 1) for each in self._build_head(response, call).splitlines()),
            *((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()),
        ]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": response.body})


def get_status(outcome: ResponseOutcome, media_type: MediaType) -> int:
    """The HTTP status of a GraphQL response (GraphQL over HTTP, section 6 "Response").

    In `application/json` every well-formed request gets 200: intermediaries may answer 4xx in that type too, and
    clients could not tell them apart (section 6.4.1). In `application/graphql-response+json` a request error gets 400
    (section 6.4.2). Newer drafts say 422 and 294; the audits of graphql-http say 400.
    """
    match outcome:
        case ResponseOutcome.ANSWERED:
            return _OK
        case ResponseOutcome.NOT_A_QUERY:
            return 405
        case ResponseOutcome.FORBIDDEN:
            return 403 if media_type is MediaType.GRAPHQL_RESPONSE else 200
        case ResponseOutcome.REFUSED:
            return 400 if media_type is MediaType.GRAPHQL_RESPONSE else 200


def get_headers(outcome: ResponseOutcome) -> dict[str, str]:
    """The headers of an outcome: a 405 names the method to use (RFC 9110, section 15.5.6)."""
    return {"Allow": "POST"} if outcome is ResponseOutcome.NOT_A_QUERY else {}


def _build_deadline_error(seconds: float) -> HttpError:
    message = f"The hub did not answer within {seconds:g} s. Ask for less, or try again."
    return HttpError(HttpErrorCode.DEADLINE_EXCEEDED, message)


async def _read_request(scope: Scope, headers: RequestHeaders, body: LimitedBody) -> GraphQLRequest:
    if scope["method"] == "GET":
        # A body has no meaning here (RFC 9110, section 9.3.1), but it has to be read, within the limits.
        await body.read_all()
        return parse_query_string(scope["query_string"])
    check_content_encoding(headers.getlist("content-encoding"))
    check_content_type(headers.getlist("content-type"))
    return parse_body(await body.read_all())


async def _charge_and_set_max_age(call: Call, max_age: float, caller_limits: CallerLimits) -> Call:
    """Charge the caller's limit for requests with a maximum age, and build the call with it (seconds)."""
    if (pending := caller_limits.take_fresh_request()) is not None:
        await pending
    return replace(call, max_age=max_age)


def check_method(method: str, headers: RequestHeaders) -> None:
    """Allow the methods of GraphQL over HTTP (section 4.1).

    Raises:
        HttpError: METHOD_NOT_ALLOWED, with `Allow`; BAD_REQUEST to a client that opens a WebSocket.

    """
    if method == "GET" and headers.get("upgrade", "").lower() == "websocket":
        raise HttpError(HttpErrorCode.BAD_REQUEST, f"WebSockets are not supported. {NO_SUBSCRIPTIONS}")
    if method not in METHODS:
        raise HttpError(
            HttpErrorCode.METHOD_NOT_ALLOWED,
            f"{method} is not served here. Use POST, or GET for queries.",
            headers={"Allow": ", ".join(METHODS)},
        )


def _build_refused_response(refusal: HttpError, media_type: MediaType) -> _EndpointResponse:
    return _EndpointResponse(refusal.code.status, build_error_body(refusal), media_type, refusal.headers)
