"""People in the access ledger: by keyed digests, so that the ledger alone names nobody."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from hmac import digest

from auth.caller import Caller, CallerKind
from records.identifiers import Nik

_CACHE_SIZE = 4_096
"""Pseudonyms that are kept, the newest: who reads is mostly who is read, and reads again."""


class Pseudonyms:
    """The same person has the same pseudonym, as reader and as read; without the hub's secret none can be made."""

    def __init__(self, secret: bytes) -> None:
        """Derive keys of their own from the hub's secret."""
        self._people = digest(secret, b"simpul ledger people v1", sha256)
        self._cached_digest = lru_cache(maxsize=_CACHE_SIZE)(self._digest)
        self._others = digest(secret, b"simpul ledger callers v1", sha256)

    def pseudonymize_person(self, nik: Nik) -> bytes:
        """The pseudonym of a resident, 32 bytes."""
        return self._cached_digest(nik)

    def pseudonymize_caller(self, caller: Caller) -> bytes | None:
        """The pseudonym of who asks; None for nobody in particular."""
        if caller.nik is not None:
            return self.pseudonymize_person(caller.nik)
        name = caller.subject or caller.nib or caller.client
        return self.pseudonymize_name(caller.kind, name) if name else None

    def pseudonymize_name(self, kind: CallerKind, name: str) -> bytes:
        """The pseudonym of who asks, no citizen, by the name in their token: `sub` behind its issuer, NIB or client."""
        return digest(self._others, f"{kind.value}\0{name}".encode(), sha256)

    def _digest(self, nik: Nik) -> bytes:
        return digest(self._people, nik.encode(), sha256)

    def __repr__(self) -> str:
        """Never the keys."""
        return "<Pseudonyms>"
