"""Enumerations with descriptions."""

from enum import Enum

import pytest

from records import complaints, msmes, population, prices, regions, tax
from records.description import DescribedEnum, Doc

MODULES = (complaints, msmes, population, prices, regions, tax)
ENUMS = [
    each
    for module in MODULES
    for each in vars(module).values()
    if isinstance(each, type) and issubclass(each, DescribedEnum) and each is not DescribedEnum
]


class SeasonEnum(DescribedEnum):
    """A season."""

    WET = "wet", "It rains."
    DRY = "dry", "It does not."


def test_a_member_has_its_value_and_its_description() -> None:
    assert (SeasonEnum.WET.value, SeasonEnum.WET.description) == ("wet", "It rains.")
    assert SeasonEnum("dry") is SeasonEnum.DRY
    assert list(SeasonEnum) == [SeasonEnum.WET, SeasonEnum.DRY]


def test_an_unknown_value_is_refused() -> None:
    with pytest.raises(ValueError, match="'windy' is not a valid Season"):
        SeasonEnum("windy")


@pytest.mark.parametrize("enum", ENUMS, ids=lambda enum: enum.__name__)
def test_every_enum_member_has_a_description(enum: type[Enum]) -> None:
    for member in enum:
        assert isinstance(member, DescribedEnum)
        assert member.description.endswith(".")
    assert len({member.value for member in enum}) == len(enum)


def test_at_least_ten_enumerations_are_checked() -> None:
    assert len(set(ENUMS)) >= 10


def test_equal_descriptions_are_equal() -> None:
    assert Doc("Its name.") == Doc("Its name.")
    assert Doc("Its name.").text == "Its name."
