"""Small documents that cause much work: each is refused with its code, and no agency is called.

The tests count the hub's work (fields of a plan, units of merging, calls). The limit of some seconds for an answer only
detects a stall.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from tests.journeys.hub import HubClient, HubResponse, RunningCity

TIMEOUT = 10
MAX_ANSWER_BYTES = 20_000
"""Maximum characters of a refusal."""
LARGE, PARSE, VALID = "OPERATION_TOO_LARGE", "GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED"


async def ask(
    hub: HubClient, query: str, variables: Mapping[str, Any] | None = None, caller: str | None = "siti"
) -> HubResponse:
    async with asyncio.timeout(TIMEOUT):
        return await hub.ask(query, variables, caller=caller)


def repeat_numbered(count: int, field: str) -> str:
    return " ".join(field.replace("#", str(number)) for number in range(count))


def fragments(count: int, inside: str, last: str, on: str = "Citizen") -> str:
    """Fragments that each contain the next one, in the form of `inside`."""
    held = (inside.replace("NEXT", f"...F{number + 1}") for number in range(count))
    each = " ".join(f"fragment F{number} on {on} {{ {text} }}" for number, text in enumerate(held))
    return f"{each} fragment F{count} on {on} {{ {last} }}"


HOUSE = "household { members { citizen { NEXT } } }"
MERGED = " ".join(f"a{n}: household {{ members {{ citizen {{ NEXT }} }} }}" for n in range(3))
EACH = "a#: me { b: name c: residence { address } d: accessLog { nodes { text fields sources reader } } }"
PACED = repeat_numbered(100, 'a#: prices(search: "#") { price }')
REFUSED: dict[str, tuple[str, str]] = {
    "aliases of a guarded field": (f"{{ {repeat_numbered(101, 'a#: me { nik }')} }}", LARGE),
    "aliases at a leaf": (f"{{ me {{ {repeat_numbered(101, 'a#: name')} }} }}", LARGE),
    "depth": ("{ me " + "{ household { members { citizen " * 8 + "{ nik }" + " } } }" * 8 + " }", LARGE),
    "depth by fragments": (f"{{ me {{ ...F0 }} }} {fragments(8, HOUSE, 'nik')}", LARGE),
    "tripling fragments under aliases": (f"{{ me {{ ...F0 }} }} {fragments(5, MERGED, 'nik')}", LARGE),
    "a cycle": ("{ me { ...A } } fragment A on Citizen { nik ...B } fragment B on Citizen { name ...A }", VALID),
    "a cycle through fields": (
        "{ me { ...A } } fragment A on Citizen { household { members { citizen { ...A } } } }",
        VALID,
    ),
    "a fragment of itself": ("{ me { ...A } } fragment A on Citizen { ...A }", VALID),
    "a hundred fragments in a ring": (
        "{ me { ...F0 } } " + " ".join(f"fragment F{n} on Citizen {{ ...F{(n + 1) % 100} }}" for n in range(100)),
        VALID,
    ),
    "fields in conflict, by the hundred": (
        "{ me { " + " ".join(f"x: accessLog(first: {n}) {{ nodes {{ at }} }}" for n in range(1, 100)) + " } }",
        VALID,
    ),
    "one field a thousand times": ("{ me { " + "household { members { name } } " * 600 + " } }", LARGE),
    "fields beyond all tokens": ("{ me { " + "name " * 5_000 + " } }", PARSE),
    "directives": ("{ me { name " + "@include(if: true) " * 400 + " } }", VALID),
    "unknown directives": ("{ me { name " + "@x " * 2_000 + " } }", VALID),
    "directives beyond all tokens": ("{ me { name " + "@x" * 100_000 + " } }", PARSE),
    "inline fragments beyond all nesting": ("{ me { " + "... { " * 2_000 + "nik" + " }" * 2_000 + " } }", PARSE),
    "nested lists": ("{ citizens(niks: " + "[" * 1_000 + "]" * 1_000 + ") { nik } }", PARSE),
    "nested objects": ("{ complaints(filter: " + "{a: " * 900 + "1" + "}" * 900 + ") { __typename } }", PARSE),
    "a wide list": ("{ nodes(ids: [" + '"x", ' * 2_200 + "]) { id } }", LARGE),
    "a wide enum list": (
        "{ complaints(filter: {statuses: [" + "WAITING, " * 2_200 + "]}) { nodes { number } } }",
        LARGE,
    ),
    "operations": (" ".join(f"query Q{n} {{ me {{ nik }} }}" for n in range(500)), "OPERATION_NOT_FOUND"),
    "unused fragments": (
        "{ me { nik } } " + " ".join(f"fragment F{n} on Citizen {{ nik }}" for n in range(500)),
        VALID,
    ),
    "unused variables": ("query (" + repeat_numbered(900, "$v#: Int") + ") { me { nik } }", VALID),
    "a name": ("{ " + "a" * 900_000 + " }", VALID),
    "a number": ("{ regions(first: " + "9" * 100_000 + ") { code } }", VALID),
    "exponents": ("{ regions(first: 1e999999999) { code } }", VALID),
    "unclosed brackets": ("{" * 100_000, PARSE),
    "introspection in a circle": (
        "{ __schema { types { " + "fields { type { " * 9 + "name" + " } }" * 9 + " } } }",
        VALID,
    ),
    "introspection under aliases": (
        "{ " + repeat_numbered(90, "a#: __schema { types { name fields { name } } }") + " }",
        VALID,
    ),
}
CHEAP: dict[str, tuple[str, dict[str, int]]] = {
    "aliases at every level": (f"{{ {repeat_numbered(60, EACH)} }}", {"dukcapil": 1}),
    "aliases of a paced agency's field": (f"{{ markets(first: 1) {{ {PACED} }} }}", {"pangan": 2}),
    "doubling fragments": (f"{{ me {{ ...F0 }} }} {fragments(30, 'NEXT NEXT', 'nik')}", {}),
    "inline fragments": ("{ me { " + "... on Citizen { " * 150 + "nik" + " }" * 150 + " } }", {}),
    "a block string": ('{ region(code: """' + "\n" * 200_000 + '""") { code } }', {}),
    "a comment": ("{ me { __typename } } #" + "x" * 900_000, {}),
    "escapes": ('{ region(code: "' + "\\u0041" * 100_000 + '") { code } }', {}),
}
"""Large documents that cause little work: their calls to agencies are those of a single field."""


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("caller", [None, "siti"])
async def test_a_small_document_with_much_work_is_refused_and_no_agency_is_called(
    wired: HubClient, city: RunningCity, name: str, caller: str | None
) -> None:
    query, code = REFUSED[name]
    city.reset_calls()
    answer = await ask(wired, query, caller=caller)
    assert "data" not in answer.body
    assert {found_code for _, found_code in answer.errors} == {code}
    assert len(str(answer.body)) < MAX_ANSWER_BYTES
    assert city.calls() == {}


@pytest.mark.parametrize("name", CHEAP)
async def test_a_large_document_with_little_work_causes_few_calls(
    wired: HubClient, city: RunningCity, name: str
) -> None:
    query, calls = CHEAP[name]
    city.reset_calls()
    answer = await ask(wired, query)
    assert answer.errors == []
    assert city.calls() == calls


WIDE: dict[str, dict[str, Any]] = {
    "a wide list": {"ids": ["x"] * 2_001},
    "a list in lists": {"ids": ["x"], "b": [[["x"] * 10] * 20] * 20},
    "many members": {"ids": ["x"], **{f"v{number}": [0] for number in range(2_001)}},
}


@pytest.mark.parametrize("name", WIDE)
async def test_wide_variables_are_refused_even_if_unused(wired: HubClient, city: RunningCity, name: str) -> None:
    city.reset_calls()
    answer = await ask(wired, "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", WIDE[name])
    assert (answer.data, answer.errors, city.calls()) == (None, [("", LARGE)], {})


async def test_deep_variables_are_refused_before_conversion(wired: HubClient, city: RunningCity) -> None:
    city.reset_calls()
    deep: Any = "x"
    for _ in range(70):
        deep = {"a": deep}
    answer = await ask(wired, "query ($f: ComplaintFilter) { complaints(filter: $f) { __typename } }", {"f": deep})
    assert (answer.status, answer.errors, city.calls()) == (400, [("", "BAD_REQUEST")], {})


async def test_a_wrong_value_at_a_thousand_places_gets_fifty_errors(wired: HubClient, city: RunningCity) -> None:
    city.reset_calls()
    answer = await ask(
        wired, "query ($n: [NIK!]!) { citizens(niks: $n) { name } }", {"n": ["x"] * 1_900}, caller="rina"
    )
    assert answer.data is None
    assert len(answer.errors) == 51
    assert city.calls() == {}
