from __future__ import annotations

import pytest

from connectors.readers.regions import region_code, region_from_numbers
from connectors.readers.unreadable import UnreadableError


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ((31, 71, 1, 1001), "31.71.01.1001"),
        (("31", "71", "1", "1001"), "31.71.01.1001"),
        (("31", "71", "01", "1001"), "31.71.01.1001"),
        ((31, 1, 2, 1003), "31.01.02.1003"),
        ((36, 3, 12, 2005), "36.03.12.2005"),
        ((31, 71, 1), "31.71.01"),
        ((31, 71), "31.71"),
        ((31,), "31"),
    ],
)
def test_unpadded_numbers_of_the_levels_make_a_dotted_code(numbers: tuple[object, ...], expected: str) -> None:
    assert region_from_numbers(*numbers) == expected


@pytest.mark.parametrize("numbers", [(31, 71, None, 1001), (31, 71, 0, 1001), (31, 71, "-", 1001), (0, 0, 0, 0)])
def test_a_code_with_a_missing_level_is_none(numbers: tuple[object, ...]) -> None:
    assert region_from_numbers(*numbers) is None


@pytest.mark.parametrize("numbers", [(310, 71, 1, 1001), (31, 71, 1, 10010), (31, -71, 1, 1001), (31, "x", 1, 1001)])
def test_numbers_too_long_for_their_level_are_unreadable(numbers: tuple[object, ...]) -> None:
    with pytest.raises(UnreadableError, match=r"^not readable as a Kemendagri region code$"):
        region_from_numbers(*numbers)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (31, "31"),
        (3171, "31.71"),
        (317101, "31.71.01"),
        ("317101", "31.71.01"),
        (3171011001, "31.71.01.1001"),
        ("31.71.01", "31.71.01"),
        ("31.71.01.1001", "31.71.01.1001"),
    ],
)
def test_a_code_without_dots_gets_them(raw: object, expected: str) -> None:
    assert region_code(raw) == expected


@pytest.mark.parametrize("raw", [None, "", "-", 0, "0"])
def test_an_absent_code_is_read_as_none(raw: object) -> None:
    assert region_code(raw) is None


@pytest.mark.parametrize("raw", [3, 317, 31710, "31.7", "31-71", "31.71.1", "317101100", "31.71.01.1001.1", "Gambir"])
def test_other_values_are_unreadable(raw: object) -> None:
    with pytest.raises(UnreadableError, match=r"^not readable as a Kemendagri region code$"):
        region_code(raw)
