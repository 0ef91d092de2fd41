"""What a hash of the access ledger is taken over: the same bytes for the same entry, in any language.

A value is a netstring: its length in bytes in decimal digits, a colon, the bytes, a comma. A value that is absent is a
minus sign. Text is UTF-8; a moment is RFC 3339 in UTC with six digits of a second and `Z`; numbers are decimal digits;
pseudonyms and hashes are their 32 bytes. `docs/operators/ledger.md` has the order of the values and an example.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from hmac import digest

from records.accesses import Access, written

ENTRY = b"simpul ledger entry v1"
CHAIN = b"simpul ledger chain v1"


def hash_key(secret: bytes) -> bytes:
    """The key of the hub's hashes, out of its secret."""
    return digest(secret, b"simpul ledger hashes v1", sha256)


def entry_bytes(chain: str, sequence: int, previous: bytes, access: Access) -> bytes:
    """The canonical bytes of an entry."""
    return _bytes_of(
        (
            ENTRY,
            chain,
            str(sequence),
            previous,
            written(access.at),
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
            " ".join(access.agencies),
            " ".join(access.fields),
            access.classification,
            written(access.hidden_until),
            access.hidden_because,
        )
    )


def chain_bytes(chain: str, started_at: datetime, heads: str) -> bytes:
    """The canonical bytes of a chain's beginning."""
    return _bytes_of((CHAIN, chain, written(started_at), heads))


def hashed(key: bytes, canonical: bytes) -> bytes:
    """The hash: HMAC-SHA-256 (RFC 2104), so that whoever holds the database alone can forge none."""
    return digest(key, canonical, sha256)


def _bytes_of(values: Iterable[str | bytes | None]) -> bytes:
    parts: list[bytes] = []
    for value in values:
        if value is None:
            parts.append(b"-")
        else:
            raw = value.encode() if isinstance(value, str) else value
            parts.append(b"%d:%s," % (len(raw), raw))
    return b"".join(parts)
