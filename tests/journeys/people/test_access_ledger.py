"""No personal data leaves unrecorded: not when the hub is killed, not when its database is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import aiohttp
import pytest

from store.database import create_database_engine
from store.ledger.ledger_check import LedgerCheckResult, check_ledger
from tests.journeys.hub_process import PERSONAL, PUBLIC, SECRET, SITI, HubProcess, ask
from tests.plugins.run_folder import short_folder

ASKING = 32
"""Who ask side by side."""
BEFORE = 400
"""Answers after which something is killed: in the midst of work."""


@pytest.fixture
def hub() -> Iterator[HubProcess]:
    # Not in pytest's own folder: another run of pytest would lock PostgreSQL out of it.
    with short_folder() as folder:
        hub = HubProcess(folder)
        hub.postgres.start()
        try:
            hub.start()
            yield hub
        finally:
            hub.kill()
            hub.postgres.stop()


async def answered_until(hub: HubProcess, strike: Callable[[], None]) -> set[str]:
    """The requests that were answered with personal data, by clients that ask until nobody answers any more."""
    answered: set[str] = set()
    struck = asyncio.Event()

    async def asking(session: aiohttp.ClientSession, who: int) -> None:
        for number in range(100_000):
            request_id = f"client-{who}-{number}"
            try:
                answer = await ask(session, PERSONAL, request_id)
            except aiohttp.ClientError:
                return
            if answer.get("data"):
                assert answer["data"] == {"me": {"nik": SITI}}
                answered.add(request_id)
            elif struck.is_set():
                assert [each["extensions"]["code"] for each in answer["errors"]] == ["LEDGER_UNAVAILABLE"]
                return
            if len(answered) >= BEFORE and not struck.is_set():
                struck.set()
                await asyncio.to_thread(strike)

    async with hub.client() as session:
        await asyncio.wait_for(asyncio.gather(*(asking(session, who) for who in range(ASKING))), 60)
    return answered


async def checked(hub: HubProcess) -> LedgerCheckResult:
    engine = create_database_engine(hub.state_url)
    try:
        return await check_ledger(engine, SECRET)
    finally:
        await engine.dispose()


async def test_every_answer_that_a_killed_hub_gave_has_its_entry(hub: HubProcess) -> None:
    assert hub.process is not None
    answered = await answered_until(hub, hub.process.kill)
    hub.kill()
    assert len(answered) >= BEFORE
    assert answered <= await hub.load_recorded()
    hub.start()
    found = await checked(hub)
    assert (found.broken, found.chains) == ([], 2)
    assert found.entries >= len(answered)


async def test_every_answer_has_its_entry_though_the_database_crashed_and_the_hub_goes_on_by_itself(
    hub: HubProcess,
) -> None:
    answered = await answered_until(hub, hub.kill_database)
    async with hub.client() as session:
        refused = await ask(session, PERSONAL)
        assert [error["extensions"]["code"] for error in refused["errors"]] == ["LEDGER_UNAVAILABLE"]
        assert refused["data"] is None
        assert str(SITI) not in str(refused)
        assert await ask(session, PUBLIC) == {"data": {"region": {"code": "31"}}}
        hub.postgres.start()
        assert await ask(session, PERSONAL, "after-the-crash") == {"data": {"me": {"nik": SITI}}}
    assert len(answered) >= BEFORE
    assert answered | {"after-the-crash"} <= await hub.load_recorded()
    assert (await checked(hub)).broken == []


async def test_a_person_reads_what_was_read_of_them_newest_first(hub: HubProcess) -> None:
    log = {"query": "{ me { accessLog(first: 2) { nodes { text requestId } pageInfo { hasNextPage } } } }"}
    async with hub.client() as session:
        await ask(session, PERSONAL, "the-first-look")
        found = await ask(session, log, "the-second-look")
        again = await ask(session, log, "the-third-look")
    basis = "Legal basis: the reader's own right to know (UU PDP, articles 5 to 7)."
    first = {"text": f"You read your identity. {basis}", "requestId": "the-first-look"}
    assert found["data"]["me"]["accessLog"] == {"nodes": [first], "pageInfo": {"hasNextPage": False}}
    second = {"text": f"You read your access log. {basis}", "requestId": "the-second-look"}
    assert again["data"]["me"]["accessLog"]["nodes"] == [second, first]
