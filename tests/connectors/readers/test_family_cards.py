"""The number of a family card: valid numbers, words for a missing card, and placeholders that strangers would share."""

from __future__ import annotations

import pytest

from connectors.readers.family_cards import district_of_issue, family_card_number
from connectors.readers.unreadable import UnreadableError
from records.identifiers import FamilyCardNumber
from tests.connectors.readers.family_card_placeholders import PLACEHOLDERS

CARD = "3171010203149001"


@pytest.mark.parametrize(
    "written",
    [
        CARD,
        "1101010101010001",
        "9471293112990001",
        "3171012902000001",  # 2000 was a leap year
        "3672011507229001",  # a district that no table of ours has
        "5401012304850001",  # East Timor, a province until 1999
    ],
)
def test_sixteen_digits_with_a_possible_date_are_a_card_of_any_district(written: str) -> None:
    assert family_card_number(written) == written


@pytest.mark.parametrize("absent", [None, "", "-", "---", "TIDAK TAHU", "Tidak diketahui"])
def test_words_for_a_missing_card_are_none(absent: object) -> None:
    assert family_card_number(absent) is None


@pytest.mark.parametrize("written", [each for each in PLACEHOLDERS if each.strip()])
def test_a_placeholder_is_unreadable_and_not_repeated_in_the_message(written: str) -> None:
    with pytest.raises(UnreadableError) as raised:
        family_card_number(written)
    assert str(raised.value) == "not readable as the number of a family card"


@pytest.mark.parametrize(
    "written",
    [
        "3171013002149001",  # 30 February
        "3171012902149001",  # 2014 was no leap year, nor was 1914
        "3171014203149001",  # the day of a woman's NIK: cards have none
        "3171010013149001",
        "3171010013009001",
        "3171010203140000",  # serial numbers begin with 1
        "0171010203149001",
        "1071010203149001",
        "3100010203149001",
        "3171000203149001",
    ],
)
def test_an_impossible_date_region_or_serial_is_unreadable(written: str) -> None:
    with pytest.raises(UnreadableError):
        family_card_number(written)


def test_the_district_of_issue_is_the_start_of_the_number() -> None:
    assert district_of_issue(FamilyCardNumber(CARD)) == "31.71.01"
