"""The canonical bytes that a hash of the access ledger covers: the same for the same entry, in any language.

A value is a netstring: its length in bytes in decimal digits, a colon, the bytes, a comma. An absent value is a minus
sign. Text is UTF-8; a moment is RFC 3339 in UTC with six digits of a second and `Z`; numbers are decimal digits;
pseudonyms and hashes are their 32 bytes. `docs/operators/ledger.md` has the order of the values and an example.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from hmac import digest

from records.hub.ledger_entries import LedgerEntry, format_ledger_time

ENTRY_TAG = b"simpul ledger entry v1"
CHAIN_TAG = b"simpul ledger chain v1"
_BLOCK = 64
"""The block size of SHA-256 in bytes."""


def derive_hash_key(secret: bytes) -> bytes:
    """Derives the key of the hub's hashes from its secret."""
    return digest(secret, b"simpul ledger hashes v1", sha256)


def encode_entry(chain: str, sequence: int, previous: bytes, access: LedgerEntry) -> bytes:
    """Returns the canonical bytes of an entry."""
    # Unpacked and formatted in one step each, which takes a quarter less time than field by field.
    (
        at,
        request_id,
        document,
        subject,
        fields,
        kind,
        caller,
        agency,
        unit,
        role,
        client,
        purpose,
        case,
        basis,
        operation,
        agencies,
        classification,
        hidden_until,
        hidden_because,
    ) = access
    id_ = request_id.encode()
    return b"%s%d:%d,%d:%s,%s%d:%s,%s%s%s%s%s%s" % (
        _encode_prefix(chain),
        len(str(sequence)),
        sequence,
        len(previous),
        previous,
        _moment(at),
        len(id_),
        id_,
        _raw(subject),
        _encode_reader(kind, caller, agency, unit, role, client, purpose),
        b"-" if case is None else _netstring(case.encode()),
        _encode_read(document, classification, basis, operation, agencies, fields),
        b"-" if hidden_until is None else _moment(hidden_until),
        b"-" if hidden_because is None else _text(hidden_because),
    )


def encode_chain(chain: str, started_at: datetime, heads: str) -> bytes:
    """Returns the canonical bytes of a chain's beginning."""
    return b"".join(
        (_netstring(CHAIN_TAG), _netstring(chain.encode()), _moment(started_at), _netstring(heads.encode()))
    )


class LedgerHasher:
    """HMAC-SHA-256 (RFC 2104), so that access to the database alone is not enough to forge a hash.

    Both halves of the key are hashed once: for the few bytes of an entry, that is most of the work.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        """Takes a key of 32 bytes, which is itself a digest."""
        block = key.ljust(_BLOCK, b"\0")
        self._inner = sha256(bytes(each ^ 0x36 for each in block))
        self._outer = sha256(bytes(each ^ 0x5C for each in block))

    def __call__(self, canonical: bytes) -> bytes:
        """Returns the hash of canonical bytes."""
        inner = self._inner.copy()
        inner.update(canonical)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()

    def __repr__(self) -> str:
        return "<LedgerHasher>"


def _netstring(raw: bytes) -> bytes:
    return b"%d:%s," % (len(raw), raw)


def _raw(raw: bytes | None) -> bytes:
    return b"-" if raw is None else b"%d:%s," % (len(raw), raw)


# Values that many entries share are encoded once.


@lru_cache(maxsize=1024)
def _text(text: str | None) -> bytes:
    return b"-" if text is None else _netstring(text.encode())


@lru_cache(maxsize=1024)
def _encode_reader(kind: str, caller: bytes | None, *texts: str | None) -> bytes:
    return b"".join((_text(kind), _raw(caller), *map(_text, texts)))


@lru_cache(maxsize=1024)
def _encode_read(
    document: bytes, classification: str | None, basis: str | None, operation: str | None, *lists: tuple[str, ...]
) -> bytes:
    of_lists = (_netstring(" ".join(each).encode()) for each in lists)
    return b"".join((_text(basis), _text(operation), _raw(document), *of_lists, _text(classification)))


@lru_cache(maxsize=64)
def _encode_prefix(chain: str) -> bytes:
    return _netstring(ENTRY_TAG) + _netstring(chain.encode())


@lru_cache(maxsize=64)
def _moment(moment: datetime) -> bytes:
    return _raw((format_ledger_time(moment) or "").encode())
