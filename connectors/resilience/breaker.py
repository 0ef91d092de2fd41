"""A circuit breaker: while an agency fails, calls are refused, and a probe from time to time checks whether it is back.

It only decides, from the given times; it makes no calls. The pattern: M. Nygard, Release It!, chapter 5.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from records.record import record

_WINDOW_SLICES: Final = 10
"""Number of counted slices of `within`, so that the cost of counting does not depend on the traffic."""


class BreakerState(Enum):
    """The state of a breaker."""

    CLOSED = "closed"
    """Calls pass."""
    OPEN = "open"
    """Calls are refused until the pause is over."""
    HALF_OPEN = "half-open"
    """The pause is over: one call passes, the probe. Its outcome decides."""


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
    pause: float = 5.0
    """The first pause without calls; it doubles with each failed probe ..."""
    longest_pause: float = 60.0
    """... up to this."""


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
        self._probing = False
        self._until = 0.0
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
        if self.state is BreakerState.OPEN:
            return max(0.0, self._until - now)
        # The duration of the probe is unknown, so callers should come back after a whole pause.
        return self._terms.pause if self._probing else 0.0

    def acquire(self, now: float) -> int | None:
        """Get a ticket for one call; None if calls are refused."""
        if self.state is BreakerState.CLOSED:
            return self._ticket
        if self.get_retry_after(now) > 0:
            return None
        if self.state is BreakerState.OPEN:
            self._change_state(BreakerState.HALF_OPEN)
        self._probing = True
        return self._ticket

    def record_success(self, ticket: int, now: float) -> None:
        """Record that the agency answered in time, with any answer."""
        if ticket != self._ticket:
            return
        self._answered_at = now
        if self.state is BreakerState.CLOSED:
            self._count(now, failed=0)
            return
        self._probing = False
        self._pause = self._terms.pause
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
        else:
            self._probing = False
            self._pause = min(2 * self._pause, max(self._terms.longest_pause, self._terms.pause))
        self._until = now + max(self._pause, min(retry_after, self._terms.longest_pause))
        self.times_opened += 1
        self._change_state(BreakerState.OPEN)

    def record_no_result(self, ticket: int) -> None:
        """Record that the hub itself ended the call: the next one may be the probe."""
        if ticket == self._ticket and self.state is BreakerState.HALF_OPEN:
            self._probing = False

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
