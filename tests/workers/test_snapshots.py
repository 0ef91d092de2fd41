"""Workers share the snapshots of a machine: one loads them, all answer from them."""

from __future__ import annotations

import asyncio
import os
import signal
import tomllib
from collections.abc import Iterator

import pytest

from sandbox.agency_variables import build_agency_variables
from tests.cli.command_line import temporary_state_folder
from tests.fakes.city import write_city
from tests.fakes.waiting import block_until
from tests.journeys.agencies.snapshot_city import READS, SNAPSHOT
from tests.journeys.hub_process import ask
from tests.sandbox_agencies import RunningAgency
from tests.workers.production import Production, find_loader, prepare_production, wait_until_reaped

MARKETS = {"query": 'query Markets { markets(search: "senen") { name } }'}


@pytest.fixture
def hub(pangan: RunningAgency) -> Iterator[Production]:
    with temporary_state_folder() as folder:
        folder.mkdir(parents=True)
        with prepare_production(folder) as hub:
            city = write_city(folder / "city")
            reads = tomllib.loads((city / "agencies" / "pangan.toml").read_text(encoding="utf-8"))["reads"]
            write_city(city, changes={"pangan": {"snapshots": {"markets": SNAPSHOT}, "reads": reads | READS}})
            reach = build_agency_variables(
                "pangan", port=pangan.port, user=pangan.user, secret=pangan.secret, health={}
            )
            hub.write_settings(SIMPUL_CITY=str(city), SIMPUL_SNAPSHOT_FOLDER=str(folder / "snapshots"), **reach)
            yield hub


async def check_answers(hub: Production) -> None:
    """Asserts that the hub answers over new connections, from any worker."""
    for _ in range(10):
        async with hub.stranger() as session:
            found = await ask(session, MARKETS)
        assert found["data"] == {"markets": [{"name": "Pasar Senen Blok III - VI"}]}


async def test_one_worker_loads_and_when_it_dies_another_takes_over(hub: Production, pangan: RunningAgency) -> None:
    pangan.reset_calls()
    await asyncio.to_thread(hub.start)
    await check_answers(hub)
    assert hub.read_output.count("Loaded the snapshot 'markets' of the agency 'pangan': 50 rows") == 1
    assert sum(pangan.count_calls().values()) == 1
    first = find_loader(hub, "pangan")
    assert first in hub.workers
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await asyncio.to_thread(block_until, lambda: find_loader(hub, "pangan") not in {None, first}, "another loader")
    await check_answers(hub)
    assert sum(pangan.count_calls().values()) == 1


async def test_after_a_restart_the_copy_answers_without_the_agency(hub: Production, pangan: RunningAgency) -> None:
    await asyncio.to_thread(hub.start)
    await asyncio.to_thread(hub.kill_supervisor)
    for pid in hub.find_survivors():
        await asyncio.to_thread(wait_until_reaped, pid)
    with pangan.in_mode("error"):
        hub.launch()
        await asyncio.to_thread(hub.wait_for, "The hub serves", 2)
        await check_answers(hub)
