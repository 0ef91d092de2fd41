"""Which people are children, for which purposes a child's data may be read, and who is a child's guardian.

A child is a person under 18 (UU 35/2014, article 1). Children's data is specific personal data (UU PDP 27/2022, article
4), which is processed in a special way and with the consent of a parent or guardian (article 25). The identity number
holds the date of birth, so the hub recognizes a child without calling an agency.

The family card proves parents. The population register records the relationship to the head of the household. So the
parents are the head and the head's spouse, of the head's children. Court-appointed guardians are on no family card, and
identify themselves at a counter. A card proves this only if it can belong to one family: it has exactly one head, who
is listed and of age, and it lists each person once. Any other card could make a stranger a parent.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Final

from records.clocks import CITY_TIME_ZONE
from records.identifiers import Nik
from records.population import Household, HouseholdMember, Relationship
from records.purposes import Purpose

AGE_OF_MAJORITY: Final = 18
CHILD_PURPOSES: Final = frozenset(
    {
        Purpose.CIVIL_REGISTRATION,
        Purpose.SOCIAL_ASSISTANCE,
        Purpose.HEALTHCARE,
        Purpose.EDUCATION,
        Purpose.SUBJECT_REQUEST,
    }
)
"""Purposes for which a child's data may be read, unless a field declares its own."""

_PARENTS: Final = frozenset({Relationship.HEAD, Relationship.HUSBAND, Relationship.WIFE})
_NO_PEOPLE: Final[frozenset[Nik]] = frozenset()
_NIK: Final = re.compile(r"\d{6}(\d\d)(\d\d)(\d\d)\d{4}", re.ASCII)
_WOMAN_DAY_OFFSET: Final = 40
_CENTURY: Final = 100


def get_city_date() -> date:
    """Today in the city's time zone. Ages are computed at this date."""
    return datetime.now(CITY_TIME_ZONE).date()


def is_child(nik: str, today: date) -> bool:
    """Whether the owner of an identity number (`PPKKCC DDMMYY SSSS`, the day +40 for women) is under 18.

    The year has two digits, and up to the current year it belongs to this century. So a person over 100 may count as a
    child, but a child never counts as of age. If day and month are not a date, the year alone decides, in favour of the
    child. False for a text that is not an identity number.
    """
    parts = _NIK.fullmatch(nik)
    if parts is None:
        return False
    born = _read_birth_date(nik, today)
    return (
        today.year - _find_year(int(parts[3]), today) <= AGE_OF_MAJORITY if born is None else is_under_age(born, today)
    )


def _read_birth_date(nik: str, today: date) -> date | None:
    parts = _NIK.fullmatch(nik)
    if parts is None:
        return None
    day, month, year = map(int, parts.groups())
    try:
        return date(_find_year(year, today), month, day - _WOMAN_DAY_OFFSET if day > _WOMAN_DAY_OFFSET else day)
    except ValueError:
        return None


def _find_year(digits: int, today: date) -> int:
    this_century = today.year - today.year % _CENTURY
    return digits + (this_century if digits <= today.year % _CENTURY else this_century - _CENTURY)


def find_majority_date(nik: str, today: date) -> date | None:
    """The 18th birthday of a child, by the identity number; None if the number holds no date.

    A person born on 29 February comes of age on 1 March.
    """
    born = _read_birth_date(nik, today)
    if born is None:
        return None
    year = born.year + AGE_OF_MAJORITY
    try:
        return born.replace(year=year)
    except ValueError:
        return date(year, 3, 1)


def is_under_age(born: date, today: date) -> bool:
    """Whether a person born on this date is under 18. On the 18th birthday, a person is of age."""
    return (today.year - born.year) - ((today.month, today.day) < (born.month, born.day)) < AGE_OF_MAJORITY


def find_guarded_children(nik: Nik, household: Household | None, today: date) -> frozenset[Nik]:
    """The children whose guardian the person is, according to the person's own family card."""
    if household is None or not _proves_parents(household, today):
        return _NO_PEOPLE
    members = household.members
    if not any(each.nik == nik and each.relationship in _PARENTS and _is_of_age(each, today) for each in members):
        return _NO_PEOPLE
    return frozenset(each.nik for each in members if _is_child(each, today))


def _proves_parents(household: Household, today: date) -> bool:
    """Whether the relationships on the card are to one head, who can be a parent."""
    members = {each.nik: each for each in household.members}
    heads = {nik for nik, each in members.items() if each.relationship is Relationship.HEAD}
    if household.head_nik is not None:
        heads.add(household.head_nik)
    if len(heads) != 1 or len(members) != len(household.members):
        return False
    head = members.get(heads.pop())
    return head is not None and _is_of_age(head, today)


def _is_of_age(member: HouseholdMember, today: date) -> bool:
    """By the date of birth on the card; without one, by the identity number."""
    born = member.birth_date
    return not (is_child(member.nik, today) if born is None else is_under_age(born, today))


def _is_child(member: HouseholdMember, today: date) -> bool:
    """Whether the member is listed as a child and under age. A member without a date of birth is not a child."""
    born = member.birth_date
    if member.relationship is not Relationship.CHILD or born is None:
        return False
    return is_under_age(born, today)
