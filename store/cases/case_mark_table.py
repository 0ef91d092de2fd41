"""Marks of what people have seen in their inbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from store.database_timeout import database_timeout
from store.tables import case_marks

PersonCase = tuple[bytes, bytes]
"""The sealed person, and the digest of the case."""


class CaseMarkTable:
    """Stores marks. Every method raises `StateUnavailable` if the database does not answer."""

    def __init__(self, engine: AsyncEngine, *, timeout: float = 2.0) -> None:
        """Takes the hub's database; `timeout` is the maximum wait for it, in seconds."""
        self._engine = engine
        self._timeout = timeout

    async def load(self, cases: Sequence[PersonCase]) -> Mapping[PersonCase, bytes]:
        """Returns the version that the person saw last of each case; cases without a mark are omitted."""
        columns = case_marks.c
        wanted = select(columns.subject, columns.case, columns.version).where(
            tuple_(columns.subject, columns.case).in_(cases)
        )
        async with database_timeout(self._timeout), self._engine.connect() as connection:
            rows = (await connection.execute(wanted)).all()
        return {(bytes(subject), bytes(case)): bytes(version) for subject, case, version in rows}

    async def store(self, marks: Mapping[PersonCase, bytes]) -> None:
        """Stores the version that was seen of each case."""
        rows = [{"subject": subject, "case": case, "version": seen} for (subject, case), seen in sorted(marks.items())]
        if not rows:
            return
        new = insert(case_marks).values(rows)
        stored = new.on_conflict_do_update(
            index_elements=[case_marks.c.subject, case_marks.c.case],
            set_={"version": new.excluded.version, "seen_at": func.now()},
        )
        async with database_timeout(self._timeout), self._engine.begin() as connection:
            await connection.execute(stored)
