"""`/me/export`: everything that the hub can reach about the person who asks, as one JSON document, streamed.

Each part is an operation of its own, run under the rules and recorded as every other, with a deadline of its own. What
an agency does not give is named in its part; a document that breaks off is no JSON and has no `complete` at its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Protocol

import orjson
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from auth.caller import Assurance, Caller, CallerKind, Capacity
from engine.encoding import encode_value
from engine.request import GraphQLRequest, GraphQLResponse
from records.call import Call
from records.identifiers import Nik
from resolvers.exports import ExportsUnavailable, TooManyExports
from schema.exports import ExportPart
from web.allowances import Allowances
from web.attended import Attending, ClientGone
from web.error_answers import refused
from web.graphql_endpoint import Execute
from web.incidents import incident
from web.refusals import Code, Refusal
from web.request_body import GuardedBody
from web.request_headers import RequestHeaders
from web.request_identity import call_of
from web.settings import WebSettings
from web.who_asks import WhoAsks

PATH = "/me/export"
FORMAT = "simpul-export"
VERSION = 1
MOST_AT_ONCE = 8
"""Exports that one process runs side by side."""
LONGEST = 25 * 60.0
"""Seconds after which an export is broken off, however much is left."""
_RETRY_SECONDS = 60
_ABOUT = (
    "Everything that the city's hub can reach about you at this moment (UU PDP 27/2022, articles 7, 13 and 32). Each"
    " part names what could not be read; only a document with 'complete' at its end is whole."
)


class Slots(Protocol):
    """Who lets people begin exports."""

    async def begin(self, nik: Nik, /) -> str:
        """The id of a new export; raises `TooManyExports` and `ExportsUnavailable`."""

    async def end(self, id_: str, /) -> None:
        """Let the person begin the next one."""


@dataclass(slots=True)
class _Slot:
    """One person's export under way, which ends once."""

    slots: Slots
    id: str
    ended: bool = False

    async def end(self) -> None:
        if not self.ended:
            await self.slots.end(self.id)
            self.ended = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Exporting:
    """What an export takes: its parts, who runs them, and who lets people begin."""

    parts: Sequence[ExportPart]
    execute: Execute
    slots: Slots


