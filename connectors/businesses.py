"""What no manifest can declare of registered businesses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from connectors.readers.niks import nik
from connectors.readers.texts import text
from connectors.readers.unreadable import UnreadableError
from records.identifiers import Nik

_CARDS: Final = frozenset({"01", "KTP"})
"""Identity cards, in the words of the licensing systems."""
_PASSPORTS: Final = frozenset({"02", "PASPOR", "PASSPORT"})


def read_owners(kinds: object, numbers: object) -> tuple[Nik, ...]:
    """The NIKs of responsible people, from the kinds and numbers of their documents. A passport names no NIK."""
    owners = []
    for kind, number in zip(_list(kinds), _list(numbers), strict=True):
        word = (text(kind, "a kind of document") or "").upper()
        if word in _CARDS:
            owners.append(nik(number))
        elif word not in _PASSPORTS:
            raise UnreadableError("a kind of document")
    found = tuple(dict.fromkeys(each for each in owners if each is not None))
    if len(found) < len(set(owners)):
        raise UnreadableError("a NIK")
    return found


def _list(value: object) -> Sequence[object]:
    if not isinstance(value, list):
        raise UnreadableError("a list of people")
    return value
