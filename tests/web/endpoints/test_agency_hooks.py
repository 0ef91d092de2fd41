"""Change notices of agencies: accepted with a valid signature, processed once, and not repeated in responses."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import aiohttp
import pytest

from auth.crypto.webhook_signatures import AgencyHookSecrets, sign
from records.identifiers import Nik
from tests.web.conftest import serve_application
from web.endpoints.agency_hooks import MAX_PEOPLE, AgencyHooks
from web.settings import WebSettings

SITI, BUDI = Nik("3171014506900001"), Nik("3171010101800002")
SECRETS = AgencyHookSecrets(b"a secret of thirty-two bytes....")
NOW = 1_764_000_000.0


@dataclass
class FakeInvalidator:
    """Records invalidations."""

    people: list[Sequence[Nik]] = field(default_factory=list)
    agencies: list[str] = field(default_factory=list)
    reaches_all: bool = True

    async def invalidate_people(self, people: Sequence[Nik]) -> bool:
        self.people.append(tuple(people))
        return self.reaches_all

    async def invalidate_agency(self, agency: str) -> bool:
        self.agencies.append(agency)
        return self.reaches_all


@dataclass
class HookServer:
    invalidator: FakeInvalidator
    http: aiohttp.ClientSession

    async def send_change(
        self, change: object, *, agency: str = "pbb", by: str = "pbb", call: str = "msg-1", at: float = NOW
    ) -> tuple[int, str, str | None]:
        """Status, code and `Retry-After`."""
        body = change if isinstance(change, bytes) else json.dumps(change).encode()
        moment = str(int(at))
        headers = {
            "webhook-id": call,
            "webhook-timestamp": moment,
            "webhook-signature": sign(SECRETS.derive_secret(by), call, moment, body),
        }
        async with self.http.post(f"/hooks/{agency}", data=body, headers=headers) as response:
            text = await response.text()
            assert SITI not in text
            code = json.loads(text)["errors"][0]["extensions"]["code"] if text else ""
            return response.status, code, response.headers.get("Retry-After")


@pytest.fixture
async def hub() -> AsyncIterator[HookServer]:
    kept = FakeInvalidator()
    async with serve_application(
        WebSettings(),
        authenticate=lambda *_: pytest.fail("hooks need no token"),
        endpoints=[AgencyHooks(kept, SECRETS, ("pbb", "crm"), now=lambda: NOW)],
    ) as served:
        yield HookServer(kept, served.http)


async def test_answers_about_people_are_dropped(hub: HookServer) -> None:
    assert await hub.send_change({"people": [SITI, BUDI]}) == (204, "", None)
    assert (hub.invalidator.people, hub.invalidator.agencies) == ([(SITI, BUDI)], [])


async def test_all_answers_of_the_agency_are_dropped(hub: HookServer) -> None:
    assert await hub.send_change({"everything": True}, agency="crm", by="crm") == (204, "", None)
    assert (hub.invalidator.people, hub.invalidator.agencies) == ([], ["crm"])


async def test_a_repeated_call_is_accepted_and_ignored(hub: HookServer) -> None:
    for _ in range(3):
        assert await hub.send_change({"people": [SITI]}) == (204, "", None)
    assert await hub.send_change({"people": [SITI]}, call="msg-2") == (204, "", None)
    assert len(hub.invalidator.people) == 2


async def test_a_change_that_does_not_reach_every_process_is_refused_and_can_be_repeated(hub: HookServer) -> None:
    hub.invalidator.reaches_all = False
    assert await hub.send_change({"people": [SITI]}) == (503, "HUB_UNAVAILABLE", "5")
    hub.invalidator.reaches_all = True
    assert await hub.send_change({"people": [SITI]}) == (204, "", None)
    assert len(hub.invalidator.people) == 2


@pytest.mark.parametrize(
    ("agency", "by", "at"),
    [("crm", "pbb", NOW), ("pbb", "crm", NOW), ("nobody", "nobody", NOW), ("pbb", "pbb", NOW - 400)],
    ids=["for another agency", "with another secret", "unknown agency", "too old"],
)
async def test_a_call_without_a_valid_signature_is_refused(hub: HookServer, agency: str, by: str, at: float) -> None:
    assert await hub.send_change({"everything": True}, agency=agency, by=by, at=at) == (401, "UNAUTHENTICATED", None)
    assert (hub.invalidator.people, hub.invalidator.agencies) == ([], [])


@pytest.mark.parametrize(
    "change",
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
        {"people": [SITI] * (MAX_PEOPLE + 1)},
        {"everything": False},
        {"everything": 1},
        {"people": [SITI], "everything": True},
        b'{"people": ["3171014506909001"], "p\\u0065ople": ["3171011203850002"]}',
        {"persons": [SITI]},
    ],
    ids=str,
)
async def test_an_invalid_body_is_refused_without_repeating_it(hub: HookServer, change: object) -> None:
    assert (await hub.send_change(change))[:2] == (400, "BAD_REQUEST")
    assert (hub.invalidator.people, hub.invalidator.agencies) == ([], [])


async def test_only_post_is_served(hub: HookServer) -> None:
    async with hub.http.get("/hooks/pbb") as response:
        assert response.status == 405
