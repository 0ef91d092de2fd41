"""Wrong values in a manifest: the problem names the key and says what to write, in the project's words."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from settings.city.folder import DEFAULT_CITY
from settings.city.manifest import AgencyManifest
from settings.city.table_problems import describe_validation

WRONG: tuple[Any, ...] = (5, -1, 10**9, 1.5, "", "x y", True, date(2020, 1, 1), [], ["a", 1], {}, {"x": 1})
OF_THE_LIBRARY = (
    "Input should",
    "should have",
    "should be",
    "not permitted",
    "required",
    "valid ",
    "parse",
    "Datetimes",
)
FILE = Path("izin.toml")


def load(code: str) -> dict[str, Any]:
    return tomllib.loads((DEFAULT_CITY / "agencies" / f"{code}.toml").read_text(encoding="utf-8"))


def list_places(value: object, at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield (*at, key)
            yield from list_places(each, (*at, key))


def put(table: Mapping[str, Any], place: tuple[str, ...], value: object) -> dict[str, Any]:
    key, *rest = place
    return {**table, key: put(table[key], tuple(rest), value) if rest else value}


def find_problems(given: Mapping[str, Any]) -> list[str]:
    try:
        AgencyManifest.model_validate(given)
    except ValidationError as error:
        return [f"{each.place}: {each.text}" for each in describe_validation(FILE, "", given, AgencyManifest, error)]
    return []


@pytest.mark.parametrize("code", ["crm", "pangan", "pbb", "jakwifi"])
def test_no_problem_is_in_the_words_of_the_library(code: str) -> None:
    given = load(code)
    found = {
        problem
        for place in list_places(given)
        for wrong in WRONG
        for problem in find_problems(put(given, place, wrong))
    }
    assert len(found) > 20
    assert [each for each in sorted(found) if any(word in each for word in OF_THE_LIBRARY)] == []


@pytest.mark.parametrize(
    ("place", "value", "problem"),
    [
        (("terms", "waitng"), 3, "terms.waitng: unknown key; write waiting, or remove it: [terms] has breaker, burst,"),
        (("stge",), "live", "stge: unknown key; write stage, or remove it: a manifest has commands, connector, "),
        (
            ("wire", "credential", "header"),
            {},
            "wire.credential.header: unknown key; write headers, or remove it: [wire.credential] has body, ",
        ),
        (
            ("defaults", "freshness", "fesh"),
            "1 h",
            "defaults.freshness.fesh: unknown key; write fresh, or remove it: [defaults.freshness] has absent, fresh,",
        ),
        (
            ("records", "Market", "phone", "form"),
            "x",
            "records.Market.phone.form: unknown key; write from, or remove it: [records.Market.phone] has from,",
        ),
        (("reads", "markets", "rows"), 5, "reads.markets.rows: write a text in quotes"),
        (("reads", "markets", "max_rows"), 10**9, "reads.markets.max_rows: write a number of at most 20000"),
        (("terms", "deadline"), "3 s", "terms.deadline: write a number, without quotes"),
        (("terms", "breaker"), 5, "terms.breaker: write a table"),
        (("stage",), "ready", "stage: write one of 'draft', 'agreed', 'assessed', 'shadow', 'live'"),
        (("name", "en"), "", "name.en: write at least 1 sign"),
    ],
)
def test_a_wrong_key_or_value_is_named_with_what_to_write(place: tuple[str, ...], value: object, problem: str) -> None:
    [found] = find_problems(put(load("pangan"), place, value))
    assert found.startswith(problem)


def test_a_missing_key_is_named() -> None:
    given = load("pangan")
    del given["reads"]["markets"]["path"]
    assert find_problems(given) == ["reads.markets.path: this key is missing; write it"]
