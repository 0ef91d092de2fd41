"""Encodes entries of the access ledger for bulk insertion: `COPY ... (FORMAT binary)`.

An INSERT with arrays takes three times the hub's processor time, mostly to inspect each value (PostgreSQL
documentation, "COPY", section "Binary Format").
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from struct import Struct

from records.hub.ledger_entries import LedgerEntry
from store.tables import access_entries

COLUMNS = tuple(column.name for column in access_entries.columns)

_COPY_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_COPY_TRAILER = b"\xff\xff"
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_ABSENT = b"\xff\xff\xff\xff"
_LENGTH = Struct(">i").pack
_NUMBER = Struct(">iq").pack
_ROW = Struct(">h").pack(len(COLUMNS))


def encode_row(chain: str, sequence: int, previous: bytes, hash_: bytes, access: LedgerEntry) -> bytes:
    """Encodes an entry in the order of `COLUMNS`."""
    request_id, case = access.request_id.encode(), access.case
    return b"".join(
        (
            _ROW,
            _text(chain),
            _NUMBER(8, sequence),
            _raw(previous),
            _raw(hash_),
            _moment(access.at),
            _LENGTH(len(request_id)),
            request_id,
            _raw(access.subject),
            _encode_reader(
                access.caller_kind,
                access.caller,
                access.agency,
                access.unit,
                access.role,
                access.client,
                access.purpose,
            ),
            _ABSENT if case is None else _raw(case.encode()),
            _encode_read(
                access.document,
                access.classification,
                access.legal_basis,
                access.operation,
                access.agencies,
                access.fields,
            ),
            _moment(access.hidden_until),
            _text(access.hidden_because),
        )
    )


def build_copy(rows: Iterable[bytes]) -> memoryview:
    """Returns the bytes that copy the rows. asyncpg sends a buffer in one write; bytes would name a file."""
    return memoryview(b"".join((_COPY_HEADER, *rows, _COPY_TRAILER)))


def _raw(raw: bytes | None) -> bytes:
    return _ABSENT if raw is None else _LENGTH(len(raw)) + raw


# Values that many entries share are encoded once.


@lru_cache(maxsize=1024)
def _text(text: str | None) -> bytes:
    return _raw(None if text is None else text.encode())


@lru_cache(maxsize=1024)
def _encode_reader(kind: str, caller: bytes | None, *texts: str | None) -> bytes:
    return b"".join((_text(kind), _raw(caller), *map(_text, texts)))


@lru_cache(maxsize=1024)
def _encode_read(
    document: bytes, classification: str | None, basis: str | None, operation: str | None, *lists: tuple[str, ...]
) -> bytes:
    of_lists = (_raw(" ".join(each).encode()) for each in lists)
    return b"".join((_text(basis), _text(operation), _raw(document), *of_lists, _text(classification)))


@lru_cache(maxsize=64)
def _moment(moment: datetime | None) -> bytes:
    return _ABSENT if moment is None else _NUMBER(8, (moment - _EPOCH) // _MICROSECOND)
