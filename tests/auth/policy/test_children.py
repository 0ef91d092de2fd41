"""Who is a child, by the identity number alone."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auth.policy.children import AGE_OF_MAJORITY, is_child, is_under_age
from sandbox.population.nik import build_stem

TODAY = date(2026, 11, 25)


@pytest.mark.parametrize(
    ("nik", "child"),
    [
        ("3171012511080001", False),  # 18 today
        ("3171012611080001", True),  # 18 tomorrow
        ("3171016511080001", False),  # the same for women: the day +40
        ("3171016611080001", True),
        ("3171010101270001", False),  # next year is of the last century: nobody is born yet
        ("3171012611260001", True),  # tomorrow, of this year's babies; a wrong number, but no grown-up's
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
def test_the_number_tells_whether_its_owner_is_a_child(nik: str, child: bool) -> None:  # noqa: FBT001 - a column of the table
    assert is_child(nik, TODAY) is child


@settings(derandomize=True)
@given(
    born=st.dates(date(1927, 1, 1), TODAY),
    woman=st.booleans(),
    today=st.dates(date(2026, 1, 1), TODAY),
)
def test_a_number_says_the_same_as_the_day_of_birth_for_a_hundred_years(
    born: date, *, woman: bool, today: date
) -> None:
    if born <= today:
        assert is_child(f"{build_stem('31.71.01', born, woman=woman)}9001", today) is is_under_age(born, today)


def test_a_person_over_a_hundred_counts_as_a_child_by_mistake() -> None:
    born = date(1925, 3, 1)
    assert is_child(f"{build_stem('31.71.01', born, woman=True)}9001", TODAY)
    assert not is_under_age(born, TODAY)


def test_of_age_is_who_has_the_eighteenth_birthday() -> None:
    birthday = date(TODAY.year - AGE_OF_MAJORITY, TODAY.month, TODAY.day)
    assert not is_under_age(birthday, TODAY)
    assert is_under_age(birthday + timedelta(days=1), TODAY)
    assert not is_under_age(date(2008, 2, 29), date(2026, 3, 1))
    assert is_under_age(date(2008, 2, 29), date(2026, 2, 28))
