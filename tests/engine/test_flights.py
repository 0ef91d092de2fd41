import asyncio
import sys
from functools import partial
from typing import cast

import pytest

from engine.plan.flights import Flights
from records.spans import Span


async def test_the_same_question_under_way_is_run_once() -> None:
    flights: Flights[int] = Flights()
    runs: list[int] = []
    go = asyncio.Event()

    async def run() -> int:
        runs.append(1)
        await go.wait()
        return 42

    waiting = [asyncio.create_task(flights.join("q", run)) for _ in range(5)]
    await asyncio.sleep(0)
    go.set()

    assert await asyncio.gather(*waiting) == [42] * 5
    assert runs == [1]
    assert len(flights) == 0


@pytest.mark.parametrize("waits", [True, False])
async def test_a_question_that_was_answered_is_run_anew(waits: bool) -> None:  # noqa: FBT001 - a parameter
    flights: Flights[int] = Flights()
    runs: list[int] = []

    async def run() -> int:
        runs.append(1)
        if waits:
            await asyncio.sleep(0)
        return len(runs)

    first = await flights.join("q", run)
    await asyncio.sleep(0)
    assert [first, await flights.join("q", run)] == [1, 2]
    await asyncio.sleep(0)
    assert len(flights) == 0


@pytest.mark.skipif(sys.version_info < (3, 12), reason="before Python 3.12 every run takes a turn of the event loop")
async def test_who_asks_the_same_in_the_same_turn_shares_a_run_that_had_nothing_to_wait_for() -> None:
    flights: Flights[int] = Flights()
    runs: list[int] = []

    async def run() -> int:
        runs.append(1)
        return len(runs)

    assert await asyncio.gather(*(flights.join("q", run) for _ in range(5))) == [1] * 5
    assert await flights.join("q", run, until=100) == 2  # somebody with much more patience has a run of their own


async def test_a_run_that_fails_at_once_is_shared_by_nobody() -> None:
    flights: Flights[int] = Flights()
    runs: list[int] = []

    async def run() -> int:
        runs.append(1)
        raise LookupError

    for _ in range(2):
        with pytest.raises(LookupError):
            await flights.join("q", run)
    assert runs == [1, 1]


async def test_other_questions_are_runs_of_their_own() -> None:
    flights: Flights[str] = Flights()

    async def answer(text: str) -> str:
        await asyncio.sleep(0)
        return text

    answers = await asyncio.gather(*(flights.join(text, partial(answer, text)) for text in ("a", "b")))

    assert answers == ["a", "b"]


async def test_who_began_may_leave_and_the_others_get_their_answer() -> None:
    flights: Flights[int] = Flights()
    go = asyncio.Event()

    async def run() -> int:
        await go.wait()
        return 42

    leader = asyncio.create_task(flights.join("q", run))
    follower = asyncio.create_task(flights.join("q", run))
    await asyncio.sleep(0)
    leader.cancel()
    await asyncio.gather(leader, return_exceptions=True)
    go.set()

    assert await follower == 42


async def test_a_run_that_nobody_waits_for_is_stopped_and_nobody_joins_it_any_more() -> None:
    flights: Flights[int] = Flights()
    stopped = asyncio.Event()

    async def endless() -> int:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
        return 0

    async def quick() -> int:
        return 42

    alone = asyncio.create_task(flights.join("q", endless))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    alone.cancel()
    await asyncio.gather(alone, return_exceptions=True)

    assert await flights.join("q", quick) == 42
    await asyncio.wait_for(stopped.wait(), 1)


async def test_a_run_that_fails_fails_for_everybody_who_waits() -> None:
    flights: Flights[int] = Flights()

    async def run() -> int:
        await asyncio.sleep(0)
        raise ValueError("no")

    answers = await asyncio.gather(*(flights.join("q", run) for _ in range(3)), return_exceptions=True)

    assert [str(answer) for answer in answers] == ["no"] * 3
    with pytest.raises(ValueError, match="no"):
        await flights.join("q", run)


async def test_a_run_whose_time_ends_much_sooner_than_the_callers_is_not_joined() -> None:
    flights: Flights[str] = Flights()
    go = asyncio.Event()

    async def run(name: str) -> str:
        await go.wait()
        return name

    first = asyncio.create_task(flights.join("q", partial(run, "first"), until=100.0))
    await asyncio.sleep(0)
    alike = asyncio.create_task(flights.join("q", partial(run, "alike"), until=100.9))
    patient = asyncio.create_task(flights.join("q", partial(run, "patient"), until=118.0))
    await asyncio.sleep(0)
    hasty = asyncio.create_task(flights.join("q", partial(run, "hasty"), until=101.0))
    await asyncio.sleep(0)
    go.set()

    waiting = [first, alike, patient, hasty]
    assert await asyncio.gather(*waiting) == ["first", "first", "patient", "hasty"]
    assert len(flights) == 0


