"""`/photos/{key}`: photos of complaints, for those who may see the complaint.

The address holds a sealed key and no right: each request runs an operation of the graph as its caller, so the rules of
the complaint, the ledger and the rates apply. For anybody else, the photo does not exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.caller import Caller, CallerKind
from auth.crypto.node_ids import NodeIds, UnknownNodeId
from engine.cost_budgets import NO_BUDGET
from engine.errors import SafeError
from engine.request import GraphQLRequest
from records.calls.call import Call
from records.calls.failures import AgencyFailure
from records.complaint_photos import PHOTO_PATH, PHOTO_TYPE_NAME, PhotoKey, parse_photo_key
from records.uploads import find_image_type
from schema.declarations.routed_fields import AGENCY_MARK
from web.authentication import RequestAuthenticator
from web.graphql.execute import Execute
from web.http_errors import HttpError, HttpErrorCode
from web.middleware.request_identity import get_call

QUERY: Final = "query ComplaintPhoto($id: ID!) { node(id: $id) { ... on Complaint { photos { url } } } }"
_READERS: Final = frozenset({CallerKind.ANONYMOUS, CallerKind.CITIZEN, CallerKind.OFFICIAL})
_HEADERS: Final = {
    "Cache-Control": "private, max-age=60",
    "Vary": "Authorization, Cookie",
    "X-Content-Type-Options": "nosniff",
    "Content-Disposition": 'inline; filename="photo"',
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class PhotoFiles(Protocol):
    """The files of photos."""

    async def load(self, key: PhotoKey, call: Call) -> bytes | None:
        """The file of a photo; None if it is gone. Raises `AgencyFailure` or `SafeError`."""


class SessionCaller(Protocol):
    """The callers of the hub's own pages."""

    async def __call__(self, request: Request, /) -> Caller | None:
        """The signed-in person of a request without a token; None without a session. Raises `HttpError`."""


async def find_no_caller(_request: Request) -> Caller | None:
    """None, for a hub without pages to sign in to."""
    return None


class PhotoEndpoint:
    """Serves the photos."""

    def __init__(
        self,
        files: PhotoFiles,
        execute: Execute,
        node_ids: NodeIds,
        *,
        authenticator: RequestAuthenticator,
        find_session_caller: SessionCaller,
    ) -> None:
        """`execute` runs the hub's own documents, to which no contract applies."""
        self._files = files
        self._execute = execute
        self._node_ids = node_ids
        self._authenticator = authenticator
        self._find_session_caller = find_session_caller

    def routes(self) -> list[Route]:
        """The routes."""
        return [Route(f"{PHOTO_PATH}{{key}}", self.serve, methods=["GET"])]

    async def serve(self, request: Request) -> Response:
        """One photo."""
        key = self._open_key(request.path_params["key"])
        caller = await self._find_caller(request)
        call = get_call(request.scope)
        if not await self._is_shown(request.url.path, key, caller, call):
            raise _build_not_found()
        try:
            content = await self._files.load(key, call)
        except (AgencyFailure, SafeError):
            message = "The complaint system does not answer. Try again later."
            raise HttpError(HttpErrorCode.HUB_UNAVAILABLE, message, headers={"Retry-After": "5"}) from None
        media_type = None if content is None else find_image_type(content)
        if media_type is None:
            raise _build_not_found()
        return Response(content, headers=_HEADERS, media_type=media_type)

    def _open_key(self, text: str) -> PhotoKey:
        try:
            type_name, inside = self._node_ids.open(text)
        except UnknownNodeId:
            raise _build_not_found() from None
        key = parse_photo_key(inside) if type_name == PHOTO_TYPE_NAME else None
        if key is None:
            raise _build_not_found()
        return key

    async def _find_caller(self, request: Request) -> Caller:
        """The caller by token, else by the session of the hub's pages. Raises `HttpError`."""
        caller = await self._authenticator.authenticate_and_charge(request.scope)
        if caller.kind is CallerKind.ANONYMOUS:
            caller = await self._find_session_caller(request) or caller
        if caller.kind not in _READERS or (caller.kind is CallerKind.CITIZEN and not caller.first_party):
            raise HttpError(HttpErrorCode.FORBIDDEN, "Photos are for people in the city's own apps, and for officials.")
        return caller

    async def _is_shown(self, path: str, key: PhotoKey, caller: Caller, call: Call) -> bool:
        """Whether the graph shows the caller this photo now. The read is recorded like any."""
        node_id = self._node_ids.seal("Complaint", f"{key.agency}{AGENCY_MARK}{key.complaint_id}")
        request = GraphQLRequest(query=QUERY, variables={"id": node_id})
        response = await self._execute(request, caller, call, NO_BUDGET)
        node: Mapping[str, Any] | None = (response.data or {}).get("node")
        if node is None or node.get("photos") is None:
            if any(_is_outage(each) for each in response.errors):
                message = "The complaint cannot be read at the moment. Try again later."
                raise HttpError(HttpErrorCode.HUB_UNAVAILABLE, message, headers={"Retry-After": "5"})
            return False
        return path in [each["url"] for each in node["photos"]]


def _is_outage(error: Mapping[str, Any]) -> bool:
    code = str((error.get("extensions") or {}).get("code"))
    return code.startswith("AGENCY_") or code in {"LEDGER_UNAVAILABLE", "COMMANDS_UNAVAILABLE"}


def _build_not_found() -> HttpError:
    message = "There is no such photo, or it is not yours to see. Read the complaint again for its address."
    return HttpError(HttpErrorCode.NOT_FOUND, message)
