"""The size of an operation, counted in time that grows with the document, not with its expansion."""

import time
from typing import Any

import pytest

from engine.document.limits import Limits
from engine.request import ResponseOutcome
from tests.engine.library_schema import CARD, get_messages, rules, run

QUICK = 5.0
"""Seconds of processor time."""


@pytest.mark.parametrize(("depth", "refused"), [(20, False), (21, True)])
async def test_fields_may_be_nested_20_deep(depth: int, refused: bool) -> None:  # noqa: FBT001 - a parameter of the table
    query = "{ book " + "{ sequel " * (depth - 2) + "{ title }" + "}" * (depth - 2) + "}"
    expected = [
        ("OPERATION_TOO_LARGE", "The operation is 21 fields deep; at most 20 are allowed. Use several operations.")
    ]
    assert get_messages(await run(query)) == (expected if refused else [])


async def test_depth_counts_fields_and_not_fragments() -> None:
    query = "{ ... on Query { ... { book { ...F } } } } fragment F on Book { ... { title } }"
    assert get_messages(await run(query, by=rules(limits=Limits(depth=2)))) == []
    assert get_messages(await run(query, by=rules(limits=Limits(depth=1)))) == [
        ("OPERATION_TOO_LARGE", "The operation is 2 fields deep; at most 1 are allowed. Use several operations.")
    ]


MORE_FIELDS = (
    "The operation selects more than {} fields, fragments spread out and counted for each type that an object may be"
    " of. Use several operations."
)


@pytest.mark.parametrize(("most", "refused"), [(3 + 3 * 4, False), (3 + 3 * 4 - 1, True)])
async def test_every_spread_of_a_fragment_counts_with_its_fields(most: int, refused: bool) -> None:  # noqa: FBT001 - as above
    query = "{ a: book { ...F } b: book { ...F } c: book { ...F } } fragment F on Book { title by { name } }"
    response = await run(query, by=rules(limits=Limits(fields=most)))
    assert get_messages(response) == ([("OPERATION_TOO_LARGE", MORE_FIELDS.format(most))] if refused else [])


@pytest.mark.parametrize(("breadth", "refused"), [(3, False), (2, True)])
async def test_the_fields_selected_of_one_object_are_limited(breadth: int, refused: bool) -> None:  # noqa: FBT001 - as above
    query = "{ book { title ...F } } fragment F on Book { t: title by { a: name b: name c: name } }"
    message = f"'book' selects 3 fields; at most {breadth} are allowed. Use several operations."
    response = await run(query, by=rules(limits=Limits(breadth=breadth)))
    assert get_messages(response) == ([("OPERATION_TOO_LARGE", message)] if refused else [])


@pytest.mark.parametrize(("aliases", "refused"), [(3, False), (2, True)])
async def test_the_names_of_one_field_of_one_object_are_limited(
    aliases: int,
    refused: bool,  # noqa: FBT001 - as above
) -> None:
    query = "{ book { title x: title by { a: name b: name c: name } } book { by { a: name } } }"
    message = f"'book.by' selects 'name' under 3 names; at most {aliases} are allowed. Use several operations."
    response = await run(query, by=rules(limits=Limits(aliases=aliases)))
    assert get_messages(response) == ([("OPERATION_TOO_LARGE", message)] if refused else [])


async def test_errors_at_the_root_name_the_operation_by_its_kind() -> None:
    query = "{ a: count b: count c: count }"
    for limits, says in (
        (Limits(aliases=2), "selects 'count' under 3 names; at most 2"),
        (Limits(breadth=2), "selects 3 fields; at most 2"),
    ):
        message = f"The query {says} are allowed. Use several operations."
        assert get_messages(await run(query, by=rules(limits=limits))) == [("OPERATION_TOO_LARGE", message)]


@pytest.mark.parametrize(("most", "refused"), [(9, False), (8, True)])
@pytest.mark.parametrize("cards", [f'["{CARD}", "{CARD}"]', "$cards"])
async def test_the_values_in_lists_of_all_arguments_are_limited(cards: str, most: int, refused: bool) -> None:  # noqa: FBT001 - as above
    """Four lists of two values and one of one: a variable counts at each use."""
    lists = [
        f"a{n}: readers(cards: {each}) {{ name }}" for n, each in enumerate(("$cards", cards, cards, f'["{CARD}"]'))
    ]
    search = f"search(wanted: {{nested: {{cards: {cards}}}}}) {{ title }}"
    query = f"query ($cards: [Card!]! = []) {{ {search} {' '.join(lists)} }}"
    response = await run(query, {"cards": [CARD, CARD]}, by=rules(limits=Limits(list_items=most)))
    message = f"The lists of the arguments hold 9 values; at most {most} are allowed. Use several operations."
    assert get_messages(response) == ([("OPERATION_TOO_LARGE", message)] if refused else [])


