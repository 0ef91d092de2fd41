"""By which words what is kept can be made to go away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from records.identifiers import Nik

PERSON = "citizen"


class Owned(Protocol):
    """A key that carries its owner."""

    @property
    def owner(self) -> Nik:
        """Whose it is."""


def by_person(nik: Nik) -> Sequence[str]:
    """What is about a person goes away with everything about them."""
    return (f"{PERSON}:{nik}",)


def by_owner(key: Owned) -> Sequence[str]:
    """What somebody owns goes away with everything about them."""
    return by_person(key.owner)


def of_agency(agency: str) -> str:
    """What goes away with everything an agency said."""
    return f"agency:{agency}"
