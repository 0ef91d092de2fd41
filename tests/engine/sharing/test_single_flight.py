import asyncio
import sys
from functools import partial
from typing import cast

import pytest

from engine.sharing.single_flight import JoinGate, SingleFlight
from records.calls.spans import Span


async def test_equal_pending_requests_are_run_once() -> None:
    flights: SingleFlight[int] = SingleFlight()
    runs: list[int] = []
    go = asyncio.Event()

    async def run() -> int:
        runs.append(1)
        await go.wait()
        return 42

    waiting = [asyncio.create_task(flights.run("q", run)) for _ in range(5)]
    await asyncio.sleep(0)
    go.set()

    assert await asyncio.gather(*waiting) == [42] * 5
    assert runs == [1]
    assert len(flights) == 0


@pytest.mark.parametrize("waits", [True, False])
async def test_a_finished_run_is_not_shared(waits: bool) -> None:  # noqa: FBT001 - a parameter
    flights: SingleFlight[int] = SingleFlight()
    runs: list[int] = []

    async def run() -> int:
        runs.append(1)
        if waits:
            await asyncio.sleep(0)
        return len(runs)

    first = await flights.run("q", run)
    await asyncio.sleep(0)
    assert [first, await flights.run("q", run)] == [1, 2]
    await asyncio.sleep(0)
    assert len(flights) == 0


@pytest.mark.skipif(sys.version_info < (3, 12), reason="before Python 3.12 every run takes a turn of the event loop")
async def test_a_run_without_waiting_is_shared_within_one_turn_of_the_loop() -> None:
    flights: SingleFlight[int] = SingleFlight()
    runs: list[int] = []

    async def run() -> int:
        runs.append(1)
        return len(runs)

    assert await asyncio.gather(*(flights.run("q", run) for _ in range(5))) == [1] * 5
    assert await flights.run("q", run, deadline=100) == 2  # a much later deadline needs another run


async def test_a_run_that_fails_immediately_is_not_shared() -> None:
    flights: SingleFlight[int] = SingleFlight()
    runs: list[int] = []

    async def run() -> int:
        runs.append(1)
        raise LookupError

    for _ in range(2):
        with pytest.raises(LookupError):
            await flights.run("q", run)
    assert runs == [1, 1]


async def test_requests_with_other_keys_have_their_own_runs() -> None:
    flights: SingleFlight[str] = SingleFlight()

    async def answer(text: str) -> str:
        await asyncio.sleep(0)
        return text

    answers = await asyncio.gather(*(flights.run(text, partial(answer, text)) for text in ("a", "b")))

    assert answers == ["a", "b"]


async def test_the_caller_that_started_a_run_may_leave_and_the_others_get_the_answer() -> None:
    flights: SingleFlight[int] = SingleFlight()
    go = asyncio.Event()

    async def run() -> int:
        await go.wait()
        return 42

    leader = asyncio.create_task(flights.run("q", run))
    follower = asyncio.create_task(flights.run("q", run))
    await asyncio.sleep(0)
    leader.cancel()
    await asyncio.gather(leader, return_exceptions=True)
    go.set()

    assert await follower == 42


async def test_a_run_without_waiting_callers_is_cancelled_and_not_joined() -> None:
    flights: SingleFlight[int] = SingleFlight()
    stopped = asyncio.Event()

    async def endless() -> int:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
        return 0

    async def quick() -> int:
        return 42

    alone = asyncio.create_task(flights.run("q", endless))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    alone.cancel()
    await asyncio.gather(alone, return_exceptions=True)

    assert await flights.run("q", quick) == 42
    await asyncio.wait_for(stopped.wait(), 1)


async def test_a_failed_run_fails_for_all_waiting_callers() -> None:
    flights: SingleFlight[int] = SingleFlight()

    async def run() -> int:
        await asyncio.sleep(0)
        raise ValueError("no")

    answers = await asyncio.gather(*(flights.run("q", run) for _ in range(3)), return_exceptions=True)

    assert [str(answer) for answer in answers] == ["no"] * 3
    with pytest.raises(ValueError, match="no"):
        await flights.run("q", run)


async def test_a_run_with_a_much_earlier_deadline_is_not_joined() -> None:
    flights: SingleFlight[str] = SingleFlight()
    go = asyncio.Event()

    async def run(name: str) -> str:
        await go.wait()
        return name

    first = asyncio.create_task(flights.run("q", partial(run, "first"), deadline=100.0))
    await asyncio.sleep(0)
    alike = asyncio.create_task(flights.run("q", partial(run, "alike"), deadline=100.9))
    patient = asyncio.create_task(flights.run("q", partial(run, "patient"), deadline=118.0))
    await asyncio.sleep(0)
    hasty = asyncio.create_task(flights.run("q", partial(run, "hasty"), deadline=101.0))
    await asyncio.sleep(0)
    go.set()

    waiting = [first, alike, patient, hasty]
    assert await asyncio.gather(*waiting) == ["first", "first", "patient", "hasty"]
    assert len(flights) == 0


