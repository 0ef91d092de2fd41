"""Named parameters as each driver takes them."""

from __future__ import annotations

import pytest

from connectors.drivers.sql.placeholders import PlaceholderStyle, place_parameters

NUMBERED, FORMAT, QUESTION = PlaceholderStyle


@pytest.mark.parametrize(
    ("style", "text", "values"),
    [
        (NUMBERED, "a = $1 AND b IN ($2, $3) OR c = $1", ["x", 1, 2]),
        (FORMAT, "a = %s AND b IN (%s, %s) OR c = %s", ["x", 1, 2, "x"]),
        (QUESTION, "a = ? AND b IN (?, ?) OR c = ?", ["x", 1, 2, "x"]),
    ],
)
def test_each_driver_has_its_placeholders(style: PlaceholderStyle, text: str, values: list[object]) -> None:
    given = {"one": "x", "many": [1, 2], "unused": 3}
    assert place_parameters("a = :one AND b IN :many OR c = :one", given, ["many"], style) == (text, values)


def test_a_list_without_values_finds_no_row() -> None:
    assert place_parameters("a IN :many", {"many": []}, ["many"], QUESTION) == ("a IN (NULL)", [])


def test_a_list_that_is_one_parameter_stays_one() -> None:
    assert place_parameters("a = ANY(:keys)", {"keys": ["x", "y"]}, [], NUMBERED) == ("a = ANY($1)", [["x", "y"]])


@pytest.mark.parametrize("style", PlaceholderStyle)
def test_casts_and_escaped_colons_are_no_parameters(style: PlaceholderStyle) -> None:
    assert place_parameters(r"a::text = '12\:30'", {}, [], style) == ("a::text = '12:30'", [])


def test_percent_signs_are_doubled_only_where_the_driver_needs_it() -> None:
    statement = "a LIKE '%x' AND b = :b"
    assert place_parameters(statement, {"b": "%"}, [], FORMAT) == ("a LIKE '%%x' AND b = %s", ["%"])
    assert place_parameters(statement, {"b": "%"}, [], NUMBERED) == ("a LIKE '%x' AND b = $1", ["%"])
