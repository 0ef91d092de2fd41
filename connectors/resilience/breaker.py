"""A circuit breaker: while an agency fails, calls are refused, and probes from time to time check whether it is back.

It only decides, from the given times; it makes no calls. The pattern: M. Nygard, Release It!, chapter 5.
"""

from __future__ import annotations

from enum import Enum
from math import inf
from typing import Final

from records.record import record

MAX_PROBES: Final = 2
"""Concurrent probes: one with the agency's whole deadline, and beside it an early one, while the first hangs."""
_WINDOW_SLICES: Final = 10
"""Number of counted slices of `within`, so that the cost of counting does not depend on the traffic."""
_OUTAGE_SHARE: Final = 0.01
"""Share of its outage so far that an agency is left alone between two probes: a day's outage costs few calls."""
_FLAPPING_S: Final = 1.0
"""Seconds after a success within which another opening doubles the pause: the agency fails under its normal load."""


class BreakerState(Enum):
    """The state of a breaker."""

    CLOSED = "closed"
    """Calls pass."""
    OPEN = "open"
    """Calls are refused until the pause is over."""
    HALF_OPEN = "half-open"
    """The pause is over: a probe runs. Its outcome decides."""


@record
class BreakerTerms:
    """When a breaker opens and for how long; times in seconds.

    It opens if `failures` calls failed within `within`, and either they are at least `share` of the calls that ended in
    that time, or no call was answered for `unanswered`.
    """

    failures: int = 5
    share: float = 0.5
    """So that single failures among many answers do not open it."""
    unanswered: float = 2.0
    """So that it opens soon when an agency fails after much traffic: the share would take longer to grow."""
    within: float = 30.0
    pause: float = 0.3
    """Between two probes. It becomes 1 % of a long outage, and doubles if the breaker opens again soon ..."""
    longest_pause: float = 10.0
    """... up to this. A `Retry-After` is also followed up to this."""


class Breaker:
    """The breaker of one agency.

    A call gets a ticket from `acquire`, or None. It returns the ticket once: to `record_success`, `record_failure`, or
    `record_no_result` if its outcome says nothing about the agency. Tickets of an earlier state are ignored, so a call
    that fails late does not count for the current state.
    """

    def __init__(self, terms: BreakerTerms, *, now: float) -> None:
        self._terms = terms
        self._slice = terms.within / _WINDOW_SLICES
        self._ticket = 0
        self._probing = 0
        """Running probes."""
        self._until = 0.0
        self._opened_at = self._closed_at = -inf
        self._pause = terms.pause
        self.state = BreakerState.CLOSED
        self.times_opened = 0
        """Number of times it opened."""
        self._answered_at = now
        self._ended = [0] * _WINDOW_SLICES
        self._failed = [0] * _WINDOW_SLICES
        self._at = 0
        self._slice_ends = now + self._slice

    def __repr__(self) -> str:
        if self.state is BreakerState.CLOSED:
            return f"<Breaker closed failed={sum(self._failed)}/{sum(self._ended)}>"
        if self.state is BreakerState.OPEN:
            return f"<Breaker open until={self._until:g} pause={self._pause:g}s>"
        return f"<Breaker half-open probing={self._probing}>"

    def get_retry_after(self, now: float) -> float:
        """Seconds until the next call may pass; 0 if it may pass now. Changes nothing."""
        if self.state is BreakerState.CLOSED:
            return 0.0
        if self._probing == MAX_PROBES:  # their durations are unknown
            return self._terms.pause
        return max(0.0, self._until - now)

    def acquire(self, now: float) -> int | None:
        """Get a ticket for one call; None if calls are refused."""
        if self.state is BreakerState.CLOSED:
            return self._ticket
        if self.get_retry_after(now) > 0:
            return None
        if self.state is BreakerState.OPEN:
            self._change_state(BreakerState.HALF_OPEN)
        self._probing += 1
        # A probe of a silent agency hangs until its deadline; an early one must not wait for that.
        self._until = now + self._compute_pause(now)
        return self._ticket

    def record_success(self, ticket: int, now: float) -> None:
        """Record that the agency answered in time, with any answer."""
        if ticket != self._ticket:
            return
        self._answered_at = now
        if self.state is BreakerState.CLOSED:
            self._count(now, failed=0)
            return
        self._closed_at = now
        self._change_state(BreakerState.CLOSED)
        self._reset_window(now)

    def record_failure(self, ticket: int, now: float, *, retry_after: float = 0.0) -> None:
        """Record that the agency failed; `retry_after` is the delay that it asks for, in seconds."""
        if ticket != self._ticket:
            return
        if self.state is BreakerState.CLOSED:
            self._count(now, failed=1)
            if not self._should_open(now):
                return
            is_flapping = now - self._closed_at < _FLAPPING_S
            self._pause = min(2 * self._pause, self._terms.longest_pause) if is_flapping else self._terms.pause
            self._opened_at = now
        self._until = now + self._compute_pause(now, retry_after)
        self.times_opened += 1
        self._change_state(BreakerState.OPEN)

    def record_no_result(self, ticket: int) -> None:
        """Record that the hub itself ended the call: the next one may be the probe."""
        if ticket == self._ticket and self.state is BreakerState.HALF_OPEN:
            self._probing -= 1
            if not self._probing:
                self._until = 0.0

    def _compute_pause(self, now: float, requested: float = 0.0) -> float:
        """Seconds from now until another probe."""
        return min(self._terms.longest_pause, max(self._pause, _OUTAGE_SHARE * (now - self._opened_at), requested))

    def _should_open(self, now: float) -> bool:
        """Whether enough calls failed to open the breaker."""
        failed = sum(self._failed)
        if failed < self._terms.failures:
            return False
        silent = now - self._answered_at >= self._terms.unanswered
        return silent or failed >= self._terms.share * sum(self._ended)

    def _change_state(self, state: BreakerState) -> None:
        self.state = state
        self._ticket += 1
        self._probing = 0

    def _count(self, now: float, *, failed: int) -> None:
        if now >= self._slice_ends:
            self._advance_window(now)
        self._ended[self._at] += 1
        self._failed[self._at] += failed

    def _advance_window(self, now: float) -> None:
        passed = (now - self._slice_ends) / self._slice + 1
        if passed >= _WINDOW_SLICES:
            self._reset_window(now)
            return
        for _ in range(int(passed)):
            self._at = (self._at + 1) % _WINDOW_SLICES
            self._ended[self._at] = self._failed[self._at] = 0
        self._slice_ends += int(passed) * self._slice

    def _reset_window(self, now: float) -> None:
        self._ended = [0] * _WINDOW_SLICES
        self._failed = [0] * _WINDOW_SLICES
        self._slice_ends = now + self._slice


class NoBreaker:
    """A null breaker, which lets all calls through."""

    state = BreakerState.CLOSED
    times_opened = 0

    def __repr__(self) -> str:
        return "<NoBreaker>"

    def get_retry_after(self, _now: float) -> float:
        """Return 0."""
        return 0.0

    def acquire(self, _now: float) -> int | None:
        """Return a ticket."""
        return 0

    def record_success(self, ticket: int, now: float) -> None:
        """Does nothing."""

    def record_failure(self, ticket: int, now: float, *, retry_after: float = 0.0) -> None:
        """Does nothing."""

    def record_no_result(self, ticket: int) -> None:
        """Does nothing."""
