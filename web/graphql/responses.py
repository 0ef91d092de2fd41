"""Responses of `/graphql`: how they are built from the engine's, and sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from starlette.types import Send

from auth.caller import Caller
from engine.request import GraphQLResponse, ResponseOutcome
from engine.response_encoding import encode
from web.graphql.media_types import MediaType
from web.http_errors import CLIENT_CLOSED_REQUEST, HttpError, HttpErrorCode, build_error_body
from web.middleware.cache_control import NO_STORE, CacheControl, CachePolicy
from web.middleware.entity_tags import EntityTags, matches_entity_tag
from web.middleware.request_identity import parse_timeout
from web.middleware.security_headers import build_security_headers
from web.request_headers import RequestHeaders
from web.server.client_disconnect import ClientDisconnected, WorkTimedOut
from web.server.single_write_response import WholeExchange
from web.settings import WebSettings

_OK = 200
_NOT_MODIFIED = 304


class ResponseHead(NamedTuple):
    """The header lines that requests with one response share, by their place beside those of one request."""

    before_id: bytes
    after_id: bytes
    after_limits: bytes


@dataclass(slots=True)
class EndpointResponse:
    """A response of `/graphql`, before it is sent."""

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
    head: ResponseHead | None = None
    """Its header lines, once they are built: nothing but the limits changes from then on."""


class ResponseBuilder:
    """Builds and sends the responses of one hub."""

    def __init__(self, settings: WebSettings, entity_tags: EntityTags) -> None:
        """`entity_tags` makes the tags of responses that may be stored."""
        self._settings = settings
        self._entity_tags = entity_tags
        self._cache_control = CacheControl(settings)
        always = b"".join(b"%b: %b\r\n" % header for header in build_security_headers(settings.hsts_seconds))
        self._fixed_heads = {
            each: f"content-type: {each.content_type}\r\n".encode("ascii") + always for each in MediaType
        }
        self._head_without_body = always

    def build(
        self,
        graphql_response: GraphQLResponse,
        caller: Caller,
        headers: RequestHeaders,
        media_type: MediaType,
        *,
        by_get: bool,
    ) -> EndpointResponse:
        """The response to a request that the engine answered or refused."""
        outcome = graphql_response.outcome
        body = encode(graphql_response)
        if outcome is not ResponseOutcome.ANSWERED:
            return EndpointResponse(get_status(outcome, media_type), body, media_type, get_headers(outcome))
        policy = self._cache_control.choose_policy(graphql_response, caller.kind, headers, by_get=by_get)
        response = EndpointResponse(_OK, body, media_type, cache_policy=policy)
        if policy.has_entity_tag:
            owner = "" if graphql_response.is_public else caller.nik or caller.nib or caller.subject
            self._add_entity_tag(response, headers, owner=owner)
        return response

    def build_ended(
        self, end: HttpError | WorkTimedOut | ClientDisconnected, headers: RequestHeaders, media_type: MediaType
    ) -> EndpointResponse:
        """The response to a request that was refused, ran out of time, or lost its client."""
        if isinstance(end, ClientDisconnected):
            return EndpointResponse(CLIENT_CLOSED_REQUEST, b"", media_type)
        if isinstance(end, WorkTimedOut):
            end = build_deadline_error(parse_timeout(headers, self._settings.request_timeout))
        return build_refused_response(end, media_type)

    def _add_entity_tag(self, response: EndpointResponse, headers: RequestHeaders, *, owner: str) -> None:
        """Add an entity tag, and omit the body if the client has it (RFC 9110, section 15.4.5)."""
        tag = self._entity_tags.make_tag(response.body, response.media_type, owner=owner)
        response.entity_tag_line = f"etag: {tag}\r\n".encode("ascii")
        if matches_entity_tag(tag, headers.getlist("if-none-match")):
            response.status, response.body = _NOT_MODIFIED, b""

    def write(self, response: EndpointResponse, request_id: str, exchange: WholeExchange) -> bool:
        """Write the response in one call; False if it has to be sent in pieces."""
        before_id, after_id, after_limits = response.head or self._build_head(response)
        lines = before_id, request_id.encode("ascii"), after_id, response.rate_limit_lines, after_limits
        return exchange.write_response(response.status, b"".join(lines), response.body)

    def _build_head(self, response: EndpointResponse) -> ResponseHead:
        """The header lines of every response, with the values of this one."""
        if response.status == _NOT_MODIFIED:
            fixed = self._head_without_body
        else:
            fixed = b"%bcontent-length: %d\r\n" % (self._fixed_heads[response.media_type], len(response.body))
        response.head = ResponseHead(
            fixed + b"x-request-id: ",
            b"\r\n" + response.cache_policy.header_lines + response.entity_tag_line,
            b"".join(
                b"%b: %b\r\n" % (name.lower().encode("latin-1"), value.encode("latin-1"))
                for name, value in response.headers.items()
            ),
        )
        return response.head

    async def send(self, response: EndpointResponse, request_id: str, send: Send) -> None:
        """Send the response in pieces."""
        before_id, after_id, after_limits = response.head or self._build_head(response)
        lines = before_id + request_id.encode("ascii") + after_id + response.rate_limit_lines + after_limits
        headers = [each.split(b": ", 1) for each in lines.splitlines()]
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


def build_deadline_error(seconds: float) -> HttpError:
    """The refusal of a request that was not answered in time."""
    message = f"The hub did not answer within {seconds:g} s. Ask for less, or try again."
    return HttpError(HttpErrorCode.DEADLINE_EXCEEDED, message)


def build_refused_response(refusal: HttpError, media_type: MediaType) -> EndpointResponse:
    """The response to a request that was refused before the engine."""
    return EndpointResponse(refusal.code.status, build_error_body(refusal), media_type, refusal.headers)
