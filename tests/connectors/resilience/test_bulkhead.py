"""Permits, and calls that wait for one, on a virtual clock."""

from __future__ import annotations

import asyncio

from connectors.resilience.bulkhead import Bulkhead
from tests.fakes.virtual_loop import virtual_loop


async def staying(bulkhead: Bulkhead, seconds: float, *, patience: float = 100.0) -> float | None:
    """The time at which the permit came, or None."""
    loop = asyncio.get_running_loop()
    if not await bulkhead.acquire(patience):
        return None
    came = loop.time()
    await asyncio.sleep(seconds)
    bulkhead.release()
    return came


def test_calls_without_a_permit_wait_in_order_of_arrival() -> None:
    async def work() -> list[float | None]:
        bulkhead = Bulkhead(max_concurrency=2, max_waiting=None)
        return await asyncio.gather(*(staying(bulkhead, 1.0) for _ in range(5)))

    with virtual_loop() as loop:
        assert loop.run(work()) == [0, 0, 1, 1, 2]


def test_a_full_queue_is_refused_immediately() -> None:
    async def work() -> tuple[list[float | None], str]:
        bulkhead = Bulkhead(max_concurrency=1, max_waiting=1)
        tasks = [asyncio.ensure_future(staying(bulkhead, 1.0)) for _ in range(4)]
        await asyncio.sleep(0)
        seen = repr(bulkhead)
        assert bulkhead.is_full
        assert [each.done() for each in tasks] == [False, False, True, True]
        return await asyncio.gather(*tasks), seen

    with virtual_loop() as loop:
        assert loop.run(work()) == ([0, 1, None, None], "<Bulkhead in_flight=1/1 waiting=1/1>")


def test_a_call_that_times_out_leaves_the_queue() -> None:
    async def work() -> tuple[list[float | None], str]:
        bulkhead = Bulkhead(max_concurrency=1, max_waiting=1)
        first, hasty = (asyncio.ensure_future(staying(bulkhead, 3.0, patience=2.0)) for _ in range(2))
        await asyncio.wait([hasty])
        later = staying(bulkhead, 0.0)
        found = await asyncio.gather(first, hasty, later)
        return list(found), repr(bulkhead)

    with virtual_loop() as loop:
        assert loop.run(work()) == ([0, None, 3], "<Bulkhead in_flight=0/1 waiting=0/1>")


def test_a_call_cancelled_while_waiting_takes_no_permit() -> None:
    async def work() -> str:
        bulkhead = Bulkhead(max_concurrency=1, max_waiting=None)
        first, leaving = (asyncio.ensure_future(staying(bulkhead, 1.0)) for _ in range(2))
        await asyncio.sleep(0.5)
        leaving.cancel()
        await asyncio.gather(first, leaving, return_exceptions=True)
        assert bulkhead.has_free_permit
        return repr(bulkhead)

    with virtual_loop() as loop:
        assert loop.run(work()) == "<Bulkhead in_flight=0/1 waiting=0/any>"


def test_a_caller_that_is_cancelled_as_its_permit_arrives_passes_it_on() -> None:
    async def work() -> tuple[float | None, str]:
        bulkhead = Bulkhead(max_concurrency=1, max_waiting=None)
        assert await bulkhead.acquire(1.0)
        leaving, staying_on = (asyncio.ensure_future(staying(bulkhead, 0.0)) for _ in range(2))
        await asyncio.sleep(1)
        bulkhead.release()
        leaving.cancel()
        await asyncio.wait([leaving])
        assert leaving.cancelled()
        return await staying_on, repr(bulkhead)

    with virtual_loop() as loop:
        assert loop.run(work()) == (1.0, "<Bulkhead in_flight=0/1 waiting=0/any>")


def test_a_permit_that_is_released_in_the_turn_of_a_cancellation_goes_to_the_next_caller() -> None:
    async def work() -> tuple[float | None, str]:
        bulkhead = Bulkhead(max_concurrency=1, max_waiting=None)
        assert await bulkhead.acquire(1.0)
        leaving, staying_on = (asyncio.ensure_future(staying(bulkhead, 0.0)) for _ in range(2))
        await asyncio.sleep(1)
        leaving.cancel()
        bulkhead.release()
        await asyncio.wait([leaving])
        return await staying_on, repr(bulkhead)

    with virtual_loop() as loop:
        assert loop.run(work()) == (1.0, "<Bulkhead in_flight=0/1 waiting=0/any>")


def test_a_permit_that_arrives_at_the_end_of_the_wait_is_not_lost() -> None:
    async def work() -> str:
        bulkhead = Bulkhead(max_concurrency=1, max_waiting=None)
        first, hasty = (asyncio.ensure_future(staying(bulkhead, 2.0, patience=2.0)) for _ in range(2))
        await asyncio.gather(first, hasty)
        return repr(bulkhead)

    with virtual_loop() as loop:
        assert loop.run(work()) == "<Bulkhead in_flight=0/1 waiting=0/any>"
