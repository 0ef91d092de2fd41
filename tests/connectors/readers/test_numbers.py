from __future__ import annotations

from decimal import Decimal

import pytest

from connectors.readers.numbers import rounded_number, whole_number
from connectors.readers.unreadable import UnreadableError


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (4, 4),
        (0, 0),
        (10**18 - 1, 10**18 - 1),
        ("4", 4),
        ("004", 4),
        (" 12 ", 12),
        (Decimal("120.00"), 120),
        (120.0, 120),
        ("90.00", 90),
        ("90,0", 90),
    ],
)
def test_every_format_of_a_whole_number_is_read(raw: object, expected: int) -> None:
    number = whole_number(raw)
    assert number == expected
    assert type(number) is int


@pytest.mark.parametrize("raw", [None, "", "-", "---"])
def test_an_absent_number_is_read_as_none(raw: object) -> None:
    assert whole_number(raw) is None


@pytest.mark.parametrize(
    "raw", ["empat", "4.5", "1.000", "4.", ",00", -1, "-1", "٤", 4.5, float("nan"), Decimal(-3), True, "9" * 19]
)
def test_other_values_are_unreadable_and_not_repeated_in_the_message(raw: object) -> None:
    with pytest.raises(UnreadableError) as raised:
        whole_number(raw)
    assert str(raised.value) == "not readable as a whole number"


@pytest.mark.parametrize("raw", [Decimal("1e18"), Decimal("1e131071"), 1e300, 10**18])
def test_a_huge_number_is_unreadable(raw: object) -> None:
    assert whole_number(Decimal(10**17)) == 10**17
    with pytest.raises(UnreadableError):
        whole_number(raw)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("1107.88", 1108),
        ("1107,5", 1108),
        ("007", 7),
        (0.4, 0),
        (Decimal("2.5"), 3),
        (12, 12),
        ("-", None),
        (None, None),
    ],
)
def test_a_number_with_decimals_is_rounded(raw: object, expected: int | None) -> None:
    assert rounded_number(raw) == expected


@pytest.mark.parametrize("raw", ["1.234,5", "-1", "1e3", "15 ha", float("nan"), -0.5, True, [1]])
def test_what_is_no_such_number_is_not_rounded(raw: object) -> None:
    with pytest.raises(UnreadableError):
        rounded_number(raw)
