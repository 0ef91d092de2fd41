"""Whose guardian somebody is, by the family card.

A child's data is processed with the consent of a parent or guardian (UU PDP 27/2022, article 25); a child is who is
under 18 (UU 35/2014, article 1). What the population register holds of it is the relationship to the head of the
household: the parents that can be read off a family card are the head and the head's spouse, of the head's children.
Guardians by a court's order are on no family card and have to prove themselves at a counter.

A card proves this only if it can belong to one family: it has exactly one head, who is listed on it and of age, and it
lists each person once. Any other card could make a stranger a parent.
"""

from __future__ import annotations

from datetime import date

from auth.policy.children import is_child, is_under_age
from records.identifiers import Nik
from records.population import Household, HouseholdMember, Relationship

_PARENTS = frozenset({Relationship.HEAD, Relationship.HUSBAND, Relationship.WIFE})
_NO_PEOPLE: frozenset[Nik] = frozenset()


def find_guarded_children(nik: Nik, household: Household | None, today: date) -> frozenset[Nik]:
    """The children of the person on their own family card."""
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
    """By the card; by the identity number where the card does not hold the day of birth."""
    born = member.birth_date
    return not (is_child(member.nik, today) if born is None else is_under_age(born, today))


def _is_child(member: HouseholdMember, today: date) -> bool:
    """Who is under age; nobody whose day of birth the register does not know."""
    born = member.birth_date
    if member.relationship is not Relationship.CHILD or born is None:
        return False
    return is_under_age(born, today)
