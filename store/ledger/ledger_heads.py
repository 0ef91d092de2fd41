"""The last entries of the ledger's chains: what a new chain names, and what an operator keeps elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from store.tables import access_chains, access_entries, access_gaps

HEADS_QUERY = (
    f"SELECT c.{access_chains.c.chain.name}, coalesce(e.sequence, 0) AS sequence, coalesce(e.hash, c.hash) AS hash,"  # noqa: S608 - names of our own tables
    f" c.heads FROM {access_chains.name} c LEFT JOIN LATERAL ("
    f"(SELECT sequence, hash FROM {access_entries.name} WHERE chain = c.chain ORDER BY sequence DESC LIMIT 1)"
    " UNION ALL "
    f"(SELECT last, hash FROM {access_gaps.name} WHERE chain = c.chain ORDER BY last DESC LIMIT 1)"
    " ORDER BY sequence DESC LIMIT 1) e ON true ORDER BY c.started_at, c.chain"
)
"""Every chain with its last entry, be it there or purged; a chain without entries ends with itself, at 0."""


class ChainHead(NamedTuple):
    """The end of a chain at some moment."""

    chain: str
    sequence: int
    """Of its last entry; 0 where there was none."""
    hash: bytes


def format_heads(heads: Iterable[ChainHead]) -> str:
    """A line for each head, in the order of the chains' names."""
    return "".join(f"{each.chain} {each.sequence} {each.hash.hex()}\n" for each in sorted(heads))


def parse_heads(text: str) -> list[ChainHead]:
    """The heads of such a text; raises `ValueError` for what is none."""
    heads = []
    for line in text.splitlines():
        try:
            chain, sequence, hash_ = line.split(" ")
            heads.append(ChainHead(chain, int(sequence), bytes.fromhex(hash_)))
        except ValueError:
            raise ValueError(
                f"'{line[:120]}' is no head of a chain: name, number and hash, with a space between."
            ) from None
    return heads


def find_unnamed_heads(rows: Iterable[tuple[str, int, bytes, str]]) -> list[ChainHead]:
    """Of `HEADS_QUERY`, those that no chain names yet: what ended long ago is named once."""
    ends, named = set(), set()
    for chain, sequence, hash_, names in rows:
        ends.add(ChainHead(chain, sequence, bytes(hash_)))
        named.update(parse_heads(names))
    return sorted(ends - named)
