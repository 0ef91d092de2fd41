"""Sessions of the hub's own pages: one row each, so that the end of a session invalidates every copy of its cookie.

A session is valid while its row exists, was used recently and has not reached its end. One statement checks this and
records the use, so a concurrent sign-out wins on every process and hub. All times are from the database's clock.
"""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256

from sqlalchemy import delete, func, insert, update
from sqlalchemy.ext.asyncio import AsyncEngine

from store.database_timeout import database_timeout
from store.tables import page_sessions


class PageSessionTable:
    """Begins, uses and ends sessions, for all hubs."""

    def __init__(self, engine: AsyncEngine, *, idle: float, timeout: float = 2.0) -> None:
        """Takes the hub's database.

        Args:
            engine: The database.
            idle: Seconds without use after which a session ends.
            timeout: Seconds a page waits for the database.

        """
        self._engine = engine
        self._idle = timedelta(seconds=idle)
        self._timeout = timeout

    async def begin(
        self,
        id_: str,
        *,
        lifetime: float,
        hint: bytes | None = None,
        person: bytes | None = None,
        sign_in: bytes | None = None,
    ) -> None:
        """Store a new session that ends after `lifetime` seconds, even if it is in use.

        `hint` is stored with it and returned when it ends. `person` and `sign_in` are digests for `end_all`. Raises
        `StateUnavailable`.
        """
        ends_at = func.now() + timedelta(seconds=lifetime)
        values = {"id": _key(id_), "ends_at": ends_at, "hint": hint, "person": person, "sign_in": sign_in}
        async with database_timeout(self._timeout), self._engine.begin() as connection:
            await connection.execute(insert(page_sessions).values(values))

    async def use(self, id_: str) -> bool:
        """Whether the session is valid; records the use. Raises `StateUnavailable`."""
        columns = page_sessions.c
        used = (
            update(page_sessions)
            .where(
                columns.id == _key(id_),
                columns.ends_at > func.now(),
                columns.used_at > func.now() - self._idle,
            )
            .values(used_at=func.now())
        )
        async with database_timeout(self._timeout), self._engine.begin() as connection:
            return (await connection.execute(used)).rowcount == 1

    async def end(self, id_: str) -> bytes | None:
        """End the session, and return its hint, if any. Raises `StateUnavailable`."""
        ended = delete(page_sessions).where(page_sessions.c.id == _key(id_)).returning(page_sessions.c.hint)
        async with database_timeout(self._timeout), self._engine.begin() as connection:
            hint = (await connection.execute(ended)).scalar_one_or_none()
        return None if hint is None else bytes(hint)

    async def end_all(self, *, person: bytes | None, sign_in: bytes | None, age: float) -> int:
        """End the sessions of one sign-in or, without `sign_in`, of a person, if they began `age` seconds ago or more.

        With both, a session of the person without a known sign-in ends, too. Returns how many ended. Raises
        `StateUnavailable`.
        """
        columns = page_sessions.c
        is_persons = columns.person == person
        if sign_in is None:
            is_meant = is_persons
        elif person is None:
            is_meant = columns.sign_in == sign_in
        else:
            is_meant = is_persons & ((columns.sign_in == sign_in) | columns.sign_in.is_(None))
        ended = delete(page_sessions).where(is_meant, columns.started_at <= func.now() - timedelta(seconds=age))
        async with database_timeout(self._timeout), self._engine.begin() as connection:
            return (await connection.execute(ended)).rowcount


def _key(id_: str) -> bytes:
    """Returns the digest in the table, so that reading the table reveals no session id."""
    return sha256(id_.encode()).digest()
