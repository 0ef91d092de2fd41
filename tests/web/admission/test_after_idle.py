"""After an idle time, a start or other work, no request is refused because of that processor time.

The processor clock is injected, so the tests do not depend on the machine.
"""

from __future__ import annotations

import asyncio

import pytest

from tests.web.admission.idle_hub import simulate_idle_hub

COSTS = pytest.mark.parametrize("cost", [0.0003, 0.002, 0.008])
"""Processor time of one request, in seconds."""


@COSTS
@pytest.mark.parametrize("minutes", [1, 5, 15])
@pytest.mark.parametrize("share", [0.0005, 0.02, 0.3])
def test_no_request_is_refused_after_an_idle_time_at_any_processor_use_in_it(
    cost: float, minutes: int, share: float
) -> None:
    with simulate_idle_hub() as hub:

        async def day() -> None:
            for _ in range(2):
                await hub.ask_sequentially(150, cost)
                await hub.ask_concurrently(6, cost, agency=0.05)
                await hub.pause(minutes * 60, idle=minutes * 60 * share)
            await hub.ask_concurrently(6, cost, agency=0.05)
            await hub.ask_sequentially(150, cost)
            await hub.pause(minutes * 60, idle=minutes * 60 * share)
            for _ in range(10):
                await hub.ask_concurrently(16, cost)
                await asyncio.sleep(0.05)

        hub.loop.run(day())
        assert (hub.answered, hub.refused) == (628, 0)


@COSTS
@pytest.mark.parametrize("used", [0.5, 3.0, 30.0])
def test_no_request_is_refused_after_a_start_or_reload_at_any_processor_use(cost: float, used: float) -> None:
    with simulate_idle_hub(cpu_seconds=used) as hub:

        async def first() -> None:
            await hub.pause(16, idle=0.1)
            await hub.ask_concurrently(6, cost)
            await hub.ask_sequentially(50, cost)
            await hub.ask_concurrently(16, cost)

        hub.loop.run(first())
        assert (hub.answered, hub.refused) == (72, 0)


@COSTS
def test_sixteen_busy_clients_are_all_answered_after_an_idle_time(cost: float) -> None:
    with simulate_idle_hub(cpu_seconds=5.0) as hub:

        async def clients() -> None:
            await hub.run_clients(16, 40, cost)
            await hub.pause(300, idle=20.0)
            await hub.run_clients(16, 40, cost)

        hub.loop.run(clients())
        assert (hub.answered, hub.refused) == (1280, 0)


@COSTS
def test_other_work_between_requests_does_not_count_as_their_cost(cost: float) -> None:
    with simulate_idle_hub() as hub:

        async def at_work() -> None:
            await hub.ask_sequentially(5, cost)
            for concurrency in (1, 6, 16):
                hub.work(0.5)
                await hub.ask_sequentially(5, cost)
                await hub.ask_concurrently(concurrency, cost, agency=0.1)
                await asyncio.sleep(0.4)

        hub.loop.run(at_work())
        assert (hub.answered, hub.refused) == (43, 0)


@COSTS
def test_a_single_client_is_answered_under_a_processor_quota(cost: float) -> None:
    with simulate_idle_hub() as hub:

        async def alone() -> None:
            await hub.ask_sequentially(20, cost)
            hub.set_quota(runs=0.015, pauses=0.110)
            while hub.loop.time() < 5.0:
                await hub.ask_sequentially(1, cost)

        hub.loop.run(alone())
        assert hub.answered > 50
        assert hub.refused == 0


def test_six_concurrent_requests_after_a_slow_first_one_are_answered() -> None:
    with simulate_idle_hub() as hub:

        async def cold() -> None:
            hub.shedding.enter(hub.loop.time())
            hub.work(0.6)  # the first request loads and compiles much
            await hub.ask_concurrently(6, 0.05)
            hub.shedding.leave()

        hub.loop.run(cold())
        assert (hub.answered, hub.refused) == (6, 0)


def test_only_the_first_request_of_a_loop_turn_counts_as_the_only_one() -> None:
    with simulate_idle_hub() as hub:

        async def overload() -> None:
            for _ in range(60):
                await hub.ask_concurrently(400, 0.001)

        hub.loop.run(overload())
        assert hub.refused > 0.4 * (hub.answered + hub.refused)


def test_overload_right_after_an_idle_time_is_admitted_at_the_finish_rate() -> None:
    with simulate_idle_hub() as hub:

        async def overload() -> None:
            await hub.ask_sequentially(10, 0.002)
            await hub.pause(600, idle=0.0)
            await asyncio.gather(*(hub.ask_concurrently(200, 0.002, agency=0.1 * each) for each in range(20)))

        hub.loop.run(overload())
        limit = hub.shedding.load.limit
        assert limit is None or limit > 100
