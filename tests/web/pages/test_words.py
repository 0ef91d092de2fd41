"""Texts of pages: complete and consistent in each language, and the choice of the language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from string import Formatter
from typing import Any

import pytest

from records.hub.consents import ConsentState
from records.purposes import Purpose, Scope
from schema.tools.consent_preview import list_granted_fields
from tests.fakes.small_hub import build_city_schema
from web.pages.words import load_words

WORDS = load_words()
OPENED = {each.coordinate for purpose in Purpose for each in list_granted_fields(tuple(Scope), purpose, None)}
EVERY = sorted(each for each in OPENED if not each.startswith("Consenting."))
"""The fields on pages; the fields by which a partner reaches them are not shown."""


def walk_texts(found: Mapping[str, Any], place: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in found.items():
        if isinstance(value, Mapping):
            yield from walk_texts(value, f"{place}{name}.")
        else:
            yield f"{place}{name}", value


def find_placeholders(text: Any) -> set[str]:  # noqa: ANN401 - a text, or the months
    return (
        {name.partition(":")[0] for _, name, _, _ in Formatter().parse(text) if name}
        if isinstance(text, str)
        else set()
    )


def test_all_languages_have_the_same_keys_and_placeholders() -> None:
    one, other = (dict(walk_texts(WORDS[language].sections)) for language in ("id", "en"))
    meanings = {name for name in one if name.startswith("meanings.")}  # the graph has the English ones
    assert one.keys() - meanings == other.keys()
    assert {name: find_placeholders(text) for name, text in other.items()} == {
        name: find_placeholders(one[name]) for name in other
    }


def test_scopes_contain_fields() -> None:
    assert len(EVERY) > 30


@pytest.mark.parametrize("coordinate", EVERY)
def test_each_field_of_a_scope_has_a_label_and_a_meaning(coordinate: str) -> None:
    for language in ("id", "en"):
        assert WORDS[language].caption(coordinate, "")
    type_, _, name = coordinate.partition(".")
    leads_on = bool(getattr(_named(type_, name), "fields", None))
    assert leads_on or WORDS["id"].named("meanings", coordinate, "")


def _named(type_: str, field: str) -> Any:  # noqa: ANN401 - a type of the graph
    found: Any = build_city_schema().type_map[type_]
    found = found.fields[field].type
    while hasattr(found, "of_type"):
        found = found.of_type
    return found


@pytest.mark.parametrize("enum", [Scope, Purpose, ConsentState])
def test_every_scope_purpose_and_state_has_a_text(enum: type[Enum]) -> None:
    for words in WORDS.values():
        assert all(words.caption(f"{enum.__name__}.{each.name}", "") for each in enum)


def test_a_time_of_day_is_in_jakarta_time() -> None:
    assert [words.time(1795572300.0) for words in WORDS.values()] == ["09.05 WIB", "09:05 WIB"]


def test_times_days_and_numbers_have_the_format_of_the_language() -> None:
    formatted = {
        language: (
            words.moment("2026-11-25T02:05:00+00:00"),
            words.day("2026-11-24T20:00:00+00:00"),
            words.day("2026-05-01"),
            words.number(1234567),
            words.number(1234.5),
        )
        for language, words in WORDS.items()
    }
    assert formatted["id"] == (
        "25 November 2026 pukul 09.05 WIB",
        "25 November 2026",
        "1 Mei 2026",
        "1.234.567",
        "1.234,5",
    )
    assert formatted["en"] == (
        "25 November 2026 at 09:05 WIB",
        "25 November 2026",
        "1 May 2026",
        "1,234,567",
        "1,234.5",
    )


def test_a_missing_text_gets_the_default() -> None:
    assert WORDS["id"].named("meanings", "TaxObject.colour", "colour") == "colour"
    assert WORDS["id"].named("meanings", "TaxObject", "x") == "x"
    assert WORDS["id"].caption("TaxObject.colour", "colour") == "colour"
