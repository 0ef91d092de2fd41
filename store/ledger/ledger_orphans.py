"""Rows of the access ledger that no walk along a chain reaches, or that would stop it.

The table's keys prevent most of them, but a superuser of the database can drop the keys. People see entries
(`me.accessLog`) that are found without a chain, so they would see an orphan.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_CALENDAR = "BETWEEN '0001-01-02 00:00:00+00' AND '9999-12-30 00:00:00+00'"
"""Moments that Python can represent. PostgreSQL also stores infinity, and years before 1 and after 9999."""
HAS_READABLE_START = text(f"started_at {_CALENDAR}")
"""The condition for chains whose beginning can be read."""
_ORPHAN_QUERIES: Mapping[str, str] = {
    "the entry belongs to no chain": "SELECT chain, min(sequence) FROM access_entries"
    " WHERE NOT EXISTS (SELECT FROM access_chains WHERE access_chains.chain = access_entries.chain) GROUP BY chain",
    "the entry has an invalid number": "SELECT chain, min(sequence) FROM access_entries"
    " WHERE sequence < 1 GROUP BY chain",
    "several entries have this number": "SELECT chain, min(sequence) FROM (SELECT chain, sequence"
    " FROM access_entries GROUP BY chain, sequence HAVING count(*) > 1) AS twice GROUP BY chain",
    "the entry was changed": "SELECT chain, min(sequence) FROM access_entries"  # noqa: S608 - our own columns
    f" WHERE at NOT {_CALENDAR} OR hidden_until NOT {_CALENDAR} GROUP BY chain",
    "the chain's beginning was changed": f"SELECT chain, 0 FROM access_chains WHERE started_at NOT {_CALENDAR}",  # noqa: S608 - same
}
"""By fault: the query for the first orphan of each chain."""


class OrphanEntry(NamedTuple):
    """The first orphan of a chain."""

    sequence: int
    reason: str


async def find_orphans(connection: AsyncConnection) -> dict[str, OrphanEntry]:
    """Returns the first orphan by chain, for chains that have any."""
    found: dict[str, OrphanEntry] = {}
    for why, statement in _ORPHAN_QUERIES.items():
        for chain, sequence in (await connection.execute(text(statement))).all():
            stray = OrphanEntry(sequence, why)
            found[chain] = min(found.get(chain, stray), stray)
    return found
