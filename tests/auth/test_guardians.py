"""Whose guardian somebody is, by the family card."""

from datetime import date

import pytest

from auth.guardians import wards_of
from records.identifiers import FamilyCardNumber, Nik
from records.population import Household, HouseholdMember, Relationship

PARENT, SPOUSE, CHILD, OTHER = (Nik(f"317101450690000{number}") for number in range(1, 5))
TODAY = date(2026, 11, 24)


def card(
    *,
    parent: Relationship = Relationship.HEAD,
    child: Relationship = Relationship.CHILD,
    born: date | None = date(2015, 4, 9),
) -> Household:
    card = (PARENT, CHILD)
    members = tuple(
        HouseholdMember(nik=nik, name="X", sex=None, birth_date=day, relationship=relationship, on_the_card=card)
        for nik, relationship, day in ((PARENT, parent, date(1990, 6, 5)), (CHILD, child, born))
    )
    number = FamilyCardNumber("3171010203150001")
    return Household(family_card_number=number, head_nik=PARENT, members=members, on_the_card=card)


@pytest.mark.parametrize("relationship", Relationship)
def test_the_head_of_a_household_and_the_heads_spouse_are_guardians_and_nobody_else(relationship: Relationship) -> None:
    parents = {Relationship.HEAD, Relationship.HUSBAND, Relationship.WIFE}
    assert wards_of(PARENT, card(parent=relationship), TODAY) == ({CHILD} if relationship in parents else set())


@pytest.mark.parametrize("relationship", Relationship)
def test_the_wards_are_children_of_the_head_and_nobody_else(relationship: Relationship) -> None:
    expected = {CHILD} if relationship is Relationship.CHILD else set()
    assert wards_of(PARENT, card(child=relationship), TODAY) == expected


@pytest.mark.parametrize(
    ("born", "is_child"),
    [
        (date(2008, 11, 25), True),  # of age tomorrow
        (date(2008, 11, 24), False),  # of age today
        (date(2008, 12, 1), True),
        (date(2008, 1, 31), False),
        (date(2026, 11, 24), True),
        (date(1980, 1, 1), False),
        (None, False),
    ],
)
def test_a_child_is_under_eighteen_on_the_day_and_nobody_whose_birth_is_not_known(
    born: date | None, *, is_child: bool
) -> None:
    assert wards_of(PARENT, card(born=born), TODAY) == ({CHILD} if is_child else set())


def test_who_is_on_no_card_or_on_another_is_nobodys_guardian() -> None:
    assert wards_of(PARENT, None, TODAY) == set()
    assert wards_of(OTHER, card(), TODAY) == set()


def test_a_child_is_nobodys_guardian() -> None:
    assert wards_of(CHILD, card(), TODAY) == set()
