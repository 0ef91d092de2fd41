"""A production hub after quiet times: the first requests succeed like all others. All but the first takes minutes."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator

import aiohttp
import pytest

from tests.fakes.waiting import block_until
from tests.journeys.hub_process import CITIZEN, PERSONAL, PUBLIC
from tests.plugins.run_folder import short_folder
from tests.workers.production import Production, prepare_production

MINUTES = (1, 5, 15)
BACK_TO_BACK, PAGE = 150, 6
STOPPED, RUNS, LASTS = 0.110, 0.015, 2.0
"""Seconds for which a processor quota stops a process and lets it run, in turn."""


@pytest.fixture(params=[1, pytest.param(2, marks=pytest.mark.long)])
def hub(request: pytest.FixtureRequest) -> Iterator[Production]:
    with short_folder() as name, prepare_production(name) as made:
        made.write_settings(SIMPUL_SHED_AFTER=None)
        made.worker_count = request.param
        made.start()
        yield made


async def ask_after_idle(hub: Production) -> Counter[int]:
    """The statuses of a client with sequential requests, and of pages with six concurrent requests."""
    token = hub.headers(CITIZEN)
    seen: Counter[int] = Counter()
    async with aiohttp.ClientSession(f"http://127.0.0.1:{hub.port}") as http:

        async def ask(number: int) -> None:
            body, headers = (PUBLIC, {}) if number % 2 else (PERSONAL, token)
            async with http.post("/graphql", json=body, headers=headers) as answer:
                await answer.read()
                seen[answer.status] += 1

        await asyncio.gather(*(ask(number) for number in range(PAGE)))
        for number in range(BACK_TO_BACK):
            await ask(number)
        await asyncio.gather(*(ask(number) for number in range(PAGE)))
    return seen


ALL = Counter({200: BACK_TO_BACK + 2 * PAGE})


def test_no_request_is_refused_after_a_start_and_after_a_reload(hub: Production) -> None:
    assert asyncio.run(ask_after_idle(hub)) == ALL
    old = set(hub.workers)
    hub.signal(signal.SIGHUP)
    hub.wait_for("Reloaded")
    block_until(lambda: not old & set(hub.workers), "the old workers gone")
    assert asyncio.run(ask_after_idle(hub)) == ALL


@pytest.mark.long
@pytest.mark.parametrize("minutes", MINUTES)
def test_no_request_is_refused_after_a_pause(hub: Production, minutes: int) -> None:
    assert asyncio.run(ask_after_idle(hub)) == ALL
    time.sleep(60 * minutes)  # what is tested
    assert asyncio.run(ask_after_idle(hub)) == ALL


@pytest.mark.long
def test_a_single_client_is_answered_while_a_quota_repeatedly_stops_the_hub(hub: Production) -> None:
    async def alone(over: threading.Event) -> Counter[int]:
        seen: Counter[int] = Counter()
        async with aiohttp.ClientSession(f"http://127.0.0.1:{hub.port}") as http:
            while not over.is_set():
                async with http.post("/graphql", json=PUBLIC) as answer:
                    seen[answer.status] += 1
        return seen

    over = threading.Event()
    workers = hub.workers

    def quota() -> None:
        end = time.monotonic() + LASTS
        while time.monotonic() < end:
            for number, seconds in ((signal.SIGSTOP, STOPPED), (signal.SIGCONT, RUNS)):
                for each in workers:
                    os.kill(each, number)
                time.sleep(seconds)  # what is tested
        over.set()

    stopping = threading.Thread(target=quota)
    stopping.start()
    seen = asyncio.run(alone(over))
    stopping.join()
    assert seen[200] > 20
    assert set(seen) == {200}
