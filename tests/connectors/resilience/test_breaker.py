"""A breaker decides from results and times; no clock, no network."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from connectors.resilience.breaker import MAX_PROBES, Breaker, BreakerState, BreakerTerms

TERMS = BreakerTerms(failures=3, share=0.5, within=10.0, pause=5.0, longest_pause=15.0)


def fresh() -> Breaker:
    return Breaker(TERMS, now=0.0)


def ticket(breaker: Breaker, now: float) -> int:
    found = breaker.acquire(now)
    assert found is not None
    return found


def fail(breaker: Breaker, now: float, times: int = 1) -> None:
    for _ in range(times):
        breaker.record_failure(ticket(breaker, now), now)


def succeed(breaker: Breaker, now: float, times: int = 1) -> None:
    for _ in range(times):
        breaker.record_success(ticket(breaker, now), now)


def opened() -> Breaker:
    breaker = fresh()
    fail(breaker, 0.0, 3)
    return breaker


@pytest.mark.parametrize(
    ("answers", "failures", "state"),
    [
        (0, 2, "<Breaker closed failed=2/2>"),
        (0, 3, "<Breaker open until=5 pause=5s>"),
        (3, 3, "<Breaker open until=5 pause=5s>"),
        (4, 3, "<Breaker closed failed=3/7>"),
        (4, 4, "<Breaker open until=5 pause=5s>"),
    ],
    ids=["too few failed", "enough failed", "half of the calls failed", "less than half failed", "again half"],
)
def test_it_opens_if_enough_calls_failed_and_they_are_a_large_share(answers: int, failures: int, state: str) -> None:
    breaker = fresh()
    succeed(breaker, 0.0, answers)
    fail(breaker, 0.0, failures)
    assert repr(breaker) == state


@pytest.mark.parametrize(("moment", "state"), [(1.9, "closed failed=3/103"), (2.0, "open until=7 pause=5s")])
def test_it_opens_if_no_call_was_answered_for_a_while(moment: float, state: str) -> None:
    breaker = fresh()
    succeed(breaker, 0.0, 100)
    fail(breaker, 0.5, 2)
    fail(breaker, moment)
    assert repr(breaker) == f"<Breaker {state}>"


def test_one_answer_among_the_failures_keeps_it_closed() -> None:
    breaker = fresh()
    succeed(breaker, 0.0, 100)
    fail(breaker, 1.0, 20)
    succeed(breaker, 2.0)
    fail(breaker, 3.9, 20)
    assert repr(breaker) == "<Breaker closed failed=40/141>"


def test_old_failures_no_longer_count() -> None:
    breaker = fresh()
    fail(breaker, 0.0, 2)
    fail(breaker, 9.5)
    assert breaker.state is BreakerState.OPEN

    later = fresh()
    fail(later, 0.0, 2)
    fail(later, 10.0)
    assert repr(later) == "<Breaker closed failed=1/1>"


def test_failures_leave_the_window_in_tenths() -> None:
    breaker = fresh()
    fail(breaker, 0.5)
    fail(breaker, 1.5)
    succeed(breaker, 10.2)
    assert repr(breaker) == "<Breaker closed failed=1/2>"


def test_an_open_breaker_refuses_with_the_remaining_time() -> None:
    breaker = opened()
    assert breaker.acquire(4.9) is None
    assert breaker.get_retry_after(3.0) == 2.0
    assert breaker.get_retry_after(5.0) == 0.0
    assert breaker.times_opened == 1


def test_after_the_pause_one_call_is_the_probe_and_beside_a_hanging_one_an_early_one() -> None:
    breaker = opened()
    ticket(breaker, 5.0)
    assert repr(breaker) == "<Breaker half-open probing=1>"
    assert (breaker.acquire(9.9), breaker.get_retry_after(9.0)) == (None, 1.0)
    early = ticket(breaker, 10.0)
    assert [breaker.acquire(10.0), breaker.acquire(60.0)] == [None, None]
    assert breaker.get_retry_after(60.0) == 5.0
    breaker.record_no_result(early)
    succeed(breaker, 60.0)
    assert breaker.state is BreakerState.CLOSED


def test_a_successful_probe_closes_it_and_resets_the_counts() -> None:
    breaker = opened()
    succeed(breaker, 5.0)
    assert repr(breaker) == "<Breaker closed failed=0/0>"
    fail(breaker, 5.0, 2)
    assert breaker.state is BreakerState.CLOSED


@pytest.mark.parametrize(("outage", "pause"), [(5.0, 5.0), (500.0, 5.0), (800.0, 8.0), (3600.0, 15.0)])
def test_the_pause_between_probes_is_a_hundredth_of_a_long_outage(outage: float, pause: float) -> None:
    breaker = opened()
    early = ticket(breaker, outage)
    assert breaker.get_retry_after(outage) == pause
    breaker.record_failure(early, outage)
    assert breaker.get_retry_after(outage) == pause


@pytest.mark.parametrize(("well", "pauses"), [(0.9, [10.0, 15.0, 15.0]), (1.0, [5.0, 5.0, 5.0])])
def test_the_pause_doubles_up_to_the_maximum_if_it_opens_again_within_a_second(
    well: float, pauses: list[float]
) -> None:
    breaker = opened()
    now, found = 0.0, []
    for _ in range(3):
        now += breaker.get_retry_after(now)
        succeed(breaker, now)
        now += well
        fail(breaker, now, 3)
        found.append(breaker.get_retry_after(now))
    assert found == pauses


def test_a_probe_without_a_result_makes_the_next_call_the_probe() -> None:
    breaker = opened()
    breaker.record_no_result(ticket(breaker, 5.0))
    assert repr(breaker) == "<Breaker half-open probing=0>"
    assert breaker.get_retry_after(5.0) == 0.0
    succeed(breaker, 5.0)
    assert breaker.state is BreakerState.CLOSED


@pytest.mark.parametrize("outcome", ["record_success", "record_failure", "record_no_result"])
def test_a_call_from_before_the_opening_does_not_count_as_the_probe(outcome: str) -> None:
    breaker = fresh()
    old = ticket(breaker, 0.0)
    fail(breaker, 0.0, 3)
    ticket(breaker, 5.0)
    if outcome == "record_no_result":
        breaker.record_no_result(old)
    else:
        getattr(breaker, outcome)(old, 5.0)
    assert repr(breaker) == "<Breaker half-open probing=1>"


@pytest.mark.parametrize(("asked", "pause"), [(3.0, 5.0), (12.0, 12.0), (9_000.0, 15.0)])
def test_it_stays_open_as_long_as_the_agency_asks_for_within_the_longest_pause(asked: float, pause: float) -> None:
    breaker = fresh()
    fail(breaker, 0.0, 2)
    breaker.record_failure(ticket(breaker, 0.0), 0.0, retry_after=asked)
    assert breaker.get_retry_after(0.0) == pause


class AnyTraffic(RuleBasedStateMachine):
    """Calls that begin, end well, badly or not at all, late and early, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.breaker = Breaker(TERMS, now=0.0)
        self.under_way: list[tuple[int, BreakerState]] = []
        self.ended: list[tuple[float, bool]] = []
        """Calls that ended since it last closed."""

    @rule(seconds=st.floats(0, 20, allow_nan=False))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def a_call_begins(self) -> None:
        promised = self.breaker.get_retry_after(self.now)
        found = self.breaker.acquire(self.now)
        assert (found is None) == (promised > 0)
        if found is not None:
            self.under_way.append((found, self.breaker.state))

    @precondition(lambda self: self.under_way)
    @rule(which=st.integers(0), how=st.sampled_from(["record_success", "record_failure", "record_no_result"]))
    def a_call_ends(self, which: int, how: str) -> None:
        found, begun_in = self.under_way.pop(which % len(self.under_way))
        before = self.breaker.state
        if how == "record_no_result":
            self.breaker.record_no_result(found)
            assert self.breaker.state is before
            return
        getattr(self.breaker, how)(found, self.now)
        after = self.breaker.state
        if before is BreakerState.OPEN:
            assert after is BreakerState.OPEN
        elif before is BreakerState.HALF_OPEN:
            assert after is before or begun_in is BreakerState.HALF_OPEN
        elif after is BreakerState.OPEN:
            recent = [failed for at, failed in self.ended if at > self.now - TERMS.within]
            failed = sum(recent) + 1
            assert how == "record_failure"
            assert failed >= TERMS.failures
        if after is BreakerState.CLOSED:
            self.ended = [*self.ended, (self.now, how == "record_failure")] if before is after else []

    @invariant()
    def one_probe_and_an_early_one(self) -> None:
        if self.breaker.state is BreakerState.HALF_OPEN:
            probes = [found for found, _ in self.under_way if found == self.breaker._ticket]
            assert len(probes) == self.breaker._probing <= MAX_PROBES

    @invariant()
    def nobody_is_refused_for_ever(self) -> None:
        wait = self.breaker.get_retry_after(self.now)
        assert wait <= TERMS.longest_pause + 1e-6  # a difference of two times is not exact
        if self.breaker.state is BreakerState.OPEN:
            assert self.breaker.get_retry_after(self.now + wait + 1e-6) == 0.0


AnyTraffic.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestAnyTraffic = AnyTraffic.TestCase
