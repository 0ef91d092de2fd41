"""`/me/export`: everything that the hub can reach about the caller, as one JSON document, streamed.

Each part is a separate operation with its own deadline, under the same rules and recorded like any other. A part names
what an agency does not supply. An interrupted document is not valid JSON and has no `complete` at its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Protocol

import orjson
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from auth.caller import Assurance, Caller, CallerKind, Representation
from engine.cost_budgets import NO_BUDGET
from engine.request import GraphQLRequest, GraphQLResponse
from engine.response_encoding import encode_value
from records.calls.call import Call
from records.identifiers import Nik
from schema.tools.export_parts import ExportPart
from services.rights.exports import ExportsUnavailable, TooManyExports
from web.authentication import RequestAuthenticator
from web.graphql.execute import Execute
from web.http_error_responses import build_error_response
from web.http_errors import HttpError, HttpErrorCode
from web.middleware.incidents import report_incident
from web.middleware.request_body import LimitedBody
from web.middleware.request_identity import get_call
from web.request_headers import RequestHeaders
from web.server.client_disconnect import ClientDisconnected, DisconnectWatcher
from web.settings import WebSettings

PATH = "/me/export"
FORMAT = "simpul-export"
VERSION = 1
MAX_CONCURRENT_EXPORTS = 8
"""Concurrent exports in one process."""
MAX_SECONDS = 25 * 60.0
"""Seconds after which an export is stopped, however much is left."""
_RETRY_SECONDS = 60
_ABOUT = (
    "Everything that the city's hub can reach about you at this moment (UU PDP 27/2022, articles 7, 13 and 32). Each"
    " part names what could not be read; only a document with 'complete' at its end is whole."
)


RenderRefusal = Callable[[HttpError], Response]


class ExportSlotStore(Protocol):
    """Limits how many exports a person may begin."""

    async def begin(self, nik: Nik, /) -> str:
        """Begin an export and return its id; raises `TooManyExports` and `ExportsUnavailable`."""

    async def end(self, id_: str, /) -> None:
        """Let the person begin the next export."""


@dataclass(slots=True)
class _ExportSlot:
    """One person's pending export, which ends once."""

    slots: ExportSlotStore
    id: str
    has_ended: bool = False

    async def end(self) -> None:
        if not self.has_ended:
            await self.slots.end(self.id)
            self.has_ended = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportParts:
    """The parts of an export, the function that runs them, and the store of slots."""

    parts: Sequence[ExportPart]
    execute: Execute
    slots: ExportSlotStore


