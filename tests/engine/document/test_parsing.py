"""Parsing and validation: the refusals and their messages."""

import time
from typing import Any

import pytest
from graphql import Source
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.document.limits import Limits
from engine.document.parsing import NO_SUBSCRIPTIONS, IndexedSource
from engine.document.refused_values import NUL_MESSAGE
from engine.request import ResponseOutcome
from tests.engine.library_schema import CARD, get_messages, rules, run

DEEP = 10_000
QUICK = 5.0
"""Seconds of processor time; each takes a few hundredths, or minutes if a count is exponential."""


async def test_a_syntax_error_has_a_location() -> None:
    response = await run("{ book { title }")
    assert response.outcome is ResponseOutcome.REFUSED
    assert list(response.errors) == [
        {
            "message": "Syntax Error: Expected Name, found <EOF>.",
            "locations": [{"line": 1, "column": 17}],
            "extensions": {"code": "GRAPHQL_PARSE_FAILED"},
        }
    ]
    assert response.data is None


@pytest.mark.parametrize(
    "document",
    [
        "{book" * DEEP,
        "{ book " + "{ by { books " * DEEP + "{ title }" + "} }" * DEEP + "}",
        "{ readers(cards: " + "[" * DEEP + "]" * DEEP + ") { name } }",
        "{ search(wanted: " + "{nested: " * DEEP + "null" + "}" * DEEP + ") { title } }",
        "query ($v: " + "[" * DEEP + "Int" + "]" * DEEP + ") { count }",
        "{ ... " * DEEP + "{count}" + "}" * DEEP,
    ],
    ids=["open braces", "fields", "list literal", "object literal", "list type", "inline fragments"],
)
async def test_a_document_nested_10_000_deep_is_a_syntax_error(document: str) -> None:
    started = time.process_time()
    [(code, message)] = get_messages(await run(document))
    assert code == "GRAPHQL_PARSE_FAILED"
    assert message.startswith("Syntax Error: ")
    assert time.process_time() - started < QUICK


async def test_variables_nested_10_000_deep_are_refused() -> None:
    value: object = CARD
    for _ in range(DEEP):
        value = [value]
    response = await run("query ($c: [Card!]!) { readers(cards: $c) { name } }", {"c": value})
    assert response.outcome is ResponseOutcome.REFUSED
    assert get_messages(response) == [
        (
            "OPERATION_TOO_LARGE",
            f"The lists of the variables hold {DEEP} values; at most 2000 are allowed. Use several operations.",
        )
    ]


async def test_variables_of_a_nested_input_10_000_deep_are_refused() -> None:
    value: object = None
    for _ in range(DEEP):
        value = {"nested": value}
    response = await run("query ($w: Wanted) { search(wanted: $w) { title } }", {"w": value})
    assert response.outcome is ResponseOutcome.REFUSED
    [(code, _)] = get_messages(response)
    assert code == "BAD_USER_INPUT"


async def test_a_document_with_too_many_tokens_is_refused() -> None:
    response = await run("{" + "count " * 20 + "}", by=rules(limits=Limits(tokens=20)))
    assert get_messages(response) == [
        ("GRAPHQL_PARSE_FAILED", "Syntax Error: Document contains more than 20 tokens. Parsing aborted.")
    ]


@pytest.mark.parametrize(
    ("hidden", "shown", "query"),
    [
        (
            "Cannot query field 'titel' on type 'Book'.",
            "Cannot query field 'titel' on type 'Book'. Did you mean 'title'?",
            "{ book { titel } }",
        ),
        (
            "Unknown argument 'car' on field 'Query.reader'.",
            "Unknown argument 'car' on field 'Query.reader'. Did you mean 'card'?",
            f'{{ reader(car: "{CARD}", card: "{CARD}") {{ name }} }}',
        ),
        (
            "Value 'HIG' does not exist in 'Shelf' enum.",
            "Value 'HIG' does not exist in 'Shelf' enum. Did you mean the enum value 'HIGH'?",
            "{ search(wanted: {shelf: HIG}) { title } }",
        ),
        (
            "Expected value of type 'Wanted' not to include unknown field 'card', found: { card: 1 }.",
            (
                "Expected value of type 'Wanted' not to include unknown field 'card'. Did you mean 'cards'?"
                " Found: { card: 1 }."
            ),
            "{ search(wanted: {card: 1}) { title } }",
        ),
        (
            "Unknown argument 'fro' on directive '@kept'.",
            "Unknown argument 'fro' on directive '@kept'. Did you mean 'for'?",
            f'{{ count @kept(fro: "{CARD}") }}',
        ),
        (
            "Unknown type 'Boook'.",
            "Unknown type 'Boook'. Did you mean 'Book'?",
            "{ book { ... on Boook { title } } }",
        ),
    ],
)
async def test_names_are_suggested_only_if_the_rules_allow_it(hidden: str, shown: str, query: str) -> None:
    assert get_messages(await run(query)) == [("GRAPHQL_VALIDATION_FAILED", hidden)]
    assert get_messages(await run(query, by=rules(allow_suggestions=True))) == [("GRAPHQL_VALIDATION_FAILED", shown)]


