"""Long work in slices: one per turn of the event loop, for all agencies together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count

import pytest

from connectors.drivers.long_work import SLICE_SECONDS, LongWork


async def turns_of(*jobs: Callable[[], object], work: LongWork) -> list[int]:
    """In which turn of the loop each job of several tasks ran, begun at the same moment."""
    turn = 0
    ran: list[int] = []

    async def turning() -> None:
        nonlocal turn
        while True:
            await asyncio.sleep(0)
            turn += 1

    def noting(job: Callable[[], object]) -> Callable[[], None]:
        def noted() -> None:
            job()
            ran.append(turn)

        return noted

    clock = asyncio.create_task(turning())
    await asyncio.gather(*(work.run(noting(job)) for job in jobs))
    clock.cancel()
    return ran


async def test_pieces_that_are_ready_at_the_same_moment_run_in_separate_turns() -> None:
    ran = await turns_of(*[lambda: None] * 5, work=LongWork())
    assert len(ran) == len(set(ran)) == 5


async def test_results_are_returned_and_exceptions_raised() -> None:
    work = LongWork()
    assert await work.run(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        await work.run(lambda: 1 // 0)
    assert await work.run(lambda: 8) == 8
    assert repr(work) == "<LongWork idle>"


async def test_a_cancelled_piece_delays_no_other() -> None:
    work = LongWork()
    gone = asyncio.create_task(work.run(lambda: 1))
    after = asyncio.create_task(work.run(lambda: 2))
    await asyncio.sleep(0)
    gone.cancel()
    assert await after == 2


@pytest.mark.parametrize("length", [0, 1, 10])
async def test_items_within_one_slice_need_no_extra_turn(length: int) -> None:
    turned = False

    async def turn() -> None:
        nonlocal turned
        turned = True

    other = asyncio.create_task(turn())
    assert await LongWork(clock=lambda: 0.0).map(range(length), str) == [str(each) for each in range(length)]
    assert not turned
    await other


async def test_many_items_are_read_in_order_slice_by_slice() -> None:
    ticks = count()
    work = LongWork(clock=lambda: next(ticks) * SLICE_SECONDS / 10)  # each item takes a tenth of a slice
    others = 0

    async def other() -> None:
        nonlocal others
        while True:
            await asyncio.sleep(0)
            others += 1

    meanwhile = asyncio.create_task(other())
    assert await work.map(range(100), lambda each: each * 2) == [each * 2 for each in range(100)]
    meanwhile.cancel()
    assert others >= 8  # ten slices, and a turn of everybody else between two of them


async def test_an_unreadable_item_ends_the_work() -> None:
    work = LongWork()
    with pytest.raises(ZeroDivisionError):
        await work.map(range(-100, 100), lambda each: 1 / each)
    assert await work.run(lambda: 1) == 1
