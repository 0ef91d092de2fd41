"""How often something was compared under a consent today: whoever may try without end finds everything out."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Date, cast, delete, func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from records.hub.consents import Consent
from store.database_timeout import database_timeout
from store.tables import verification_tries

MAX_TRIES_PER_DAY = 10
"""Comparisons under one consent a day (UTC), by all hubs together."""
_TODAY = cast(func.timezone("UTC", func.now()), Date)


class VerificationTries:
    """Counts comparisons."""

    def __init__(self, engine: AsyncEngine, *, timeout: float = 2.0) -> None:
        """Use the hub's database; `timeout` is how many seconds a request waits for it."""
        self._engine = engine
        self._timeout = timeout

    async def count(self, tries: Mapping[str, int]) -> Collection[str]:
        """Count what is to be compared under each consent; those for which that is not too much.

        What would be too much is not counted. Raises `StateUnavailable`.
        """
        within = set()
        async with database_timeout(self._timeout), self._engine.begin() as connection:
            for consent, more in sorted(tries.items()):  # in one order, so that no two wait for each other
                if more > MAX_TRIES_PER_DAY:
                    continue
                first = insert(verification_tries).values(consent=consent, day=_TODAY, tries=more)
                counted = first.on_conflict_do_update(
                    index_elements=["consent", "day"],
                    set_={"tries": verification_tries.c.tries + more},
                    where=verification_tries.c.tries + more <= MAX_TRIES_PER_DAY,
                )
                if (await connection.execute(counted.returning(verification_tries.c.tries))).scalar() is not None:
                    within.add(consent)
        return within

    async def purge(self, consent: Consent) -> Mapping[str, int]:
        """Forget what was counted under a consent that ended."""
        gone = delete(verification_tries).where(verification_tries.c.consent == consent.id)
        async with database_timeout(self._timeout), self._engine.begin() as connection:
            return {"verification_tries": (await connection.execute(gone)).rowcount}
