"""Exports of people's data: one at a time for each person, with an hourly limit."""

from __future__ import annotations

from datetime import timedelta
from secrets import token_hex

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from store.database_timeout import database_timeout
from store.tables import exports

MAX_PER_HOUR = 5
"""Maximum number of exports of one person per hour."""
_ABANDONED_AFTER = timedelta(minutes=30)
"""The age at which an unfinished export counts as ended, because its hub died."""
_HOUR = timedelta(hours=1)


class ExportRefused(Exception):  # noqa: N818 - a condition, not a fault
    """The person may not start another export now."""

    def __init__(self, *, running: bool) -> None:
        """`running` is true if another export runs, and false at the hourly limit."""
        super().__init__("running" if running else "too many")
        self.running = running


class ExportTable:
    """Begins and ends exports, for all hubs."""

    def __init__(self, engine: AsyncEngine, *, timeout: float = 2.0) -> None:
        """Takes the hub's database; `timeout` is the maximum wait for it, in seconds."""
        self._engine = engine
        self._timeout = timeout

    async def begin(self, subject: bytes) -> str:
        """Returns the id of a new export of this person. Raises `ExportRefused` and `StateUnavailable`."""
        mine, id_ = exports.c.subject == subject, token_hex(16)
        lock = int.from_bytes(subject[8:16], signed=True)
        running = select(func.count()).where(
            mine, exports.c.ended_at.is_(None), exports.c.began_at > func.now() - _ABANDONED_AFTER
        )
        begun = select(func.count()).where(mine, exports.c.began_at > func.now() - _HOUR)
        async with database_timeout(self._timeout), self._engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": lock})
            if (await connection.execute(running)).scalar_one():
                raise ExportRefused(running=True)
            if (await connection.execute(begun)).scalar_one() >= MAX_PER_HOUR:
                raise ExportRefused(running=False)
            await connection.execute(insert(exports).values(id=id_, subject=subject))
        return id_

    async def end(self, id_: str) -> None:
        """Ends an export, so that the person can start another. Raises `StateUnavailable`."""
        async with database_timeout(self._timeout), self._engine.begin() as connection:
            await connection.execute(update(exports).where(exports.c.id == id_).values(ended_at=func.now()))
