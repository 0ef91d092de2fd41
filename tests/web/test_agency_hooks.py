"""Agencies say that something changed: believed when signed, done once, and never repeated in an answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import aiohttp
import pytest
import uvicorn

from auth.hook_signatures import HookSecrets
from auth.standard_webhooks import signature
from records.identifiers import Nik
from tests.web.conftest import until
from tests.web.small_graph import SmallGraph, ready
from web.agency_hooks import MOST_PEOPLE, AgencyHooks
from web.application import web_application
from web.serving import uvicorn_config
from web.settings import WebSettings

SITI, BUDI = Nik("3171014506900001"), Nik("3171010101800002")
SECRETS = HookSecrets(b"a secret of thirty-two bytes....")
NOW = 1_764_000_000.0


@dataclass
class Kept:
    """Remembers what it is told to forget."""

    people: list[Sequence[Nik]] = field(default_factory=list)
    agencies: list[str] = field(default_factory=list)
    told: bool = True

    async def forget_people(self, people: Sequence[Nik]) -> bool:
        self.people.append(tuple(people))
        return self.told

    async def forget_agency(self, agency: str) -> bool:
        self.agencies.append(agency)
        return self.told


@dataclass
class Hub:
    kept: Kept
    http: aiohttp.ClientSession

    async def say(
        self, told: object, *, agency: str = "pbb", by: str = "pbb", call: str = "msg-1", at: float = NOW
    ) -> tuple[int, str, str | None]:
        """Status, code and when to come back."""
        body = told if isinstance(told, bytes) else json.dumps(told).encode()
        moment = str(int(at))
        headers = {
            "webhook-id": call,
            "webhook-timestamp": moment,
            "webhook-signature": signature(SECRETS.of(by), call, moment, body),
        }
        async with self.http.post(f"/hooks/{agency}", data=body, headers=headers) as response:
            text = await response.text()
            assert SITI not in text
            code = json.loads(text)["errors"][0]["extensions"]["code"] if text else ""
            return response.status, code, response.headers.get("Retry-After")


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    kept = Kept()
    application = web_application(
        execute=SmallGraph().execute,
        authenticate=lambda *_: pytest.fail("nobody has to prove anything by a token"),
        ready=ready,
        settings=WebSettings(),
        agency_hooks=AgencyHooks(kept, SECRETS, ("pbb", "crm"), now=lambda: NOW),
    )
    server = uvicorn.Server(uvicorn_config(application, "127.0.0.1", 0, WebSettings()))
    task = asyncio.create_task(server._serve())
    await until(lambda: server.started or task.done())
    port = server.servers[0].sockets[0].getsockname()[1]
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http:
        yield Hub(kept, http)
    server.should_exit = True
    await task


async def test_what_is_about_people_goes_away(hub: Hub) -> None:
    assert await hub.say({"people": [SITI, BUDI]}) == (204, "", None)
    assert (hub.kept.people, hub.kept.agencies) == ([(SITI, BUDI)], [])


async def test_everything_that_the_agency_said_goes_away(hub: Hub) -> None:
    assert await hub.say({"everything": True}, agency="crm", by="crm") == (204, "", None)
    assert (hub.kept.people, hub.kept.agencies) == ([], ["crm"])


async def test_the_same_call_again_is_answered_and_does_nothing(hub: Hub) -> None:
    for _ in range(3):
        assert await hub.say({"people": [SITI]}) == (204, "", None)
    assert await hub.say({"people": [SITI]}, call="msg-2") == (204, "", None)
    assert len(hub.kept.people) == 2


async def test_where_not_every_process_could_be_told_it_is_said_and_the_same_call_may_come_again(hub: Hub) -> None:
    hub.kept.told = False
    assert await hub.say({"people": [SITI]}) == (503, "HUB_UNAVAILABLE", "5")
    hub.kept.told = True
    assert await hub.say({"people": [SITI]}) == (204, "", None)
    assert len(hub.kept.people) == 2


@pytest.mark.parametrize(
    ("agency", "by", "at"),
    [("crm", "pbb", NOW), ("pbb", "crm", NOW), ("nobody", "nobody", NOW), ("pbb", "pbb", NOW - 400)],
    ids=["for another", "by another", "of nobody", "too old"],
)
async def test_who_did_not_sign_is_not_heard(hub: Hub, agency: str, by: str, at: float) -> None:
    assert await hub.say({"everything": True}, agency=agency, by=by, at=at) == (401, "UNAUTHENTICATED", None)
    assert (hub.kept.people, hub.kept.agencies) == ([], [])


@pytest.mark.parametrize(
    "told",
    [
        b"",
        b"{",
        b"\xff",
        [],
        {},
        {"people": []},
        {"people": SITI},
        {"people": ["317101450690000"]},
        {"people": [int(SITI)]},
        {"people": [f"{SITI}\n"]},
        {"people": [SITI] * (MOST_PEOPLE + 1)},
        {"everything": False},
        {"everything": 1},
        {"people": [SITI], "everything": True},
        b'{"people": ["3171014506909001"], "p\\u0065ople": ["3171011203850002"]}',
        {"persons": [SITI]},
    ],
    ids=str,
)
async def test_what_cannot_be_read_is_refused_without_a_word_of_it(hub: Hub, told: object) -> None:
    assert (await hub.say(told))[:2] == (400, "BAD_REQUEST")
    assert (hub.kept.people, hub.kept.agencies) == ([], [])


async def test_only_post_is_served(hub: Hub) -> None:
    async with hub.http.get("/hooks/pbb") as response:
        assert response.status == 405
