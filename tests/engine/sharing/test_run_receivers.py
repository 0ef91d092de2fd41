"""Receivers wait for a run without a task, beside callers with one."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from itertools import pairwise

import pytest

from engine.sharing.single_flight import SharedRun, SingleFlight


class NamedReceiver:
    """A receiver that notes in a list of all receivers what it got."""

    def __init__(self, name: str, got: list[tuple[str, object]]) -> None:
        self._name = name
        self._got = got

    def receive_all(self, receivers: Iterable[NamedReceiver], answer: object) -> None:
        for each in receivers:
            each.receive(answer)

    def receive(self, answer: object) -> None:
        self._got.append((self._name, answer))

    def fail(self, failure: BaseException) -> None:
        self._got.append((self._name, type(failure)))


class OpenRun:
    """A run that ends when `end` is set, and its receivers."""

    def __init__(self) -> None:
        self.flights: SingleFlight[int] = SingleFlight()
        self.end: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.got: list[tuple[str, object]] = []
        self.is_cancelled = False

    async def _run(self) -> int:
        try:
            return await self.end
        except asyncio.CancelledError:
            self.is_cancelled = True
            raise

    async def start(self) -> tuple[asyncio.Task[int], SharedRun[int]]:
        """The task of the caller that starts the run, and the run."""
        leader = asyncio.create_task(self.flights.run("q", self._run))
        await asyncio.sleep(0)
        run = self.flights.find("q", 0.0)
        assert run is not None
        return leader, run

    def add(self, run: SharedRun[int], *names: str) -> list[NamedReceiver]:
        """Receivers that wait for the run."""
        receivers = [NamedReceiver(each, self.got) for each in names]
        for each in receivers:
            self.flights.wait(run, each)
        return receivers


async def turn(times: int = 4) -> None:
    """Let the event loop turn."""
    for _ in range(times):
        await asyncio.sleep(0)


async def test_receivers_get_the_answer_in_the_order_in_which_they_came() -> None:
    opened = OpenRun()
    leader, run = await opened.start()
    opened.add(run, "a", "b", "c")
    assert opened.got == []
    opened.end.set_result(42)
    assert await leader == 42
    await turn()
    assert opened.got == [("a", 42), ("b", 42), ("c", 42)]
    assert len(opened.flights) == 0


async def test_a_receiver_that_left_gets_nothing() -> None:
    opened = OpenRun()
    leader, run = await opened.start()
    _, second, _ = opened.add(run, "a", "b", "c")
    opened.flights.leave(run, second)
    opened.flights.leave(run, second)  # harmless
    opened.end.set_result(42)
    assert await leader == 42
    await turn()
    assert opened.got == [("a", 42), ("c", 42)]


async def test_a_run_goes_on_for_receivers_when_the_caller_that_started_it_leaves() -> None:
    opened = OpenRun()
    leader, run = await opened.start()
    first, second = opened.add(run, "a", "b")
    leader.cancel()
    await turn()
    assert not opened.is_cancelled
    opened.flights.leave(run, first)
    await turn()
    assert (opened.is_cancelled, opened.flights.find("q", 0.0)) == (False, run)
    opened.flights.leave(run, second)
    assert opened.flights.find("q", 0.0) is None  # not joined any more, before its end
    await turn()
    assert opened.is_cancelled
    assert opened.got == []


async def test_a_run_goes_on_for_callers_when_the_last_receiver_leaves() -> None:
    opened = OpenRun()
    leader, run = await opened.start()
    follower = asyncio.create_task(opened.flights.run("q", opened._run))
    await asyncio.sleep(0)
    (only,) = opened.add(run, "a")
    leader.cancel()
    await turn()
    opened.flights.leave(run, only)
    await turn()
    assert not opened.is_cancelled
    opened.end.set_result(42)
    assert await follower == 42
    assert opened.got == []


async def test_callers_and_receivers_get_the_same_failure() -> None:
    opened = OpenRun()
    leader, run = await opened.start()
    opened.add(run, "a", "b")
    opened.end.set_exception(LookupError("no"))
    with pytest.raises(LookupError):
        await leader
    await turn()
    assert opened.got == [("a", LookupError), ("b", LookupError)]
    assert len(opened.flights) == 0


async def test_receivers_learn_of_a_cancelled_run() -> None:
    opened = OpenRun()
    leader, run = await opened.start()
    opened.add(run, "a", "b")
    run.task.cancel()  # the hub ends
    with pytest.raises(asyncio.CancelledError):
        await leader
    await turn()
    assert opened.got == [("a", asyncio.CancelledError), ("b", asyncio.CancelledError)]


@pytest.mark.parametrize("fails", [False, True], ids=["answered", "failed"])
async def test_a_receiver_of_a_run_that_ended_in_this_turn_gets_its_outcome_immediately(
    fails: bool,  # noqa: FBT001 - a parameter
) -> None:
    opened = OpenRun()
    leader, run = await opened.start()
    opened.add(run, "a")
    opened.end.set_exception(LookupError("no")) if fails else opened.end.set_result(42)
    await asyncio.sleep(0)
    assert (run.task.done(), opened.got) == (True, [])
    opened.add(run, "b")
    assert [name for name, _ in opened.got] == ["a", "b"]
    await asyncio.gather(leader, return_exceptions=True)
    await turn()
    assert [name for name, _ in opened.got] == ["a", "b"]
    assert {outcome for _, outcome in opened.got} == {LookupError if fails else 42}


@pytest.mark.skipif(sys.version_info < (3, 12), reason="before Python 3.12 every run takes a turn of the event loop")
async def test_a_receiver_shares_a_run_that_never_waited_within_its_turn() -> None:
    opened = OpenRun()
    opened.end.set_result(42)
    assert await opened.flights.run("q", opened._run) == 42
    run = opened.flights.find("q", 0.0)
    assert run is not None
    (receiver,) = opened.add(run, "a")
    assert opened.got == [("a", 42)]
    opened.flights.leave(run, receiver)  # it has its answer
    await turn()
    assert opened.flights.find("q", 0.0) is None
    assert opened.got == [("a", 42)]


async def test_many_receivers_get_the_answer_over_several_turns_once_each() -> None:
    opened = OpenRun()
    _, run = await opened.start()
    names = [str(each) for each in range(1_000)]
    receivers = opened.add(run, *names)
    opened.end.set_result(42)
    sizes = []
    while len(opened.got) < 999:
        sizes.append(len(opened.got))
        await asyncio.sleep(0)
        if len(opened.got) == 256 and receivers[300] in run.receivers:  # leaves during the delivery
            opened.flights.leave(run, receivers[300])
    await turn()
    steps = {later - former for former, later in pairwise(sizes)}
    assert steps <= {0, 256, 255}
    assert [name for name, _ in opened.got] == [each for each in names if each != "300"]
    assert not run.receivers


async def test_a_receiver_that_another_one_takes_away_during_the_delivery_gets_nothing() -> None:
    opened = OpenRun()
    leader, run = await opened.start()

    class Taking(NamedReceiver):
        """Takes away a receiver before its turn, and one after."""

        def receive(self, answer: object) -> None:
            super().receive(answer)
            for each in others:
                opened.flights.leave(run, each)

    first, *_ = opened.add(run, "a")
    opened.flights.wait(run, Taking("b", opened.got))
    second, _ = opened.add(run, "c", "d")
    others = [first, second]
    opened.end.set_result(42)
    assert await leader == 42
    await turn()
    assert opened.got == [("a", 42), ("b", 42), ("d", 42)]
    assert not run.receivers


async def test_a_receiver_may_start_the_next_run_during_the_delivery() -> None:
    opened = OpenRun()
    leader, run = await opened.start()
    found: list[object] = []

    class Asking(NamedReceiver):
        """Looks for a pending run, as the next request of its connection does."""

        def receive(self, answer: object) -> None:
            super().receive(answer)
            found.append(opened.flights.find("q", 0.0))

    opened.flights.wait(run, Asking("a", opened.got))
    opened.add(run, "b")
    opened.end.set_result(42)
    assert await leader == 42
    await turn()
    assert opened.got == [("a", 42), ("b", 42)]
    assert found == [None]  # an ended run is not joined


async def test_a_receiver_joins_only_a_run_with_a_near_deadline() -> None:
    opened = OpenRun()
    leader, run = await opened.start()
    assert opened.flights.find("q", 1.0) is run
    assert opened.flights.find("q", 1.1) is None
    assert opened.flights.find("q", -1.1) is None
    assert opened.flights.find("r", 0.0) is None
    leader.cancel()
