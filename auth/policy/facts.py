"""The inputs of a decision about a field besides rule and caller, and the facts that it can need."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, TypeAlias

from auth.policy.access_policy import NO_PURPOSES, AccessPolicy
from records.hub.data_preferences import DataPreferences
from records.identifiers import Nik


class Fact(Enum):
    """A fact that a decision can need. The schema maps each to the batch that loads it."""

    SUBJECTS = "the people that the record is about"
    FAMILY_CARD = "the children whose guardian the caller is"
    PREFERENCES = "the people's data preferences"


@dataclass(frozen=True, slots=True)
class NoRecordYet:
    """No record is known yet. `Allowed` and `Denied` then hold for every record of the field."""


@dataclass(frozen=True, slots=True)
class UnknownPerson:
    """The agency does not identify the person of the record."""


@dataclass(frozen=True, slots=True)
class NotLoaded:
    """The fact is not loaded."""


@dataclass(frozen=True, slots=True)
class KnownPreferences:
    """The combined preferences of a record's people: all have to consent, and one restriction is enough."""

    preferences: DataPreferences

    @classmethod
    def of_people(cls, preferences: Mapping[Nik, DataPreferences], people: tuple[Nik, ...]) -> KnownPreferences:
        """Combine the preferences of several people."""
        if len(people) == 1:
            return cls(preferences[people[0]])
        in_cases = [cases for nik in people if (cases := preferences[nik].people_in_case) is not None]
        return cls(
            DataPreferences(
                consents=tuple(each for nik in people for each in preferences[nik].consents),
                restrictions=tuple(each for nik in people for each in preferences[nik].restrictions),
                people_in_case=frozenset[Nik]().union(*in_cases) if in_cases else None,
            )
        )


Subjects: TypeAlias = tuple[Nik, ...] | NoRecordYet | UnknownPerson
"""The people of a record. Empty for a record about no person, such as a list that a supervisor reads."""
Preferences: TypeAlias = KnownPreferences | NotLoaded | UnknownPerson


class Facts(NamedTuple):
    """The inputs of a decision besides rule and caller. A named tuple, because one is built for each record."""

    subjects: Subjects = NoRecordYet()
    business: str | None = None
    """The NIB of the business that the record is about."""
    agency: str | None = None
    """The agency whose readers the record is about."""
    concerns_child: bool = False
    """Whether one of the people is under 18."""
    skips_child_purpose_check: bool = False
    """Whether the purpose need not cover children: the field only leads to records that decide by their own."""
    children: Collection[Nik] | NotLoaded = NotLoaded()
    """The children whose guardian the caller is, according to the family card."""
    preferences: Preferences = NotLoaded()
    policy: AccessPolicy = NO_PURPOSES
    now: float | None = None
    """Seconds since 1970; without it, no sign-in counts as recent."""
