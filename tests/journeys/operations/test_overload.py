"""A hub that is asked for more than it can answer: one process, and texts that it never saw, which cost it most."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import aiohttp
import pytest

from tests.fakes.clients import build_client
from tests.journeys.hub_process import CITIZEN, HubProcess

LANE = build_client("siaga-112")
CONCURRENT_CLIENTS = 60
"""Clients who ask again as soon as they are answered."""
_FIELDS = 90
_numbers = count()


@dataclass
class LoadResults:
    """What one kind of client got."""

    statuses: Counter[int] = field(default_factory=Counter)
    codes: set[str] = field(default_factory=set)
    told: set[int] = field(default_factory=set)
    """What `Retry-After` said."""
    closed: int = 0


class OverloadedHub(HubProcess):
    """A hub with an emergency lane, without rates: nothing but overload refuses anybody."""

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | {
            "SIMPUL_RATES": "off",
            "SIMPUL_EMERGENCY_LANE": f"client:{LANE}",
            "SIMPUL_LEDGER": "false",
        }


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OverloadedHub]:
    running = OverloadedHub(tmp_path_factory.mktemp("overloaded"))
    running.postgres.start()
    running.start()
    yield running
    running.kill()
    running.postgres.stop()


def build_costly_query() -> dict[str, Any]:
    """An operation that the hub never saw, and that asks no agency."""
    number = next(_numbers)
    names = " ".join(f'a{number}x{each}: region(code: "31") {{ code name level }}' for each in range(_FIELDS))
    return {"query": f"{{ {names} }}"}


async def keep_asking(session: aiohttp.ClientSession, seen: LoadResults, until: asyncio.Event) -> None:
    """Ask again and again, until it is over."""
    while not until.is_set():
        async with session.post("/graphql", json=build_costly_query()) as response:
            body = await response.json()
            seen.statuses[response.status] += 1
            seen.closed += response.headers.get("Connection") == "close"
            if "errors" in body:
                seen.codes.add(body["errors"][0]["extensions"]["code"])
                seen.told.add(int(response.headers["Retry-After"]))


@pytest.fixture
async def flooded(hub: OverloadedHub) -> AsyncIterator[tuple[LoadResults, LoadResults, dict[str, Any]]]:
    """What strangers and the lane got while many strangers asked all the time, and what the hub said of itself."""
    strangers, lane, over = LoadResults(), LoadResults(), asyncio.Event()
    of_the_lane = replace(CITIZEN, client=LANE)
    async with hub.stranger() as stranger, hub.client(of_the_lane) as rescuer:
        asking = [asyncio.create_task(keep_asking(stranger, strangers, over)) for _ in range(CONCURRENT_CLIENTS)]
        asking.append(asyncio.create_task(keep_asking(rescuer, lane, over)))
        said: dict[str, Any] = {}
        async with asyncio.timeout(60):
            while strangers.statuses[503] < 200 or lane.statuses[200] < 20:
                async with stranger.get("/health/ready") as response:
                    assert response.status == 200
                    load = (await response.json())["load"]
                    if load["limit"] is not None:
                        said = load
                await asyncio.sleep(0.05)
        over.set()
        await asyncio.gather(*asking)
        yield strangers, lane, said


async def test_strangers_are_refused_in_form_the_lane_is_not_and_then_all_are_served(
    hub: OverloadedHub, flooded: tuple[LoadResults, LoadResults, dict[str, Any]]
) -> None:
    strangers, lane, said = flooded
    assert set(strangers.statuses) == {200, 503}
    assert strangers.codes == {"OVERLOADED"}
    assert strangers.told == set(range(1, 9))
    assert strangers.closed == 0
    assert set(lane.statuses) == {200}
    assert said["limit"] > 0
    assert said["refused"]["anonymous"] > 0
    assert said["refused"]["lane"] == 0
    async with hub.stranger() as stranger:
        await asyncio.sleep(1)  # nothing is asked
        for _ in range(20):
            async with stranger.post("/graphql", json=build_costly_query()) as response:
                assert response.status == 200
    assert '"path":"/graphql","status":503' in hub.read_output
    assert "Traceback" not in hub.read_output
