"""Texts in the names of records."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from records.search.text_index import TextIndex

NAMES = st.lists(st.none() | st.text(alphabet="aAßİ \nb|", max_size=6), max_size=8)


def find(names: Sequence[str | None], text: str) -> list[int]:
    return list(TextIndex(range(len(names)), lambda number: names[number]).find(text))


def test_a_text_is_found_anywhere_in_a_name_without_case() -> None:
    names = ["Pasar Senen", None, "SENEN Raya", "Pasar Minggu", "senen senen"]
    assert find(names, "senen") == [0, 2, 4]
    assert find(names, " PASAR ") == [0, 3]
    assert find(names, "minggu") == [3]
    assert find(names, "x") == []
    assert find(names, "") == [0, 1, 2, 3, 4]


def test_no_text_is_found_across_two_names() -> None:
    assert find(["ab", "cd"], "bc") == []
    assert find(["ab", "cd"], "b\nc") == []


def test_without_records_nothing_is_found() -> None:
    assert find([], "a") == find([], "") == []


@given(NAMES, st.text(alphabet="aAßİ b|", max_size=3))
def test_it_finds_what_a_search_of_each_name_finds(names: list[str | None], text: str) -> None:
    wanted = text.strip().casefold()
    plain = [(name or "").casefold().replace("\n", " ") for name in names]
    assert find(names, text) == [number for number, name in enumerate(plain) if wanted in name]
