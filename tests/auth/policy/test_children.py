"""Children are recognized by the identity number, and their guardians by the family card."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auth.policy.children import AGE_OF_MAJORITY, find_guarded_children, is_child, is_under_age
from records.identifiers import FamilyCardNumber, Nik
from records.population import Household, HouseholdMember, Relationship
from sandbox.population.nik import build_stem

TODAY = date(2026, 11, 25)
CARD_DAY = date(2026, 11, 24)
PARENT, SPOUSE, CHILD, OTHER = (Nik(f"317101450690000{number}") for number in range(1, 5))


@pytest.mark.parametrize(
    ("nik", "child"),
    [
        ("3171012511080001", False),  # 18 today
        ("3171012611080001", True),  # 18 tomorrow
        ("3171016511080001", False),  # the same for women: the day +40
        ("3171016611080001", True),
        ("3171010101270001", False),  # next year's number means the last century: it cannot be a birth yet
        ("3171012611260001", True),  # tomorrow, of this year's babies; a wrong number, but not an adult's
        ("3171010101260001", True),
        ("3171010101000001", False),
        ("3171014506900001", False),
        ("3171012902080001", False),  # 29 February
        ("3171012902090001", True),  # no such day in that year: 18 next year, so a child
        ("3171013002080001", True),  # no such day either, and 18 this year: in favour of the child
        ("3171013002070001", False),
        ("3171010013200001", True),
        ("3171017213150001", True),
        ("3171010101260", False),
        ("31710101012600011", False),
        ("317101010126000x", False),
        ("", False),
        ("somebody", False),
    ],
)
def test_the_identity_number_says_whether_its_owner_is_a_child(nik: str, child: bool) -> None:  # noqa: FBT001 - a column of the table
    assert is_child(nik, TODAY) is child


@settings(derandomize=True)
@given(
    born=st.dates(date(1927, 1, 1), TODAY),
    woman=st.booleans(),
    today=st.dates(date(2026, 1, 1), TODAY),
)
def test_the_number_agrees_with_the_date_of_birth_for_a_hundred_years(born: date, *, woman: bool, today: date) -> None:
    if born <= today:
        assert is_child(f"{build_stem('31.71.01', born, woman=woman)}9001", today) is is_under_age(born, today)


def test_a_person_over_a_hundred_counts_as_a_child_by_mistake() -> None:
    born = date(1925, 3, 1)
    assert is_child(f"{build_stem('31.71.01', born, woman=True)}9001", TODAY)
    assert not is_under_age(born, TODAY)


def test_a_person_is_of_age_on_the_eighteenth_birthday() -> None:
    birthday = date(TODAY.year - AGE_OF_MAJORITY, TODAY.month, TODAY.day)
    assert not is_under_age(birthday, TODAY)
    assert is_under_age(birthday + timedelta(days=1), TODAY)
    assert not is_under_age(date(2008, 2, 29), date(2026, 3, 1))
    assert is_under_age(date(2008, 2, 29), date(2026, 2, 28))


def build_card(
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
def test_only_the_head_of_a_household_and_the_heads_spouse_are_guardians(relationship: Relationship) -> None:
    parents = {Relationship.HEAD, Relationship.HUSBAND, Relationship.WIFE}
    assert find_guarded_children(PARENT, build_card(parent=relationship), CARD_DAY) == (
        {CHILD} if relationship in parents else set()
    )


@pytest.mark.parametrize("relationship", Relationship)
def test_only_children_of_the_head_are_guarded_children(relationship: Relationship) -> None:
    expected = {CHILD} if relationship is Relationship.CHILD else set()
    assert find_guarded_children(PARENT, build_card(child=relationship), CARD_DAY) == expected


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
def test_a_guarded_child_is_under_eighteen_today_and_has_a_known_date_of_birth(
    born: date | None, *, is_child: bool
) -> None:
    assert find_guarded_children(PARENT, build_card(born=born), CARD_DAY) == ({CHILD} if is_child else set())


def test_a_person_on_no_card_or_another_card_is_no_guardian() -> None:
    assert find_guarded_children(PARENT, None, CARD_DAY) == set()
    assert find_guarded_children(OTHER, build_card(), CARD_DAY) == set()


def test_a_child_is_no_guardian() -> None:
    assert find_guarded_children(CHILD, build_card(), CARD_DAY) == set()


def build_hostile_card(*members: tuple[Nik, Relationship, date | None], head: Nik | None) -> Household:
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
    "two heads": build_hostile_card((PARENT, HEAD, GROWN), (OTHER, HEAD, GROWN), (CHILD, KID, YOUNG), head=PARENT),
    "a spouse of two heads": build_hostile_card(
        (PARENT, WIFE, GROWN), (SPOUSE, HEAD, GROWN), (OTHER, HEAD, GROWN), (CHILD, KID, YOUNG), head=SPOUSE
    ),
    "a head other than the one on the card": build_hostile_card((PARENT, HEAD, GROWN), (CHILD, KID, YOUNG), head=OTHER),
    "no head at all": build_hostile_card((PARENT, WIFE, GROWN), (CHILD, KID, YOUNG), head=None),
    "a head who is not on the card": build_hostile_card((PARENT, WIFE, GROWN), (CHILD, KID, YOUNG), head=OTHER),
    "the same head twice": build_hostile_card(
        (PARENT, HEAD, GROWN), (PARENT, HEAD, GROWN), (CHILD, KID, YOUNG), head=PARENT
    ),
    "a child as the head": build_hostile_card(
        (PARENT, WIFE, GROWN), (OTHER, HEAD, YOUNG), (CHILD, KID, YOUNG), head=OTHER
    ),
    "a parent who is a child": build_hostile_card((PARENT, HEAD, YOUNG), (CHILD, KID, YOUNG), head=PARENT),
}


@pytest.mark.parametrize("kind", PROVE_NOTHING)
def test_a_card_that_cannot_belong_to_one_family_proves_no_guardian(kind: str) -> None:
    for nik in (PARENT, SPOUSE, OTHER):
        assert find_guarded_children(nik, PROVE_NOTHING[kind], CARD_DAY) == set()


def test_a_parent_without_a_date_of_birth_on_the_card_is_of_age_by_the_identity_number() -> None:
    child_by_number = Nik("3171014904159001")
    assert find_guarded_children(
        PARENT, build_hostile_card((PARENT, HEAD, None), (CHILD, KID, YOUNG), head=PARENT), CARD_DAY
    ) == {CHILD}
    young = build_hostile_card((child_by_number, HEAD, None), (CHILD, KID, YOUNG), head=child_by_number)
    assert find_guarded_children(child_by_number, young, CARD_DAY) == set()
