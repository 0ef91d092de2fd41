"""Entries of the access ledger as rows of its table, and back."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from records.accesses import Access, KeptAccess
from store.tables import access_entries

COLUMNS = tuple(column.name for column in access_entries.columns)


@lru_cache(maxsize=1024)
def _joined(names: tuple[str, ...]) -> str:
    return " ".join(names)


def row_of(chain: str, sequence: int, previous: bytes, hash_: bytes, access: Access) -> tuple[Any, ...]:
    """The values of an entry in the order of `COLUMNS`."""
    return (
        chain,
        sequence,
        previous,
        hash_,
        access.at,
        access.request_id,
        access.subject,
        access.caller_kind,
        access.caller,
        access.agency,
        access.unit,
        access.role,
        access.client,
        access.purpose,
        access.case,
        access.legal_basis,
        access.operation,
        access.document,
        _joined(access.agencies),
        _joined(access.fields),
        access.classification,
        access.hidden_until,
        access.hidden_because,
    )


def access_of(row: Mapping[str, Any]) -> Access:
    """The entry that a row holds."""
    return Access(
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


def kept_of(row: Mapping[str, Any]) -> KeptAccess:
    """The entry and its place."""
    return KeptAccess(chain=row["chain"], sequence=row["sequence"], access=access_of(row))
