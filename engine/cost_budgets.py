"""Daily cost budgets of clients, and what a caller pays for each run.

A shared store counts a client's day for all processes. Without one, or while it does not answer, this process counts
alone, from its last known value.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from engine.errors import build_request_error
from engine.request import RefusedRequest
from records.hub.clients import ClientId
from records.plurals import count_noun

_SECONDS_PER_DAY = 86_400


class CostBudget(Protocol):
    """Pays the estimated cost of one request."""

    def spend(self, points: int, /) -> Awaitable[None] | None:
        """Pay; returns an awaitable if a shared store is asked.

        Raises `TooLarge` for a cost that this caller can never pay. Any other exception ends the request before any
        agency is called; the provider of the budget reports it.
        """


class NoCostBudget:
    """Lets every request run for free."""

    def spend(self, points: int, /) -> None:
        """Charge nothing."""


NO_BUDGET = NoCostBudget()


class DailyQuotaStore(Protocol):
    """Counts the points that clients spend, for all processes."""

    def spend(
        self, client: ClientId, points: int, *, day: int, limit: int, known_spent: int
    ) -> Awaitable[tuple[bool, int] | None] | None:
        """Spend points of a day (UTC, numbered from 1970-01-01), up to `limit`.

        At least `known_spent` of them are spent already. Returns whether the points were spent, and the total by now;
        None if this process has to count alone.
        """


class NoDailyQuotaStore:
    """Makes each process count alone."""

    def spend(self, client: ClientId, points: int, *, day: int, limit: int, known_spent: int) -> None:
        """Count nothing."""


NO_QUOTA_STORE = NoDailyQuotaStore()


class DailyCostQuota:
    """Points that are left of the day (UTC)."""

    def __init__(
        self,
        points_per_day: int,
        *,
        client: ClientId,
        store: DailyQuotaStore = NO_QUOTA_STORE,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Starts with nothing spent, as far as known. `now` returns seconds since 1970-01-01 UTC."""
        self.points_per_day = points_per_day
        self._client = client
        self._store = store
        self._now = now
        self._day = 0
        self._spent = 0

    def spend(self, points: int) -> Awaitable[None] | None:
        """Spend points; raises `RefusedRequest`, with `retryAfter` in seconds, if fewer are left."""
        day = int(self._now() // _SECONDS_PER_DAY)
        if day != self._day:
            self._day, self._spent = day, 0
        if self._spent + points > self.points_per_day:
            raise self._build_refusal(points)  # others can only have spent more
        pending = self._store.spend(self._client, points, day=day, limit=self.points_per_day, known_spent=self._spent)
        if pending is not None:
            return self._await_store(pending, points, day)
        self._spent += points
        return None

    async def _await_store(self, pending: Awaitable[tuple[bool, int] | None], points: int, day: int) -> None:
        result = await pending
        if result is None:
            after = self._spent + points
            result = (True, after) if after <= self.points_per_day else (False, self._spent)
        was_spent, spent = result
        if day == self._day:  # else the next day has begun
            self._spent = max(self._spent, spent)
        if not was_spent:
            raise self._build_refusal(points)

    def _build_refusal(self, points: int) -> RefusedRequest:
        now = self._now()
        left = max(self.points_per_day - self._spent, 0)
        message = (
            f"The operation is expected to cost {count_noun(points, 'point')}, and this client has {left} of"
            f" {self.points_per_day} left today. Request less, or retry tomorrow (UTC)."
        )
        error = build_request_error(message, "QUOTA_EXCEEDED")
        error["extensions"]["retryAfter"] = int((now // _SECONDS_PER_DAY + 1) * _SECONDS_PER_DAY - now) + 1
        return RefusedRequest(error)

    def __repr__(self) -> str:
        """How much is spent."""
        return f"<DailyCostQuota {self._spent} of {self.points_per_day} points>"
