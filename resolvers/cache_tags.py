"""Tags by which cached answers are invalidated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from records.identifiers import Nik

PERSON_TAG = "citizen"


class Owned(Protocol):
    """A key that names the owner of its object."""

    @property
    def owner(self) -> Nik:
        """The person who owns the object."""


def get_person_tags(nik: Nik) -> Sequence[str]:
    """The tag that invalidates everything about a person."""
    return (f"{PERSON_TAG}:{nik}",)


def get_owner_tags(key: Owned) -> Sequence[str]:
    """The owner's tag: an object is invalidated with everything about its owner."""
    return get_person_tags(key.owner)


def get_agency_tag(agency: str) -> str:
    """The tag that invalidates every answer of an agency."""
    return f"agency:{agency}"
