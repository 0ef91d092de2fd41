"""Which copies of their data people fetched: one at a time, and not too many."""

from __future__ import annotations

from datetime import timedelta
from secrets import token_hex

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from store.database_timeout import database_timeout
from store.tables import exports

MAX_PER_HOUR = 5
"""Exports of one person that may begin within an hour."""
_ABANDONED_AFTER = timedelta(minutes=30)
"""After this time an export that never ended counts as ended: its hub is gone."""
_HOUR = timedelta(hours=1)


class ExportRefused(Exception):  # noqa: N818 - a condition, not a fault
    """The person may not begin another export now."""

    def __init__(self, *, running: bool) -> None:
        """Take whether one is running; else there were too many."""
        super().__init__("running" if running else "too many")
        self.running = running


class ExportTable:
    """Begins and ends exports, for all hubs together."""

    def __init__(self, engine: AsyncEngine, *, timeout: float = 2.0) -> None:
        """Use the hub's database; `timeout` is how many seconds a request waits for it."""
        self._engine = engine
        self._timeout = timeout

    async def begin(self, subject: bytes) -> str:
        """The id of a new export of this person; raises `ExportRefused` and `StateUnavailable`."""
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
        """Let the person begin the next one; raises `StateUnavailable`."""
        async with database_timeout(self._timeout), self._engine.begin() as connection:
            await connection.execute(update(exports).where(exports.c.id == id_).values(ended_at=func.now()))
