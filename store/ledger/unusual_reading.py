"""Finds readers that read far more people than usual, from the access ledger.

It counts the different people per reader and hour or day. Usual is the median of such counts in the four weeks before,
of the reader and of all readers of their kind. Unusual is at least twenty people and more than five times the median of
the kind. More than five times the reader's own median also counts, if five of their hours or days are known.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import Enum
from typing import Final, NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from store.database_timeout import database_timeout

UNUSUAL_FACTOR = 5
"""Factor above the median from which a count is unusual."""
MIN_PEOPLE = 20
"""Minimum number of people of an unusual count."""
MIN_KNOWN_COUNTS = 5
"""Minimum number of a reader's hours or days for their own median."""
LOOKBACK = timedelta(days=28)
"""The period of the medians."""
_MAX_RESULTS = 500

_QUERY: Final = """
WITH counted AS (
    SELECT caller, caller_kind AS kind, date_trunc(:unit, at AT TIME ZONE 'UTC') AS began,
           count(DISTINCT subject) AS people, min(agency) AS agency, min(client) AS client
    FROM access_entries
    WHERE at >= :since AND caller IS NOT NULL AND caller_kind = ANY(:kinds)
    GROUP BY caller, caller_kind, began
),
of_reader AS (
    SELECT caller, kind, count(*) AS known, percentile_cont(0.5) WITHIN GROUP (ORDER BY people) AS usual
    FROM counted WHERE began < :start GROUP BY caller, kind
),
of_kind AS (
    SELECT kind, percentile_cont(0.5) WITHIN GROUP (ORDER BY people) AS usual
    FROM counted WHERE began < :start GROUP BY kind
)
SELECT counted.began, counted.kind, counted.caller, counted.agency, counted.client, counted.people,
       CASE WHEN of_reader.known >= :known THEN of_reader.usual END AS own_usual, of_kind.usual AS kind_usual
FROM counted LEFT JOIN of_reader USING (caller, kind) LEFT JOIN of_kind USING (kind)
WHERE counted.began >= :start AND counted.people >= :least
  AND (counted.people > :times * coalesce(of_kind.usual, 0)
       OR (of_reader.known >= :known AND counted.people > :times * of_reader.usual))
ORDER BY counted.people DESC, counted.began LIMIT :most
"""


class TimeUnit(Enum):
    """The unit of time of a count."""

    HOUR = "hour"
    DAY = "day"


class UnusualReading(NamedTuple):
    """One hour or day in which a reader read an unusual number of people."""

    unit: TimeUnit
    began: datetime
    """UTC."""
    kind: str
    caller: bytes
    """Pseudonym of the reader."""
    agency: str | None
    client: str | None
    people: int
    own_usual: float | None
    """None if too few counts of the reader are known."""
    kind_usual: float | None
    """None if no reader of the kind read before."""


class ReadingStatistics:
    """Finds unusual reads."""

    def __init__(self, engine: AsyncEngine, *, timeout: float = 300.0) -> None:
        """`timeout` is the maximum time of a query, in seconds: a ledger holds millions of entries."""
        self._engine = engine
        self._timeout = timeout

    async def find_unusual(self, start: datetime, kinds: Sequence[str], unit: TimeUnit) -> Sequence[UnusualReading]:
        """Returns the unusual hours or days since `start`, those with most people first. Raises `StateUnavailable`."""
        naive = start.replace(tzinfo=None)
        parameters = {
            "unit": unit.value,
            "since": start - LOOKBACK,
            "start": naive,
            "kinds": list(kinds),
            "known": MIN_KNOWN_COUNTS,
            "least": MIN_PEOPLE,
            "times": UNUSUAL_FACTOR,
            "most": _MAX_RESULTS,
        }
        async with database_timeout(self._timeout), self._engine.connect() as connection:
            rows = (await connection.execute(text(_QUERY), parameters)).all()
        return [
            UnusualReading(
                unit=unit,
                began=row.began.replace(tzinfo=start.tzinfo),
                kind=row.kind,
                caller=bytes(row.caller),
                agency=row.agency,
                client=row.client,
                people=row.people,
                own_usual=row.own_usual,
                kind_usual=row.kind_usual,
            )
            for row in rows
        ]
