"""Whose guardian somebody is, by the family card."""

from datetime import date

import pytest

from auth.policy.guardians import find_guarded_children
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
    assert find_guarded_children(PARENT, card(parent=relationship), TODAY) == (
        {CHILD} if relationship in parents else set()
    )


@pytest.mark.parametrize("relationship", Relationship)
def test_only_children_of_the_head_are_guarded_children(relationship: Relationship) -> None:
    expected = {CHILD} if relationship is Relationship.CHILD else set()
    assert find_guarded_children(PARENT, card(child=relationship), TODAY) == expected


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
    assert find_guarded_children(PARENT, card(born=born), TODAY) == ({CHILD} if is_child else set())


def test_who_is_on_no_card_or_on_another_is_nobodys_guardian() -> None:
    assert find_guarded_children(PARENT, None, TODAY) == set()
    assert find_guarded_children(OTHER, card(), TODAY) == set()


def test_a_child_is_nobodys_guardian() -> None:
    assert find_guarded_children(CHILD, card(), TODAY) == set()


def hostile(*members: tuple[Nik, Relationship, date | None], head: Nik | None) -> Household:
    card = tuple(nik for nik, _, _ in members)
    listed = tuple(
        HouseholdMember(nik=nik, name="X", sex=None, birth_date=born, relationship=role, on_the_card=card)
        for nik, role, born in members
    )
    number = FamilyCardNumber("3171010203150001")
    return Household(family_card_number=number, head_nik=head, members=listed, on_the_card=card)


GROWN, YOUNG = date(1980, 1, 1), date(2015, 4, 9)
HEAD, WIFE, KID = Relationship.HEAD, Relationship.WIFE, Relationship.CHILD
PROVE_NOTHING = {
    "two heads": hostile((PARENT, HEAD, GROWN), (OTHER, HEAD, GROWN), (CHILD, KID, YOUNG), head=PARENT),
    "a spouse of two heads": hostile(
        (PARENT, WIFE, GROWN), (SPOUSE, HEAD, GROWN), (OTHER, HEAD, GROWN), (CHILD, KID, YOUNG), head=SPOUSE
    ),
    "another head is named than the one on the card": hostile((PARENT, HEAD, GROWN), (CHILD, KID, YOUNG), head=OTHER),
    "no head at all": hostile((PARENT, WIFE, GROWN), (CHILD, KID, YOUNG), head=None),
    "a head who is not on the card": hostile((PARENT, WIFE, GROWN), (CHILD, KID, YOUNG), head=OTHER),
    "the same head twice": hostile((PARENT, HEAD, GROWN), (PARENT, HEAD, GROWN), (CHILD, KID, YOUNG), head=PARENT),
    "a child as the head": hostile((PARENT, WIFE, GROWN), (OTHER, HEAD, YOUNG), (CHILD, KID, YOUNG), head=OTHER),
    "a parent who is a child": hostile((PARENT, HEAD, YOUNG), (CHILD, KID, YOUNG), head=PARENT),
}


@pytest.mark.parametrize("kind", PROVE_NOTHING)
def test_a_card_that_cannot_be_one_familys_makes_nobody_a_guardian(kind: str) -> None:
    for nik in (PARENT, SPOUSE, OTHER):
        assert find_guarded_children(nik, PROVE_NOTHING[kind], TODAY) == set()


def test_a_parent_whose_day_of_birth_the_card_does_not_hold_is_of_age_by_the_identity_number() -> None:
    child_by_number = Nik("3171014904159001")
    assert find_guarded_children(PARENT, hostile((PARENT, HEAD, None), (CHILD, KID, YOUNG), head=PARENT), TODAY) == {
        CHILD
    }
    young = hostile((child_by_number, HEAD, None), (CHILD, KID, YOUNG), head=child_by_number)
    assert find_guarded_children(child_by_number, young, TODAY) == set()
