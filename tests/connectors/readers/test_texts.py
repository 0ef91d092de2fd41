from __future__ import annotations

import pytest

from connectors.readers.texts import text
from connectors.readers.unreadable import UnreadableError


@pytest.mark.parametrize("raw", [None, "", "   ", "-", " - ", "--", "---", "NULL", "TIDAK TAHU", "Tidak tahu", "N/A"])
def test_every_placeholder_is_read_as_none(raw: object) -> None:
    assert text(raw) is None


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("PASAR BARU", "PASAR BARU"),
        ("  PASAR \t BARU\n", "PASAR BARU"),
        ("PASAR\u00a0BARU", "PASAR BARU"),
        ("A - B", "A - B"),
        (0, "0"),
        (47111, "47111"),
        (-5, "-5"),
    ],
)
def test_a_text_loses_only_surplus_blanks(raw: object, expected: str) -> None:
    assert text(raw) == expected


@pytest.mark.parametrize("raw", [True, 1.5, b"PASAR", ["PASAR"], object()])
def test_other_types_are_unreadable(raw: object) -> None:
    with pytest.raises(UnreadableError, match=r"^not readable as a text$"):
        text(raw)


def test_an_overlong_text_is_unreadable() -> None:
    assert text("a" * 4_000) == "a" * 4_000
    with pytest.raises(UnreadableError, match=r"^not readable as a name of at most 4000 characters$"):
        text("a " * 2_001, "a name")
    assert text("a" * 20_000, max_length=20_000) == "a" * 20_000
