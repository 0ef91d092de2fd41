"""Who is let in to `/graphql` while the hub is asked for more than it can answer.

Decided in two steps, each at the lowest cost at which it can be. First by what the request brings: a token that was
proven a moment ago, the id of an operation. Who merely says to be of the emergency lane goes on to where tokens are
proven, and is asked again then.
"""

from __future__ import annotations

from starlette.types import Scope

from auth.caller import Caller
from web.admission.load import Urgency
from web.admission.load_shedder import LoadShedder
from web.admission.surplus_connections import is_surplus
from web.authentication import RequestAuthenticator
from web.graphql.media_types import MediaType, negotiate
from web.graphql.request_parsing import parse_body, parse_query_string
from web.http_errors import HttpError
from web.middleware.request_body import LimitedBody
from web.request_headers import RequestHeaders


class GraphQLAdmission:
    """Asks of each request what `LoadShedder` has to know."""

    def __init__(self, load_shedder: LoadShedder, authenticator: RequestAuthenticator) -> None:
        self._load_shedder = load_shedder
        self._authenticator = authenticator

    async def check(self, scope: Scope, headers: RequestHeaders, body: LimitedBody) -> bool:
        """Let a request in by what it brings. True where it has to `check_verified` that it may come in.

        Raises:
            Refusal: OVERLOADED, once the body has come: the connection can be used on. Or as `LimitedBody.read_all`.
            ClientDisconnected: The client went away before the end of its body.

        """
        values = headers.getlist("authorization")
        certificate = self._authenticator.get_certificate_thumbprint(scope, headers)
        priority = self._load_shedder.get_priority(values[0] if values else None, certificate)
        if priority.claims_lane:
            return True
        lane_only = is_surplus(scope)
        if self._admit(priority.urgency, lane_only=lane_only):
            return False
        body_bytes = await body.read_all()
        operations = self._load_shedder.lane.operations
        if operations and _find_document_id(scope, body_bytes) in operations and self._load_shedder.admit(Urgency.LANE):
            return False
        raise self._load_shedder.build_overload_error(priority.urgency)

    def check_verified(self, caller: Caller, scope: Scope) -> None:
        """Let in who was proven.

        Raises:
            Refusal: OVERLOADED.

        """
        urgency = self._load_shedder.get_verified_urgency(caller)
        if not self._admit(urgency, lane_only=is_surplus(scope)):
            raise self._load_shedder.build_overload_error(urgency)

    def _admit(self, urgency: Urgency, *, lane_only: bool) -> bool:
        return (urgency is Urgency.LANE or not lane_only) and self._load_shedder.admit(urgency)


def _find_document_id(scope: Scope, body: bytes) -> str | None:
    """The id of the document that the request names, if it is well formed and names one."""
    try:
        request = parse_query_string(scope["query_string"]) if scope["method"] == "GET" else parse_body(body)
    except HttpError:
        return None
    return None if request.document_id is None else request.document_id.value


def choose_media_type(headers: RequestHeaders) -> MediaType:
    """The media type in which a request is refused that nobody looked at yet; JSON where it wants neither."""
    try:
        return negotiate(headers.getlist("accept"))
    except HttpError:
        return MediaType.JSON
