"""`/me/export`: streamed at the client's speed, complete or with errors for missing parts, only for the person."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from auth.caller import ANONYMOUS, Assurance, Caller, CallerKind
from auth.tokens.authentication_errors import Unauthenticated
from engine.cost_budgets import CostBudget
from engine.request import GraphQLRequest, GraphQLResponse, ResponseOutcome
from records.calls.call import Call
from records.identifiers import Nik
from schema.tools.export_parts import ExportPart
from services.rights.exports import ExportsUnavailable, TooManyExports
from tests.fakes.clients import build_client
from tests.fakes.waiting import wait_until
from tests.web.conftest import serve_application
from web.authentication import RequestAuthenticator
from web.endpoints import export as module
from web.endpoints.export import ExportEndpoint, ExportParts
from web.settings import WebSettings

SITI, BUDI = Nik("3171014506900001"), Nik("3171010101800002")
SURE = Assurance.SUBSTANTIAL
CALLERS = {
    "siti": Caller(kind=CallerKind.CITIZEN, first_party=True, nik=SITI, assurance=SURE),
    "budi": Caller(kind=CallerKind.CITIZEN, first_party=True, nik=BUDI, assurance=SURE),
    "unsure": Caller(kind=CallerKind.CITIZEN, first_party=True, nik=SITI, assurance=Assurance.LOW),
    "assistant": Caller(kind=CallerKind.CITIZEN, first_party=True, nik=BUDI, on_behalf_of=SITI, assurance=SURE),
    "official": Caller(kind=CallerKind.OFFICIAL, agency="dukcapil", purpose="SUBJECT_REQUEST", case="1"),
    "partner": Caller(kind=CallerKind.PARTNER, client=build_client("bank")),
}
IDENTITY = ExportPart(name="identity", description="Who.", document="identity")
LAND = ExportPart(name="taxObjects", description="Land.", document="land")
LOG = ExportPart(name="accessLog", description="Log.", document="log", is_paged=True)
BIG = "x" * 100_000


def authenticate(authorization: str | None, _certificate: str | None) -> Caller:
    if authorization is None:
        return ANONYMOUS
    caller = CALLERS.get(authorization.removeprefix("Bearer "))
    if caller is None:
        raise Unauthenticated("The token is unknown. Get a new one.")
    return caller


def build_response(me: Any, *errors: dict[str, Any]) -> GraphQLResponse:  # noqa: ANN401 - JSON
    return GraphQLResponse(outcome=ResponseOutcome.ANSWERED, data={"me": me}, errors=errors)


@dataclass
class FakeExport:
    """Executes the parts, and assigns slots."""

    pages: int = 3
    answers: dict[str, Callable[[], GraphQLResponse]] = field(default_factory=dict)
    operations: list[tuple[str, str | None, float]] = field(default_factory=list)
    """Document, cursor and seconds until the deadline of each operation."""
    started_for: list[Nik] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    refusal: Exception | None = None
    is_slow: bool = False
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)

    async def begin(self, nik: Nik) -> str:
        if self.refusal is not None:
            raise self.refusal
        self.started_for.append(nik)
        return f"export-{len(self.started_for)}"

    async def end(self, id_: str) -> None:
        self.ended.append(id_)

    async def execute(
        self, request: GraphQLRequest, caller: Caller, call: Call, _budget: CostBudget | None
    ) -> GraphQLResponse:
        after = (request.variables or {}).get("after")
        self.operations.append((request.query, after, call.remaining()))
        if self.is_slow:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancelled.set()
                raise
        if request.query in self.answers:
            return self.answers[request.query]()
        if request.query == "log":
            page = int(after or 0) + 1
            info = {"hasNextPage": page < self.pages, "endCursor": str(page)}
            return build_response({"accessLog": {"nodes": [{"n": page, "text": BIG}], "pageInfo": info}})
        return build_response({"nik": caller.nik} if request.query == "identity" else {"taxObjects": [{"nop": "1"}]})


@dataclass
class ExportServer:
    export: FakeExport
    http: aiohttp.ClientSession
    port: int

    async def get(self, token: str | None = "siti", method: str = "GET") -> tuple[int, Any, bytes]:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        async with self.http.request(method, "/me/export", headers=headers) as response:
            return response.status, response.headers, await response.read()


@dataclass
class ExportButton:
    """A page that gives the export to the person of its session, which it names in a cookie."""

    endpoint: ExportEndpoint

    def routes(self) -> list[Route]:
        return [Route("/button/{name}", self.press, methods=["POST"])]

    async def press(self, request: Request) -> Response:
        person = CALLERS[request.path_params["name"]]
        response = self.endpoint.respond(person, lambda refusal: PlainTextResponse(refusal.code.value, 418))
        response.set_cookie("session", "goes-on")
        return response


@pytest.fixture
async def hub() -> AsyncIterator[ExportServer]:
    async for each in serve_export(WebSettings()):
        yield each


async def serve_export(settings: WebSettings) -> AsyncIterator[ExportServer]:
    world = FakeExport()
    endpoint = ExportEndpoint(
        ExportParts(parts=(IDENTITY, LAND, LOG), execute=world.execute, slots=world),
        authenticator=RequestAuthenticator(authenticate, settings),
        settings=settings,
    )
    endpoints = [endpoint, ExportButton(endpoint)]
    async with serve_application(settings, authenticate=authenticate, endpoints=endpoints) as served:
        yield ExportServer(world, served.http, served.port)


async def test_every_part_is_in_the_document_with_lists_to_their_end(hub: ExportServer) -> None:
    status, headers, body = await hub.get()
    document = json.loads(body)
    assert status == 200
    assert headers["Content-Type"] == "application/json"
    assert headers["Cache-Control"] == "no-store"
    day = document["madeAt"][:10]
    assert headers["Content-Disposition"] == f'attachment; filename="simpul-export-{day}.json"'
    assert (document["format"], document["version"]) == ("simpul-export", 1)
    assert document["requestId"] == headers["X-Request-Id"]
    assert document["complete"] is True
    assert [(part["name"], part["says"], part["errors"]) for part in document["parts"]] == [
        ("identity", "Who.", []),
        ("taxObjects", "Land.", []),
        ("accessLog", "Log.", []),
    ]
    identity, land, log = (part["data"] for part in document["parts"])
    assert identity == {"nik": SITI}
    assert land == [{"nop": "1"}]
    assert [each["n"] for each in log] == [1, 2, 3]
    assert (hub.export.started_for, hub.export.ended) == ([SITI], ["export-1"])


async def test_the_error_of_an_agency_is_in_its_part_and_the_other_parts_are_complete(hub: ExportServer) -> None:
    down = {"message": "It is down.", "extensions": {"code": "AGENCY_UNAVAILABLE", "agency": "pbb"}}
    hub.export.answers["land"] = lambda: build_response({"taxObjects": None}, down)
    document = json.loads((await hub.get())[2])
    assert document["complete"] is False
    assert document["parts"][1] == {"name": "taxObjects", "says": "Land.", "data": None, "errors": [down]}
    assert [len(part["errors"]) for part in document["parts"]] == [0, 1, 0]
    assert len(document["parts"][2]["data"]) == 3


async def test_a_failed_page_ends_its_part_after_the_earlier_pages(hub: ExportServer) -> None:
    late = {"message": "Late.", "extensions": {"code": "LEDGER_UNAVAILABLE"}}
    pages = iter(
        [
            build_response({"accessLog": {"nodes": [{"n": 1}], "pageInfo": {"hasNextPage": True, "endCursor": "1"}}}),
            GraphQLResponse(outcome=ResponseOutcome.ANSWERED, data=None, errors=[late]),
        ]
    )
    hub.export.answers["log"] = lambda: next(pages)
    document = json.loads((await hub.get())[2])
    assert document["parts"][2] == {"name": "accessLog", "says": "Log.", "data": [{"n": 1}], "errors": [late]}
    assert document["complete"] is False


async def test_an_empty_list_is_exported_as_a_list(hub: ExportServer) -> None:
    empty = {"nodes": [], "pageInfo": {"hasNextPage": False, "endCursor": None}}
    hub.export.answers["log"] = lambda: build_response({"accessLog": empty})
    document = json.loads((await hub.get())[2])
    assert document["parts"][2]["data"] == []
    assert document["complete"] is True


async def test_an_unexpected_error_affects_only_its_part_and_reveals_nothing(hub: ExportServer) -> None:
    def broken() -> GraphQLResponse:
        raise RuntimeError(f"no such citizen {SITI}")

    hub.export.answers["land"] = broken
    body = (await hub.get("budi"))[2]
    (error,) = json.loads(body)["parts"][1]["errors"]
    assert error["extensions"]["code"] == "INTERNAL"
    assert SITI.encode() not in body


async def test_each_part_has_its_own_deadline() -> None:
    async for hub in serve_export(WebSettings(request_timeout=0.3, overrun_grace=0.1)):
        hub.export.is_slow = True
        document = json.loads((await hub.get())[2])
        assert [each["extensions"]["code"] for part in document["parts"] for each in part["errors"]] == [
            "DEADLINE_EXCEEDED"
        ] * 3
        assert all(0.2 < left <= 0.3 for _, _, left in hub.export.operations)


@pytest.mark.parametrize(
    ("token", "status", "code"),
    [
        (None, 401, "UNAUTHENTICATED"),
        ("nobody", 401, "UNAUTHENTICATED"),
        ("unsure", 403, "FORBIDDEN"),
        ("assistant", 403, "FORBIDDEN"),
        ("official", 403, "FORBIDDEN"),
        ("partner", 403, "FORBIDDEN"),
    ],
)
async def test_only_people_with_sufficient_assurance_can_export(
    hub: ExportServer, token: str | None, status: int, code: str
) -> None:
    found, _, body = await hub.get(token)
    assert (found, json.loads(body)["errors"][0]["extensions"]["code"]) == (status, code)
    assert (hub.export.operations, hub.export.started_for) == ([], [])


@pytest.mark.parametrize("method", ["POST", "HEAD", "DELETE"])
async def test_only_get_is_served(hub: ExportServer, method: str) -> None:
    status, headers, _ = await hub.get(method=method)
    assert status == 405
    assert "GET" in headers["Allow"]
    assert hub.export.started_for == []


@pytest.mark.parametrize(
    ("refusal", "status", "code"),
    [
        (TooManyExports("One is running."), 429, "TOO_MANY_EXPORTS"),
        (ExportsUnavailable(), 503, "EXPORT_UNAVAILABLE"),
    ],
)
async def test_a_refused_export_says_when_to_try_again(
    hub: ExportServer, refusal: Exception, status: int, code: str
) -> None:
    hub.export.refusal = refusal
    found, headers, body = await hub.get()
    assert (found, json.loads(body)["errors"][0]["extensions"]["code"]) == (status, code)
    assert headers["Retry-After"] == "60"
    assert (hub.export.operations, hub.export.ended) == ([], [])


async def test_a_disconnect_stops_the_work_and_frees_the_slot(hub: ExportServer) -> None:
    hub.export.is_slow = True
    async with hub.http.get("/me/export", headers={"Authorization": "Bearer siti"}) as response:
        assert response.status == 200
        await wait_until(lambda: hub.export.operations != [])
        response.close()
    await asyncio.wait_for(hub.export.cancelled.wait(), 5)
    await wait_until(lambda: hub.export.ended == ["export-1"])
    assert len(hub.export.operations) == 1


async def test_pages_are_requested_only_as_fast_as_the_client_reads(hub: ExportServer) -> None:
    hub.export.pages = 1_000
    reader, writer = await asyncio.open_connection("127.0.0.1", hub.port, limit=2**16)
    writer.write(b"GET /me/export HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer siti\r\n\r\n")
    await reader.readuntil(b"accessLog")
    seen = -1
    while seen != len(hub.export.operations):
        seen = len(hub.export.operations)
        await asyncio.sleep(0.3)
    assert seen < 200  # 100 kB per page: only what socket buffers hold
    writer.close()
    await wait_until(lambda: hub.export.ended == ["export-1"])


async def test_the_slot_is_free_when_the_client_has_the_end_of_the_document(hub: ExportServer) -> None:
    for _ in range(20):
        assert (await hub.get())[0] == 200
        assert len(hub.export.ended) == len(hub.export.started_for)


async def test_concurrent_exports_of_a_process_are_limited(hub: ExportServer) -> None:
    hub.export.is_slow = True
    headers = {"Authorization": "Bearer siti"}
    running = [await hub.http.get("/me/export", headers=headers) for _ in range(module.MAX_CONCURRENT_EXPORTS)]
    status, _, body = await hub.get("budi")
    assert (status, json.loads(body)["errors"][0]["extensions"]["code"]) == (503, "EXPORT_UNAVAILABLE")
    for each in running:
        each.close()
    await wait_until(lambda: len(hub.export.ended) == module.MAX_CONCURRENT_EXPORTS)
    hub.export.is_slow = False
    assert (await hub.get("budi"))[0] == 200


async def test_an_export_that_takes_too_long_is_cut_off(hub: ExportServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SECONDS", 0.2)
    hub.export.is_slow = True
    async with hub.http.get("/me/export", headers={"Authorization": "Bearer siti"}) as response:
        assert response.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()
    await wait_until(lambda: hub.export.ended == ["export-1"])


async def test_a_page_gives_the_export_with_its_own_headers(hub: ExportServer) -> None:
    async with hub.http.post("/button/siti") as response:
        document = await response.json()
    assert (response.status, response.headers["Content-Type"]) == (200, "application/json")
    assert response.headers["Set-Cookie"].startswith("session=goes-on")
    assert "attachment" in response.headers["Content-Disposition"]
    assert (document["complete"], document["parts"][0]["data"]) == (True, {"nik": SITI})
    assert (hub.export.started_for, hub.export.ended) == ([SITI], ["export-1"])


@pytest.mark.parametrize(
    ("name", "refusal", "code"),
    [
        ("unsure", None, "FORBIDDEN"),
        ("official", None, "FORBIDDEN"),
        ("siti", TooManyExports("Wait."), "TOO_MANY_EXPORTS"),
        ("siti", ExportsUnavailable(), "EXPORT_UNAVAILABLE"),
    ],
)
async def test_a_page_says_itself_why_there_is_no_export(
    hub: ExportServer, name: str, refusal: Exception | None, code: str
) -> None:
    hub.export.refusal = refusal
    async with hub.http.post(f"/button/{name}") as response:
        assert (response.status, await response.text()) == (418, code)
        assert response.headers["Set-Cookie"].startswith("session=goes-on")
    assert (hub.export.operations, hub.export.ended) == ([], [])
