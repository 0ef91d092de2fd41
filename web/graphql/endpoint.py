"""`/graphql`: the stages of a request before and after the engine (GraphQL over HTTP).

It runs before Starlette, because Starlette's work for every path costs more than `/graphql` needs.
"""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import replace
from math import inf
from time import monotonic
from typing import Any

from starlette.types import Receive, Scope, Send

from auth.caller import Caller, CallerKind
from engine.document.parsing import NO_SUBSCRIPTIONS
from engine.request import GraphQLRequest, GraphQLResponse
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
from web.graphql.repeated_requests import PATH, RepeatedRequests, RequestKnowledge
from web.graphql.request_parsing import parse_body, parse_query_string
from web.graphql.responses import EndpointResponse, ResponseBuilder, build_refused_response
from web.graphql.served_requests import ServedRequests
from web.http_errors import HttpError, HttpErrorCode
from web.middleware.csrf import check_forgery
from web.middleware.hosts import check_hosts
from web.middleware.incidents import report_incident
from web.middleware.max_age import parse_max_age
from web.middleware.request_body import LimitedBody
from web.middleware.request_identity import check_timeout, choose_request_id, parse_timeout, start_call
from web.middleware.request_log import RequestLog
from web.middleware.request_spans import end_request_span
from web.rate_limits.caller_limiter import NO_LIMITS, CallerLimits
from web.request_headers import RequestHeaders
from web.server.client_disconnect import ClientDisconnected, DisconnectWatcher, WorkTimedOut
from web.server.single_write_response import take_whole_exchange
from web.uploads.upload_budget import UploadBudget
from web.web_parts import WebParts

METHODS = ("GET", "POST")


class GraphQLEndpoint:
    """The endpoint (ASGI). `_respond` defines the order of its stages."""

    def __init__(self, parts: WebParts, request_log: RequestLog) -> None:
        settings = parts.settings
        self._execute = parts.execute
        self._request_spans = parts.request_spans
        self._served_requests = ServedRequests(PATH, parts.requests, request_log, parts.load_shedder)
        self._authenticator = RequestAuthenticator(parts.authenticate, settings, parts.failed_tokens)
        self._load_shedder = parts.load_shedder
        self._admission = GraphQLAdmission(self._load_shedder, self._authenticator)
        self._caller_limiter = parts.caller_limiter
        self._settings = settings
        self._origins = settings.origins
        self._has_origins = bool(settings.origins)
        self._upload_budget = UploadBudget()
        self._disconnect_watcher = DisconnectWatcher()
        self._known_headers = KnownHeaders(settings.request_timeout)
        self._known_bodies = KnownBodies()
        self._responses = ResponseBuilder(settings, parts.entity_tags)
        self.repeated_requests = RepeatedRequests(
            parts, self._served_requests, self._known_headers, self._known_bodies, self._responses
        )

    def count_refused_connection(self) -> None:
        """Count a request that was refused because there are too many connections."""
        self._load_shedder.count_refusal()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request under its id, and handle unexpected errors."""
        began = monotonic()
        settings = self._settings
        exchange = take_whole_exchange(scope)
        knowledge = None if exchange is None else exchange.knowledge
        known: KnownHeader | None
        if isinstance(knowledge, RequestKnowledge):
            headers, known, _ = knowledge
        else:
            headers, known = RequestHeaders(scope), self._known_headers.find(scope)
        span = self._request_spans.start(scope, headers)
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
        response: EndpointResponse | None = None
        self._served_requests.begin()
        try:
            response = await self._respond(scope, headers, known, body, call, needs_admission=needs_admission)
            whole = exchange if body.is_complete else None
            if whole is None or not self._responses.write(response, call.request_id, whole):
                await self._responses.send(response, call.request_id, send if body.is_complete else body.send)
        except Exception as error:  # noqa: BLE001 - the handler of all unexpected errors
            refusal = report_incident(
                error, call.request_id, has_started=response is not None, with_messages=settings.development
            )
            response = build_refused_response(refusal, MediaType.JSON)
            await self._responses.send(response, call.request_id, send if body.is_complete else body.send)
        finally:
            current_request.end()
            method, status = scope["method"], 0 if response is None else response.status
            was_admitted = response is None or response.was_admitted
            self._served_requests.end(
                ((call.request_id, began),), method=method, status=status, span=span, was_admitted=was_admitted
            )
            if span is not None:
                end_request_span(span, call, method=method, path=PATH, status=status)

    async def _respond(
        self,
        scope: Scope,
        headers: RequestHeaders,
        known: KnownHeader | None,
        body: LimitedBody,
        call: Call,
        *,
        needs_admission: bool,
    ) -> EndpointResponse:
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
            response = self._responses.build(await running, caller, headers, media_type, by_get=by_get)
        except (HttpError, WorkTimedOut, ClientDisconnected) as end:
            response = self._responses.build_ended(end, headers, media_type)
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
