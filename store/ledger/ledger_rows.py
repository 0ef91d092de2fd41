"""Converts rows of the access ledger to records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from records.hub.ledger_entries import LedgerEntry, StoredLedgerEntry


def to_ledger_entry(row: Mapping[str, Any]) -> LedgerEntry:
    """Converts a row to an entry."""
    return LedgerEntry(
        at=row["at"],
        request_id=row["request_id"],
        subject=row["subject"],
        caller_kind=row["caller_kind"],
        caller=row["caller"],
        agency=row["agency"],
        unit=row["unit"],
        role=row["role"],
        client=row["client"],
        purpose=row["purpose"],
        case=row["case"],
        legal_basis=row["legal_basis"],
        operation=row["operation"],
        document=row["document"],
        agencies=tuple(row["agencies"].split()),
        fields=tuple(row["fields"].split()),
        classification=row["classification"],
        hidden_until=row["hidden_until"],
        hidden_because=row["hidden_because"],
    )


def to_stored_ledger_entry(row: Mapping[str, Any]) -> StoredLedgerEntry:
    """Converts a row to an entry with its place in the ledger."""
    return StoredLedgerEntry(chain=row["chain"], sequence=row["sequence"], entry=to_ledger_entry(row))
