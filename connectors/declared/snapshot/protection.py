"""How copies of personal data are protected: sealed with keys of the hub, and without people whose data was erased."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from records.identifiers import Nik


class FileKeys(Protocol):
    """The keys of one file."""

    def hash_key(self, column: str, value: object) -> str:
        """The digest by which the file finds a value of a column."""

    def seal(self, body: bytes, associated_data: str) -> bytes:
        """Seal a row for the keys that it is found by."""

    def open(self, sealed: bytes, associated_data: str) -> bytes:
        """The row. Raises `ValueError` for a row that was changed or moved."""


class CopyKeys(Protocol):
    """Makes and finds the keys of files, each by a mark that the file holds in plain text."""

    def create(self, place: str) -> tuple[str, FileKeys]:
        """A new mark, and its keys."""

    def find(self, place: str, mark: str) -> FileKeys:
        """The keys of a mark. Raises `ValueError` if the hub does not have them."""

    def is_newest(self, mark: str) -> bool:
        """Whether the file was sealed with the newest secret."""


class ErasuresUnknown(Exception):  # noqa: N818 - a condition, not a fault
    """Who had data erased cannot be read at the moment."""


ListErased = Callable[[str, datetime], Awaitable[Collection[Nik]]]
"""The people whose erasure an agency fulfilled after a moment; raises `ErasuresUnknown`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyProtection:
    """What the hub gives snapshots of personal data."""

    keys: CopyKeys
    list_erased: ListErased


async def no_erasures(agency: str, since: datetime) -> Collection[Nik]:
    """No erasures, for a copy that is thrown away after one read."""
    del agency, since
    return ()
