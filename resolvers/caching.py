"""How answers of batches are cached: the policies, and the tags by which answers are invalidated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Protocol

from records.calls.freshness import BatchCaching
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


ABOUT_PERSON: Final = BatchCaching(max_age_for_purpose=0, tags=get_person_tags)
"""Answers about the person who is the key. A read for a purpose always gets a new one."""
FOR_PERSON: Final = replace(ABOUT_PERSON, is_for_reader=True)
"""Answers about the person who is the key, and about others. Anyone else always gets a new one."""
ABOUT_OWNER: Final = BatchCaching(max_age_for_purpose=0, tags=get_owner_tags)
"""Answers about the person who owns the key's object. A read for a purpose always gets a new one."""
PUBLIC: Final = BatchCaching(is_personal=False)
"""Answers without personal data."""