class ExportEndpoint:
    """The endpoint (ASGI)."""

    def __init__(
        self,
        exporting: Exporting,
        *,
        who_asks: WhoAsks,
        settings: WebSettings,
        allowances: Allowances | None = None,
    ) -> None:
        self._allowances = allowances
        self._exporting = exporting
        self._who_asks = who_asks
        self._settings = settings
        self._attending = Attending()
        self._running = 0

    def routes(self) -> list[Route]:
        """Where it is served."""
        return [Route(PATH, self, methods=["GET"])]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one export, or say why there is none."""
        call = call_of(scope)
        try:
            _check_method(scope["method"])
            person = _person(await self._caller(scope))
            await GuardedBody(
                RequestHeaders(scope), receive, send, max_bytes=self._settings.max_body_bytes, timeout=1.0
            ).whole()
            self._check_room()
        except ClientGone:
            return
        except Refusal as refusal:
            await refused(refusal)(scope, receive, send)
            return
        self._running += 1
        try:
            slot = _Slot(self._exporting.slots, await self._begun(person))
            try:
                await self._attending.of(self._sent(person, call, slot, send), receive, timeout=LONGEST)
            finally:
                await slot.end()
        except ClientGone:
            return
        except Refusal as refusal:
            await refused(refusal)(scope, receive, send)
        finally:
            self._running -= 1

    async def _caller(self, scope: Scope) -> Caller:
        """Who asks, whose request is counted; the parts of an export are not, since exports are."""
        headers = RequestHeaders(scope)
        caller = self._who_asks(scope, headers)
        if not isinstance(caller, Caller):
            caller = await caller
        allowance = None if self._allowances is None else self._allowances.of(caller, scope, headers)
        if allowance is not None and (entering := allowance.enter()) is not None:
            await entering
        return caller

    def _check_room(self) -> None:
        if self._running >= MOST_AT_ONCE:
            raise _later(Code.EXPORT_UNAVAILABLE, "Too many people fetch their data at the moment. Try again later.")

    async def _begun(self, person: Caller) -> str:
        try:
            return await self._exporting.slots.begin(_nik(person))
        except TooManyExports as refusal:
            raise _later(Code.TOO_MANY_EXPORTS, str(refusal)) from None
        except ExportsUnavailable:
            raise _later(Code.EXPORT_UNAVAILABLE, "Exports cannot begin at the moment. Try again later.") from None

    async def _sent(self, person: Caller, within: Call, slot: _Slot, send: Send) -> None:
        """Send the document, piece by piece, as fast as the client reads. Who has its end may begin the next."""
        name = f"simpul-export-{datetime.now(UTC).date().isoformat()}.json"
        headers = {
            "Content-Type": "application/json",
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
        }
        raw = [(key.lower().encode(), value.encode()) for key, value in headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": raw})
        async for piece in self._document(person, within):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await slot.end()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _document(self, person: Caller, within: Call) -> AsyncIterator[bytes]:
        head = {
            "format": FORMAT,
            "version": VERSION,
            "about": _ABOUT,
            "madeAt": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "requestId": within.request_id,
        }
        yield orjson.dumps(head)[:-1] + b',"parts":['
        complete = True
        for number, part in enumerate(self._exporting.parts):
            yield (b"," if number else b"") + orjson.dumps({"name": part.name, "says": part.says})[:-1] + b',"data":'
            errors: list[Mapping[str, Any]] = []
            if part.pages:
                yield b"["
                async for piece in self._pages(part, person, within, errors):
                    yield piece
                yield b"]"
            else:
                yield encode_value(_of_part(await self._answer(part, None, person, within, errors), part))
            complete = complete and not errors
            yield b',"errors":' + encode_value(errors) + b"}"
        yield b'],"complete":' + (b"true" if complete else b"false") + b"}"

    async def _pages(
        self, part: ExportPart, person: Caller, within: Call, errors: list[Mapping[str, Any]]
    ) -> AsyncIterator[bytes]:
        """The items of a list, separated by commas, to its end or to the first page that cannot be read."""
        after: str | None = None
        first = True
        while True:
            page = _of_part(await self._answer(part, {"after": after}, person, within, errors), part)
            if not page:
                return
            items = page["nodes"]
            if items:
                yield (b"" if first else b",") + encode_value(items)[1:-1]
                first = False
            after = page["pageInfo"]["endCursor"] if page["pageInfo"]["hasNextPage"] else None
            if after is None:
                return

    async def _answer(
        self,
        part: ExportPart,
        variables: Mapping[str, Any] | None,
        person: Caller,
        within: Call,
        errors: list[Mapping[str, Any]],
    ) -> GraphQLResponse | None:
        """The answer of one operation; what went wrong is added to the errors."""
        patience = self._settings.request_timeout
        request = GraphQLRequest(query=part.document, variables=variables)
        call = Call(deadline=monotonic() + patience, request_id=within.request_id, span=within.span)
        try:
            async with asyncio.timeout(patience + self._settings.overrun):
                response = await self._exporting.execute(request, person, call, None)
        except TimeoutError:
            errors.append(_error(Code.DEADLINE_EXCEEDED, f"This part did not come within {patience:g} s."))
            return None
        except Exception as fault:  # noqa: BLE001 - a fault of the hub costs its own part
            refusal = incident(fault, within.request_id, answering=False, with_messages=self._settings.development)
            errors.append(_error(refusal.code, refusal.message))
            return None
        errors.extend(response.errors)
        return response


def _of_part(response: GraphQLResponse | None, part: ExportPart) -> Any:  # noqa: ANN401 - JSON
    """What the answer holds of the part: its field, or all of the person's own attributes."""
    me = None if response is None or response.data is None else response.data["me"]
    return me if me is None or part.is_identity else me[part.name]


def _person(caller: Caller) -> Caller:
    """The caller, where it is a person for themself who is surely identified.

    Raises:
        Refusal: UNAUTHENTICATED, FORBIDDEN.

    """
    if caller.kind is CallerKind.ANONYMOUS:
        raise Refusal(
            Code.UNAUTHENTICATED,
            "Who you are is not known. Send your token as 'Authorization: Bearer ...'.",
            headers={"WWW-Authenticate": "Bearer"},
        )
    if caller.kind is not CallerKind.CITIZEN or caller.capacity is not Capacity.SELF:
        raise Refusal(Code.FORBIDDEN, "A person fetches their own data here, and nobody else's.")
    if not caller.first_party:
        raise Refusal(Code.FORBIDDEN, "Only the city's own apps may fetch this for a person. Send the person there.")
    if caller.assurance < Assurance.SUBSTANTIAL:
        raise Refusal(
            Code.FORBIDDEN, "Sign in with assurance 'substantial' or 'high' ('acr'): specific personal data is in it."
        )
    return caller


def _check_method(method: str) -> None:
    """Let pass GET alone: Starlette lets pass HEAD with it, for which nobody would read the answer."""
    if method != "GET":
        message = f"{method} is not served at this path. Use GET."
        raise Refusal(Code.METHOD_NOT_ALLOWED, message, headers={"Allow": "GET"})


def _nik(person: Caller) -> Nik:
    if person.nik is None:
        raise TypeError("A citizen has a NIK.")
    return person.nik


def _later(code: Code, message: str) -> Refusal:
    return Refusal(code, message, headers={"Retry-After": f"{_RETRY_SECONDS}"})


def _error(code: Code, message: str) -> Mapping[str, Any]:
    return {"message": message, "extensions": {"code": code.value}}