async def test_a_follower_that_leaves_in_the_very_turn_in_which_the_run_ends_takes_nothing_from_the_others() -> None:
    flights: Flights[int] = Flights()
    end: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def run() -> int:
        return await end

    waiting = [asyncio.create_task(flights.join("q", run)) for _ in range(3)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    end.set_result(42)
    waiting[0].cancel()
    await asyncio.sleep(0)
    waiting[1].cancel()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)

    assert isinstance(outcomes[0], asyncio.CancelledError)
    assert outcomes[2] == 42
    assert len(flights) == 0


async def test_a_run_that_is_cancelled_from_elsewhere_cancels_whoever_waits_for_it() -> None:
    flights: Flights[int] = Flights()

    async def run() -> int:
        await asyncio.sleep(0)
        raise asyncio.CancelledError

    waiting = [asyncio.create_task(flights.join("q", run)) for _ in range(2)]
    outcomes = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 1)

    assert [type(outcome) for outcome in outcomes] == [asyncio.CancelledError] * 2


async def test_a_run_that_takes_its_time_to_stop_is_joined_by_nobody() -> None:
    flights: Flights[int] = Flights()
    tidied = asyncio.Event()
    runs: list[str] = []

    async def slow_to_stop() -> int:
        runs.append("first")
        try:
            await asyncio.Event().wait()
        finally:
            await tidied.wait()
        return 0

    async def next_one() -> int:
        runs.append("second")
        await asyncio.sleep(0)
        return 42

    alone = asyncio.create_task(flights.join("q", slow_to_stop))
    await asyncio.sleep(0)
    alone.cancel()
    await asyncio.gather(alone, return_exceptions=True)
    try:
        assert await asyncio.wait_for(flights.join("q", next_one), 1) == 42
    finally:
        tidied.set()
    assert runs == ["first", "second"]
    await asyncio.sleep(0)
    assert len(flights) == 0


async def test_the_end_of_a_run_that_was_stopped_takes_nothing_from_the_run_after_it() -> None:
    flights: Flights[int] = Flights()
    tidied, go = asyncio.Event(), asyncio.Event()

    async def slow_to_stop() -> int:
        try:
            await asyncio.Event().wait()
        finally:
            await tidied.wait()
        return 0

    async def next_one() -> int:
        await go.wait()
        return 42

    alone = asyncio.create_task(flights.join("q", slow_to_stop))
    await asyncio.sleep(0)
    alone.cancel()
    await asyncio.gather(alone, return_exceptions=True)
    second = asyncio.create_task(flights.join("q", next_one))
    await asyncio.sleep(0)
    tidied.set()
    for _ in range(3):
        await asyncio.sleep(0)
    assert len(flights) == 1
    third = asyncio.create_task(flights.join("q", slow_to_stop))  # joins the second
    await asyncio.sleep(0)
    go.set()
    assert [await second, await third] == [42, 42]


@pytest.mark.parametrize("leaving", range(6))
@pytest.mark.parametrize("fails", [False, True], ids=["answered", "failed"])
async def test_of_six_who_wait_whoever_leaves_in_the_turn_of_the_end_takes_nothing_from_the_others(
    leaving: int,
    fails: bool,  # noqa: FBT001 - a parameter
) -> None:
    flights: Flights[int] = Flights()
    end: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def run() -> int:
        return await end

    waiting = [asyncio.create_task(flights.join("q", run)) for _ in range(6)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    end.set_exception(LookupError("no")) if fails else end.set_result(42)
    await asyncio.sleep(0)  # the run goes on, and ends in the next turn
    waiting[leaving].cancel()
    outcomes = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 1)

    kept = [outcome for each, outcome in enumerate(outcomes) if each != leaving]
    assert isinstance(outcomes[leaving], asyncio.CancelledError)
    assert [str(outcome) for outcome in kept] == [("no" if fails else "42")] * 5
    assert len(flights) == 0


class Linked:
    """A span that notes what it is said to wait for."""

    def __init__(self) -> None:
        self.to: list[object] = []

    def link(self, other: object) -> None:
        self.to.append(other)


@pytest.mark.parametrize(
    ("leads", "follows", "linked"),
    [(True, True, True), (True, False, False), (False, True, False), (False, False, False)],
)
async def test_who_waits_for_anothers_run_says_so_where_both_are_told_of(
    leads: bool,  # noqa: FBT001 - a parameter
    follows: bool,  # noqa: FBT001 - a parameter
    linked: bool,  # noqa: FBT001 - a parameter
) -> None:
    flights: Flights[int] = Flights()
    leader, follower = Linked(), Linked()
    go = asyncio.Event()

    async def run() -> int:
        await go.wait()
        return 42

    waiting = [
        asyncio.create_task(flights.join("q", run, span=cast("Span", leader) if leads else None)),
        asyncio.create_task(flights.join("q", run, span=cast("Span", follower) if follows else None)),
    ]
    await asyncio.sleep(0)
    go.set()
    assert [await each for each in waiting] == [42, 42]
    assert leader.to == []
    assert follower.to == ([leader] if linked else [])
