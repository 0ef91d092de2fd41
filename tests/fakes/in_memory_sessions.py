"""Sessions of the hub's own pages without a database, held to the same tests (`tests/store/test_page_sessions.py`)."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from store.database_timeout import StateUnavailable


class InMemorySessions:
    """`SessionStore` in one process. Takes any `clock`; `is_down` is a database that does not answer."""

    def __init__(self, *, idle: float = 900.0, clock: Callable[[], float] = monotonic) -> None:
        self._idle = idle
        self._clock = clock
        self._sessions: dict[str, tuple[float, float, bytes | None]] = {}
        self._owners: dict[str, tuple[float, bytes | None, bytes | None]] = {}
        self.is_down = False

    async def begin(
        self,
        id_: str,
        *,
        lifetime: float,
        hint: bytes | None = None,
        person: bytes | None = None,
        sign_in: bytes | None = None,
    ) -> None:
        self._raise_if_down()
        now = self._clock()
        self._sessions[id_] = (now + lifetime, now, hint)
        self._owners[id_] = (now, person, sign_in)

    async def use(self, id_: str) -> bool:
        self._raise_if_down()
        now = self._clock()
        ends, used, hint = self._sessions.get(id_, (0.0, 0.0, None))
        goes_on = id_ in self._sessions and now < ends and now < used + self._idle
        if goes_on:
            self._sessions[id_] = (ends, now, hint)
        return goes_on

    async def end(self, id_: str) -> bytes | None:
        self._raise_if_down()
        return self._sessions.pop(id_, (0.0, 0.0, None))[2]

    async def end_all(self, *, person: bytes | None, sign_in: bytes | None, age: float) -> int:
        self._raise_if_down()
        latest = self._clock() - age

        def is_meant(id_: str) -> bool:
            started, of_person, of_sign_in = self._owners[id_]
            is_persons = person is not None and of_person == person
            if sign_in is None or (person is not None and of_sign_in is None):
                is_owned = is_persons
            else:
                is_owned = of_sign_in == sign_in and (person is None or is_persons)
            return is_owned and started <= latest

        ended = [each for each in self._sessions if is_meant(each)]
        for each in ended:
            del self._sessions[each]
        return len(ended)

    def _raise_if_down(self) -> None:
        if self.is_down:
            raise StateUnavailable("down")
