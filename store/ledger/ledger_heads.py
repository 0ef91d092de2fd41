"""The heads of the ledger's chains: a new chain names them, and an operator saves them elsewhere."""

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
"""Every chain with its last entry, stored or purged; the head of a chain without entries is its beginning, at 0."""


class ChainHead(NamedTuple):
    """The end of a chain at some moment."""

    chain: str
    sequence: int
    """The number of its last entry; 0 for none."""
    hash: bytes


def format_heads(heads: Iterable[ChainHead]) -> str:
    """Formats one line for each head, sorted by the chains' names."""
    return "".join(f"{each.chain} {each.sequence} {each.hash.hex()}\n" for each in sorted(heads))


def parse_heads(text: str) -> list[ChainHead]:
    """Parses formatted heads. Raises `ValueError` for other text."""
    heads = []
    for line in text.splitlines():
        try:
            chain, sequence, hash_ = line.split(" ")
            heads.append(ChainHead(chain, int(sequence), bytes.fromhex(hash_)))
        except ValueError:
            raise ValueError(
                f"'{line[:120]}' is not a chain head: write name, number and hash, separated by spaces."
            ) from None
    return heads


def find_unnamed_heads(rows: Iterable[tuple[str, int, bytes, str]]) -> list[ChainHead]:
    """Returns the heads in the rows of `HEADS_QUERY` that no chain names yet: an old head is named once."""
    ends, named = set(), set()
    for chain, sequence, hash_, names in rows:
        ends.add(ChainHead(chain, sequence, bytes(hash_)))
        named.update(parse_heads(names))
    return sorted(ends - named)
