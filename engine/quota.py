"""How much a client may spend in a day, and what a caller pays for each run.

A client's day is counted for all processes together where somebody counts for them, and in this process alone, from
what it knows, where nobody does or answers.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from engine.document import RefusedRequest
from engine.errors import request_error
from records.clients import ClientId

_SECONDS_A_DAY = 86_400


class Purse(Protocol):
    """Pays for what one request is expected to cost."""

    def spend(self, points: int, /) -> Awaitable[None] | None:
        """Pay; to be awaited where others are asked.

        Raises `TooLarge` for what this caller could never pay. Whatever else it raises ends the request, and is told
        by whoever handed the purse in: nobody has been asked yet.
        """


class Days(Protocol):
    """Counts what clients spend, for all processes together."""

    def spend(
        self, client: ClientId, points: int, *, day: int, most: int, known: int
    ) -> Awaitable[tuple[bool, int] | None] | None:
        """Spend points of a day (UTC, numbered from 1970-01-01) of at most `most`, of which `known` are spent at least.

        Whether they were spent, and how many are by now. None where this process has to count alone.
        """


class Quota:
    """Points that are left of the day (UTC)."""

    def __init__(
        self,
        points_a_day: int,
        *,
        client: ClientId,
        together: Days | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Nothing is spent yet, as far as is known. `now` gives seconds since 1970-01-01 UTC."""
        self.points_a_day = points_a_day
        self._client = client
        self._together = together
        self._now = now
        self._day = 0
        self._spent = 0

    def spend(self, points: int) -> Awaitable[None] | None:
        """Spend so many points; raises `RefusedRequest`, with `retryAfter` in seconds, where fewer are left."""
        day = int(self._now() // _SECONDS_A_DAY)
        if day != self._day:
            self._day, self._spent = day, 0
        if self._spent + points > self.points_a_day:
            raise self._refusal(points)  # others can only have spent more
        asked = None
        if self._together is not None:
            asked = self._together.spend(self._client, points, day=day, most=self.points_a_day, known=self._spent)
        if asked is not None:
            return self._after(asked, points, day)
        self._spent += points
        return None

    async def _after(self, asked: Awaitable[tuple[bool, int] | None], points: int, day: int) -> None:
        told = await asked
        if told is None:
            after = self._spent + points
            told = (True, after) if after <= self.points_a_day else (False, self._spent)
        was_spent, spent = told
        if day == self._day:  # else it is tomorrow by now
            self._spent = max(self._spent, spent)
        if not was_spent:
            raise self._refusal(points)

    def _refusal(self, points: int) -> RefusedRequest:
        now = self._now()
        left = max(self.points_a_day - self._spent, 0)
        message = (
            f"The operation is expected to cost {points} points, and {left} of {self.points_a_day} are left of"
            " this client's day. Ask for less, or tomorrow (UTC)."
        )
        error = request_error(message, "QUOTA_EXCEEDED")
        error["extensions"]["retryAfter"] = int((now // _SECONDS_A_DAY + 1) * _SECONDS_A_DAY - now) + 1
        return RefusedRequest(error)

    def __repr__(self) -> str:
        """How much is spent."""
        return f"<Quota {self._spent} of {self.points_a_day} points>"