async def test_a_caller_that_leaves_in_the_turn_in_which_the_run_ends_does_not_affect_the_others() -> None:
    flights: SingleFlight[int] = SingleFlight()
    end: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def run() -> int:
        return await end

    waiting = [asyncio.create_task(flights.run("q", run)) for _ in range(3)]
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


async def test_cancelling_a_run_cancels_its_waiters() -> None:
    flights: SingleFlight[int] = SingleFlight()

    async def run() -> int:
        await asyncio.sleep(0)
        raise asyncio.CancelledError

    waiting = [asyncio.create_task(flights.run("q", run)) for _ in range(2)]
    outcomes = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 1)

    assert [type(outcome) for outcome in outcomes] == [asyncio.CancelledError] * 2


async def test_a_run_that_is_slow_to_cancel_is_not_joined() -> None:
    flights: SingleFlight[int] = SingleFlight()
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

    alone = asyncio.create_task(flights.run("q", slow_to_stop))
    await asyncio.sleep(0)
    alone.cancel()
    await asyncio.gather(alone, return_exceptions=True)
    try:
        assert await asyncio.wait_for(flights.run("q", next_one), 1) == 42
    finally:
        tidied.set()
    assert runs == ["first", "second"]
    await asyncio.sleep(0)
    assert len(flights) == 0


async def test_the_end_of_a_cancelled_run_does_not_affect_the_next_run() -> None:
    flights: SingleFlight[int] = SingleFlight()
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

    alone = asyncio.create_task(flights.run("q", slow_to_stop))
    await asyncio.sleep(0)
    alone.cancel()
    await asyncio.gather(alone, return_exceptions=True)
    second = asyncio.create_task(flights.run("q", next_one))
    await asyncio.sleep(0)
    tidied.set()
    for _ in range(3):
        await asyncio.sleep(0)
    assert len(flights) == 1
    third = asyncio.create_task(flights.run("q", slow_to_stop))  # joins the second run
    await asyncio.sleep(0)
    go.set()
    assert [await second, await third] == [42, 42]


@pytest.mark.parametrize("leaving", range(6))
@pytest.mark.parametrize("fails", [False, True], ids=["answered", "failed"])
async def test_a_waiter_that_leaves_as_the_run_ends_does_not_affect_the_others(
    leaving: int,
    fails: bool,  # noqa: FBT001 - a parameter
) -> None:
    flights: SingleFlight[int] = SingleFlight()
    end: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def run() -> int:
        return await end

    waiting = [asyncio.create_task(flights.run("q", run)) for _ in range(6)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    end.set_exception(LookupError("no")) if fails else end.set_result(42)
    await asyncio.sleep(0)  # the run continues, and ends in the next turn
    waiting[leaving].cancel()
    outcomes = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 1)

    kept = [outcome for each, outcome in enumerate(outcomes) if each != leaving]
    assert isinstance(outcomes[leaving], asyncio.CancelledError)
    assert [str(outcome) for outcome in kept] == [("no" if fails else "42")] * 5
    assert len(flights) == 0


class LinkedSpan:
    """A span that records its links."""

    def __init__(self) -> None:
        self.to: list[object] = []

    def add_link(self, other: object) -> None:
        self.to.append(other)


@pytest.mark.parametrize(
    ("leads", "follows", "linked"),
    [(True, True, True), (True, False, False), (False, True, False), (False, False, False)],
)
async def test_a_waiter_links_its_span_to_the_shared_run(
    leads: bool,  # noqa: FBT001 - a parameter
    follows: bool,  # noqa: FBT001 - a parameter
    linked: bool,  # noqa: FBT001 - a parameter
) -> None:
    flights: SingleFlight[int] = SingleFlight()
    leader, follower = LinkedSpan(), LinkedSpan()
    go = asyncio.Event()

    async def run() -> int:
        await go.wait()
        return 42

    waiting = [
        asyncio.create_task(flights.run("q", run, span=cast("Span", leader) if leads else None)),
        asyncio.create_task(flights.run("q", run, span=cast("Span", follower) if follows else None)),
    ]
    await asyncio.sleep(0)
    go.set()
    assert [await each for each in waiting] == [42, 42]
    assert leader.to == []
    assert follower.to == ([leader] if linked else [])


async def test_nobody_joins_a_run_that_has_closed_its_gate() -> None:
    flights, gate, count = SingleFlight[int](), JoinGate(), 0
    may = asyncio.Event()

    async def run() -> int:
        nonlocal count
        count += 1
        number = count
        await may.wait()
        return number

    first = asyncio.create_task(flights.run("q", run, gate=gate))
    joined = asyncio.create_task(flights.run("q", run))
    await asyncio.sleep(0)
    gate.close()
    late = asyncio.create_task(flights.run("q", run))
    await asyncio.sleep(0)
    may.set()
    assert list(await asyncio.gather(first, joined, late)) == [1, 1, 2]


async def test_the_result_of_a_run_that_closed_its_gate_is_not_shared_within_its_turn() -> None:
    flights, count = SingleFlight[int](), 0

    async def run(gate: JoinGate) -> int:
        nonlocal count
        count += 1
        gate.close()
        return count

    for expected in (1, 2):
        gate = JoinGate()
        assert await flights.run("q", partial(run, gate), gate=gate) == expected