@pytest.mark.parametrize(("most", "refused"), [(3, False), (2, True)])
async def test_the_values_in_lists_of_variables_are_limited_even_if_unused(
    most: int,
    refused: bool,  # noqa: FBT001 - as above
) -> None:
    response = await run(
        "{ count }", {"any": {"list": [1, [2]]}}, context={"count": 1}, by=rules(limits=Limits(list_items=most))
    )
    message = f"The lists of the variables hold 3 values; at most {most} are allowed. Use several operations."
    assert get_messages(response) == ([("OPERATION_TOO_LARGE", message)] if refused else [])


async def test_only_the_operation_that_is_run_is_measured() -> None:
    query = "query Small { count } query Large { book { similar { similar { title } } } }"
    assert (
        get_messages(await run(query, operation="Small", context={"count": 1}, by=rules(limits=Limits(depth=2)))) == []
    )


def exponential(levels: int) -> str:
    return (
        "{ book { ...F0 } } "
        + " ".join(
            f"fragment F{n} on Book {{ a{n}: similar {{ ...F{n + 1} }} b{n}: similar {{ ...F{n + 1} }} }}"
            for n in range(levels)
        )
        + f" fragment F{levels} on Book {{ title }}"
    )


def same_fragment_twice(levels: int) -> str:
    return (
        "{ book { ...F0 } } "
        + " ".join(f"fragment F{n} on Book {{ ...F{n + 1} ...F{n + 1} }}" for n in range(levels))
        + f" fragment F{levels} on Book {{ title }}"
    )


def every_fragment_in_every_other(count: int) -> str:
    return "{ book { ...F0 } } " + " ".join(
        f"fragment F{n} on Book {{ title {' '.join(f'...F{m}' for m in range(n + 1, count))} }}" for n in range(count)
    )


@pytest.mark.parametrize(
    "document",
    [
        exponential(15),
        exponential(100),
        same_fragment_twice(400),
        every_fragment_in_every_other(45),
        "{" + "book { title } " * 1_200 + "}",
        "{" + "search(first: 1) { similar { title } } " * 300 + "}",
        "{ book {"
        + " ".join(f"...F{n}" for n in range(400))
        + "} }"
        + " ".join(f"fragment F{n} on Book {{ title }}" for n in range(400)),
    ],
    ids=[
        "2^15 fields",
        "2^100 fields",
        "400 levels",
        "45 squared",
        "1200 times one field",
        "300 times one field with arguments",
        "400 fragments together",
    ],
)
async def test_an_exponential_document_is_refused_quickly(document: str) -> None:
    started = time.process_time()
    response = await run(document)
    assert time.process_time() - started < QUICK
    assert response.outcome is ResponseOutcome.REFUSED
    assert {code for code, _ in get_messages(response)} == {"OPERATION_TOO_LARGE"}
    assert {message for _, message in get_messages(response)} <= {
        MORE_FIELDS.format(2500),
        "The document repeats too many fields, or nests its fragments too deeply. Use several operations.",
    }


async def test_a_fragment_spread_twice_at_the_same_place_is_visited_once() -> None:
    started = time.process_time()
    assert get_messages(await run(same_fragment_twice(30))) == []
    assert time.process_time() - started < QUICK


async def test_a_large_valid_operation_runs() -> None:
    books = " ".join(
        f"a{n}: search(first: {n % 5}) {{ title by {{ name books {{ title by {{ name }} }} }} ...F }}"
        for n in range(100)
    )
    response = await run(f"{{ {books} }} fragment F on Book {{ title by {{ name }} }}")
    assert get_messages(response) == []


async def test_fields_of_one_name_must_be_mergeable() -> None:
    response = await run("{ a: search(first: 1) { title } a: search(first: 2) { title } }")
    assert get_messages(response) == [
        (
            "GRAPHQL_VALIDATION_FAILED",
            "Fields 'a' conflict because they have differing arguments. "  # noqa: ISC004 - one message
            "Use different aliases on the fields to fetch both if this was intentional.",
        )
    ]


def test_limits_are_frozen() -> None:
    limits: Any = Limits()
    with pytest.raises(AttributeError):
        limits.depth = 1_000
