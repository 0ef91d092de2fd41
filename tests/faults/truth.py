"""What the sandbox city holds of each person, to which every answer is held."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.reading.names import person_name
from sandbox.crm_data import desk
from sandbox.jakpreneur_data import rows
from sandbox.pbb_data import tax_roll
from sandbox.people import ADULT, people

_OWNER, _NAME = 1, 3
"""Columns of the small businesses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
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

    persons: Mapping[str, Person]
    adults: Sequence[str]

    def wrong(self, nik: str, said: Mapping[str, Any]) -> str | None:
        """What an answer says about a person that is not so: the field's name; None where all of it is true.

        What is null says nothing. Fields that are not of this table are not looked at.
        """
        person = self.persons[nik]
        return next(
            (
                field
                for field, value in said.items()
                if value is not None and (check := _CHECKS.get(field)) and not check(person, value)
            ),
            None,
        )


def truth() -> Truth:
    """The truth about the city."""
    city = people()
    members = {
        nik: Counter(person_name(city.by_nik[each].name) for each in household.member_niks)
        for household in city.households
        for nik in household.member_niks
    }
    nops = {nik: Counter(str(each.nop) for each in held) for nik, held in tax_roll(city).by_nik.items()}
    msmes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in rows(city)[0]:
        msmes[str(row[_OWNER])][str(row[_NAME]).casefold()] += 1
    complaints: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for each in desk(city).complaints:
        complaints[each.reporter_nik][each.number] += 1
    persons = {
        one.nik: Person(
            nik=one.nik,
            name=person_name(one.name),
            members=members[one.nik],
            nops=nops.get(one.nik, Counter()),
            msmes=msmes[one.nik],
            complaints=complaints[one.nik],
        )
        for one in city.residents
    }
    return Truth(persons, [one.nik for one in city.residents if one.age >= ADULT])


def _digits(nop: str) -> str:
    return "".join(filter(str.isdigit, nop))


def _taxed(person: Person, value: Any) -> bool:  # noqa: ANN401 - JSON
    if any("nop" not in each for each in value):
        return len(value) == person.nops.total()
    return Counter(_digits(each["nop"]) for each in value) == person.nops


_CHECKS: Mapping[str, Callable[[Person, Any], bool]] = {
    "nik": lambda person, value: bool(value == person.nik),
    "name": lambda person, value: bool(value == person.name),
    "household": lambda person, value: Counter(each["name"] for each in value["members"]) == person.members,
    "taxObjects": _taxed,
    "msmes": lambda person, value: Counter(each["name"].casefold() for each in value) == person.msmes,
    "complaints": lambda person, value: Counter(each["number"] for each in value) == person.complaints,
}
