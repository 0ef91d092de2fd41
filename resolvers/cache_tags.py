"""By which words what is kept can be made to go away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from records.identifiers import Nik

PERSON_TAG = "citizen"


class Owned(Protocol):
    """A key that carries its owner."""

    @property
    def owner(self) -> Nik:
        """Whose it is."""


def get_person_tags(nik: Nik) -> Sequence[str]:
    """What is about a person goes away with everything about them."""
    return (f"{PERSON_TAG}:{nik}",)


def get_owner_tags(key: Owned) -> Sequence[str]:
    """What somebody owns goes away with everything about them."""
    return get_person_tags(key.owner)


def get_agency_tag(agency: str) -> str:
    """What goes away with everything an agency said."""
    return f"agency:{agency}"
