from __future__ import annotations

import pytest

from connectors.readers.phones import phone
from connectors.readers.unreadable import UnreadableError


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("0812-3456-7890", "+6281234567890"),
        ("0812 3456 7890", "+6281234567890"),
        ("081234567890", "+6281234567890"),
        ("+62 812-3456-7890", "+6281234567890"),
        ("6281234567890", "+6281234567890"),
        ("+62 (0) 812 3456 7890", "+6281234567890"),
        (81234567890, "+6281234567890"),
        ("(021) 345.6789", "+62213456789"),
    ],
)
def test_every_format_of_a_number_becomes_international(raw: object, expected: str) -> None:
    assert phone(raw) == expected


@pytest.mark.parametrize("raw", [None, "", "-", "---", "0", "000-000"])
def test_an_absent_number_is_read_as_none(raw: object) -> None:
    assert phone(raw) is None


@pytest.mark.parametrize("raw", ["tanya Siti", "12", "+1 212 555 0100", "0812", "0" + "8" * 20, 1.5])
def test_other_values_are_unreadable_and_not_repeated_in_the_message(raw: object) -> None:
    with pytest.raises(UnreadableError) as raised:
        phone(raw)
    assert str(raised.value) == "not readable as a telephone number"
