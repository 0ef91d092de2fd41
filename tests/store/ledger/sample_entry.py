"""A sample entry of the access ledger, and its values."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from records.hub.ledger_entries import LedgerEntry, StoredLedgerEntry
from store.ledger.ledger_rows import to_stored_ledger_entry
from store.tables import access_entries

SECRET = b"a secret of thirty-two bytes...."
SITI, RINA = b"S" * 32, b"C" * 32
ENTRY = LedgerEntry(
    at=datetime(2026, 11, 24, 3, 0, 0, 1, tzinfo=UTC),
    request_id="r-17",
    subject=SITI,
    caller_kind="official",
    caller=RINA,
    agency="dukcapil",
    purpose="verifikasi-identitas",
    case="K-2026",
    legal_basis="public-task",
    operation="Check",
    document=b"D" * 32,
    agencies=("dukcapil", "pbb"),
    fields=("Citizen.name", "TaxBill.payments"),
)


async def load_entries(engine: AsyncEngine) -> list[StoredLedgerEntry]:
    """Every entry, in the order of the chains and their numbers."""
    wanted = select(access_entries).order_by("chain", "sequence")
    async with engine.connect() as connection:
        return [to_stored_ledger_entry(dict(row)) for row in (await connection.execute(wanted)).mappings()]
