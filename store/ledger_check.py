"""Whether the access ledger is as it was written: walks every chain and names the first broken entry of each.

What is found: an entry that was changed in any column, is missing, or stands elsewhere than it was written; a chain
that was changed or is gone although another names it; entries at the end of a chain that are gone although another
chain, or a list of heads that was kept elsewhere, names a later one. Entries that were purged because their time was
over are no fault where a receipt explains it. What cannot be found: entries at the end of a
chain that are gone, or whole chains, which nobody named yet; and whatever somebody with the hub's secret wrote anew,
all hashes included, unless heads were kept elsewhere.

Rows that no walk comes by are looked for first (`store/ledger_strays.py`); a chain that has one is not walked.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from store.ledger_hash import Hasher, chain_bytes, entry_bytes, hash_key
from store.ledger_heads import HEADS, Head, heads_of
from store.ledger_rows import access_of
from store.ledger_strays import READABLE, strays
from store.receipts import Gap, broken_receipts, gaps_by_chain
from store.tables import access_chains, access_entries

_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """The first thing that is wrong with a chain."""

    chain: str
    sequence: int
    """Of the entry; 0 for the chain's own beginning."""
    why: str

    def __str__(self) -> str:
        """In one line."""
        return f"chain {self.chain}, entry {self.sequence}: {self.why}"


@dataclass(slots=True)
class Findings:
    """What a walk found."""

    chains: int = 0
    entries: int = 0
    purged: int = 0
    """Entries that are gone, with a receipt."""
    broken: list[Broken] = field(default_factory=list)
    receipts: list[str] = field(default_factory=list)
    """What is wrong with receipts."""


async def check_ledger(engine: AsyncEngine, secret: bytes, kept: Iterable[Head] = ()) -> Findings:
    """Walk all chains; `kept` are heads that were kept elsewhere."""
    hashed = Hasher(hash_key(secret))
    findings = Findings()
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="REPEATABLE READ")
        gaps = await gaps_by_chain(connection, hashed)
        findings.receipts += await broken_receipts(connection, hashed)
        astray = await strays(connection)
        wanted = select(access_chains).where(READABLE).order_by("started_at", "chain")
        chains = (await connection.execute(wanted)).mappings().all()
        named: dict[str, dict[int, bytes]] = {}
        for each in [*kept, *(head for chain in chains for head in _heads_in(chain["heads"]))]:
            named.setdefault(each.chain, {})[each.sequence] = each.hash
        for name, stray in astray.items():
            findings.broken.append(Broken(chain=name, sequence=stray.sequence, why=stray.why))
            named.pop(name, None)
        for chain in chains:
            if chain["chain"] in astray:
                continue
            walk = _Walk(hashed, chain["chain"], named.pop(chain["chain"], {}), gaps.get(chain["chain"], {}))
            findings.chains += 1
            beginning = hashed(chain_bytes(chain["chain"], chain["started_at"], chain["heads"]))
            why = walk.began(chain["hash"], beginning) or await walk.to_the_end(connection)
            findings.entries += walk.sound
            findings.purged += walk.purged
            if why is not None:
                findings.broken.append(Broken(chain=walk.chain, sequence=walk.sequence, why=why))
    findings.broken += [
        Broken(chain=name, sequence=max(ends), why="the whole chain is missing; it was named as standing here")
        for name, ends in sorted(named.items())
    ]
    return findings


async def heads(engine: AsyncEngine) -> list[Head]:
    """Where every chain ends now, to be kept elsewhere."""
    async with engine.connect() as connection:
        rows = (await connection.exec_driver_sql(HEADS)).all()
    return [Head(chain, sequence, bytes(hash_)) for chain, sequence, hash_, _ in map(tuple, rows)]


class _Walk:
    """The way along one chain. What is wrong is told in words; `sequence` is where."""

    def __init__(self, hashed: Hasher, chain: str, named: Mapping[int, bytes], gaps: Mapping[int, Gap]) -> None:
        """`named` are hashes by sequence, as others have them; `gaps` by first number are explained by receipts."""
        self.chain = chain
        self.sequence = 0
        self.sound = 0
        self.purged = 0
        self._hashed = hashed
        self._named = named
        self._gaps = gaps
        self._head = b""

    def began(self, kept: bytes, beginning: bytes) -> str | None:
        """What is wrong with the chain's beginning."""
        self._head = beginning
        if kept != beginning or self._named.get(0, beginning) != beginning:
            return "the chain's beginning was changed"
        return None

    async def to_the_end(self, connection: AsyncConnection) -> str | None:
        """What is wrong with the first entry that is not as it was written."""
        async for row in _entries(connection, self.chain):
            self.sequence += 1
            why = self._over_gaps() or self._wrong(row)
            if why is not None:
                return why
            self.sound += 1
        self.sequence += 1
        why = self._over_gaps()
        if why is not None:
            return why
        last = max(self._named, default=0)
        if last >= self.sequence:
            return f"the entry is missing; the chain was named as reaching to {last}"
        return None

    def _over_gaps(self) -> str | None:
        """Step over what was purged, to the next number that has to be there; what is wrong on the way."""
        while (gap := self._gaps.get(self.sequence)) is not None:
            if gap.previous != self._head:
                return "what was purged does not follow the entry before it"
            if self._named.get(gap.last, gap.hash) != gap.hash:
                return "what was purged was another entry when it was named"
            self.purged += gap.last - gap.first + 1
            self.sequence, self._head = gap.last + 1, gap.hash
        return None

    def _wrong(self, row: Mapping[str, Any]) -> str | None:
        if row["sequence"] != self.sequence:
            return "the entry is missing"
        if row["previous"] != self._head:
            return "the entry does not follow the one before it"
        access = access_of(row)
        self._head = self._hashed(entry_bytes(self.chain, self.sequence, self._head, access))
        if row["hash"] != self._head or (" ".join(access.agencies), " ".join(access.fields)) != (
            row["agencies"],
            row["fields"],
        ):
            return "the entry was changed"
        if self._named.get(self.sequence, self._head) != self._head:
            return "the entry was another when it was named"
        return None


async def _entries(connection: AsyncConnection, chain: str) -> AsyncIterator[Mapping[str, Any]]:
    after = -(2**63)
    while True:
        wanted = (
            select(access_entries)
            .where(access_entries.c.chain == chain, access_entries.c.sequence > after)
            .order_by(access_entries.c.sequence)
            .limit(_AT_ONCE)
        )
        rows = (await connection.execute(wanted)).mappings().all()
        for row in rows:
            yield dict(row)
        if len(rows) < _AT_ONCE:
            return
        after = rows[-1]["sequence"]


def _heads_in(text: str) -> list[Head]:
    """The heads that a chain names; none where its text was changed to something else, which its hash tells."""
    try:
        return heads_of(text)
    except ValueError:
        return []
