"""Whatever is killed, and whenever: what was acknowledged is at the complaint system exactly once.

The complaint system does not recognise a request that is sent twice, so a double would stay.
"""

from __future__ import annotations

import asyncio
import random
import signal
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import aiohttp
import pytest

from auth.caller import Caller, CallerKind
from records.command_state import CommandState
from records.identifiers import Nik
from sandbox.agency_variables import build_agency_variables
from store.commands.command_outbox import CommandOutbox
from store.database import create_database_engine
from tests.fakes.city import write_city
from tests.fakes.waiting import wait_until, wait_until_answered
from tests.journeys.hub_process import HubProcess
from tests.plugins.run_folder import short_folder
from tests.sandbox_agencies import RunningAgency, run_agency

SUBMIT = """
mutation Submit($key: String!) {
  submitComplaint(complaint: { categoryCode: "1202", description: "Lampu mati.", address: "Jl. Melati" }, key: $key) {
    ... on CommandReceipt { number }
  }
}
"""
KEYS_PER_ROUND = 4
ROUNDS = 3


class KilledCity:
    """A hub and a complaint system, each in its own process, with the same disk after each kill."""

    def __init__(self, folder: Path, complaint_system: RunningAgency) -> None:
        variables = build_agency_variables(
            "crm", port=complaint_system.port, user=complaint_system.user, secret=complaint_system.secret, health={}
        )
        others = [each.stem for each in (write_city(folder / "city") / "agencies").glob("*.toml") if each.stem != "crm"]
        quick = {"submit_complaint": {"timeout": "1 s", "settle": "1 s"}}
        changes = {code: {"stage": "agreed"} for code in others} | {"crm": {"commands": quick}}
        city = write_city(folder / "city", terms={"crm": {"breaker": {"pause": 0.2}}}, changes=changes)
        self.variables = {**variables, "SIMPUL_CITY": str(city)}
        self.hub = HubProcess(folder, self.variables)
        self.complaint_system = complaint_system
        self.receipts: dict[str, str] = {}
        """The number of each acknowledged command, by its key."""

    async def submit(self, key: str) -> None:
        """Submit a complaint until it is acknowledged, as an app does: with the same key."""
        person = Nik(f"31710145069{sum(key.encode()) % 90_000 + 10_000}")
        caller = Caller(kind=CallerKind.CITIZEN, first_party=True, nik=person)
        async with self.hub.client(caller) as session:

            async def is_acknowledged() -> bool:
                try:
                    async with session.post("/graphql", json={"query": SUBMIT, "variables": {"key": key}}) as response:
                        answer = await response.json()
                except aiohttp.ClientError:
                    return False
                receipt = (answer.get("data") or {}).get("submitComplaint")
                if receipt:
                    number = receipt["number"]
                    assert self.receipts.setdefault(key, number) == number
                return bool(receipt)

            await wait_until_answered(is_acknowledged, timeout=60)

    async def wait_until_all_done(self) -> None:
        async with self._open_outbox() as outbox:

            async def is_done() -> bool:
                return not await outbox.list_open()

            try:
                await wait_until_answered(is_done, timeout=120)
            except TimeoutError:
                left = [f"{each.state.name} {each.failure} {each.lookups}" for each in await outbox.list_open()]
                raise AssertionError(f"not done: {left}") from None

    async def wait_until_sent(self) -> None:
        """Wait until a command is being sent, and its bytes are on their way."""
        async with self._open_outbox() as outbox:

            async def is_sending() -> bool:
                return bool(await outbox.list_open(states=[CommandState.SENDING]))

            await wait_until_answered(is_sending, timeout=60)

    @asynccontextmanager
    async def _open_outbox(self) -> AsyncIterator[CommandOutbox]:
        engine = create_database_engine(self.hub.state_url)
        try:
            yield CommandOutbox(engine, timeout=30)
        finally:
            await engine.dispose()

    def count_complaints(self) -> Counter[str]:
        """How many complaints the system has, by the hub's reference."""
        with closing(sqlite3.connect(self.complaint_system.state / "submissions.sqlite")) as connection:
            return Counter(reference for (reference,) in connection.execute("SELECT reference FROM submissions"))


@pytest.fixture
def city(tmp_path: Path) -> Iterator[KilledCity]:
    with run_agency("crm", tmp_path) as complaint_system, short_folder() as folder:
        city = KilledCity(folder, complaint_system)
        city.hub.postgres.start()
        try:
            city.hub.start()
            yield city
        finally:
            city.hub.kill()
            city.hub.postgres.stop()


def restart_hub(city: KilledCity) -> None:
    city.hub.kill()
    city.hub.start()


def restart_complaint_system(city: KilledCity) -> None:
    city.complaint_system.kill()
    city.complaint_system.restart()


def restart_database(city: KilledCity) -> None:
    city.hub.kill_database()
    city.hub.postgres.start()


KILLS: dict[str, Callable[[KilledCity], None]] = {
    "hub": restart_hub,
    "complaint system": restart_complaint_system,
    "database": restart_database,
}


async def submit_while_killing(city: KilledCity, kill: Callable[[KilledCity], None], rounds: int, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - moments, no secret
    for turn in range(rounds):
        submitting = [asyncio.ensure_future(city.submit(f"{seed}-{turn}-{n}")) for n in range(KEYS_PER_ROUND)]
        await asyncio.sleep(chance.uniform(0, 0.12))  # a random instant of accepting, sending and recording
        await asyncio.to_thread(kill, city)
        await asyncio.gather(*submitting)
    await city.wait_until_all_done()
    numbers = set(city.receipts.values())
    assert len(numbers) == rounds * KEYS_PER_ROUND
    assert city.count_complaints() == dict.fromkeys(numbers, 1)


@pytest.mark.parametrize("killed", KILLS)
async def test_what_was_acknowledged_is_there_once_after_kills(city: KilledCity, killed: str) -> None:
    await submit_while_killing(city, KILLS[killed], ROUNDS, seed=len(killed))


@pytest.mark.long
async def test_what_was_acknowledged_is_there_once_after_200_kills(city: KilledCity) -> None:
    chance = random.Random(20261129)  # noqa: S311 - a choice, no secret

    def kill_any(killed: KilledCity) -> None:
        chance.choice([*KILLS.values()])(killed)

    await submit_while_killing(city, kill_any, 200, seed=1)


async def test_a_frozen_hub_that_wakes_after_another_took_over_changes_nothing(
    city: KilledCity, tmp_path: Path
) -> None:
    """The hub sends, and stops before the answer comes. Another hub finds the complaint; then the first one wakes."""
    other = HubProcess(tmp_path, {**city.variables, "SIMPUL_STATE_URL": city.hub.state_url})
    first = city.hub.process
    assert first is not None
    city.complaint_system.process.send_signal(signal.SIGSTOP)
    await city.submit("frozen")
    await city.wait_until_sent()
    first.send_signal(signal.SIGSTOP)
    city.complaint_system.process.send_signal(signal.SIGCONT)
    try:
        other.start()
        await city.wait_until_all_done()
        first.send_signal(signal.SIGCONT)
        await wait_until(lambda: "came after its lease" in city.hub.read_output, timeout=60)
    finally:
        first.send_signal(signal.SIGCONT)
        other.kill()
    assert city.count_complaints() == dict.fromkeys(city.receipts.values(), 1)
