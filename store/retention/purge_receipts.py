"""Receipts of purges, and the gaps they left in the access ledger: what is sealed of them, and whether it holds."""

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
    """That something was removed because its time was over."""

    number: int
    """From 1, without gaps."""
    previous: bytes
    """Seal of the receipt before it; empty for the first."""
    name: str
    """What it was (`Purgeable.name`)."""
    purged_at: datetime
    purged_by: str
    """`hub` for the daily purge; else who ran the command."""
    kept_days: str
    """How long it was kept (`RetentionPolicy`)."""
    removed: str
    """How much, in all and by class (`PurgeResult`)."""
    oldest: datetime | None
    newest: datetime | None
    """From when to when what was removed had been written."""

    @property
    def columns(self) -> Mapping[str, Any]:
        """As the table takes it, but for the seal."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerGap:
    """Numbers of a chain that are gone, with a receipt."""

    first: int
    last: int
    previous: bytes
    """Hash of the entry before, or of the chain."""
    hash: bytes
    """Hash of the last that is gone."""


def to_receipt(row: Mapping[Any, Any]) -> PurgeReceipt:
    """The receipt that a row holds."""
    values = {name: row[name] for name in PurgeReceipt.__slots__}
    return PurgeReceipt(**{**values, "previous": bytes(row["previous"])})


def encode_receipt(receipt: PurgeReceipt) -> bytes:
    """The canonical bytes of a receipt, as netstrings in the order of its members (`store/ledger/ledger_hash.py`)."""
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
    """The canonical bytes of a gap."""
    hashes = bytes(gap["previous"]), bytes(gap["hash"])
    return _encode(_GAP_TAG, gap["chain"], gap["first"], gap["last"], *hashes, gap["receipt"])


async def load_gaps_by_chain(
    connection: AsyncConnection, hasher: LedgerHasher
) -> Mapping[str, Mapping[int, LedgerGap]]:
    """By chain and first number: the gaps that a receipt explains. One whose seal does not hold explains nothing."""
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
    """What is wrong with receipts, in words."""
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
