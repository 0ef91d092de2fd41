"""A circuit breaker: while an agency fails, nobody waits for it, and one call now and then tries whether it is back.

It decides and does nothing: times go in, decisions come out. The pattern: M. Nygard, Release It!, chapter 5.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from records.record import record

_WINDOW_SLICES: Final = 10
"""Parts of `within` that are counted apart, so that counting costs the same whatever the agency's traffic is."""


class BreakerState(Enum):
    """Whether calls pass."""

    CLOSED = "closed"
    """They do."""
    OPEN = "open"
    """They do not, until the pause is over."""
    HALF_OPEN = "half-open"
    """The pause is over: one does, the probe. How it ends decides."""


@record
class BreakerTerms:
    """When a breaker opens and for how long; times in seconds."""

    failures: int = 5
    """This number of calls must have failed within `within` ..."""
    share: float = 0.5
    """... and be at least this share of the calls that ended in that time: one poisoned record opens nothing ..."""
    unanswered: float = 2.0
    """... or none was answered for so long: an agency that was asked a lot before need not fail as long as that."""
    within: float = 30.0
    pause: float = 5.0
    """How long nobody is let through at first; it doubles with each probe that fails ..."""
    longest_pause: float = 60.0
    """... up to this."""


class Breaker:
    """The breaker of one agency.

    A caller gets a ticket from `acquire`, or None. It gives the ticket back once: to
    `record_success`, `record_failure`, or `record_no_result` where how the call ended says nothing about the agency.
    Tickets of an earlier state are worth nothing, so a call that was slow to fail does not speak for the agency as it
    is now.
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
        """How often it opened."""
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
        """Seconds for which nobody is let through; 0 where the next one is. Changes nothing."""
        if self.state is BreakerState.CLOSED:
            return 0.0
        if self.state is BreakerState.OPEN:
            return max(0.0, self._until - now)
        # How long the probe takes is not known; nobody need come back sooner than it would have been opened for.
        return self._terms.pause if self._probing else 0.0

    def acquire(self, now: float) -> int | None:
        """A ticket for one call; None where nobody is let through."""
        if self.state is BreakerState.CLOSED:
            return self._ticket
        if self.get_retry_after(now) > 0:
            return None
        if self.state is BreakerState.OPEN:
            self._change_state(BreakerState.HALF_OPEN)
        self._probing = True
        return self._ticket

    def record_success(self, ticket: int, now: float) -> None:
        """The agency answered: in time, whatever it said."""
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
        """The agency failed. `retry_after` is when it wants to be asked again, in seconds."""
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
        """The call ended by our own doing: the next one may be the probe."""
        if ticket == self._ticket and self.state is BreakerState.HALF_OPEN:
            self._probing = False

    def _should_open(self, now: float) -> bool:
        """Whether so much failed that nobody is let through any more."""
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
    """Lets everybody through; what stands for a breaker where none was agreed."""

    state = BreakerState.CLOSED
    times_opened = 0

    def __repr__(self) -> str:
        return "<NoBreaker>"

    def get_retry_after(self, _now: float) -> float:
        """Nobody is refused."""
        return 0.0

    def acquire(self, _now: float) -> int | None:
        """A ticket like any other."""
        return 0

    def record_success(self, ticket: int, now: float) -> None:
        """Nothing comes of it."""

    def record_failure(self, ticket: int, now: float, *, retry_after: float = 0.0) -> None:
        """Nothing comes of it."""

    def record_no_result(self, ticket: int) -> None:
        """Nothing comes of it."""
