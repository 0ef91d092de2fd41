"""Pseudonyms of people in the access ledger: keyed digests, so that the ledger alone identifies no person."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from hmac import digest

from auth.caller import Caller, CallerKind
from records.identifiers import Nik

_CACHE_SIZE = 4_096
"""Cached pseudonyms, the most recently used: most people read about themselves, and several times."""


class Pseudonyms:
    """Computes pseudonyms. A person has the same one as a reader and as a subject. It depends on the hub's secret."""

    def __init__(self, secret: bytes) -> None:
        """Derive separate keys for people and for other callers from the hub's secret."""
        self._people = digest(secret, b"simpul ledger people v1", sha256)
        self.pseudonymize_person: Callable[[Nik], bytes] = lru_cache(maxsize=_CACHE_SIZE)(self._digest)
        """The pseudonym of a resident, 32 bytes."""
        self._others = digest(secret, b"simpul ledger callers v1", sha256)

    def pseudonymize_caller(self, caller: Caller) -> bytes | None:
        """The pseudonym of a caller; None for a caller without a name, such as an anonymous one."""
        if caller.nik is not None:
            return self.pseudonymize_person(caller.nik)
        name = caller.subject or caller.nib or caller.client
        return self.pseudonymize_name(caller.kind, name) if name else None

    def pseudonymize_name(self, kind: CallerKind, name: str) -> bytes:
        """The pseudonym of a caller who is not a citizen, by their name: issuer and `sub`, NIB or client."""
        return digest(self._others, f"{kind.value}\0{name}".encode(), sha256)

    def _digest(self, nik: Nik) -> bytes:
        return digest(self._people, nik.encode(), sha256)

    def __repr__(self) -> str:
        """Never the keys."""
        return "<Pseudonyms>"
