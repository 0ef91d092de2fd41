"""Who is let in to `/graphql` while the hub is asked for more than it can answer.

Decided in two steps, each at the lowest cost at which it can be. First by what the request brings: a token that was
proven a moment ago, the id of an operation. Who merely says to be of the emergency lane goes on to where tokens are
proven, and is asked again then.
"""

from __future__ import annotations

from starlette.types import Scope

from auth.caller import Caller
from web.graphql_request import parse_body, parse_query_string
from web.load import Urgency
from web.media_types import MediaType, negotiate
from web.refusals import Refusal
from web.request_body import GuardedBody
from web.request_headers import RequestHeaders
from web.shedding import Shedding
from web.surplus_connections import is_surplus
from web.who_asks import WhoAsks


class Door:
    """Asks of each request what `Shedding` has to know."""

    def __init__(self, shedding: Shedding, who_asks: WhoAsks) -> None:
        self._shedding = shedding
        self._who_asks = who_asks

    async def look(self, scope: Scope, headers: RequestHeaders, body: GuardedBody) -> bool:
        """Let a request in by what it brings. True where it has to `prove` that it may come in.

        Raises:
            Refusal: OVERLOADED, once the body has come: the connection can be used on. Or as `GuardedBody.whole`.
            ClientGone: The client went away before the end of its body.

        """
        values = headers.getlist("authorization")
        certificate = self._who_asks.certificate(scope, headers)
        standing = self._shedding.standing(values[0] if values else None, certificate)
        if standing.says_lane:
            return True
        only_lane = is_surplus(scope)
        if self._is_let_in(standing.urgency, only_lane=only_lane):
            return False
        whole = await body.whole()
        operations = self._shedding.lane.operations
        if operations and _document_id(scope, whole) in operations and self._shedding.let_in(Urgency.LANE):
            return False
        raise self._shedding.turn_away(standing.urgency)

    def prove(self, caller: Caller, scope: Scope) -> None:
        """Let in who was proven.

        Raises:
            Refusal: OVERLOADED.

        """
        urgency = self._shedding.proven(caller)
        if not self._is_let_in(urgency, only_lane=is_surplus(scope)):
            raise self._shedding.turn_away(urgency)

    def _is_let_in(self, urgency: Urgency, *, only_lane: bool) -> bool:
        return (urgency is Urgency.LANE or not only_lane) and self._shedding.let_in(urgency)


def _document_id(scope: Scope, body: bytes) -> str | None:
    """The id of the document that the request names, if it is well formed and names one."""
    try:
        request = parse_query_string(scope["query_string"]) if scope["method"] == "GET" else parse_body(body)
    except Refusal:
        return None
    return None if request.document_id is None else request.document_id.value


def preferred(headers: RequestHeaders) -> MediaType:
    """The media type in which a request is refused that nobody looked at yet; JSON where it wants neither."""
    try:
        return negotiate(headers.getlist("accept"))
    except Refusal:
        return MediaType.JSON
