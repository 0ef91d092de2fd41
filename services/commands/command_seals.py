"""Seals what is personal in a stored command: the person, the payload and the files."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from hmac import digest

from auth.crypto.key_ring import KeyRing
from auth.crypto.sealed_people import SealedPeople
from auth.crypto.sealed_texts import SealedTexts
from records.uploads import CommandFile


class SealedFiles:
    """Seals files, each for its place in its command. Files that were sealed with an earlier secret still open."""

    def __init__(self, secret: bytes, earlier_secrets: Sequence[bytes] = ()) -> None:
        """Derive a key from each secret."""
        self._keys = KeyRing((secret, *earlier_secrets), b"simpul sealed files v1")

    def seal(self, number: str, files: Sequence[CommandFile]) -> Sequence[bytes]:
        """Seal the files of a command."""
        return [self._keys.seal(each.content, f"{number}:{position}") for position, each in enumerate(files)]

    def open(self, number: str, sealed: Sequence[bytes]) -> tuple[CommandFile, ...]:
        """The files of a command. Raises `ValueError`."""
        return tuple(self.open_one(number, position, each) for position, each in enumerate(sealed))

    def open_one(self, number: str, position: int, sealed: bytes) -> CommandFile:
        """One file of a command. Raises `ValueError`."""
        return CommandFile(content=self._keys.open(sealed, f"{number}:{position}"))


class CommandSeals:
    """The seals of the parts of a command, and the keys of its digest."""

    def __init__(self, secrets: Sequence[bytes]) -> None:
        """Derive the keys from the hub's secrets, the newest first."""
        newest, *earlier = secrets
        self.people = SealedPeople(newest, earlier)
        self.texts = SealedTexts(newest, earlier)
        self.files = SealedFiles(newest, earlier)
        self.digest_keys = [digest(each, b"simpul command digests v1", sha256) for each in secrets]
