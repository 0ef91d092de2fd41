"""Refused values of scalars: the message names the argument and the rule, never the value."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.request import ResponseOutcome
from tests.engine.library_schema import RULE, get_messages, run

BAD = "31710130029000011"  # one digit too many
READER = "Argument 'card' of 'reader'"
READERS = "Argument 'cards' of 'readers'"
SEARCH = "Argument 'wanted' of 'search'"


@pytest.mark.parametrize(
    ("place", "query", "variables"),
    [
        (READER, f'{{ reader(card: "{BAD}") {{ name }} }}', None),
        (READER, f"{{ reader(card: {BAD}) {{ name }} }}", None),
        (READER, "{ reader(card: true) { name } }", None),
        (READER, f'{{ book {{ title }} reader(card: "{BAD}") {{ name }} }}', None),
        (READER, f'{{ ...F }} fragment F on Query {{ reader(card: "{BAD}") {{ name }} }}', None),
        (READERS, f'{{ readers(cards: ["{BAD}"]) {{ name }} }}', None),
        (READERS, f'{{ readers(cards: "{BAD}") {{ name }} }}', None),
        (SEARCH, f'{{ search(wanted: {{cards: ["{BAD}"]}}) {{ title }} }}', None),
        (SEARCH, f'{{ search(wanted: {{nested: {{nested: {{cards: ["{BAD}"]}}}}}}) {{ title }} }}', None),
    ],
)
async def test_in_a_literal(place: str, query: str, variables: dict[str, Any] | None) -> None:
    response = await run(query, variables)
    assert response.outcome is ResponseOutcome.REFUSED
    assert get_messages(response) == [("BAD_USER_INPUT", f"{place}: {RULE}")]
    assert response.errors[0]["locations"]


@pytest.mark.parametrize(
    ("place", "query", "variables"),
    [
        (READER, "query ($c: Card!) { reader(card: $c) { name } }", {"c": BAD}),
        (READER, "query ($c: Card!) { reader(card: $c) { name } }", {"c": int(BAD)}),
        (READER, "query ($c: Card!) { ...F } fragment F on Query { reader(card: $c) { name } }", {"c": BAD}),
        (READERS, "query ($c: [Card!]!) { readers(cards: $c) { name } }", {"c": [BAD]}),
        (READERS, "query ($c: [Card!]!) { readers(cards: $c) { name } }", {"c": BAD}),
        (READERS, "query ($c: Card!) { readers(cards: [$c]) { name } }", {"c": BAD}),
        (SEARCH, "query ($w: Wanted) { search(wanted: $w) { title } }", {"w": {"cards": [BAD]}}),
        (SEARCH, "query ($w: Wanted) { search(wanted: $w) { title } }", {"w": {"nested": {"cards": [BAD]}}}),
        (SEARCH, "query ($w: Wanted) { search(wanted: {nested: $w}) { title } }", {"w": {"cards": [BAD]}}),
        (SEARCH, "query ($c: Card!) { search(wanted: {nested: {cards: [$c]}}) { title } }", {"c": BAD}),
    ],
)
async def test_in_a_variable(place: str, query: str, variables: dict[str, Any]) -> None:
    response = await run(query, variables)
    assert response.outcome is ResponseOutcome.REFUSED
    assert get_messages(response) == [("BAD_USER_INPUT", f"{place}: {RULE}")]
    assert response.errors[0]["locations"] == [{"line": 1, "column": 8}]


@pytest.mark.parametrize(
    ("place", "query"),
    [
        (READER, f'query ($c: Card! = "{BAD}") {{ reader(card: $c) {{ name }} }}'),
        (READERS, f'query ($c: [Card!]! = ["{BAD}"]) {{ readers(cards: $c) {{ name }} }}'),
        (SEARCH, f'query ($w: Wanted = {{nested: {{cards: ["{BAD}"]}}}}) {{ search(wanted: $w) {{ title }} }}'),
        (
            READER,
            f'fragment F on Query {{ reader(card: $c) {{ name }} }} query ($c: Card! = "{BAD}") {{ ...F }}',
        ),
    ],
)
async def test_in_the_default_of_a_variable(place: str, query: str) -> None:
    response = await run(query)
    assert response.outcome is ResponseOutcome.REFUSED
    assert get_messages(response) == [("BAD_USER_INPUT", f"{place}: {RULE}")]


async def test_a_default_that_no_argument_uses_names_its_variable() -> None:
    response = await run(f'query ($c: Card = "{BAD}") {{ count }}')
    assert ("BAD_USER_INPUT", f"Variable '$c': {RULE}") in get_messages(response)


async def test_a_variable_of_the_same_name_in_another_operation_is_not_named() -> None:
    query = "query A($c: [Card!]!) { readers(cards: $c) { name } } query B($c: Card!) { reader(card: $c) { name } }"
    assert get_messages(await run(query, {"c": BAD}, operation="B")) == [("BAD_USER_INPUT", f"{READER}: {RULE}")]


async def test_two_refused_values_are_two_errors() -> None:
    query = "query ($a: Card!, $b: [Card!]!) { reader(card: $a) { name } readers(cards: $b) { name } }"
    assert get_messages(await run(query, {"a": BAD, "b": [BAD]})) == [
        ("BAD_USER_INPUT", f"{READER}: {RULE}"),
        ("BAD_USER_INPUT", f"{READERS}: {RULE}"),
    ]


async def test_the_argument_of_a_directive_is_named_by_the_directive() -> None:
    assert get_messages(await run(f'{{ count @kept(for: "{BAD}") }}')) == [
        ("BAD_USER_INPUT", f"Argument 'for' of '@kept': {RULE}")
    ]


async def test_a_null_variable_that_passes_validation_fails_its_field_as_bad_input() -> None:
    query = 'query ($c: Card = "3171014506900001") { reader(card: $c) { name } count }'
    response = await run(query, {"c": None}, context={"count": 3})
    assert response.outcome is ResponseOutcome.ANSWERED
    assert response.data == {"reader": None, "count": 3}
    message = "Expected variable '$c' provided to non-null type 'Card!' not to be None."
    assert get_messages(response) == [("BAD_USER_INPUT", f"Argument 'card' has invalid value: {message}")]


PLACES = (
    ("query ($v: Card!) { reader(card: $v) { name } }", lambda value: value),
    ("query ($v: [Card!]!) { readers(cards: $v) { name } }", lambda value: [value]),
    ("query ($v: Wanted) { search(wanted: $v) { title } }", lambda value: {"cards": [value]}),
    ("query ($v: Wanted) { search(wanted: $v) { title } }", lambda value: value),
    ("query ($v: Wanted) { search(wanted: $v) { title } }", lambda value: {f"_{value}": 1}),
    ("query ($v: Wanted) { search(wanted: $v) { title } }", lambda value: {"shelf": value}),
    ("query ($v: Int) { search(first: $v) { title } }", lambda value: value),
    ("query ($v: Boolean!) { count @include(if: $v) }", lambda value: value),
)


@settings(max_examples=150, derandomize=True, deadline=None)
@given(
    place=st.sampled_from(PLACES),
    digits=st.text("0123456789", min_size=13, max_size=18),
    separator=st.sampled_from(["", ".", "-", " ", "/"]),
    before=st.sampled_from(["", "NIK ", "x"]),
    number=st.booleans(),
)
async def test_no_identity_number_is_echoed(
    place: Any,  # noqa: ANN401 - a query and where its variable holds the value
    digits: str,
    separator: str,
    before: str,
    number: bool,  # noqa: FBT001 - Hypothesis gives arguments by name
) -> None:
    query, put = place
    printed = separator.join([digits[:6], digits[6:10], digits[10:]])
    value: object = int(digits) if number else f"{before}{printed}"
    response = await run(query, {"v": put(value)})
    text = json.dumps([error["message"] for error in response.errors], ensure_ascii=False)
    assert digits not in text
    assert printed not in text
    assert str(int(digits)) not in text or len(str(int(digits))) < 10


@settings(max_examples=60, derandomize=True, deadline=None)
@given(digits=st.text("0123456789", min_size=13, max_size=18), form=st.sampled_from(['"{}"', "{}", '"x{}"', "_{}"]))
async def test_no_identity_number_of_a_document_is_echoed(digits: str, form: str) -> None:
    value = form.format(digits if form.startswith(('"', "_")) else int(digits) or 1)
    for query in (
        f"{{ reader(card: {value}) {{ name }} }}",
        f"{{ search(first: {value}) {{ title }} }}",
        f"{{ search(wanted: {{shelf: {value}}}) {{ title }} }}",
        f"{{ book {{ _{digits} }} }}",
        f"{{ {value} }}",
        f"query Q_{digits} {{ nothing }} query {{ nothing }}",
    ):
        text = json.dumps([error["message"] for error in (await run(query)).errors])
        assert digits not in text
        assert digits.lstrip("0") not in text or len(digits.lstrip("0")) < 10
