from __future__ import annotations

from decimal import Decimal

import pytest

from connectors.readers.money import rupiah
from connectors.readers.unreadable import UnreadableError


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (0, 0),
        (31700, 31700),
        (9_007_199_254_740_993, 9_007_199_254_740_993),
        (Decimal("4500000.00"), 4_500_000),
        (Decimal("99.50"), 100),
        (Decimal("99.49"), 99),
        (14000.0, 14000),
        ("10000", 10_000),
        ("007", 7),
        ("9" * 28, 10**28 - 1),
        ("10000.00", 10_000),
        ("10000.5", 10_001),
        ("10000,50", 10_001),
        ("31.700", 31_700),
        ("1.234.567", 1_234_567),
        ("1.234.567,49", 1_234_567),
        ("1,234,567.00", 1_234_567),
        ("31,700", 31_700),
        ("Rp31.700", 31_700),
        ("Rp 31.700", 31_700),
        ("Rp. 31.700,-", 31_700),
        ("rp1.234.567,00", 1_234_567),
        ("IDR 10000.00", 10_000),
        ("-1.500", -1500),
    ],
)
def test_every_format_of_an_amount_is_read_as_whole_rupiah(raw: object, expected: int) -> None:
    amount = rupiah(raw)
    assert amount == expected
    assert type(amount) is int


@pytest.mark.parametrize("raw", [None, "", "-", "---"])
def test_an_absent_amount_is_read_as_none(raw: object) -> None:
    assert rupiah(raw) is None


@pytest.mark.parametrize(
    "raw",
    [
        "sejuta",
        "1.23.456",
        "1.234,567.00",
        "12..5",
        "Rp",
        "1e9",
        "NaN",
        "٣",
        "9" * 29,
        "9" * 31,
        "\N{ARABIC-INDIC DIGIT ONE}0",
        True,
        float("nan"),
        float("inf"),
        Decimal("NaN"),
        b"1",
        [1],
    ],
)
def test_other_values_are_unreadable_and_not_repeated_in_the_message(raw: object) -> None:
    with pytest.raises(UnreadableError) as raised:
        rupiah(raw)
    assert str(raised.value) == "not readable as an amount of money"


@pytest.mark.parametrize("raw", [Decimal("1e40"), Decimal("1e131071"), 1e300, Decimal("-1e40")])
def test_a_huge_amount_is_unreadable(raw: object) -> None:
    with pytest.raises(UnreadableError):
        rupiah(raw)
