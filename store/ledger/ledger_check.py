"""Verifies the access ledger: walks every chain, and reports the first broken entry of each.

It detects an entry that was changed in any column, is missing, or was moved. It detects a chain that was changed, or
that is missing although another chain names it. It detects missing entries at the end of a chain, if another chain or a
saved list of heads names a later one. Purged entries are valid if a receipt explains them.

It cannot detect missing entries at the end of a chain, or whole chains, that were never named. Unless heads were saved
elsewhere, it cannot detect what someone with the hub's secret rewrote with all hashes.

Rows that no walk reaches are checked first (`store/ledger/ledger_orphans.py`); a chain with such rows is not walked.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from store.ledger.ledger_hash import LedgerHasher, derive_hash_key, encode_chain, encode_entry
from store.ledger.ledger_heads import HEADS_QUERY, ChainHead, parse_heads
from store.ledger.ledger_orphans import HAS_READABLE_START, find_orphans
from store.ledger.ledger_rows import to_ledger_entry
from store.retention.purge_receipts import LedgerGap, find_broken_receipts, load_gaps_by_chain
from store.tables import access_chains, access_entries

_PAGE_SIZE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenChain:
    """The first fault of a chain."""

    chain: str
    sequence: int
    """The number of the entry; 0 for the beginning of the chain."""
    reason: str

    def __str__(self) -> str:
        """The fault in one line."""
        return f"chain {self.chain}, entry {self.sequence}: {self.reason}"


@dataclass(slots=True)
class LedgerCheckResult:
    """The result of a check."""

    chains: int = 0
    entries: int = 0
    purged: int = 0
    """Missing entries with a receipt."""
    broken: list[BrokenChain] = field(default_factory=list)
    receipt_faults: list[str] = field(default_factory=list)
    """The faults of receipts."""


async def check_ledger(engine: AsyncEngine, secret: bytes, saved_heads: Iterable[ChainHead] = ()) -> LedgerCheckResult:
    """Walks all chains; `saved_heads` are heads that an operator saved elsewhere."""
    hasher = LedgerHasher(derive_hash_key(secret))
    result = LedgerCheckResult()
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="REPEATABLE READ")
        gaps = await load_gaps_by_chain(connection, hasher)
        result.receipt_faults += await find_broken_receipts(connection, hasher)
        orphans = await find_orphans(connection)
        wanted = select(access_chains).where(HAS_READABLE_START).order_by("started_at", "chain")
        chains = (await connection.execute(wanted)).mappings().all()
        named: dict[str, dict[int, bytes]] = {}
        for each in [*saved_heads, *(head for chain in chains for head in _parse_heads_or_none(chain["heads"]))]:
            named.setdefault(each.chain, {})[each.sequence] = each.hash
        for name, orphan in orphans.items():
            result.broken.append(BrokenChain(chain=name, sequence=orphan.sequence, reason=orphan.reason))
            named.pop(name, None)
        for chain in chains:
            if chain["chain"] in orphans:
                continue
            walk = _ChainWalk(hasher, chain["chain"], named.pop(chain["chain"], {}), gaps.get(chain["chain"], {}))
            result.chains += 1
            beginning = hasher(encode_chain(chain["chain"], chain["started_at"], chain["heads"]))
            why = walk.check_beginning(chain["hash"], beginning) or await walk.check_entries(connection)
            result.entries += walk.valid_entries
            result.purged += walk.purged
            if why is not None:
                result.broken.append(BrokenChain(chain=walk.chain, sequence=walk.sequence, reason=why))
    result.broken += [
        BrokenChain(chain=name, sequence=max(ends), reason="the whole chain is missing; a head names it here")
        for name, ends in sorted(named.items())
    ]
    return result


async def load_heads(engine: AsyncEngine) -> list[ChainHead]:
    """Returns the current head of every chain, to be saved elsewhere."""
    async with engine.connect() as connection:
        rows = (await connection.exec_driver_sql(HEADS_QUERY)).all()
    return [ChainHead(chain, sequence, bytes(hash_)) for chain, sequence, hash_, _ in map(tuple, rows)]


class _ChainWalk:
    """The walk along one chain. Methods return a fault as text; `sequence` is its position."""

    def __init__(
        self, hasher: LedgerHasher, chain: str, named: Mapping[int, bytes], gaps: Mapping[int, LedgerGap]
    ) -> None:
        """`named` are hashes from other sources, by sequence; `gaps` are explained by receipts, by first number."""
        self.chain = chain
        self.sequence = 0
        self.valid_entries = 0
        self.purged = 0
        self._hasher = hasher
        self._named = named
        self._gaps = gaps
        self._head = b""

    def check_beginning(self, kept: bytes, beginning: bytes) -> str | None:
        """Returns the fault of the chain's beginning."""
        self._head = beginning
        if kept != beginning or self._named.get(0, beginning) != beginning:
            return "the chain's beginning was changed"
        return None

    async def check_entries(self, connection: AsyncConnection) -> str | None:
        """Returns the fault of the first broken entry."""
        async for row in _iterate_entries(connection, self.chain):
            self.sequence += 1
            why = self._skip_gaps() or self._check_entry(row)
            if why is not None:
                return why
            self.valid_entries += 1
        self.sequence += 1
        why = self._skip_gaps()
        if why is not None:
            return why
        last = max(self._named, default=0)
        if last >= self.sequence:
            return f"the entry is missing; a head of the chain names entry {last}"
        return None

    def _skip_gaps(self) -> str | None:
        """Skips purged entries up to the next expected number. Returns a fault on the way."""
        while (gap := self._gaps.get(self.sequence)) is not None:
            if gap.previous != self._head:
                return "the purged entries do not follow the entry before them"
            if self._named.get(gap.last, gap.hash) != gap.hash:
                return "a head names another entry than the purged one"
            self.purged += gap.last - gap.first + 1
            self.sequence, self._head = gap.last + 1, gap.hash
        return None

    def _check_entry(self, row: Mapping[str, Any]) -> str | None:
        if row["sequence"] != self.sequence:
            return "the entry is missing"
        if row["previous"] != self._head:
            return "the entry does not follow the one before it"
        access = to_ledger_entry(row)
        self._head = self._hasher(encode_entry(self.chain, self.sequence, self._head, access))
        if row["hash"] != self._head or (" ".join(access.agencies), " ".join(access.fields)) != (
            row["agencies"],
            row["fields"],
        ):
            return "the entry was changed"
        if self._named.get(self.sequence, self._head) != self._head:
            return "a head names another entry here"
        return None


async def _iterate_entries(connection: AsyncConnection, chain: str) -> AsyncIterator[Mapping[str, Any]]:
    after = -(2**63)
    while True:
        wanted = (
            select(access_entries)
            .where(access_entries.c.chain == chain, access_entries.c.sequence > after)
            .order_by(access_entries.c.sequence)
            .limit(_PAGE_SIZE)
        )
        rows = (await connection.execute(wanted)).mappings().all()
        for row in rows:
            yield dict(row)
        if len(rows) < _PAGE_SIZE:
            return
        after = rows[-1]["sequence"]


def _parse_heads_or_none(text: str) -> list[ChainHead]:
    """Parses the heads in a chain's beginning; returns none for changed text, which the chain's hash reveals."""
    try:
        return parse_heads(text)
    except ValueError:
        return []
