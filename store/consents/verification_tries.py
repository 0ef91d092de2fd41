"""Limits verifications per consent and day, because unlimited guesses would reveal register data."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Date, cast, delete, func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from records.hub.consents import Consent
from store.database_timeout import database_timeout
from store.tables import verification_tries

MAX_TRIES_PER_DAY = 10
"""Maximum number of verifications under one consent per day (UTC), over all hubs."""
_TODAY = cast(func.timezone("UTC", func.now()), Date)


class VerificationTries:
    """Counts verifications."""

    def __init__(self, engine: AsyncEngine, *, timeout: float = 2.0) -> None:
        """Takes the hub's database; `timeout` is the maximum wait for it, in seconds."""
        self._engine = engine
        self._timeout = timeout

    async def count(self, tries: Mapping[str, int]) -> Collection[str]:
        """Counts verifications by consent, and returns the consents that stay within the limit.

        A number beyond the limit is not counted. Raises `StateUnavailable`.
        """
        within = set()
        async with database_timeout(self._timeout), self._engine.begin() as connection:
            for consent, more in sorted(tries.items()):  # sorted, to avoid deadlocks
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
        """Deletes the counts of a consent that ended."""
        gone = delete(verification_tries).where(verification_tries.c.consent == consent.id)
        async with database_timeout(self._timeout), self._engine.begin() as connection:
            return {"verification_tries": (await connection.execute(gone)).rowcount}
