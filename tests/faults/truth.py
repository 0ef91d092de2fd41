"""What the sandbox city holds of each person, to which every answer is held."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.readers.names import person_name
from sandbox.crm.complaints import build_complaint_data
from sandbox.jakpreneur.enterprises import build_rows
from sandbox.pbb.tax_roll import build_tax_roll
from sandbox.population.city_population import ADULT_AGE, build_population

_OWNER, _NAME = 1, 3
"""Columns of the small businesses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonTruth:
    """What is true of one person, in the graph's own words."""

    nik: str
    name: str
    members: Counter[str]
    nops: Counter[str]
    msmes: Counter[str]
    complaints: Counter[str]


@dataclass(frozen=True, slots=True)
class Truth:
    """Everybody who can ask, and what is true of them."""

    persons: Mapping[str, PersonTruth]
    adults: Sequence[str]

    def find_wrong_field(self, nik: str, answer: Mapping[str, Any]) -> str | None:
        """What an answer says about a person that is not so: the field's name; None where all of it is true.

        What is null says nothing. Fields that are not of this table are not looked at.
        """
        person = self.persons[nik]
        return next(
            (
                field
                for field, value in answer.items()
                if value is not None and (check := _CHECKS.get(field)) and not check(person, value)
            ),
            None,
        )


def build_truth() -> Truth:
    """The truth about the city."""
    city = build_population()
    members = {
        nik: Counter(person_name(city.by_nik[each].name) for each in household.member_niks)
        for household in city.households
        for nik in household.member_niks
    }
    nops = {
        nik: Counter(str(each.nop) for each in tax_objects) for nik, tax_objects in build_tax_roll(city).by_nik.items()
    }
    msmes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in build_rows(city)[0]:
        msmes[str(row[_OWNER])][str(row[_NAME]).casefold()] += 1
    complaints: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for each in build_complaint_data(city).complaints:
        complaints[each.reporter_nik][each.number] += 1
    persons = {
        one.nik: PersonTruth(
            nik=one.nik,
            name=person_name(one.name),
            members=members[one.nik],
            nops=nops.get(one.nik, Counter()),
            msmes=msmes[one.nik],
            complaints=complaints[one.nik],
        )
        for one in city.residents
    }
    return Truth(persons, [one.nik for one in city.residents if one.age >= ADULT_AGE])


def _to_digits(nop: str) -> str:
    return "".join(filter(str.isdigit, nop))


def _has_tax_objects(person: PersonTruth, value: Any) -> bool:  # noqa: ANN401 - JSON
    if any("nop" not in each for each in value):
        return len(value) == person.nops.total()
    return Counter(_to_digits(each["nop"]) for each in value) == person.nops


_CHECKS: Mapping[str, Callable[[PersonTruth, Any], bool]] = {
    "nik": lambda person, value: bool(value == person.nik),
    "name": lambda person, value: bool(value == person.name),
    "household": lambda person, value: Counter(each["name"] for each in value["members"]) == person.members,
    "taxObjects": _has_tax_objects,
    "msmes": lambda person, value: Counter(each["name"].casefold() for each in value) == person.msmes,
    "complaints": lambda person, value: Counter(each["number"] for each in value) == person.complaints,
}