class ExportEndpoint:
    """The endpoint (ASGI)."""

    def __init__(
        self,
        export: ExportParts,
        *,
        authenticator: RequestAuthenticator,
        settings: WebSettings,
    ) -> None:
        self._export = export
        self._authenticator = authenticator
        self._settings = settings
        self._disconnect_watcher = DisconnectWatcher()
        self._running = 0

    def routes(self) -> list[Route]:
        """The routes."""
        return [Route(PATH, self, methods=["GET"])]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one export, or the reason why it is refused."""
        try:
            _check_method(scope["method"])
            # The parts of an export are not counted against the rate: the number of exports is limited instead.
            person = await self._authenticator.authenticate_and_charge(scope)
            await LimitedBody(
                RequestHeaders(scope), receive, send, max_bytes=self._settings.max_body_bytes, timeout=1.0
            ).read_all()
        except ClientDisconnected:
            return
        except HttpError as refusal:
            await build_error_response(refusal)(scope, receive, send)
            return
        await self.respond(person)(scope, receive, send)

    def respond(self, person: Caller, render_refusal: RenderRefusal = build_error_response) -> Response:
        """The export as a response; `render_refusal` builds the response that says why there is none."""
        return _ExportResponse(self, person, render_refusal)

    async def send_export(self, person: Caller, call: Call, receive: Receive, send: Send) -> None:
        """Send one export. Raises `HttpError` before anything was sent."""
        _check_person(person)
        self._check_concurrency()
        self._running += 1
        try:
            slot = _ExportSlot(self._export.slots, await self._acquire_slot(person))
            try:
                await self._disconnect_watcher.run(
                    self._send_document(person, call, slot, send), receive, timeout=MAX_SECONDS
                )
            finally:
                await slot.end()
        except ClientDisconnected:
            return
        finally:
            self._running -= 1

    def _check_concurrency(self) -> None:
        if self._running >= MAX_CONCURRENT_EXPORTS:
            raise _build_retry_error(
                HttpErrorCode.EXPORT_UNAVAILABLE, "Too many people export their data at the moment. Try again later."
            )

    async def _acquire_slot(self, person: Caller) -> str:
        try:
            return await self._export.slots.begin(_get_nik(person))
        except TooManyExports as refusal:
            raise _build_retry_error(HttpErrorCode.TOO_MANY_EXPORTS, str(refusal)) from None
        except ExportsUnavailable:
            raise _build_retry_error(
                HttpErrorCode.EXPORT_UNAVAILABLE, "Exports cannot begin at the moment. Try again later."
            ) from None

    async def _send_document(self, person: Caller, call: Call, slot: _ExportSlot, send: Send) -> None:
        """Send the document in pieces, at the client's speed. After its end the person may begin the next export."""
        name = f"simpul-export-{datetime.now(UTC).date().isoformat()}.json"
        headers = {
            "Content-Type": "application/json",
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
        }
        raw = [(key.lower().encode(), value.encode()) for key, value in headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": raw})
        async for piece in self._generate_document(person, call):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await slot.end()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _generate_document(self, person: Caller, call: Call) -> AsyncIterator[bytes]:
        head = {
            "format": FORMAT,
            "version": VERSION,
            "about": _ABOUT,
            "madeAt": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "requestId": call.request_id,
        }
        yield orjson.dumps(head)[:-1] + b',"parts":['
        complete = True
        for number, part in enumerate(self._export.parts):
            yield (
                (b"," if number else b"")
                + orjson.dumps({"name": part.name, "says": part.description})[:-1]
                + b',"data":'
            )
            errors: list[Mapping[str, Any]] = []
            if part.is_paged:
                yield b"["
                async for piece in self._generate_pages(part, person, call, errors):
                    yield piece
                yield b"]"
            else:
                yield encode_value(_extract_part(await self._run_part(part, None, person, call, errors), part))
            complete = complete and not errors
            yield b',"errors":' + encode_value(errors) + b"}"
        yield b'],"complete":' + (b"true" if complete else b"false") + b"}"

    async def _generate_pages(
        self, part: ExportPart, person: Caller, call: Call, errors: list[Mapping[str, Any]]
    ) -> AsyncIterator[bytes]:
        """The items of a list, separated by commas, to its end or to the first page that fails."""
        after: str | None = None
        first = True
        while True:
            page = _extract_part(await self._run_part(part, {"after": after}, person, call, errors), part)
            if not page:
                return
            items = page["nodes"]
            if items:
                yield (b"" if first else b",") + encode_value(items)[1:-1]
                first = False
            after = page["pageInfo"]["endCursor"] if page["pageInfo"]["hasNextPage"] else None
            if after is None:
                return

    async def _run_part(
        self,
        part: ExportPart,
        variables: Mapping[str, Any] | None,
        person: Caller,
        request_call: Call,
        errors: list[Mapping[str, Any]],
    ) -> GraphQLResponse | None:
        """The response of one operation; adds its errors to the list."""
        timeout = self._settings.request_timeout
        request = GraphQLRequest(query=part.document, variables=variables)
        part_call = Call(deadline=monotonic() + timeout, request_id=request_call.request_id, span=request_call.span)
        try:
            async with asyncio.timeout(timeout + self._settings.overrun_grace):
                response = await self._export.execute(request, person, part_call, NO_BUDGET)
        except TimeoutError:
            errors.append(
                _build_error(HttpErrorCode.DEADLINE_EXCEEDED, f"This part did not arrive within {timeout:g} s.")
            )
            return None
        except Exception as fault:  # noqa: BLE001 - an unexpected error affects only its part
            refusal = report_incident(
                fault, request_call.request_id, has_started=False, with_messages=self._settings.development
            )
            errors.append(_build_error(refusal.code, refusal.message))
            return None
        errors.extend(response.errors)
        return response


class _ExportResponse(Response):
    """An export whose headers a page may extend, such as by the cookie of a session."""

    def __init__(self, endpoint: ExportEndpoint, person: Caller, render_refusal: RenderRefusal) -> None:
        super().__init__()
        self._endpoint = endpoint
        self._person = person
        self._render_refusal = render_refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        more = [each for each in self.raw_headers if each[0] != b"content-length"]

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *more]
            await send(message)

        try:
            await self._endpoint.send_export(self._person, get_call(scope), receive, send_with_headers)
        except HttpError as refusal:
            await self._render_refusal(refusal)(scope, receive, send_with_headers)


def _extract_part(response: GraphQLResponse | None, part: ExportPart) -> Any:  # noqa: ANN401 - JSON
    """The data of the part: its field, or all of the person's own attributes."""
    me = None if response is None or response.data is None else response.data["me"]
    return me if me is None or part.is_identity else me[part.name]


def _check_person(caller: Caller) -> Caller:
    """The caller, if it is a person for themself with the required assurance.

    Raises:
        HttpError: UNAUTHENTICATED, FORBIDDEN.

    """
    if caller.kind is CallerKind.ANONYMOUS:
        raise HttpError(
            HttpErrorCode.UNAUTHENTICATED,
            "You are not authenticated. Send your token as 'Authorization: Bearer ...'.",
            headers={"WWW-Authenticate": "Bearer"},
        )
    if caller.kind is not CallerKind.CITIZEN or caller.representation is not Representation.SELF:
        raise HttpError(HttpErrorCode.FORBIDDEN, "Only a person can export data here, and only their own.")
    if not caller.first_party:
        raise HttpError(
            HttpErrorCode.FORBIDDEN,
            "Only the city's own apps may export a person's data. Refer the person to them.",
        )
    if caller.assurance < Assurance.SUBSTANTIAL:
        raise HttpError(
            HttpErrorCode.FORBIDDEN,
            "Sign in with assurance 'substantial' or 'high' ('acr'): the export contains specific personal data.",
        )
    return caller


def _check_method(method: str) -> None:
    """Allow GET only: Starlette also allows HEAD, for which the export would have no reader."""
    if method != "GET":
        message = f"{method} is not served at this path. Use GET."
        raise HttpError(HttpErrorCode.METHOD_NOT_ALLOWED, message, headers={"Allow": "GET"})


def _get_nik(person: Caller) -> Nik:
    if person.nik is None:
        raise TypeError("The citizen has no NIK.")
    return person.nik


def _build_retry_error(code: HttpErrorCode, message: str) -> HttpError:
    return HttpError(code, message, headers={"Retry-After": f"{_RETRY_SECONDS}"})


def _build_error(code: HttpErrorCode, message: str) -> Mapping[str, Any]:
    return {"message": message, "extensions": {"code": code.value}}