@pytest.mark.parametrize(
    ("value", "proposal"),
    [
        ({"shelf": "HIG"}, "Did you mean the enum value 'HIGH'?"),
        ({"shelv": "HIGH"}, "Did you mean 'shelf'?"),
        ({"nested": {"nested": {"card": []}}}, "Did you mean 'cards'?"),
    ],
)
async def test_names_are_not_suggested_for_variables_either(value: object, proposal: str) -> None:
    query = "query ($s: Wanted) { search(wanted: $s) { title } }"
    [(code, hidden)] = get_messages(await run(query, {"s": value}))
    [(_, shown)] = get_messages(await run(query, {"s": value}, by=rules(allow_suggestions=True)))
    assert code == "BAD_USER_INPUT"
    assert "Did you mean" not in hidden
    assert proposal in shown


async def test_introspection_is_refused_unless_the_rules_allow_it() -> None:
    query = "{ __schema { types { name } } }"
    refused = await run(query)
    assert refused.outcome is ResponseOutcome.REFUSED
    assert get_messages(refused)[0] == (
        "GRAPHQL_VALIDATION_FAILED",
        "GraphQL introspection has been disabled, but the requested query contained the field '__schema'.",
    )
    assert (await run(query, by=rules(introspection=True))).errors == []


async def test_a_type_can_be_named_with_introspection_off() -> None:
    response = await run("{ __typename }")
    assert response.data == {"__typename": "Query"}


DOES_NOT_FIT = "The document does not fit the graph, which this hub hides. Check it against the published schema."


@pytest.mark.parametrize(
    "queries",
    [
        ("{ book }", "{ bock }"),
        ("{ count { x } }", "{ coumt { x } }"),
        ("{ book { titel } }", "{ book { title { x } } }"),
        ("{ reader { name } }", "{ raeder { name } }"),
        ("{ search(wanted: {shelf: HIG}) { title } }", "{ search(wamted: {shelf: HIGH}) { title } }"),
        ("{ book { ... on Boook { title } } }", "{ book { ... on Reader { name } } }"),
        ("query ($a: Shelf) { count(a: $a) }", "query ($a: Shlef) { count(a: $a) }"),
    ],
)
async def test_with_a_hidden_schema_an_invalid_document_gets_no_details(queries: tuple[str, ...]) -> None:
    for query in queries:
        response = await run(query, by=rules(names=False))
        assert get_messages(response) == [("GRAPHQL_VALIDATION_FAILED", DOES_NOT_FIT)]
        assert response.errors[0]["locations"]


async def test_with_a_hidden_schema_errors_independent_of_it_are_shown() -> None:
    response = await run("query ($a: Int) { nothing }", by=rules(names=False))
    assert get_messages(response) == [("GRAPHQL_VALIDATION_FAILED", "Variable '$a' is never used.")]


async def test_with_a_hidden_schema_a_refused_value_is_shown() -> None:
    assert get_messages(await run('{ reader(card: "1") { name } }', by=rules(names=False))) == get_messages(
        await run('{ reader(card: "1") { name } }')
    )


async def test_equal_errors_are_merged_with_all_their_locations() -> None:
    response = await run("{ count @aa @aa @aa }")
    assert get_messages(response) == [("GRAPHQL_VALIDATION_FAILED", "Unknown directive '@aa'.")]
    assert [place["column"] for place in response.errors[0]["locations"]] == [9, 13, 17]


async def test_at_most_20_validation_errors_are_listed() -> None:
    response = await run("{" + " ".join(f"no{n}" for n in range(100)) + "}")
    assert len(response.errors) == 21
    assert get_messages(response)[20][1] == "Too many validation errors, error limit reached. Validation aborted."


@pytest.mark.parametrize(
    ("document", "name", "message"),
    [
        ("fragment F on Book { title }", None, "The document holds no operation; add a query."),
        (
            "query A { count } query B { count }",
            None,
            "The document holds 2 operations; name one of them in 'operationName'.",
        ),
        ("query A { count } query B { count }", "C", "The document holds no operation 'C'; it holds: A, B."),
        ("{ count }", "A", "The document holds no operation 'A'; it holds: (unnamed)."),
        ("query A { count }", CARD, "The document holds no operation '[number]'; it holds: A."),
        ("query A { count }", "x" * 5_000, f"The document holds no operation '{'x' * 100}'; it holds: A."),
    ],
)
async def test_a_missing_operation_is_named(document: str, name: str | None, message: str) -> None:
    response = await run(document, operation=name)
    assert response.outcome is ResponseOutcome.REFUSED
    assert get_messages(response) == [("OPERATION_NOT_FOUND", message)]


