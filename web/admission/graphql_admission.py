"""Admission control of `/graphql` under overload, in two steps.

The first step uses what is cheap to know: a recently verified token, or the id of an operation. A request whose token
merely claims the emergency lane goes on to authentication; the second step checks it again with the verified caller.
"""

from __future__ import annotations

from starlette.types import Scope

from auth.caller import Caller
from web.admission.load import Urgency
from web.admission.load_shedder import LoadShedder
from web.admission.surplus_connections import is_surplus
from web.authentication import RequestAuthenticator
from web.graphql.media_types import MediaType, is_multipart, negotiate
from web.graphql.request_parsing import parse_body, parse_query_string
from web.http_errors import HttpError
from web.middleware.request_body import LimitedBody
from web.request_headers import RequestHeaders


class GraphQLAdmission:
    """Decides on `/graphql` requests with `LoadShedder`."""

    def __init__(self, load_shedder: LoadShedder, authenticator: RequestAuthenticator) -> None:
        self._load_shedder = load_shedder
        self._authenticator = authenticator

    async def check(self, scope: Scope, headers: RequestHeaders, body: LimitedBody) -> bool:
        """Admit a request by its headers. Returns True if `check_verified` has to decide after authentication.

        Raises:
            HttpError: OVERLOADED, after the body was read, so that the connection stays usable. Also what
                `LimitedBody.read_all` raises.
            ClientDisconnected: The client disconnected before the end of its body.

        """
        values = headers.getlist("authorization")
        certificate = self._authenticator.get_certificate_thumbprint(scope, headers)
        priority = self._load_shedder.get_priority(values[0] if values else None, certificate)
        if priority.claims_lane:
            return True
        lane_only = is_surplus(scope)
        if self._admit(priority.urgency, lane_only=lane_only):
            return False
        if is_multipart(headers.get("content-type")):  # too long to be read before it is admitted
            raise self._load_shedder.build_overload_error(priority.urgency)
        body_bytes = await body.read_all()
        operations = self._load_shedder.lane.operations
        if operations and _find_document_id(scope, body_bytes) in operations and self._load_shedder.admit(Urgency.LANE):
            return False
        raise self._load_shedder.build_overload_error(priority.urgency)

    def check_verified(self, caller: Caller, scope: Scope) -> None:
        """Admit a request by its verified caller.

        Raises:
            HttpError: OVERLOADED.

        """
        urgency = self._load_shedder.get_verified_urgency(caller)
        if not self._admit(urgency, lane_only=is_surplus(scope)):
            raise self._load_shedder.build_overload_error(urgency)

    def _admit(self, urgency: Urgency, *, lane_only: bool) -> bool:
        return (urgency is Urgency.LANE or not lane_only) and self._load_shedder.admit(urgency)


def _find_document_id(scope: Scope, body: bytes) -> str | None:
    """The document id of the request; None if it has none or is malformed."""
    try:
        request = parse_query_string(scope["query_string"]) if scope["method"] == "GET" else parse_body(body)
    except HttpError:
        return None
    return None if request.document_id is None else request.document_id.value


def choose_media_type(headers: RequestHeaders) -> MediaType:
    """The media type of a refusal before content negotiation; JSON if the client accepts neither type."""
    try:
        return negotiate(headers.getlist("accept"))
    except HttpError:
        return MediaType.JSON
