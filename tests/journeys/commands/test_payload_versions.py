"""Hubs of two releases share one outbox: each delivers what it can read, the newer one both versions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from auth.tokens.development_issuer import DevelopmentIssuer
from engine.command import Command, FormerPayload
from records.complaints import NewComplaint
from resolvers.complaint_commands import SUBMIT_COMPLAINT
from resolvers.domains import find_commands
from tests.fakes.waiting import wait_until_answered
from tests.journeys.commands.killed_city import SUBMIT
from tests.journeys.hub import HubClient, RunningCity, build_settings, running_hub, state_server
from tests.sandbox_agencies import RunningAgency, run_agency
from wiring import commands as wiring

RECEIPTS = "{ me { receipts { number state } complaints { description } } }"


def upgrade(old: NewComplaint) -> NewComplaint:
    return replace(old, description=f"{old.description}, upgraded")


NEWER: Command[NewComplaint] = Command(
    name=SUBMIT_COMPLAINT.name,
    domain=SUBMIT_COMPLAINT.domain,
    payload=NewComplaint,
    version=SUBMIT_COMPLAINT.version + 1,
    former={SUBMIT_COMPLAINT.version: FormerPayload(record=NewComplaint, upgrade=upgrade)},
)
OpenHub = Callable[[], AbstractAsyncContextManager[HubClient]]


@pytest.fixture
def complaint_system(tmp_path: Path) -> Iterator[RunningAgency]:
    with run_agency("crm", tmp_path) as agency:
        yield agency


@pytest.fixture
async def open_hub(
    complaint_system: RunningAgency, city_snapshots: Path, issuer: DevelopmentIssuer, tmp_path: Path
) -> AsyncIterator[OpenHub]:
    """Hubs on one database; each has the commands of its start."""
    with state_server(tmp_path / "state") as url:
        city = RunningCity(agencies={"crm": complaint_system}, snapshots=city_snapshots)
        settings = build_settings(city, state_url=url, issuer=issuer, folder=tmp_path)
        yield lambda: running_hub(settings, issuer)


@pytest.fixture
def become_newer(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let hubs that start from now on be of the newer release."""
    newer: Mapping[str, Command[NewComplaint]] = {**find_commands(), NEWER.name: NEWER}
    return lambda: monkeypatch.setattr(wiring, "find_commands", lambda: newer)


async def submit(hub: HubClient, text: str) -> str:
    answer = await hub.ask(SUBMIT, {"key": text}, caller="siti")
    assert answer.errors == []
    number: str = answer.data["submitComplaint"]["number"]
    return number


async def load_state(hub: HubClient, number: str) -> str:
    answer = await hub.ask(RECEIPTS, caller="siti")
    assert answer.errors == []
    [state] = [each["state"] for each in answer.data["me"]["receipts"] if each["number"] == number]
    return str(state)


async def wait_until_done(hub: HubClient, number: str) -> None:
    async def is_done() -> bool:
        return await load_state(hub, number) == "DONE"

    await wait_until_answered(is_done, timeout=60)


async def test_an_older_hub_leaves_newer_commands_alone_and_a_newer_one_delivers_both(
    open_hub: OpenHub, become_newer: Callable[[], None], complaint_system: RunningAgency
) -> None:
    async with open_hub() as older:
        complaint_system.kill()
        of_older = await submit(older, "older")
    become_newer()
    async with open_hub() as newer:
        of_newer = await submit(newer, "newer")
    complaint_system.restart()
    async with open_hub() as newer:
        for number in (of_older, of_newer):
            await wait_until_done(newer, number)
        answer = await newer.ask(RECEIPTS, caller="siti")
        texts = {each["description"] for each in answer.data["me"]["complaints"]}
        assert {"older, upgraded", "newer"} <= texts
        assert "older" not in texts


async def test_both_releases_work_on_one_outbox_at_the_same_time(
    open_hub: OpenHub, become_newer: Callable[[], None], complaint_system: RunningAgency
) -> None:
    async with open_hub() as older:
        become_newer()
        complaint_system.kill()
        async with open_hub() as newer:
            waiting = await submit(newer, "newer")
        complaint_system.restart()
        await wait_until_done(older, await submit(older, "older"))
        assert await load_state(older, waiting) != "DONE"
        async with open_hub() as newer:
            await wait_until_done(newer, waiting)
            await wait_until_done(newer, await submit(newer, "once more"))
    assert complaint_system.count_calls()["POST /open311/v2/requests.json"] == 3
