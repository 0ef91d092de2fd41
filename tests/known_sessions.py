"""Sessions of the hub's own pages without a database, held to the same tests (`tests/store/test_page_sessions.py`)."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from store.unavailable import StateUnavailable


class KnownSessions:
    """`LiveSessions` in one process. Takes any `clock`; `down` is a database that does not answer."""

    def __init__(self, *, idle: float = 900.0, clock: Callable[[], float] = monotonic) -> None:
        self._idle = idle
        self._clock = clock
        self._known: dict[str, tuple[float, float, bytes | None]] = {}
        self.down = False

    async def begin(self, id_: str, *, lasts: float, hint: bytes | None = None) -> None:
        self._answer()
        now = self._clock()
        self._known[id_] = (now + lasts, now, hint)

    async def use(self, id_: str) -> bool:
        self._answer()
        now = self._clock()
        ends, used, hint = self._known.get(id_, (0.0, 0.0, None))
        goes_on = id_ in self._known and now < ends and now < used + self._idle
        if goes_on:
            self._known[id_] = (ends, now, hint)
        return goes_on

    async def end(self, id_: str) -> bytes | None:
        self._answer()
        return self._known.pop(id_, (0.0, 0.0, None))[2]

    def _answer(self) -> None:
        if self.down:
            raise StateUnavailable("down")
