"""`/graphql`: the way of a request through the deciding functions to the engine and back (GraphQL over HTTP)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from auth.caller import Caller
from auth.tokens import Unauthenticated
from engine.encoding import encode
from engine.request import GraphQLRequest, GraphQLResponse
from records.call import Call
from web.attended import ClientGone, Overdue, attended
from web.csrf import check_forgery
from web.graphql_request import parse_body, parse_query_string
from web.graphql_response import headers_of, status_of
from web.media_types import MediaType, check_content_encoding, check_content_type, negotiate
from web.refusals import Code, Refusal, refusal_body
from web.request_identity import call_of, patience
from web.settings import WebSettings

METHODS = ("GET", "POST")
_CLIENT_CLOSED_REQUEST = 499
"""What logs say of a request whose client went away; nobody reads the answer."""


class Execute(Protocol):
    """Runs one request; the engine, wired by the composition root."""

    async def __call__(self, request: GraphQLRequest, caller: Caller, call: Call) -> GraphQLResponse:
        """The response. Agency failures and refusals are in it; an exception is a fault of the hub."""


Authenticate = Callable[[str | None], Caller]
"""From the value of the `Authorization` header to who asks. Raises `Unauthenticated`."""


class GraphQLEndpoint:
    """The endpoint. The order of its stages stands in `_serve` and nowhere else."""

    def __init__(self, *, execute: Execute, authenticate: Authenticate, settings: WebSettings) -> None:
        self._execute = execute
        self._authenticate = authenticate
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        response = await self._respond(Request(scope, receive))
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        """Answer; a refusal of any stage is answered in the media type that was negotiated before it."""
        media_type = MediaType.JSON
        try:
            media_type = negotiate(request.headers.getlist("accept"))
            return await self._serve(request, media_type)
        except Refusal as refusal:
            return _response(refusal_body(refusal), refusal.code.status, media_type, refusal.headers)
        except (ClientGone, ClientDisconnect):
            return Response(status_code=_CLIENT_CLOSED_REQUEST)

    async def _serve(self, request: Request, media_type: MediaType) -> Response:
        check_method(request.method)
        check_forgery(request.method, request.headers, self._settings.allowed_origins)
        seconds = patience(request.headers, self._settings.request_timeout)
        caller = self._who_asks(request)
        graphql_request = await _parsed(request)
        call = call_of(request.scope)
        try:
            answer = await attended(
                self._execute(graphql_request, caller, call),
                request.receive,
                timeout=call.remaining() + self._settings.overrun,
            )
        except Overdue as overdue:
            raise Refusal(
                Code.DEADLINE_EXCEEDED,
                f"The hub did not answer within {seconds:g} s. Ask for less, or try again.",
            ) from overdue
        return _response(encode(answer), status_of(answer.outcome, media_type), media_type, headers_of(answer.outcome))

    def _who_asks(self, request: Request) -> Caller:
        values = request.headers.getlist("authorization")
        if len(values) > 1:
            raise _unauthenticated("The Authorization header comes more than once. Send it once.")
        try:
            return self._authenticate(values[0] if values else None)
        except Unauthenticated as error:
            raise _unauthenticated(str(error)) from error


def check_method(method: str) -> None:
    """Let pass the methods of GraphQL over HTTP (section 4.1).

    Raises:
        Refusal: METHOD_NOT_ALLOWED, with `Allow`.

    """
    if method not in METHODS:
        raise Refusal(
            Code.METHOD_NOT_ALLOWED,
            f"{method} is not served here. Use POST, or GET for queries.",
            headers={"Allow": ", ".join(METHODS)},
        )


async def _parsed(request: Request) -> GraphQLRequest:
    if request.method == "GET":
        await (
            request.body()
        )  # means nothing (RFC 9110, section 9.3.1), but has to be off the wire and within the limits
        return parse_query_string(request.scope["query_string"])
    check_content_encoding(request.headers.getlist("content-encoding"))
    check_content_type(request.headers.getlist("content-type"))
    return parse_body(await request.body())


def _unauthenticated(message: str) -> Refusal:
    return Refusal(Code.UNAUTHENTICATED, message, headers={"WWW-Authenticate": "Bearer"})


def _response(body: bytes, status: int, media_type: MediaType, headers: Mapping[str, str]) -> Response:
    """An answer that nobody may keep: it belongs to one caller."""
    return Response(
        body,
        status,
        {"Content-Type": media_type.content_type, "Cache-Control": "no-store", "Vary": "Accept", **headers},
    )
