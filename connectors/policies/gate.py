"""The one way to an agency: every call passes its gate, where the terms of the agency are kept.

The order: is it open (hours, asked to wait, the day's quota, breaker, a full bulkhead); its turn (pace); a place
(bulkhead), and whether all that still holds; the attempt, and what it says about the agency. What is refused here
costs microseconds, and no agency is asked.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from math import ceil
from random import random
from typing import Any, Final, NoReturn, TypeVar

from connectors.policies.breaker import Breaker, BreakerState, NoBreaker
from connectors.policies.bulkhead import Bulkhead
from connectors.policies.hedging import hedged
from connectors.policies.hours import Hours
from connectors.policies.latencies import Latencies
from connectors.policies.observed import Counts
from connectors.policies.pace import Pace
from connectors.policies.quota import Quota
from connectors.policies.retries import RetryBudget, wait_before
from connectors.policies.terms import Terms, zone_of
from connectors.policies.together import Together
from connectors.policies.traced import traced
from records.call import Call
from records.failures import (
    AgencyClosed,
    AgencyFailure,
    AgencyMalformed,
    AgencyRefused,
    AgencyTimeout,
    AgencyUnavailable,
    ReplyBudgetSpent,
)

T = TypeVar("T")
Attempt = Callable[[Call], Coroutine[Any, Any, T]]
"""One request or statement, within the deadline of the call it is given. Raises `AgencyFailure`."""

_LONGEST_WAIT: Final = 900.0
"""Seconds for which an agency that asks to be left alone is believed; a wrong header must not cut it off for a day."""
_WHOLE: Final = 0.9
"""Share of its deadline that an agency must have had before not having answered counts against it."""
_GLANCE: Final = 0.15
"""Seconds in which a second attempt has to have its turn; longer than the count of all processes takes."""
_SOON: Final = 1.0
"""Seconds after which a full bulkhead may have a place again."""
_COUNTED: Final = (AgencyTimeout, AgencyUnavailable, AgencyMalformed)
"""Failures that count against the agency."""
_SOON_ENOUGH: Final = 0.05
"""Seconds that the caller who makes the probe waits for it: others are refused at once, and it should notice little."""


class Gate:
    """The gate of one agency, one for all calls of the process.

    `terms` must say `deadline` and `at_once`. `clock` is the clock of deadlines (`time.monotonic`), `wall` the time of
    day as Unix time, `chance` draws from [0, 1).

    **What counts against the agency** (for the breaker): `AgencyUnavailable`, `AgencyTimeout` where the agency had its
    whole deadline, and `AgencyMalformed` that an attempt raises: a *reply* that cannot be read at all, or is larger
    than may be read. Such replies cost the hub more than any other failure, and are useless to every caller. What does
    not count: an unreadable *record* in a sound reply (it is the result of its key and is never raised here, because
    one record must not cut off all callers), sound replies that exceed the budget (`ReplyBudgetSpent`), a caller that
    goes away or has less time than the agency is given, waiting for a turn or a place, an answer that is a no, and
    faults of ours.
    """

    def __init__(
        self,
        agency: str,
        terms: Terms,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        chance: Callable[[], float] = random,
    ) -> None:
        """Raises ValueError where the terms say no deadline or no bound."""
        if terms.deadline is None or terms.at_once is None:
            raise ValueError(f"The gate of agency '{agency}' needs a deadline and at_once. Give the terms both.")
        zone = zone_of(terms.zone)
        self.agency = agency
        self.terms = terms
        self.deadline = terms.deadline
        """Seconds that one call may take."""
        self.at_once = terms.at_once
        """Calls under way at a time."""
        self.counts = Counts()
        self._retries = terms.retries
        self._hedges = terms.hedge
        self._breaker = Breaker(terms.breaker.terms, now=clock()) if terms.breaker else NoBreaker()
        self._bulkhead = Bulkhead(at_once=terms.at_once, waiting=terms.waiting)
        self._pace, self._quota = self._bounds(None)
        self._hours = Hours([each.window for each in terms.closed], zone) if terms.closed else None
        self._budget = RetryBudget(terms.retry_share)
        self._latencies = Latencies()
        self._alone_until = 0.0
        self._probes: set[asyncio.Task[Any]] = set()
        self._clock = clock
        self._wall = wall
        self._chance = chance

    def count_together(self, together: Together) -> None:
        """Share pace and quota with all processes. To be called before the first call."""
        self._pace, self._quota = self._bounds(together)

    def _bounds(self, together: Together | None) -> tuple[Pace | None, Quota | None]:
        terms = self.terms
        pace = quota = None
        if terms.rate:
            burst = terms.burst or ceil(terms.rate)
            pace = Pace(rate=terms.rate, burst=burst, agency=self.agency, together=together)
        if terms.daily_quota:
            quota = Quota(terms.daily_quota, zone_of(terms.zone), agency=self.agency, together=together)
        return pace, quota

    def __repr__(self) -> str:
        parts = [self._breaker, self._bulkhead, self._pace, self._quota, self._hours, self._budget, self._latencies]
        return f"<Gate {self.agency} {' '.join(repr(each) for each in parts if each is not None)}>"

    @property
    def breaker_state(self) -> BreakerState | None:
        """Whether calls pass; None where the agency has no breaker."""
        return None if isinstance(self._breaker, NoBreaker) else self._breaker.state

    @property
    def breaker_opened(self) -> int:
        """How often the breaker opened."""
        return self._breaker.opened

    @property
    def in_flight(self) -> int:
        """Calls under way now."""
        return self._bulkhead.under_way

    @property
    def waiting(self) -> int:
        """Calls that wait for one of these to end."""
        return self._bulkhead.waiting

    @property
    def is_closed(self) -> bool:
        """Whether it is closed to reads at this hour, by its terms."""
        return self._hours is not None and self._hours.closed_for(self._wall()) > 0

    @property
    def quota(self) -> int | None:
        """Calls of a whole day; None where the agency has no daily quota."""
        return self.terms.daily_quota

    @property
    def quota_left(self) -> int | None:
        """Calls left of the day; None where the agency has no daily quota."""
        if self._quota is None:
            return None
        self._quota.refused_for(self._wall())
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
        """What an attempt gives, made when and as often as the terms allow.

        `repeatable` says that the attempt changes nothing and may be made again, `hedgeable` that two may be under way
        at a time, `writes` that it changes something. The attempt is given a call whose deadline is what is left.

        Raises the attempt's failure, or, without having made it: `AgencyClosed`, `AgencyUnavailable` (breaker,
        bulkhead), `AgencyRefused` (quota, asked to wait), each with `retry_after`; `AgencyTimeout` where no time was
        left, or no turn or place came in time.
        """
        if call.span is not None:
            attempt = traced(self.agency, attempt, call.span)
        until: float | None = None
        retried = 0
        while True:
            now = self._open(writes=writes)
            if self._pace is not None:
                now = await self._turn(self._pace, (call.deadline if until is None else until) - now)
            if until is None:
                until = min(call.deadline, now + self.deadline)
            ticket = await self._place(until, now, writes=writes)
            if repeatable and self._breaker.state is BreakerState.HALF_OPEN:
                outcome = await self._probed(call, attempt, ticket)
            else:
                try:
                    if self._hedges and hedgeable:
                        outcome = await self._sent(call, lambda given: self._hedged(given, attempt), until, ticket)
                    else:
                        outcome = await self._sent(call, attempt, until, ticket)
                finally:
                    self._bulkhead.leave()
            if not retried:
                self._budget.called()
            if not isinstance(outcome, AgencyFailure):
                self.counts.answered += 1
                return outcome
            wait = self._wait_before_retry(retried, outcome, until) if repeatable else None
            if wait is None:
                self.counts.failed[outcome.code] += 1
                raise outcome
            retried += 1
            await asyncio.sleep(wait)

    def _open(self, *, writes: bool) -> float:
        """The moment, where a call may try its luck; else the refusal is raised."""
        now = self._clock()
        self._refuse_where_shut(now, writes=writes)
        if self._breaker.refused_for(now):
            self._refuse_broken(now)
        if self._bulkhead.full:
            self._refuse_full()
        return now

    def _refuse_where_shut(self, now: float, *, writes: bool) -> None:
        if self._hours is not None and (closed := self._hours.closed_for(self._wall(), writes=writes)):
            self._refuse("closed", AgencyClosed, "not asked: closed by its terms", closed)
        if (alone := self._alone_until - now) > 0:
            self._refuse("asked_to_wait", AgencyRefused, "not asked: it wants to be left alone", alone)
        if self._quota is not None and (spent := self._quota.refused_for(self._wall())):
            self._refuse("quota", AgencyRefused, "not asked: the quota of the day is spent", spent)

    async def _turn(self, pace: Pace, patience: float) -> float:
        if not await pace.turn(patience):
            self._refuse("no_turn", AgencyTimeout, "no turn came before the deadline: too many calls for its pace")
        return self._clock()

    async def _place(self, until: float, now: float, *, writes: bool) -> int:
        """Take a place, and the breaker's ticket for one attempt. What changed while waiting is looked at again."""
        if until <= now:
            self._refuse("no_time", AgencyTimeout, "no time was left to ask")
        if not await self._bulkhead.enter(until - now):
            if self._bulkhead.full:
                self._refuse_full()
            self._refuse("no_place", AgencyTimeout, "no place came free before the deadline")
        try:
            if self._quota is not None and not self._quota.at_hand:
                await self._quota.reserve()
            now = self._clock()
            self._refuse_where_shut(now, writes=writes)
            ticket = self._breaker.admit(now)
            if ticket is None:
                self._refuse_broken(now)
        except BaseException:  # a refusal, or the caller went away
            self._bulkhead.leave()
            raise
        return ticket

    def _refuse_broken(self, now: float) -> NoReturn:
        state = self._breaker.state.value
        self._refuse("breaker", AgencyUnavailable, f"not asked: breaker {state}", self._breaker.refused_for(now))

    def _refuse_full(self) -> NoReturn:
        self._refuse("bulkhead", AgencyUnavailable, "not asked: too many calls wait for it", _SOON)

    async def _sent(self, call: Call, attempt: Attempt[T], until: float, ticket: int) -> T | AgencyFailure:
        """What one attempt ends in; a failure is given, not raised. What it says about the agency is taken note of."""
        began = self._clock()
        given = call if until == call.deadline else call.within(until)
        self._count_attempt()
        try:
            answer = await attempt(given)
        except AgencyFailure as failure:
            self.counts.durations.add(self._clock() - began)
            self._learn(failure, ticket, had=until - began)
            return failure
        except BaseException:
            # The caller went away, or a fault of ours.
            self._breaker.told_nothing(ticket)
            raise
        now = self._clock()
        self._breaker.succeeded(ticket, now)
        self._latencies.took(now - began)
        self.counts.durations.add(now - began)
        self.counts.answered_at = now
        return answer

    async def _probed(self, call: Call, attempt: Attempt[T], ticket: int) -> T | AgencyFailure:
        """What the probe ends in, where it ends soon; else its caller is refused.

        It goes on without the caller, and is given the agency's whole deadline: whoever happens to make it neither pays
        for it with their patience, nor takes it away by having none. A probe that changes something is not for here:
        its caller would be told that nothing was done.
        """
        now = self._clock()
        until = now + self.deadline
        given = call.within(until)
        probe = asyncio.create_task(self._sent(given, attempt, until, ticket))
        self._probes.add(probe)
        probe.add_done_callback(self._probe_ended)
        await asyncio.wait({probe}, timeout=max(0.0, min(_SOON_ENOUGH, call.deadline - now)))
        if not probe.done():
            self._refuse_broken(self._clock())
        return probe.result()

    def _probe_ended(self, probe: asyncio.Task[Any]) -> None:
        self._probes.discard(probe)
        self._bulkhead.leave()
        if not probe.cancelled():
            probe.exception()  # a fault of ours: whoever still waits for it is told, and else nobody asked

    async def close(self) -> None:
        """End the probe that is under way, if there is one."""
        probes = tuple(self._probes)
        for probe in probes:
            probe.cancel()
        await asyncio.gather(*probes, return_exceptions=True)

    def _learn(self, failure: AgencyFailure, ticket: int, *, had: float) -> None:
        """What a failure says about the agency, which had so many seconds to answer."""
        now = self._clock()
        asked = failure.retry_after or 0.0
        if isinstance(failure, AgencyTimeout) and had < _WHOLE * self.deadline:
            self._breaker.told_nothing(ticket)
        elif isinstance(failure, _COUNTED) and not isinstance(failure, ReplyBudgetSpent):
            self._breaker.failed(ticket, now, retry_after=asked)
        else:
            self._breaker.succeeded(ticket, now)
            if asked:
                self._alone_until = max(self._alone_until, now + min(asked, _LONGEST_WAIT))

    async def _hedged(self, call: Call, attempt: Attempt[T]) -> T:
        """An attempt, and another one after it has taken longer than 95 of 100 did."""
        after = self._latencies.p95
        if after is None or self._breaker.state is not BreakerState.CLOSED:
            return await attempt(call)
        extra = False

        async def may_ask_again() -> bool:
            nonlocal extra
            # Free, so nothing waits but for the count of all: nobody is passed by an attempt that may be of no account.
            if not self._may_send_now() or not (self._pace is None or await self._pace.turn(_GLANCE)):
                return False
            if self._may_send_now(in_turn=True) and self._budget.spend():
                extra = await self._bulkhead.enter(0)
                self._count_attempt()
                self.counts.hedges += 1
            return extra

        try:
            answer, second_won = await hedged(lambda: attempt(call), after, may_ask_again)
        finally:
            if extra:
                self._bulkhead.leave()
        self.counts.hedges_won += second_won
        return answer

    def _may_send_now(self, *, in_turn: bool = False) -> bool:
        if not self._bulkhead.free or not (in_turn or self._pace is None or self._pace.free):
            return False
        return self._quota is None or (not self._quota.refused_for(self._wall()) and self._quota.at_hand)

    def _wait_before_retry(self, retried: int, failure: AgencyFailure, until: float) -> float | None:
        if retried >= self._retries or (self._pace is not None and not self._pace.free):
            # Those who wait for their turn have not been asked for once.
            return None
        wait = wait_before(retried + 1, failure, left=until - self._clock(), chance=self._chance)
        if wait is None or self._breaker.refused_for(self._clock() + wait) or not self._budget.spend():
            return None
        self.counts.retries += 1
        return wait

    def _count_attempt(self) -> None:
        self.counts.attempts += 1
        if self._quota is not None:
            self._quota.spend()

    def _refuse(self, why: str, kind: type[AgencyFailure], detail: str, retry_after: float | None = None) -> NoReturn:
        self.counts.refused[why] += 1
        # Whole seconds, not too early: what a header or a person can make use of.
        raise kind(self.agency, detail, retry_after=None if retry_after is None else float(ceil(retry_after)))
