"""`/me/export`: streamed as fast as it is read, whole or told what is missing, and for the person alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
import uvicorn

from auth.caller import ANONYMOUS, Assurance, Caller, CallerKind
from auth.unproven import Unauthenticated
from engine.quota import Purse
from engine.request import GraphQLRequest, GraphQLResponse, Outcome
from records.call import Call
from records.identifiers import Nik
from resolvers.exports import ExportsUnavailable, TooManyExports
from schema.exports import ExportPart
from tests.clients import client_named
from tests.web.conftest import until
from tests.web.small_graph import SmallGraph, ready
from web import export as module
from web.application import web_application
from web.export import Exporting
from web.serving import uvicorn_config
from web.settings import WebSettings

SITI, BUDI = Nik("3171014506900001"), Nik("3171010101800002")
SURE = Assurance.SUBSTANTIAL
CALLERS = {
    "siti": Caller(kind=CallerKind.CITIZEN, first_party=True, nik=SITI, assurance=SURE),
    "budi": Caller(kind=CallerKind.CITIZEN, first_party=True, nik=BUDI, assurance=SURE),
    "unsure": Caller(kind=CallerKind.CITIZEN, first_party=True, nik=SITI, assurance=Assurance.LOW),
    "assistant": Caller(kind=CallerKind.CITIZEN, first_party=True, nik=BUDI, on_behalf_of=SITI, assurance=SURE),
    "official": Caller(kind=CallerKind.OFFICIAL, agency="dukcapil", purpose="SUBJECT_REQUEST", case="1"),
    "partner": Caller(kind=CallerKind.PARTNER, client=client_named("bank")),
}
IDENTITY = ExportPart(name="identity", says="Who.", document="identity")
LAND = ExportPart(name="taxObjects", says="Land.", document="land")
LOG = ExportPart(name="accessLog", says="Log.", document="log", pages=True)
BIG = "x" * 100_000


def authenticate(authorization: str | None, _certificate: str | None) -> Caller:
    if authorization is None:
        return ANONYMOUS
    caller = CALLERS.get(authorization.removeprefix("Bearer "))
    if caller is None:
        raise Unauthenticated("The token is unknown. Get a new one.")
    return caller


def answered(me: Any, *errors: dict[str, Any]) -> GraphQLResponse:  # noqa: ANN401 - JSON
    return GraphQLResponse(outcome=Outcome.ANSWERED, data={"me": me}, errors=errors)


@dataclass
class World:
    """What runs parts, and lets people begin."""

    pages: int = 3
    answers: dict[str, Callable[[], GraphQLResponse]] = field(default_factory=dict)
    asked: list[tuple[str, str | None, float]] = field(default_factory=list)
    """Document, cursor and seconds until the deadline, of every operation."""
    began: list[Nik] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    refuses: Exception | None = None
    waits: bool = False
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)

    async def begin(self, nik: Nik) -> str:
        if self.refuses is not None:
            raise self.refuses
        self.began.append(nik)
        return f"export-{len(self.began)}"

    async def end(self, id_: str) -> None:
        self.ended.append(id_)

    async def execute(
        self, request: GraphQLRequest, caller: Caller, call: Call, _purse: Purse | None
    ) -> GraphQLResponse:
        after = (request.variables or {}).get("after")
        self.asked.append((request.query, after, call.remaining()))
        if self.waits:
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
            return answered({"accessLog": {"nodes": [{"n": page, "text": BIG}], "pageInfo": info}})
        return answered({"nik": caller.nik} if request.query == "identity" else {"taxObjects": [{"nop": "1"}]})


@dataclass
class Served:
    world: World
    http: aiohttp.ClientSession
    port: int

    async def get(self, token: str | None = "siti", method: str = "GET") -> tuple[int, Any, bytes]:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        async with self.http.request(method, "/me/export", headers=headers) as response:
            return response.status, response.headers, await response.read()


@pytest.fixture
async def hub() -> AsyncIterator[Served]:
    async for each in served(WebSettings()):
        yield each


async def served(settings: WebSettings) -> AsyncIterator[Served]:
    world = World()
    application = web_application(
        execute=SmallGraph().execute,
        authenticate=authenticate,
        ready=ready,
        settings=settings,
        exporting=Exporting(parts=(IDENTITY, LAND, LOG), execute=world.execute, slots=world),
    )
    server = uvicorn.Server(uvicorn_config(application, "127.0.0.1", 0, settings))
    task = asyncio.create_task(server._serve())
    await until(lambda: server.started or task.done())
    port = server.servers[0].sockets[0].getsockname()[1]
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http:
        yield Served(world, http, port)
    server.should_exit = True
    await task


async def test_every_part_is_in_the_document_with_lists_to_their_end(hub: Served) -> None:
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
    assert (hub.world.began, hub.world.ended) == ([SITI], ["export-1"])


async def test_what_an_agency_does_not_give_is_named_in_its_part_and_the_rest_is_there(hub: Served) -> None:
    down = {"message": "It is down.", "extensions": {"code": "AGENCY_UNAVAILABLE", "agency": "pbb"}}
    hub.world.answers["land"] = lambda: answered({"taxObjects": None}, down)
    document = json.loads((await hub.get())[2])
    assert document["complete"] is False
    assert document["parts"][1] == {"name": "taxObjects", "says": "Land.", "data": None, "errors": [down]}
    assert [len(part["errors"]) for part in document["parts"]] == [0, 1, 0]
    assert len(document["parts"][2]["data"]) == 3


async def test_a_page_that_fails_ends_its_part_with_what_came_before(hub: Served) -> None:
    late = {"message": "Late.", "extensions": {"code": "LEDGER_UNAVAILABLE"}}
    pages = iter(
        [
            answered({"accessLog": {"nodes": [{"n": 1}], "pageInfo": {"hasNextPage": True, "endCursor": "1"}}}),
            GraphQLResponse(outcome=Outcome.ANSWERED, data=None, errors=[late]),
        ]
    )
    hub.world.answers["log"] = lambda: next(pages)
    document = json.loads((await hub.get())[2])
    assert document["parts"][2] == {"name": "accessLog", "says": "Log.", "data": [{"n": 1}], "errors": [late]}
    assert document["complete"] is False


async def test_empty_lists_are_lists(hub: Served) -> None:
    empty = {"nodes": [], "pageInfo": {"hasNextPage": False, "endCursor": None}}
    hub.world.answers["log"] = lambda: answered({"accessLog": empty})
    document = json.loads((await hub.get())[2])
    assert document["parts"][2]["data"] == []
    assert document["complete"] is True


async def test_a_fault_of_the_hub_costs_its_own_part_and_tells_nothing(hub: Served) -> None:
    def broken() -> GraphQLResponse:
        raise RuntimeError(f"no such citizen {SITI}")

    hub.world.answers["land"] = broken
    body = (await hub.get("budi"))[2]
    (error,) = json.loads(body)["parts"][1]["errors"]
    assert error["extensions"]["code"] == "INTERNAL"
    assert SITI.encode() not in body


async def test_each_part_has_a_deadline_of_its_own() -> None:
    async for hub in served(WebSettings(request_timeout=0.3, overrun=0.1)):
        hub.world.waits = True
        document = json.loads((await hub.get())[2])
        assert [each["extensions"]["code"] for part in document["parts"] for each in part["errors"]] == [
            "DEADLINE_EXCEEDED"
        ] * 3
        assert all(0.2 < left <= 0.3 for _, _, left in hub.world.asked)


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
async def test_nobody_but_a_person_who_is_surely_identified_is_answered(
    hub: Served, token: str | None, status: int, code: str
) -> None:
    found, _, body = await hub.get(token)
    assert (found, json.loads(body)["errors"][0]["extensions"]["code"]) == (status, code)
    assert (hub.world.asked, hub.world.began) == ([], [])


@pytest.mark.parametrize("method", ["POST", "HEAD", "DELETE"])
async def test_only_get_is_served(hub: Served, method: str) -> None:
    status, headers, _ = await hub.get(method=method)
    assert status == 405
    assert "GET" in headers["Allow"]
    assert hub.world.began == []


@pytest.mark.parametrize(
    ("refusal", "status", "code"),
    [
        (TooManyExports("One is running."), 429, "TOO_MANY_EXPORTS"),
        (ExportsUnavailable(), 503, "EXPORT_UNAVAILABLE"),
    ],
)
async def test_who_may_not_begin_is_told_when_to_come_again(
    hub: Served, refusal: Exception, status: int, code: str
) -> None:
    hub.world.refuses = refusal
    found, headers, body = await hub.get()
    assert (found, json.loads(body)["errors"][0]["extensions"]["code"]) == (status, code)
    assert headers["Retry-After"] == "60"
    assert (hub.world.asked, hub.world.ended) == ([], [])


async def test_a_client_that_goes_away_stops_the_work_and_may_begin_again(hub: Served) -> None:
    hub.world.waits = True
    async with hub.http.get("/me/export", headers={"Authorization": "Bearer siti"}) as response:
        assert response.status == 200
        await until(lambda: hub.world.asked != [])
        response.close()
    await asyncio.wait_for(hub.world.cancelled.wait(), 5)
    await until(lambda: hub.world.ended == ["export-1"])
    assert len(hub.world.asked) == 1


async def test_what_is_not_read_is_not_asked_for(hub: Served) -> None:
    hub.world.pages = 1_000
    reader, writer = await asyncio.open_connection("127.0.0.1", hub.port, limit=2**16)
    writer.write(b"GET /me/export HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer siti\r\n\r\n")
    await reader.readuntil(b"accessLog")
    seen = -1
    while seen != len(hub.world.asked):
        seen = len(hub.world.asked)
        await asyncio.sleep(0.3)
    assert seen < 200  # a hundred kilobytes a page: what sockets hold, and not all of the thousand
    writer.close()
    await until(lambda: hub.world.ended == ["export-1"])


async def test_who_has_the_end_of_one_may_begin_the_next(hub: Served) -> None:
    for _ in range(20):
        assert (await hub.get())[0] == 200
        assert len(hub.world.ended) == len(hub.world.began)


async def test_no_more_run_side_by_side_than_a_process_bears(hub: Served) -> None:
    hub.world.waits = True
    headers = {"Authorization": "Bearer siti"}
    running = [await hub.http.get("/me/export", headers=headers) for _ in range(module.MOST_AT_ONCE)]
    status, _, body = await hub.get("budi")
    assert (status, json.loads(body)["errors"][0]["extensions"]["code"]) == (503, "EXPORT_UNAVAILABLE")
    for each in running:
        each.close()
    await until(lambda: len(hub.world.ended) == module.MOST_AT_ONCE)
    hub.world.waits = False
    assert (await hub.get("budi"))[0] == 200


async def test_what_takes_too_long_is_broken_off_and_is_no_json(hub: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST", 0.2)
    hub.world.waits = True
    async with hub.http.get("/me/export", headers={"Authorization": "Bearer siti"}) as response:
        assert response.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()
    await until(lambda: hub.world.ended == ["export-1"])
