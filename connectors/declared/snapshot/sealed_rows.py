"""Reads from a sealed file, by one key: the key is hashed, the row is opened, and its record is about that key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from sqlite3 import Connection
from typing import Any, Final

import msgspec

from connectors.declared.domain_reads import DomainRead
from connectors.declared.snapshot.layout import SnapshotLayout, to_column
from connectors.declared.snapshot.protection import FileKeys
from records.calls.failures import AgencyFailure, AgencyMalformed

PERSON: Final = "person"
"""The label of hashed NIKs in the table `people`, by which the rows about a person are erased."""
_PADDING: Final = 64
"""Bytes: the length of a sealed row says little about the values in it."""

FindSealed = Callable[[Any, FileKeys, Connection], Sequence[Any] | AgencyFailure]
"""From a key to its records, at most one more than allowed."""


def seal_body(body: str, digests: Sequence[str | None], keys: FileKeys) -> bytes:
    """Seal a row for all keys that it is found by: under another key it does not open."""
    raw = body.encode()
    return keys.seal(raw.ljust(-(-len(raw) // _PADDING) * _PADDING), _join(digests))


def build_sealed_find(agency: str, layout: SnapshotLayout, read: DomainRead, field: str, limit: int) -> FindSealed:
    """Compile the lookup by the field. A record about another key than the requested one is never returned."""
    label, column = ("id", "id") if layout.id == (field,) else (field, f'"key_{field}"')
    digests = ", ".join(["id", *(f'"key_{each}"' for each in layout.key_columns)])
    statement = f"SELECT body, {digests} FROM rows WHERE {column} = ? ORDER BY number LIMIT {limit + 1:d}"  # noqa: S608 - names of fields
    decode = msgspec.json.Decoder(read.record).decode

    def find(key: Any, keys: FileKeys, connection: Connection) -> Sequence[Any] | AgencyFailure:  # noqa: ANN401 - any key of a domain
        wanted = to_column(key)
        rows = connection.execute(statement, [keys.hash_key(label, wanted)]).fetchall()
        try:
            records = [decode(keys.open(body, _join(found))) for body, *found in rows]
        except (ValueError, msgspec.MsgspecError):
            return AgencyMalformed(agency, "a row of the snapshot was changed or moved")
        if any(to_column(getattr(each, field)) != wanted for each in records):
            return AgencyMalformed(agency, "the snapshot has a record about another key")
        return records

    return find


def _join(digests: Sequence[str | None]) -> str:
    return " ".join(each or "-" for each in digests)
