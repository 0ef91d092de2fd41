"""Whatever is killed, and whenever: what was acknowledged is at the complaint system exactly once."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes.waiting import wait_until
from tests.journeys.commands.killed_city import KilledCity, build_variables, write_complaint_city
from tests.journeys.hub_process import HubProcess
from tests.plugins.run_folder import short_folder
from tests.sandbox_agencies import run_agency

KEYS_PER_ROUND = 4
ROUNDS = 3


@pytest.fixture
def city(tmp_path: Path) -> Iterator[KilledCity]:
    with run_agency("crm", tmp_path) as complaint_system, short_folder() as folder:
        variables = {**build_variables(complaint_system), "SIMPUL_CITY": str(write_complaint_city(folder / "city"))}
        city = KilledCity(HubProcess(folder, variables), complaint_system)
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
    await city.wait_until_settled()
    assert len(set(city.receipts.values())) == rounds * KEYS_PER_ROUND
    assert city.count_complaints() == dict.fromkeys(city.receipts, 1)


@pytest.mark.parametrize(
    "killed", ["hub", *(pytest.param(each, marks=pytest.mark.long) for each in KILLS if each != "hub")]
)
async def test_what_was_acknowledged_is_there_once_after_kills(city: KilledCity, killed: str) -> None:
    await submit_while_killing(city, KILLS[killed], ROUNDS, seed=len(killed))


@pytest.mark.long
async def test_what_was_acknowledged_is_there_once_after_200_kills(city: KilledCity) -> None:
    chance = random.Random(20261129)  # noqa: S311 - a choice, no secret

    def kill_any(killed: KilledCity) -> None:
        chance.choice([*KILLS.values()])(killed)

    await submit_while_killing(city, kill_any, 200, seed=1)


def has_unread_bytes(port: int) -> bool:
    """Whether bytes for a stopped server wait in the system, on an established connection."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, _, state, queues, *_ = line.split()
        if state == "01" and int(local.partition(":")[2], 16) == port and int(queues.partition(":")[2], 16):
            return True
    return False


async def test_a_frozen_hub_that_wakes_after_another_took_over_changes_nothing(
    city: KilledCity, tmp_path: Path
) -> None:
    """The hub sends, and stops before the answer comes. Another hub finds the complaint; then the first one wakes."""
    same = {name: city.hub.environment[name] for name in ("SIMPUL_CITY", "SIMPUL_CRM_URL", "SIMPUL_CRM_KEY")}
    other = HubProcess(tmp_path, {**same, "SIMPUL_STATE_URL": city.hub.state_url})
    first = city.hub.process
    assert first is not None
    city.complaint_system.process.send_signal(signal.SIGSTOP)
    await city.submit("frozen")
    await city.wait_until_sent()
    await wait_until(lambda: has_unread_bytes(city.complaint_system.port))
    first.send_signal(signal.SIGSTOP)
    city.complaint_system.process.send_signal(signal.SIGCONT)
    try:
        other.start()
        await city.wait_until_settled()
        first.send_signal(signal.SIGCONT)
        await wait_until(lambda: "came after its lease" in city.hub.read_output, timeout=60)
    finally:
        first.send_signal(signal.SIGCONT)
        other.kill()
    assert city.count_complaints() == dict.fromkeys(city.receipts, 1)
