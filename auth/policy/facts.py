"""What a decision about a field reads besides the rule and the caller, and the facts that it can need."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, TypeAlias

from auth.policy.access_policy import DEFAULT_POLICY, AccessPolicy
from records.hub.data_preferences import DataPreferences
from records.identifiers import Nik


class Fact(Enum):
    """What a decision can need to know. The schema knows which batch loads each."""

    SUBJECTS = "the people that the record is about"
    FAMILY_CARD = "the children whose guardian the caller is"
    PREFERENCES = "what the people said about the use of their data"


@dataclass(frozen=True, slots=True)
class NotLookedAt:
    """No record is known yet. `Denied` then holds for every record; `Allowed` does too."""


@dataclass(frozen=True, slots=True)
class UnknownPerson:
    """The record is about a person whom the agency does not identify."""


@dataclass(frozen=True, slots=True)
class NotLoaded:
    """The fact was not loaded."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the people of a record said, as one: all have to consent, and a restriction of one counts."""

    preferences: DataPreferences

    @classmethod
    def of_people(cls, preferences: Mapping[Nik, DataPreferences], people: tuple[Nik, ...]) -> Known:
        """The preferences of several people together."""
        if len(people) == 1:
            return cls(preferences[people[0]])
        in_cases = [found for nik in people if (found := preferences[nik].people_in_case) is not None]
        return cls(
            DataPreferences(
                consents=tuple(each for nik in people for each in preferences[nik].consents),
                restrictions=tuple(each for nik in people for each in preferences[nik].restrictions),
                people_in_case=frozenset[Nik]().union(*in_cases) if in_cases else None,
            )
        )


Subjects: TypeAlias = tuple[Nik, ...] | NotLookedAt | UnknownPerson
"""Whom a record is about. The empty tuple: nobody, as a list that a supervisor reads."""
Preferences: TypeAlias = Known | NotLoaded | UnknownPerson


class Facts(NamedTuple):
    """What a decision reads besides the rule and the caller. A named tuple, since one is built for each record."""

    subjects: Subjects = NotLookedAt()
    business: str | None = None
    """The NIB of the business that the record is about."""
    agency: str | None = None
    """The agency whose readers the record is about."""
    concerns_child: bool = False
    """Whether one of the people is under 18."""
    leads_to_purposes: bool = False
    """Whether the field only leads to records that name the purposes for which they may be read."""
    children: Collection[Nik] | NotLoaded = NotLoaded()
    """The children whose guardian the caller is, by the family card."""
    preferences: Preferences = NotLoaded()
    policy: AccessPolicy = DEFAULT_POLICY
    now: float | None = None
    """Seconds since 1970; without it no sign-in is recent."""
