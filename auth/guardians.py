"""Whose guardian somebody is, by the family card.

A child's data is processed with the consent of a parent or guardian (UU PDP 27/2022, article 25); a child is who is
under 18 (UU 35/2014, article 1). What the population register holds of it is the relationship to the head of the
household: the parents that can be read off a family card are the head and the head's spouse, of the head's children.
Guardians by a court's order are on no family card and have to prove themselves at a counter.
"""

from __future__ import annotations

from datetime import date

from auth.children import is_under_age
from records.identifiers import Nik
from records.population import Household, HouseholdMember, Relationship

_PARENTS = frozenset({Relationship.HEAD, Relationship.HUSBAND, Relationship.WIFE})
_NOBODY: frozenset[Nik] = frozenset()


def wards_of(nik: Nik, household: Household | None, today: date) -> frozenset[Nik]:
    """The children of the person on their own family card."""
    members = household.members if household is not None else ()
    if not any(each.nik == nik and each.relationship in _PARENTS for each in members):
        return _NOBODY
    return frozenset(each.nik for each in members if _is_child(each, today))


def _is_child(member: HouseholdMember, today: date) -> bool:
    """Who is under age; nobody whose day of birth the register does not know."""
    born = member.birth_date
    if member.relationship is not Relationship.CHILD or born is None:
        return False
    return is_under_age(born, today)
