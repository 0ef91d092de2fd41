"""The gate of an agency: which calls pass, and the effect of their outcomes, on a virtual clock."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import datetime, timedelta, timezone
from typing import Any, TypeVar

import pytest

from connectors.resilience.agency_terms import AgencyTerms, BreakerEntry, ClosedEntry
from connectors.resilience.breaker import BreakerState
from connectors.resilience.gate import Gate
from records.calls.call import Call
from records.calls.failures import (
    AgencyClosed,
    AgencyFailure,
    AgencyMalformed,
    AgencyRefused,
    AgencyTimeout,
    AgencyUnavailable,
    ReplyBudgetSpent,
)
from tests.fakes.virtual_loop import VirtualLoop, virtual_loop

T = TypeVar("T")

BREAKER = BreakerEntry(failures=3, pause=10.0)
MIDNIGHT = datetime(2026, 11, 25, 0, 0, tzinfo=timezone(timedelta(hours=7))).timestamp()


class GatedAgency:
    """An agency that answers after some seconds, or fails; and its gate."""

    def __init__(self, loop: VirtualLoop, **terms: Any) -> None:  # noqa: ANN401 - any of the terms
        self._loop = loop
        self.gate = Gate(
            "pbb",
            AgencyTerms(**{"deadline": 5.0, "max_concurrency": 4, **terms}),
            clock=loop.time,
            wall_clock=lambda: MIDNIGHT + loop.time(),
            random_source=lambda: 0.5,
        )
        self.takes = 0.0
        self.failing: AgencyFailure | Exception | None = None
        self.asked: list[tuple[float, float]] = []
        """When each attempt began, and its deadline."""

    async def attempt(self, call: Call) -> int:
        """Returns the number of attempts, within the deadline of the call."""
        self.asked.append((self._loop.time(), call.deadline))
        failing = self.failing
        try:
            async with asyncio.timeout_at(call.deadline):
                await asyncio.sleep(self.takes)
        except TimeoutError:
            failing = AgencyTimeout("pbb")
        if failing is not None:
            raise failing
        return len(self.asked)

    async def ask(self, patience: float = 20.0, **how: bool) -> int:
        """Makes one call through the gate, with this deadline in seconds."""
        call = Call(deadline=self._loop.time() + patience, request_id="r")
        return await self.gate.ask(call, self.attempt, **{"repeatable": True, **how})

    async def outcome(self, patience: float = 20.0, **how: bool) -> Any:  # noqa: ANN401 - an answer or a failure
        """The answer, or the failure."""
        failure: AgencyFailure | None = None
        try:
            return await self.ask(patience, **how)
        except AgencyFailure as error:
            failure = error
        assert failure.agency == "pbb"
        assert (failure.__cause__, failure.__context__) == (None, None)
        return failure

    async def fail(self, failure: Exception, times: int = 3, patience: float = 20.0) -> None:
        """This number of calls that end in it."""
        before, self.failing = self.failing, failure
        for _ in range(times):
            await self.outcome(patience)
        self.failing = before

    @property
    def refused(self) -> dict[str, int]:
        """The number of calls that were not made, by reason."""
        return dict(self.gate.counts.refused)


def describe_failure(failure: Any) -> tuple[str, str, float | None]:  # noqa: ANN401 - the failure that a call ended in
    assert isinstance(failure, AgencyFailure)
    return failure.code, failure.detail, failure.retry_after


def run_on(loop: VirtualLoop, work: Coroutine[Any, Any, T]) -> T:
    return loop.run(work)


@pytest.fixture
def loop() -> Any:  # noqa: ANN401 - a fixture that yields
    with virtual_loop() as running:
        yield running


class TestByDefault:
    def test_a_call_is_made_once_and_its_outcome_is_returned(self, loop: VirtualLoop) -> None:
        agency = GatedAgency(loop)

        async def work() -> None:
            assert await agency.ask() == 1
            for failure in (AgencyUnavailable("pbb", "1"), AgencyRefused("pbb"), AgencyMalformed("pbb")):
                agency.failing = failure
                assert await agency.outcome() is failure

        run_on(loop, work())
        assert len(agency.asked) == 4
        counts = agency.gate.counts
        assert (counts.attempts, counts.answered, counts.retries) == (4, 1, 0)
        assert counts.failed == {"AGENCY_UNAVAILABLE": 1, "AGENCY_REFUSED": 1, "AGENCY_MALFORMED": 1}
        assert agency.gate.breaker_state is None
        assert agency.gate.quota_left is None

    def test_without_a_breaker_a_failing_agency_is_always_called(self, loop: VirtualLoop) -> None:
        agency = GatedAgency(loop)
        run_on(loop, agency.fail(AgencyUnavailable("pbb"), times=50))
        assert len(agency.asked) == 50

    def test_an_attempt_gets_the_rest_of_the_earlier_deadline(self, loop: VirtualLoop) -> None:
        agency = GatedAgency(loop)

        async def work() -> None:
            await agency.ask(20.0)
            await agency.ask(2.0)
            assert describe_failure(await agency.outcome(0.0)) == (
                "AGENCY_TIMEOUT",
                "no time was left for the call",
                None,
            )

        run_on(loop, work())
        assert agency.asked == [(0.0, 5.0), (0.0, 2.0)]

    def test_a_bug_is_raised_unchanged(self, loop: VirtualLoop) -> None:
        agency = GatedAgency(loop)
        agency.failing = KeyError("x")
        with pytest.raises(KeyError):
            run_on(loop, agency.ask())
        assert agency.gate.in_flight == 0

    def test_a_deadline_and_a_limit_are_required(self) -> None:
        with pytest.raises(ValueError, match="The gate of agency 'pbb' needs a deadline and max_concurrency"):
            Gate("pbb", AgencyTerms())


class TestBreaker:
    def test_an_open_breaker_refuses_with_a_retry_after(self, loop: VirtualLoop) -> None:
        agency = GatedAgency(loop, breaker=BREAKER)

        async def work() -> None:
            await agency.fail(AgencyUnavailable("pbb"))
            await asyncio.sleep(2.5)
            began = loop.time()
            assert describe_failure(await agency.outcome()) == ("AGENCY_UNAVAILABLE", "not called: breaker open", 8.0)
            assert loop.time() == began

        run_on(loop, work())
        assert len(agency.asked) == 3
        assert agency.refused == {"breaker": 1}
        assert agency.gate.breaker_state is BreakerState.OPEN
        assert "<Breaker open until=10 pause=10s>" in repr(agency.gate)

    def test_after_the_pause_one_call_is_the_probe_and_no_caller_waits_for_it(self, loop: VirtualLoop) -> None:
        agency = GatedAgency(loop, breaker=BREAKER)
        refused = ("AGENCY_UNAVAILABLE", "not called: breaker half-open", 10.0)

        async def work() -> None:
            await agency.fail(AgencyUnavailable("pbb"))
            await asyncio.sleep(10)
            agency.takes = 1.0
            began = loop.time()
            assert describe_failure(await agency.outcome()) == refused
            assert loop.time() == pytest.approx(began + 0.05)
            assert describe_failure(await agency.outcome()) == refused
            assert loop.time() == pytest.approx(began + 0.05)
            assert agency.gate.in_flight == 1
            await asyncio.sleep(1)
            assert agency.gate.in_flight == 0
            assert await agency.ask() == 5

        run_on(loop, work())
        assert agency.asked[3] == (10.0, 15.0)

    @pytest.mark.parametrize(("healthy", "early"), [(0.05, 0.3), (0.5, 1.0)], ids=["fast", "slow when well"])
    def test_an_agency_that_fell_silent_is_well_when_an_early_probe_is_answered(
        self, healthy: float, early: float, loop: VirtualLoop
    ) -> None:
        agency = GatedAgency(loop, breaker=BreakerEntry(failures=3))

        async def work() -> None:
            agency.takes = healthy
            for _ in range(20):
                await agency.ask()
            agency.takes, before = 60.0, len(agency.asked)
            await asyncio.gather(*(agency.outcome() for _ in range(3)))
            began = loop.time()
            while loop.time() < began + 4.0:
                await agency.outcome()
                await asyncio.sleep(0.05)
            probes = [(round(at - began, 1), round(until - at, 2)) for at, until in agency.asked[before + 3 :]]
            assert probes[0] == (0.3, 5.0)
            assert {length for _, length in probes[1:]} == {early}
            assert agency.gate.in_flight <= 2
            agency.takes, ends = healthy, loop.time()
            while agency.gate.breaker_state is not BreakerState.CLOSED:
                await agency.outcome()
                await asyncio.sleep(0.05)
            assert loop.time() - ends <= early + healthy + 0.2
            await agency.gate.close()

        run_on(loop, work())

    def test_a_fast_probe_answers_its_caller(self, loop: VirtualLoop) -> None:
        agency = GatedAgency(loop, breaker=BREAKER)

        async def work() -> None:
            await agency.fail(AgencyUnavailable("pbb"))
            await asyncio.sleep(10)
            agency.takes = 0.04
            assert await agency.ask() == 4

        run_on(loop, work())
        assert agency.gate.breaker_state is BreakerState.CLOSED

    @pytest.mark.parametrize("leaves", ["goes away", "has little time"])
    def test_a_probe_goes_on_without_its_caller(self, leaves: str, loop: VirtualLoop) -> None:
        agency = GatedAgency(loop, breaker=BREAKER)

        async def work() -> None:
            await agency.fail(AgencyUnavailable("pbb"))
            await asyncio.sleep(10)
            agency.takes = 4.0
            asking = asyncio.ensure_future(agency.ask(0.05 if leaves == "has little time" else 20.0))
            await asyncio.sleep(0.04)
            if leaves == "goes away":
                asking.cancel()
            await asyncio.wait([asking])
            assert asking.cancelled() or isinstance(asking.exception(), AgencyUnavailable)
            assert loop.time() <= 10.05
            assert agency.gate.breaker_state is BreakerState.HALF_OPEN
            await asyncio.sleep(4)

        run_on(loop, work())
        assert agency.gate.breaker_state is BreakerState.CLOSED

    def test_closing_the_gate_ends_a_running_probe(self, loop: VirtualLoop) -> None:
        agency = GatedAgency(loop, breaker=BREAKER)

        async def work() -> None:
            await agency.fail(AgencyUnavailable("pbb"))
            await asyncio.sleep(10)
            agency.takes = 4.0
            await agency.outcome()
            await agency.gate.close()
            assert agency.gate.in_flight == 0
            assert loop.time() < 11

        run_on(loop, work())

    @pytest.mark.parametrize(
        ("failure", "state"),
        [
            (AgencyUnavailable("pbb"), BreakerState.OPEN),
            (AgencyRefused("pbb"), BreakerState.CLOSED),
            (AgencyMalformed("pbb"), BreakerState.OPEN),
            (ReplyBudgetSpent("pbb"), BreakerState.CLOSED),
        ],
    )
    def test_unavailability_and_unreadable_replies_open_the_breaker_and_refusals_do_not(
        self, failure: AgencyFailure, state: BreakerState, loop: VirtualLoop
    ) -> None:
        agency = GatedAgency(loop, breaker=BREAKER)
        run_on(loop, agency.fail(failure, times=10))
        assert agency.gate.breaker_state is state

    def test_a_passed_agency_deadline_counts_against_the_agency(self, loop: VirtualLoop) -> None:
        agency = GatedAgency(loop, breaker=BREAKER)
        agency.takes = 60.0

        async def work() -> None:
            for _ in range(3):
                assert describe_failure(await agency.outcome(20.0))[0] == "AGENCY_TIMEOUT"

        run_on(loop, work())
        assert agency.gate.breaker_state is BreakerState.OPEN

    @pytest.mark.parametrize("patience", [0.001, 0.5, 4.0, 20.0])
    def test_refused_connections_open_the_breaker_for_any_caller_deadline(
        self, patience: float, loop: VirtualLoop
    ) -> None:
        agency = GatedAgency(loop, breaker=BREAKER)
        run_on(loop, agency.fail(AgencyUnavailable("pbb"), patience=patience))
        assert agency.gate.breaker_state is BreakerState.OPEN

    def test_callers_with_a_shorter_deadline_do_not_open_the_breaker(self, loop: VirtualLoop) -> None:
        agency = GatedAgency(loop, breaker=BREAKER)
        agency.takes = 4.0

        async def work() -> None:
            for _ in range(20):
                assert describe_failure(await agency.outcome(1.0))[0] == "AGENCY_TIMEOUT"

        run_on(loop, work())
        assert "<Breaker closed failed=0/0>" in repr(agency.gate)

    def test_cancelled_callers_do_not_open_the_breaker(self, loop: VirtualLoop) -> None:
        agency = GatedAgency(loop, breaker=BREAKER)
        agency.takes = 4.0

        async def work() -> None:
            asking = [asyncio.ensure_future(agency.ask()) for _ in range(4)]
            await asyncio.sleep(1)
            assert agency.gate.in_flight == 4
            for each in asking:
                each.cancel()
            await asyncio.wait(asking)
            assert agency.gate.in_flight == 0

        run_on(loop, work())
        assert "<Breaker closed failed=0/0>" in repr(agency.gate)

    @pytest.mark.parametrize("leaves", ["is cancelled", "has too little time", "meets a fault of ours"])
    def test_after_a_probe_without_a_result_the_next_call_is_the_probe(self, leaves: str, loop: VirtualLoop) -> None:
        """A call that must not be repeated is awaited: its caller must not get a refusal."""
        agency = GatedAgency(loop, breaker=BREAKER)

        async def work() -> None:
            await agency.fail(AgencyUnavailable("pbb"))
            await asyncio.sleep(10)
            agency.takes = 4.0
            if leaves == "meets a fault of ours":
                agency.failing = KeyError("x")
            patience = 1.0 if leaves == "has too little time" else 20.0
            probe = asyncio.ensure_future(agency.ask(patience, repeatable=False))
            await asyncio.sleep(0.5)
            if leaves == "is cancelled":
                probe.cancel()
            await asyncio.wait([probe])
            probe.cancelled() or probe.exception()
            assert agency.gate.breaker_state is BreakerState.HALF_OPEN
            agency.failing = None
            assert await agency.ask(repeatable=False) == 5

        run_on(loop, work())
        assert agency.gate.breaker_state is BreakerState.CLOSED

    def test_waiting_calls_are_refused_as_soon_as_the_breaker_opens(self, loop: VirtualLoop) -> None:
        agency = GatedAgency(loop, breaker=BREAKER, max_concurrency=3)
        agency.takes = 60.0

        async def work() -> list[str]:
            found = await asyncio.gather(*(agency.outcome() for _ in range(6)))
            assert loop.time() == 5.0
            return [each.detail for each in found]

        details = run_on(loop, work())
        assert len(agency.asked) == 3
        assert details[:3] == ["", "", ""]
        assert set(details[3:]) <= {"not called: breaker open", "no permit became free before the deadline"}


class TestRetries:
    def test_a_read_that_failed_is_repeated_immediately_and_then_after_a_jittered_wait(self, loop: VirtualLoop) -> None:
        agency = GatedAgency(loop, retries=2, retry_share=1.0)
        agency.failing = AgencyUnavailable("pbb")

        async def work() -> None:
            asking = asyncio.ensure_future(agency.ask())
            await asyncio.sleep(0.01)
            agency.failing = None
            assert await asking == 3

        run_on(loop, work())
        assert agency.asked == [(0.0, 5.0), (0.0, 5.0), (0.05, 5.0)]
        assert agency.gate.counts.retries == 2

    @pytest.mark.parametrize(
        ("failure", "how"),
        [
            (AgencyUnavailable("pbb"), {"repeatable": False}),
            (AgencyRefused("pbb"), {}),
            (AgencyMalformed("pbb"), {}),
            (AgencyRefused("pbb", retry_after=5.0), {}),
        ],
        ids=["it changes something", "a no is a no", "rubbish is rubbish", "the agency wants more time than is left"],
    )
    def test_unsafe_or_pointless_retries_are_not_made(
        self, failure: AgencyFailure, how: dict[str, bool], loop: VirtualLoop
    ) -> None:
        agency = GatedAgency(loop, retries=5)
        agency.failing = failure
        assert run_on(loop, agency.outcome(**how)) is failure
        assert len(agency.asked) == 1

    def test_a_throttled_call_is_repeated_after_the_agencys_delay(self, loop: VirtualLoop) -> None:
        agency = GatedAgency(loop, retries=1)
        agency.failing = AgencyRefused("pbb", retry_after=3.0)

        async def work() -> None:
            asking = asyncio.ensure_future(agency.ask())
            await asyncio.sleep(1)
            agency.failing = None
            assert describe_failure(await agency.outcome()) == (
                "AGENCY_REFUSED",
                "not called: it requested a pause",
                2.0,
            )
            assert await asking == 2

        run_on(loop, work())
        assert agency.asked == [(0.0, 5.0), (3.05, 5.0)]

    def test_an_excessive_retry_after_is_capped(self, loop: VirtualLoop) -> None:
        agency = GatedAgency(loop)

        async def work() -> None:
            await agency.fail(AgencyRefused("pbb", retry_after=86_400.0), times=1)
            assert describe_failure(await agency.outcome())[2] == 900.0
            await asyncio.sleep(900)
            assert await agency.ask() == 2

        run_on(loop, work())

    def test_retries_to_a_dead_agency_are_limited_to_the_share(self, loop: VirtualLoop) -> None:
        agency = GatedAgency(loop, retries=3, retry_share=0.125)
        run_on(loop, agency.fail(AgencyUnavailable("pbb"), times=200))
        assert len(agency.asked) == 200 + agency.gate.counts.retries
        assert agency.gate.counts.retries == 1 + 200 / 8

    def test_a_retry_that_the_breaker_would_refuse_is_not_waited_for(self, loop: VirtualLoop) -> None:
        agency = GatedAgency(loop, retries=5, retry_share=1.0, breaker=BreakerEntry(failures=2))
        agency.failing = AgencyUnavailable("pbb", "as it was")
        failure = run_on(loop, agency.outcome())
        assert describe_failure(failure) == ("AGENCY_UNAVAILABLE", "as it was", None)
        assert len(agency.asked) == 2
        assert agency.gate.counts.retries == 1

    def test_a_retry_takes_no_turn_from_waiting_calls(self, loop: VirtualLoop) -> None:
        agency = GatedAgency(loop, retries=5, rate=0.5, burst=1)
        agency.failing = AgencyUnavailable("pbb", "as it was")
        assert describe_failure(run_on(loop, agency.outcome())) == ("AGENCY_UNAVAILABLE", "as it was", None)
        assert (len(agency.asked), loop.time()) == (1, 0.0)

    def test_a_retry_whose_turn_was_taken_waits_no_longer_than_the_calls_deadline(self, loop: VirtualLoop) -> None:
        agency = GatedAgency(loop, retries=1, rate=0.1, burst=2)
        agency.failing = AgencyUnavailable("pbb", retry_after=0.1)

        async def work() -> None:
            first = asyncio.ensure_future(agency.outcome())
            await asyncio.sleep(0.01)
            agency.failing = None
            assert await agency.ask() == 2
            assert describe_failure(await first)[0] == "AGENCY_TIMEOUT"
            assert loop.time() == 5.0

        run_on(loop, work())


class TestBulkhead:
    def test_a_full_queue_refuses_immediately(self, loop: VirtualLoop) -> None:
        agency = GatedAgency(loop, max_concurrency=2, waiting=1)
        agency.takes = 1.0

        async def work() -> list[Any]:
            return await asyncio.gather(*(agency.outcome() for _ in range(5)))

        found = run_on(loop, work())
        assert [isinstance(each, int) for each in found[:3]] == [True] * 3
        refusal = ("AGENCY_UNAVAILABLE", "not called: too many calls wait for it", 1.0)
        assert [describe_failure(each) for each in found[3:]] == [refusal, refusal]
        assert agency.refused == {"bulkhead": 2}

    def test_waiting_for_a_place_counts_in_the_deadline_but_not_against_the_agency(self, loop: VirtualLoop) -> None:
        agency = GatedAgency(loop, max_concurrency=1, breaker=BreakerEntry(failures=1, share=1.0))
        agency.takes = 3.0

        async def work() -> list[Any]:
            return await asyncio.gather(*(agency.outcome() for _ in range(3)))

        found = run_on(loop, work())
        assert isinstance(found[0], int)
        assert describe_failure(found[1])[0] == "AGENCY_TIMEOUT"
        assert describe_failure(found[2]) == ("AGENCY_TIMEOUT", "no permit became free before the deadline", None)
        assert agency.asked == [(0.0, 5.0), (3.0, 5.0)]
        assert agency.gate.breaker_state is BreakerState.CLOSED

    def test_a_full_agency_does_not_delay_another(self, loop: VirtualLoop) -> None:
        slow, quick = GatedAgency(loop, max_concurrency=1, waiting=1), GatedAgency(loop)
        slow.takes = 60.0
        ended: list[str] = []

        async def noted(name: str, agency: GatedAgency) -> None:
            await agency.outcome()
            ended.append(f"{name} at {loop.time():g}")

        async def work() -> None:
            await asyncio.gather(*(noted("slow", slow) for _ in range(3)), noted("quick", quick))

        run_on(loop, work())
        assert sorted(ended[:2]) == ["quick at 0", "slow at 0"]
        assert ended[2:] == ["slow at 5", "slow at 5"]


class TestPaceAndQuota:
    def test_calls_wait_for_their_turn_and_then_have_the_agencys_whole_deadline(self, loop: VirtualLoop) -> None:
        agency = GatedAgency(loop, rate=0.5, burst=1)

        async def work() -> None:
            await asyncio.gather(*(agency.ask() for _ in range(3)))

        run_on(loop, work())
        assert agency.asked == [(0.0, 5.0), (2.0, 7.0), (4.0, 9.0)]

    def test_a_late_turn_is_a_timeout_that_does_not_count_against_the_agency(self, loop: VirtualLoop) -> None:
        agency = GatedAgency(loop, rate=0.1, burst=1, breaker=BREAKER)

        async def work() -> Any:  # noqa: ANN401 - the failure
            await agency.ask()
            return await agency.outcome(3.0)

        detail = "no turn before the deadline: too many calls for its rate"
        assert describe_failure(run_on(loop, work())) == ("AGENCY_TIMEOUT", detail, None)
        assert agency.refused == {"rate_timeout": 1}

    def test_a_spent_quota_refuses_until_the_agencys_midnight(self, loop: VirtualLoop) -> None:
        agency = GatedAgency(loop, daily_quota=2)

        async def work() -> None:
            await agency.ask()
            await agency.fail(AgencyUnavailable("pbb"), times=1)
            assert agency.gate.quota_left == 0
            await asyncio.sleep(3600)
            refusal = ("AGENCY_REFUSED", "not called: the daily quota is used up", 23 * 3600.0)
            failure = await agency.outcome()
            assert describe_failure(failure) == refusal
            assert str(failure).startswith(
                "The hub may not call the agency 'pbb' at the moment: the agency limits its calls."
            )
            await asyncio.sleep(23 * 3600)
            assert agency.gate.quota_left == 2
            assert await agency.ask() == 3

        run_on(loop, work())

    def test_waiting_calls_do_not_exceed_the_quota(self, loop: VirtualLoop) -> None:
        agency = GatedAgency(loop, daily_quota=2, max_concurrency=1)
        agency.takes = 1.0

        async def work() -> list[Any]:
            return await asyncio.gather(*(agency.outcome() for _ in range(4)))

        found = run_on(loop, work())
        assert [isinstance(each, AgencyRefused) for each in found] == [False, False, True, True]
        assert len(agency.asked) == 2


class TestHours:
    def test_a_closed_agency_is_not_called_and_the_opening_time_is_returned(self, loop: VirtualLoop) -> None:
        window = ClosedEntry.model_validate({"from": "23:00", "until": "01:00"})
        agency = GatedAgency(loop, closed=(window,))

        async def work() -> None:
            failure = await agency.outcome()
            assert isinstance(failure, AgencyClosed)
            assert describe_failure(failure) == ("AGENCY_CLOSED", "not called: closed by its terms", 3600.0)
            await asyncio.sleep(3600)
            assert await agency.ask() == 1

        run_on(loop, work())
        assert agency.refused == {"closed": 1}

    def test_an_agency_closed_to_writes_is_read(self, loop: VirtualLoop) -> None:
        window = ClosedEntry.model_validate({"first_day": "11-01", "last_day": "11-30", "to": "writes"})
        agency = GatedAgency(loop, closed=(window,))

        async def work() -> None:
            assert await agency.ask() == 1
            assert isinstance(await agency.outcome(writes=True, repeatable=False), AgencyClosed)

        run_on(loop, work())


class TestHedging:
    @staticmethod
    def practised(loop: VirtualLoop, **terms: Any) -> GatedAgency:  # noqa: ANN401 - any of the terms
        """An agency with enough answers of a tenth of a second for a percentile."""
        agency = GatedAgency(loop, hedge=True, **terms)
        agency.takes = 0.1

        async def work() -> None:
            for _ in range(30):
                await agency.ask(hedgeable=False)

        run_on(loop, work())
        agency.asked.clear()
        return agency

    def test_a_slow_read_is_hedged_and_the_first_answer_counts(self, loop: VirtualLoop) -> None:
        agency = self.practised(loop)
        agency.takes = 3.0

        async def work() -> float:
            began = loop.time()
            asking = asyncio.ensure_future(agency.ask(hedgeable=True))
            await asyncio.sleep(0.01)
            agency.takes = 0.1
            assert await asking == 2
            return round(loop.time() - began, 6)

        assert run_on(loop, work()) == 0.2
        counts = agency.gate.counts
        assert (counts.hedges, counts.hedges_won, counts.attempts) == (1, 1, 32)
        assert agency.gate.in_flight == 0

    @pytest.mark.parametrize("reason", ["not a GET", "no place is free", "the budget is spent"])
    def test_only_reads_are_hedged_and_a_hedge_takes_no_place_from_waiting_calls(
        self, reason: str, loop: VirtualLoop
    ) -> None:
        agency = self.practised(loop, max_concurrency=1 if reason == "no place is free" else 4)
        if reason == "the budget is spent":
            while agency.gate._budget.spend():
                pass
        agency.takes = 3.0
        run_on(loop, agency.ask(hedgeable=reason != "not a GET"))
        assert len(agency.asked) == 1
        assert agency.gate.counts.hedges == 0

    def test_hedging_is_off_by_default(self, loop: VirtualLoop) -> None:
        agency = self.practised(loop)
        agency.gate._hedges = False
        agency.takes = 3.0
        run_on(loop, agency.ask(hedgeable=True))
        assert len(agency.asked) == 1


class TestWhatItCounts:
    def test_each_attempt_counts_with_its_duration_for_any_outcome(self, loop: VirtualLoop) -> None:
        agency = GatedAgency(loop, retries=1)

        async def work() -> None:
            agency.takes = 0.2
            await agency.ask()
            await agency.fail(AgencyUnavailable("pbb"), times=1)  # and its retry, where the budget allows one
            agency.takes = 9.0
            await agency.outcome()

        run_on(loop, work())
        durations = agency.gate.counts.durations
        assert durations.count == len(agency.asked) == agency.gate.counts.attempts
        assert durations.counts[durations.bounds.index(0.25)] == durations.count - 1
        assert durations.counts[durations.bounds.index(5.0)] == 1

    def test_the_time_of_the_last_answer_is_kept_after_a_failure(self, loop: VirtualLoop) -> None:
        agency = GatedAgency(loop)
        assert agency.gate.counts.answered_at is None

        async def work() -> None:
            agency.takes = 0.5
            await agency.ask()
            await agency.fail(AgencyUnavailable("pbb"))

        run_on(loop, work())
        assert agency.gate.counts.answered_at == 0.5

    def test_openings_of_the_breaker_and_closing_hours_are_reported(self, loop: VirtualLoop) -> None:
        agency = GatedAgency(
            loop, breaker=BREAKER, closed=(ClosedEntry.model_validate({"from": "23:00", "until": "01:00"}),)
        )
        assert agency.gate.is_closed
        assert agency.gate.breaker_opened == 0
        open_all_day = GatedAgency(loop, breaker=BREAKER, daily_quota=7)
        run_on(loop, open_all_day.fail(AgencyUnavailable("pbb")))
        assert (open_all_day.gate.is_closed, open_all_day.gate.breaker_opened) == (False, 1)
        assert (open_all_day.gate.quota, open_all_day.gate.quota_left) == (7, 4)
