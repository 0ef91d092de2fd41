"""Receipts of purges, and the gaps they leave in the access ledger: canonical bytes, and verification."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from records.hub.ledger_entries import format_ledger_time
from store.ledger.ledger_hash import LedgerHasher
from store.tables import access_gaps, purge_receipts

_RECEIPT_TAG = b"simpul purge receipt v1"
_GAP_TAG = b"simpul ledger gap v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeReceipt:
    """The record of one purge."""

    number: int
    """From 1, without gaps."""
    previous: bytes
    """Seal of the previous receipt; empty for the first."""
    name: str
    """What was purged (`Purgeable.name`)."""
    purged_at: datetime
    purged_by: str
    """`hub` for the daily purge; otherwise the user of the command."""
    kept_days: str
    """The retention in days (`RetentionPolicy`)."""
    removed: str
    """The number of deleted rows, total and by class (`PurgeResult`)."""
    oldest: datetime | None
    newest: datetime | None
    """The first and last time the deleted rows were written."""

    @property
    def columns(self) -> Mapping[str, Any]:
        """The receipt as columns of its table, without the seal."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerGap:
    """Deleted numbers of a chain, with a receipt."""

    first: int
    last: int
    previous: bytes
    """Hash of the entry before the gap, or of the chain."""
    hash: bytes
    """Hash of the last deleted entry."""


def to_receipt(row: Mapping[Any, Any]) -> PurgeReceipt:
    """Converts a row to a receipt."""
    values = {name: row[name] for name in PurgeReceipt.__slots__}
    return PurgeReceipt(**{**values, "previous": bytes(row["previous"])})


def encode_receipt(receipt: PurgeReceipt) -> bytes:
    """Returns the canonical bytes of a receipt: netstrings in member order (`store/ledger/ledger_hash.py`)."""
    return _encode(
        _RECEIPT_TAG,
        *(
            receipt.number,
            receipt.previous,
            receipt.name,
            receipt.purged_at,
            receipt.purged_by,
            receipt.kept_days,
            receipt.removed,
            receipt.oldest,
            receipt.newest,
        ),
    )


def encode_gap(gap: Mapping[Any, Any]) -> bytes:
    """Returns the canonical bytes of a gap."""
    hashes = bytes(gap["previous"]), bytes(gap["hash"])
    return _encode(_GAP_TAG, gap["chain"], gap["first"], gap["last"], *hashes, gap["receipt"])


async def load_gaps_by_chain(
    connection: AsyncConnection, hasher: LedgerHasher
) -> Mapping[str, Mapping[int, LedgerGap]]:
    """Loads the gaps that a receipt explains, by chain and first number. A gap with an invalid seal is ignored."""
    known = set((await connection.execute(select(purge_receipts.c.number))).scalars())
    found: dict[str, dict[int, LedgerGap]] = {}
    for row in (await connection.execute(select(access_gaps))).mappings():
        if row["seal"] == hasher(encode_gap(row)) and row["receipt"] in known:
            gap = LedgerGap(
                first=row["first"], last=row["last"], previous=bytes(row["previous"]), hash=bytes(row["hash"])
            )
            found.setdefault(row["chain"], {})[gap.first] = gap
    return found


async def find_broken_receipts(connection: AsyncConnection, hasher: LedgerHasher) -> Sequence[str]:
    """Returns the faults of receipts as text."""
    rows = (await connection.execute(select(purge_receipts).order_by("number"))).mappings().all()
    return list(_find_faults(hasher, rows))


def _find_faults(hasher: LedgerHasher, rows: Sequence[Mapping[Any, Any]]) -> Iterator[str]:
    before = b""
    for number, row in enumerate(rows, 1):
        if row["number"] != number:
            yield f"receipt {number}: the receipt is missing"
            return
        if bytes(row["previous"]) != before or bytes(row["seal"]) != hasher(encode_receipt(to_receipt(row))):
            yield f"receipt {number}: the receipt was changed"
            return
        before = bytes(row["seal"])


def _encode(what: bytes, *values: object) -> bytes:
    return b"".join((_netstring(what), *map(_encode_value, values)))


def _encode_value(value: object) -> bytes:
    match value:
        case None:
            return b"-"
        case bytes():
            return _netstring(value)
        case datetime():
            return _netstring((format_ledger_time(value) or "").encode())
        case _:
            return _netstring(str(value).encode())


def _netstring(raw: bytes) -> bytes:
    return b"%d:%s," % (len(raw), raw)
