"""Every call to an agency passes here: its gate enforces the terms of the agency.

The order: checks (hours, a requested pause, the daily quota, breaker, a full bulkhead); the turn (rate); a permit
(bulkhead), and the checks again; the attempt, and its effect on the breaker. A refusal takes microseconds, without a
call to the agency.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from math import ceil
from random import random
from typing import Any, Final, NoReturn, TypeVar

from connectors.resilience.agency_terms import AgencyTerms, get_time_zone
from connectors.resilience.attempt_tracing import trace_attempts
from connectors.resilience.breaker import Breaker, BreakerState, NoBreaker
from connectors.resilience.bulkhead import Bulkhead
from connectors.resilience.call_counters import CallCounters
from connectors.resilience.closed_hours import ClosedHours
from connectors.resilience.daily_quota import DailyCallQuota
from connectors.resilience.hedging import LatencyWindow, run_hedged
from connectors.resilience.rate_limiter import CallRateLimiter
from connectors.resilience.retries import RetryBudget, compute_retry_wait
from connectors.resilience.shared_limits import SharedLimits
from records.calls.call import Call
from records.calls.failures import (
    AgencyClosed,
    AgencyFailure,
    AgencyLimitReached,
    AgencyMalformed,
    AgencyTimeout,
    AgencyUnavailable,
    ReplyBudgetSpent,
)

T = TypeVar("T")
Attempt = Callable[[Call], Coroutine[Any, Any, T]]
"""One request or statement, within the deadline of the call it is attempt_call. Raises `AgencyFailure`."""

_MAX_REQUESTED_WAIT: Final = 900.0
"""Maximum seconds of a pause that an agency requests; a wrong header must not cut it off for a day."""
_FULL_DEADLINE_SHARE: Final = 0.9
"""Share of its deadline that an agency must have had before a timeout counts against it."""
_HEDGE_PERMIT_TIMEOUT: Final = 0.15
"""Seconds in which a hedge must get its turn; longer than the shared count takes."""
_BULKHEAD_RETRY_AFTER: Final = 1.0
"""Seconds after which a full bulkhead may have a free permit."""
_BREAKER_FAILURES: Final = (AgencyTimeout, AgencyUnavailable, AgencyMalformed)
"""Failures that count against the agency."""
_PROBE_WAIT: Final = 0.05
"""Seconds that the caller of a probe waits for it: others are refused immediately, and it should hardly notice."""


class Gate:
    """The gate of one agency, one for all calls of the process.

    `as_terms` must say `deadline` and `max_concurrency`. `clock` is the clock of deadlines (`time.monotonic`),
    `wall_clock` the time of day as Unix time, `random_source` draws from [0, 1).

    **What counts against the agency** (for the breaker): `AgencyUnavailable`, `AgencyTimeout` if the agency had its
    whole deadline, and `AgencyMalformed` that an attempt raises: a *reply* that is unreadable or too large. Such
    replies cost the hub more than any other failure, and are useless to every caller. **What does not count**: an
    unreadable *record* in a sound reply, because one record must not cut off all callers. It is the result of its key,
    and never raised here. Sound replies that exceed the budget (`ReplyBudgetSpent`), a caller that leaves or has too
    little time, waiting for a turn or a permit, a negative answer, and bugs in the hub do not count either.
    """

    def __init__(
        self,
        agency: str,
        terms: AgencyTerms,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        random_source: Callable[[], float] = random,
    ) -> None:
        """Raises ValueError if the terms have no deadline or no limit."""
        if terms.deadline is None or terms.max_concurrency is None:
            raise ValueError(
                f"The gate of agency '{agency}' needs a deadline and max_concurrency. Give the terms both."
            )
        zone = get_time_zone(terms.zone)
        self.agency = agency
        self.terms = terms
        self.deadline = terms.deadline
        """Maximum seconds of one call."""
        self.max_concurrency = terms.max_concurrency
        """Maximum concurrent calls."""
        self.counts = CallCounters()
        self._retries = terms.retries
        self._hedges = terms.hedge
        self._breaker = Breaker(terms.breaker.as_terms, now=clock()) if terms.breaker else NoBreaker()
        self._bulkhead = Bulkhead(max_concurrency=terms.max_concurrency, max_waiting=terms.waiting)
        self._rate_limiter, self._quota = self._build_limits(None)
        self._hours = ClosedHours([each.as_window for each in terms.closed], zone) if terms.closed else None
        self._has_limits = bool(terms.closed or terms.daily_quota or terms.rate)
        self._budget = RetryBudget(terms.retry_share)
        self._latencies = LatencyWindow()
        self._paused_until = 0.0
        self._probes: set[asyncio.Task[Any]] = set()
        self._clock = clock
        self._wall = wall_clock
        self._chance = random_source

    def share_limits(self, shared_limits: SharedLimits) -> None:
        """Share rate and quota with all processes. Must be used before the first call."""
        self._rate_limiter, self._quota = self._build_limits(shared_limits)

    def _build_limits(self, shared_limits: SharedLimits | None) -> tuple[CallRateLimiter | None, DailyCallQuota | None]:
        terms = self.terms
        rate_limiter = quota = None
        if terms.rate:
            burst = terms.burst or ceil(terms.rate)
            rate_limiter = CallRateLimiter(
                rate=terms.rate, burst=burst, agency=self.agency, shared_limits=shared_limits
            )
        if terms.daily_quota:
            quota = DailyCallQuota(
                terms.daily_quota, get_time_zone(terms.zone), agency=self.agency, shared_limits=shared_limits
            )
        return rate_limiter, quota

    def __repr__(self) -> str:
        limits = self._breaker, self._bulkhead, self._rate_limiter, self._quota, self._hours
        parts = [*limits, self._budget, self._latencies]
        return f"<Gate {self.agency} {' '.join(repr(each) for each in parts if each is not None)}>"

    @property
    def breaker_state(self) -> BreakerState | None:
        """The state of the breaker; None if the agency has none."""
        return None if isinstance(self._breaker, NoBreaker) else self._breaker.state

    @property
    def breaker_opened(self) -> int:
        """Number of times that the breaker opened."""
        return self._breaker.times_opened

    @property
    def in_flight(self) -> int:
        """Running calls."""
        return self._bulkhead.in_flight

    @property
    def waiting(self) -> int:
        """Calls that wait for a permit."""
        return self._bulkhead.waiting

    @property
    def is_closed(self) -> bool:
        """Whether it is closed to reads now, by its terms."""
        return self._hours is not None and self._hours.get_closed_seconds(self._wall()) > 0

    @property
    def quota(self) -> int | None:
        """Calls per day; None if the agency has no daily quota."""
        return self.terms.daily_quota

    @property
    def quota_left(self) -> int | None:
        """Remaining calls of the day; None if the agency has no daily quota."""
        if self._quota is None:
            return None
        self._quota.get_retry_after(self._wall())
        return self._quota.left

    async def ask(
        self,
        call: Call,
        attempt: Attempt[T],
        *,
        repeatable: bool = False,
        hedgeable: bool = False,
        writes: bool = False,
    ) -> T:
        """Make an attempt, when and as often as the terms allow, and return its result.

        `repeatable`: the attempt changes nothing and may be repeated. `hedgeable`: two may run concurrently. `writes`:
        it changes data. The attempt gets a call with the remaining deadline.

        Raises the attempt's failure or, without an attempt: `AgencyClosed`, `AgencyUnavailable` (breaker, bulkhead),
        `AgencyLimitReached` (quota, requested pause), each with `retry_after`; `AgencyTimeout` if no time was left, or
        no turn or permit came in time.
        """
        if call.span is not None:
            attempt = trace_attempts(self.agency, attempt, call.span)
        until: float | None = None
        retried = 0
        while True:
            now = self._require_open(writes=writes)
            if self._rate_limiter is not None:
                now = await self._acquire_rate(self._rate_limiter, (call.deadline if until is None else until) - now)
            if until is None:
                until = min(call.deadline, now + self.deadline)
            ticket = await self._acquire_permits(until, now, writes=writes)
            if repeatable and self._breaker.state is BreakerState.HALF_OPEN:
                outcome = await self._probe(call, attempt, ticket)
            else:
                try:
                    if self._hedges and hedgeable:
                        outcome = await self._attempt(
                            call, lambda attempt_call: self._attempt_hedged(attempt_call, attempt), until, ticket
                        )
                    else:
                        outcome = await self._attempt(call, attempt, until, ticket)
                finally:
                    self._bulkhead.release()
            if not retried:
                self._budget.record_call()
            if not isinstance(outcome, AgencyFailure):
                self.counts.answered += 1
                return outcome
            wait = self._wait_before_retry(retried, outcome, until) if repeatable else None
            if wait is None:
                self.counts.failed[outcome.code] += 1
                raise outcome
            retried += 1
            await asyncio.sleep(wait)

    async def take_replay(self, timeout: float) -> bool:
        """Count a request that a running attempt sends once more, if rate and daily quota allow it in time."""
        if self._rate_limiter is not None and not await self._rate_limiter.acquire(timeout):
            return False
        if self._quota is not None:
            if not self._quota.has_reserved:
                await self._quota.reserve()
            if self._quota.get_retry_after(self._wall()) or not self._quota.has_reserved:
                return False
        self._count_attempt()
        return True

    def _require_open(self, *, writes: bool) -> float:
        """Return the current time if a call may proceed. Raises the refusal otherwise."""
        now = self._clock()
        if self._has_limits or self._paused_until > now:  # without a call for each check that cannot refuse
            self._refuse_if_closed(now, writes=writes)
        if self._breaker.state is not BreakerState.CLOSED and self._breaker.get_retry_after(now):
            self._refuse_broken(now)
        if self._bulkhead.is_full:
            self._refuse_full()
        return now

    def _refuse_if_closed(self, now: float, *, writes: bool) -> None:
        if self._hours is not None and (closed_seconds := self._hours.get_closed_seconds(self._wall(), writes=writes)):
            self._refuse("closed", AgencyClosed, "not called: closed by its terms", closed_seconds)
        if (pause_left := self._paused_until - now) > 0:
            self._refuse("asked_to_wait", AgencyLimitReached, "not called: it requested a pause", pause_left)
        if self._quota is not None and (quota_wait := self._quota.get_retry_after(self._wall())):
            self._refuse("quota", AgencyLimitReached, "not called: the daily quota is used up", quota_wait)

    async def _acquire_rate(self, rate_limiter: CallRateLimiter, queue_timeout: float) -> float:
        if not await rate_limiter.acquire(queue_timeout):
            self._refuse("rate_timeout", AgencyTimeout, "no turn before the deadline: too many calls for its rate")
        return self._clock()

    async def _acquire_permits(self, deadline: float, now: float, *, writes: bool) -> int:
        """Take a permit, and the breaker's ticket for one attempt. Repeats the checks after waiting."""
        if deadline <= now:
            self._refuse("deadline_passed", AgencyTimeout, "no time was left for the call")
        waits = not self._bulkhead.take_free()
        if waits and not await self._bulkhead.acquire(deadline - now):
            if self._bulkhead.is_full:
                self._refuse_full()
            self._refuse("queue_timeout", AgencyTimeout, "no permit became free before the deadline")
        try:
            if self._quota is not None and not self._quota.has_reserved:
                await self._quota.reserve()
            if waits or self._has_limits:
                now = self._clock()
                self._refuse_if_closed(now, writes=writes)
            ticket = self._breaker.acquire(now)
            if ticket is None:
                self._refuse_broken(now)
        except BaseException:  # a refusal, or the caller was cancelled
            self._bulkhead.release()
            raise
        return ticket

    def _refuse_broken(self, now: float) -> NoReturn:
        state = self._breaker.state.value
        self._refuse("breaker", AgencyUnavailable, f"not called: breaker {state}", self._breaker.get_retry_after(now))

    def _refuse_full(self) -> NoReturn:
        self._refuse("bulkhead", AgencyUnavailable, "not called: too many calls wait for it", _BULKHEAD_RETRY_AFTER)

    async def _attempt(self, call: Call, attempt: Attempt[T], deadline: float, ticket: int) -> T | AgencyFailure:
        """Run one attempt, and record its outcome. A failure is returned, not raised."""
        began = self._clock()
        attempt_call = call if deadline == call.deadline else call.with_deadline(deadline)
        self._count_attempt()
        try:
            answer = await attempt(attempt_call)
        except AgencyFailure as failure:
            self.counts.durations.add(self._clock() - began)
            self._record_failure(failure, ticket, allowed_seconds=deadline - began)
            return failure
        except BaseException:
            # The caller was cancelled, or there is a bug.
            self._breaker.record_no_result(ticket)
            raise
        now = self._clock()
        seconds = now - began
        self._breaker.record_success(ticket, now)
        self._latencies.record(seconds)
        self.counts.durations.add(seconds)
        self.counts.answered_at = now
        return answer

    async def _probe(self, call: Call, attempt: Attempt[T], ticket: int) -> T | AgencyFailure:
        """Run a probe, and return its outcome if it ends soon; else refuse its caller.

        The probe continues without its caller, and gets the agency's whole deadline. So the caller does not wait for
        it, and a caller with little time does not end it. While it hangs, early probes run beside it, one at a time
        and each only for a pause, so that an agency that fell silent is well as soon as it answers again. A call that
        changes something is no probe: its caller would get a refusal although it was done.
        """
        now = self._clock()
        until = now + (self._get_early_timeout() if self._probes else self.deadline)
        attempt_call = call.with_deadline(until)
        probe = asyncio.create_task(self._attempt(attempt_call, attempt, until, ticket))
        self._probes.add(probe)
        probe.add_done_callback(self._probe_ended)
        await asyncio.wait({probe}, timeout=max(0.0, min(_PROBE_WAIT, call.deadline - now)))
        if not probe.done():
            self._refuse_broken(self._clock())
        return probe.result()

    def _get_early_timeout(self) -> float:
        """Seconds of an early probe: a pause, or longer for an agency that is slow when it is well."""
        pause = self.terms.breaker.pause if self.terms.breaker else self.deadline
        return min(self.deadline, max(pause, 2 * (self._latencies.p95 or 0.0)))

    def _probe_ended(self, probe: asyncio.Task[Any]) -> None:
        self._probes.discard(probe)
        self._bulkhead.release()
        if not probe.cancelled():
            probe.exception()  # a bug in the hub: a caller that still waits gets it, and otherwise no caller needs it

    async def close(self) -> None:
        """End a running probe."""
        probes = tuple(self._probes)
        for probe in probes:
            probe.cancel()
        await asyncio.gather(*probes, return_exceptions=True)

    def _record_failure(self, failure: AgencyFailure, ticket: int, *, allowed_seconds: float) -> None:
        """Record a failure; `allowed_seconds` is the time that the agency had to answer."""
        now = self._clock()
        requested_wait = failure.retry_after or 0.0
        if isinstance(failure, AgencyTimeout) and allowed_seconds < _FULL_DEADLINE_SHARE * self.deadline:
            self._breaker.record_no_result(ticket)
        elif isinstance(failure, _BREAKER_FAILURES) and not isinstance(failure, ReplyBudgetSpent):
            self._breaker.record_failure(ticket, now, retry_after=requested_wait)
        else:
            self._breaker.record_success(ticket, now)
            if requested_wait:
                self._paused_until = max(self._paused_until, now + min(requested_wait, _MAX_REQUESTED_WAIT))

    async def _attempt_hedged(self, call: Call, attempt: Attempt[T]) -> T:
        """Run an attempt, and a second one if it takes longer than 95 % of recent attempts."""
        after = self._latencies.p95
        if after is None or self._breaker.state is not BreakerState.CLOSED:
            return await attempt(call)
        has_extra_permit = False

        async def may_call_again() -> bool:
            nonlocal has_extra_permit
            # Only if no call waits for a turn, so a hedge that may be useless does not delay a first attempt.
            if not self._may_send_now() or not (
                self._rate_limiter is None or await self._rate_limiter.acquire(_HEDGE_PERMIT_TIMEOUT)
            ):
                return False
            if self._may_send_now(in_turn=True) and self._budget.spend():
                has_extra_permit = await self._bulkhead.acquire(0)
                self._count_attempt()
                self.counts.hedges += 1
            return has_extra_permit

        try:
            answer, second_won = await run_hedged(lambda: attempt(call), after, may_call_again)
        finally:
            if has_extra_permit:
                self._bulkhead.release()
        self.counts.hedges_won += second_won
        return answer

    def _may_send_now(self, *, in_turn: bool = False) -> bool:
        if not self._bulkhead.has_free_permit or not (
            in_turn or self._rate_limiter is None or self._rate_limiter.has_free_permit
        ):
            return False
        return self._quota is None or (not self._quota.get_retry_after(self._wall()) and self._quota.has_reserved)

    def _wait_before_retry(self, retried: int, failure: AgencyFailure, deadline: float) -> float | None:
        if retried >= self._retries or (self._rate_limiter is not None and not self._rate_limiter.has_free_permit):
            # Waiting calls have not had a first attempt yet.
            return None
        wait = compute_retry_wait(retried + 1, failure, remaining=deadline - self._clock(), random_source=self._chance)
        if wait is None or self._breaker.get_retry_after(self._clock() + wait) or not self._budget.spend():
            return None
        self.counts.retries += 1
        return wait

    def _count_attempt(self) -> None:
        self.counts.attempts += 1
        if self._quota is not None:
            self._quota.spend()

    def _refuse(
        self, reason: str, kind: type[AgencyFailure], detail: str, retry_after: float | None = None
    ) -> NoReturn:
        self.counts.refused[reason] += 1
        # Whole seconds, rounded up, for a header or a person.
        seconds = None if retry_after is None else float(ceil(retry_after))
        raise kind(self.agency, detail, retry_after=seconds, sent=False)


class NoGate:
    """A null gate, which makes every attempt once: for a driver whose owner has the gate."""

    def __init__(self) -> None:
        """Starts with counters that stay empty."""
        self.counts = CallCounters()

    def ask(
        self,
        call: Call,
        attempt: Attempt[T],
        *,
        repeatable: bool = False,  # noqa: ARG002 - like a gate
        hedgeable: bool = False,  # noqa: ARG002 - like a gate
        writes: bool = False,  # noqa: ARG002 - like a gate
    ) -> Coroutine[Any, Any, T]:
        """Make the attempt."""
        return attempt(call)