async def test_the_named_operation_is_run() -> None:
    response = await run("query A { a: count } query B { b: count }", operation="B", context={"count": 7})
    assert response.data == {"b": 7}


async def test_only_queries_run_with_queries_only() -> None:
    response = await run(f'mutation {{ lend(card: "{CARD}") {{ title }} }}', queries_only=True)
    assert response.outcome is ResponseOutcome.NOT_A_QUERY
    assert get_messages(response) == [
        ("METHOD_NOT_ALLOWED", "A mutation cannot be run by this method; send it as POST.")
    ]


async def test_with_queries_only_a_query_runs_even_next_to_a_mutation() -> None:
    document = f'query A {{ count }} mutation B {{ lend(card: "{CARD}") {{ title }} }}'
    response = await run(document, operation="A", queries_only=True, context={"count": 1})
    assert (response.outcome, response.data) == (ResponseOutcome.ANSWERED, {"count": 1})


@pytest.mark.parametrize("text", ["{ lent { title } }", "{ nothingOfTheGraph }", "A($a: Int) { lent { title } }"])
@pytest.mark.parametrize("queries_only", [False, True])
async def test_a_subscription_is_refused_before_all_other_checks(text: str, *, queries_only: bool) -> None:
    response = await run(f"subscription {text}", queries_only=queries_only)
    assert response.outcome is (ResponseOutcome.NOT_A_QUERY if queries_only else ResponseOutcome.REFUSED)
    assert get_messages(response) == [("METHOD_NOT_ALLOWED", NO_SUBSCRIPTIONS)]


async def test_a_fragment_that_spreads_itself_is_refused() -> None:
    response = await run("{ book { ...A } } fragment A on Book { ...B } fragment B on Book { similar { ...A } }")
    assert get_messages(response) == [
        ("GRAPHQL_VALIDATION_FAILED", "Cannot spread fragment 'A' within itself via 'B'.")
    ]


@settings(derandomize=True)
@given(st.text("ab\n\r\f\u2028", max_size=12), st.integers(0, 14))
def test_a_location_is_the_same_as_from_graphql_core(text: str, position: int) -> None:
    assert IndexedSource(text).get_location(position) == Source(text).get_location(position)


def test_locations_of_many_errors_are_found_quickly() -> None:
    source = IndexedSource("\n" * 500_000 + "{ count }")
    started = time.process_time()
    places = {source.get_location(500_002 - number % 2) for number in range(40_000)}
    assert places == {(500_001, 3), (500_001, 2)}
    assert time.process_time() - started < QUICK


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ('{ say(text: "a\\u0000b") }', "Argument 'text' of 'say'"),
        ('{ say(text: "a\\u{0}b") }', "Argument 'text' of 'say'"),
        ('{ say(inside: {words: ["a", "\\u0000"]}) }', "Argument 'inside' of 'say'"),
        ('query ($t: String = "\\u0000") { say(text: $t) }', "Argument 'text' of 'say'"),
    ],
)
async def test_a_nul_in_a_literal_is_named(query: str, says: str) -> None:
    response = await run(query)
    assert response.outcome is ResponseOutcome.REFUSED
    assert get_messages(response) == [("BAD_USER_INPUT", f"{says}: {NUL_MESSAGE}")]


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({"t": "a\0"}, "$t"),
        ({"i": {"words": ["a", "b", "\0"]}}, "$i.words[2]"),
        ({"t": "a", "i": {"text": "\0", "words": []}}, "$i.text"),
    ],
)
async def test_a_nul_in_a_variable_is_named_with_its_path(given: dict[str, Any], place: str) -> None:
    response = await run("query ($t: String, $i: Said) { say(text: $t, inside: $i) }", variables=given)
    assert response.outcome is ResponseOutcome.REFUSED
    assert get_messages(response) == [("BAD_USER_INPUT", f"Variable '{place}': {NUL_MESSAGE}")]


async def test_a_text_that_only_looks_like_a_nul_is_accepted() -> None:
    response = await run(
        "query ($t: String, $i: Said) { say(text: $t, inside: $i) }",
        variables={"t": "\\u0000", "i": {"words": ["0", "%00"]}},
        context={"say": lambda text, inside: len(text) + len(inside["words"])},
    )
    assert response.data == {"say": 8}
