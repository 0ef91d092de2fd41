"""Hedged attempts and the latency percentile, on a virtual clock."""

from __future__ import annotations

import asyncio

import pytest

from connectors.resilience.hedging import LatencyWindow, run_hedged
from records.calls.failures import AgencyUnavailable
from tests.fakes.virtual_loop import virtual_loop


class ScriptedAttempts:
    """Attempts with these durations, in order; a negative one fails after it."""

    def __init__(self, *seconds: float) -> None:
        self._seconds = iter(seconds)
        self.cancelled = 0
        self.made = 0

    async def attempt(self) -> int:
        self.made += 1
        mine, seconds = self.made, next(self._seconds)
        try:
            await asyncio.sleep(abs(seconds))
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if seconds < 0:
            raise AgencyUnavailable("crm", f"attempt {mine}")
        return mine


async def yes() -> bool:
    return True


async def no() -> bool:
    return False


@pytest.mark.parametrize(
    ("seconds", "answer", "cancelled", "took"),
    [
        ((0.5,), (1, False), 0, 0.5),
        ((9.0, 0.5), (2, True), 1, 1.5),
        ((1.2, 9.0), (1, False), 1, 1.2),
        ((-2.0, 3.0), (2, True), 0, 4.0),
        ((3.0, -0.5), (1, False), 0, 3.0),
    ],
    ids=["soon enough", "second is first", "first is first", "first fails", "second fails"],
)
def test_the_first_answer_wins_and_the_other_is_cancelled(
    seconds: tuple[float, ...], answer: tuple[int, bool], cancelled: int, took: float
) -> None:
    answers = ScriptedAttempts(*seconds)
    with virtual_loop() as loop:
        assert loop.run_timed(run_hedged(answers.attempt, 1.0, yes)) == (answer, took)
    assert (answers.made, answers.cancelled) == (len(seconds), cancelled)


@pytest.mark.parametrize("seconds", [(-0.5,), (-2.0, -3.0), (-3.0, -0.1)])
def test_if_both_fail_the_first_failure_is_raised(seconds: tuple[float, ...]) -> None:
    with virtual_loop() as loop, pytest.raises(AgencyUnavailable) as raised:
        loop.run(run_hedged(ScriptedAttempts(*seconds).attempt, 1.0, yes))
    assert raised.value.detail == "attempt 1"


def test_without_permission_no_second_attempt_is_made() -> None:
    answers = ScriptedAttempts(5.0)
    with virtual_loop() as loop:
        assert loop.run_timed(run_hedged(answers.attempt, 1.0, no)) == ((1, False), 5.0)


def test_cancelling_the_caller_cancels_both_attempts() -> None:
    answers = ScriptedAttempts(9.0, 9.0)

    async def work() -> None:
        asking = asyncio.ensure_future(run_hedged(answers.attempt, 1.0, yes))
        await asyncio.sleep(2.0)
        asking.cancel()
        await asyncio.wait([asking])
        assert asking.cancelled()

    with virtual_loop() as loop:
        loop.run(work())
    assert answers.cancelled == 2


def test_a_few_answers_have_no_percentile() -> None:
    latencies = LatencyWindow()
    for _ in range(19):
        latencies.record(0.1)
    assert (latencies.p95, repr(latencies)) == (None, "<LatencyWindow n=19 p95=unknown>")


def test_it_is_the_95th_percentile_of_the_last_100_answers() -> None:
    latencies = LatencyWindow()
    for _ in range(50):
        latencies.record(9.0)
    for hundredth in range(100):
        latencies.record(hundredth / 100)
    assert (latencies.p95, repr(latencies)) == (0.95, "<LatencyWindow n=100 p95=0.95s>")
