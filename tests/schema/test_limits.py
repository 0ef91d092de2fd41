"""Operations over a limit are refused before any agency call, by plans and by graphql-core alike."""

from __future__ import annotations

import time
from functools import cache

import pytest
from graphql import get_introspection_query

from engine.document.limits import Limits
from engine.document.parsing import DocumentRules
from engine.engine import Engine
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import SITI
from tests.schema.requests import IDS, build_engine, get_codes, run

LESS = "Request less in one operation."
SHORTER = "Request shorter lists, or use several operations."
SEVERAL = "Use several operations."


@cache
def engines() -> tuple[Engine, Engine]:
    """By graphql-core and by plans, with the price service paced as it is."""
    rules = DocumentRules(
        limits=Limits(calls_by_agency={"pangan": 23}), allow_introspection=True, allow_suggestions=False
    )
    return Engine(build_engine().schema, rules, use_plans=False), Engine(build_engine().schema, rules)


def months(field: str, count: int) -> str:
    return " ".join(
        f"m{n}: {field}(year: {2024 + n // 12}, month: {n % 12 + 1}) {{ averagePrice }}" for n in range(count)
    )


def aliases(count: int, field: str) -> str:
    return " ".join(f"a{n}: {field}" for n in range(count))


def numbered(count: int, field: str) -> str:
    return " ".join(f"a{n}: {field.replace('#', str(n + 1))}" for n in range(count))


def ids(count: int) -> str:
    return "[" + ", ".join(f'"{IDS.seal("Region", "31.71")}"' for _ in range(count)) + "]"


CITIZENS = "[" + ", ".join(f'"{SITI}"' for _ in range(50)) + "]"
FAMILY = "household { members { citizen { taxObjects { nop } } } }"


@pytest.mark.parametrize(
    ("query", "says"),
    [
        (f'{{ commodities(search: "Cabe") {{ {months("trend", 22)} }} }}', None),
        (
            f'{{ commodities(search: "Cabe") {{ {months("trend", 24)} }} }}',
            f"The operation would take about 25 calls to pangan; at most 23 are allowed. {LESS}",
        ),
        (
            f"{{ commodities {{ {months('trend', 2)} }} }}",
            f"The operation would take about 41 calls to pangan; at most 23 are allowed. {LESS}",
        ),
        ("{ markets(first: 22) { prices { price } } }", None),
        (
            "{ markets(first: 23) { prices { price } } }",
            f"The operation would take about 24 calls to pangan; at most 23 are allowed. {LESS}",
        ),
        (f"{{ {numbered(100, 'complaints(first: #) { nodes { number } }')} }}", None),
        (
            f"{{ {numbered(300, 'complaints(first: 1) { nodes { number } }')} }}",
            f"The query selects 'complaints' under 300 names; at most 100 are allowed. {SEVERAL}",
        ),
        (f"{{ {aliases(2, f'nodes(ids: {ids(100)}) {{ id }}')} }}", None),
        (
            f"{{ {aliases(3, f'nodes(ids: {ids(100)}) {{ id }}')} }}",  # all of them may be taxed objects
            f"The operation would take about 300 calls to pembayaran; at most 200 are allowed. {LESS}",
        ),
        (
            f"{{ {aliases(20, f'nodes(ids: {ids(100)}) {{ id }}')} nodes(ids: {ids(1)}) {{ id }} }}",
            f"The lists of the arguments hold 2001 values; at most 2000 are allowed. {SEVERAL}",
        ),
        (f"{{ citizens(niks: {CITIZENS}) {{ taxObjects {{ nop }} }} }}", None),
        (
            f"{{ citizens(niks: {CITIZENS}) {{ taxObjects {{ nop }} {FAMILY} }} }}",
            f"The operation would take about 300 calls to pbb; at most 200 are allowed. {LESS}",
        ),
        (
            '{ region(code: "31") { children { children { children { children { children { name } } } } } } }',
            f"The answer would hold about 271454 objects; at most 50000 are allowed. {SHORTER}",
        ),
    ],
    ids=[
        "22 trends",
        "24 trends",
        "2 trends of all",
        "22 markets",
        "23 markets",
        "100 pages",
        "300 pages",
        "200 nodes",
        "300 nodes",
        "2001 nodes",
        "50 citizens",
        "50 families",
        "5 levels of regions",
    ],
)
async def test_an_operation_over_a_limit_is_refused_without_any_agency_call(query: str, says: str | None) -> None:
    city = SmallCity()
    response = await run(query, city=city, engines=engines())
    if says is None:
        assert get_codes(response) == []
    else:
        assert [error["message"] for error in response.errors] == [says]
        assert get_codes(response) == [("", "OPERATION_TOO_LARGE")]
        assert response.data is None
        assert city.calls == []


NIKS = "query ($niks: [NIK!]!) { a: citizens(niks: $niks) { name } b: citizens(niks: $niks) { name } }"


@pytest.mark.parametrize(
    ("count", "says"),
    [
        (100, None),
        (1001, f"The lists of the arguments hold 2002 values; at most 2000 are allowed. {SEVERAL}"),
        (2001, f"The lists of the variables hold 2001 values; at most 2000 are allowed. {SEVERAL}"),
    ],
)
async def test_lists_in_variables_count_at_every_use(count: int, says: str | None) -> None:
    city = SmallCity()
    response = await run(NIKS, {"niks": [SITI] * count}, city=city)
    assert [error["message"] for error in response.errors] == ([] if says is None else [says])
    assert (city.calls == []) is (says is not None)


async def test_half_a_megabyte_of_values_is_refused_quickly() -> None:
    started = time.process_time()
    response = await run(NIKS, {"niks": ["1"] * 200_000})
    assert get_codes(response) == [("", "OPERATION_TOO_LARGE")]
    assert time.process_time() - started < 2


async def test_introspection_beside_other_fields_does_not_lift_limits() -> None:
    city = SmallCity()
    for beside in ("__schema { description }", "__typename"):
        response = await run(
            f'{{ {beside} commodities(search: "Cabe") {{ {months("trend", 24)} }} }}', city=city, engines=engines()
        )
        assert get_codes(response) == [("", "OPERATION_TOO_LARGE")]
        assert city.calls == []


async def test_a_null_condition_does_not_lift_limits() -> None:
    city = SmallCity()
    query = (
        f'query ($c: Boolean = true) {{ commodities(search: "Cabe") {{ {months("trend", 24)} name @skip(if: $c) }} }}'
    )
    response = await run(query, {"c": None}, city=city, engines=engines())
    assert get_codes(response) == [("", "OPERATION_TOO_LARGE")]
    assert city.calls == []


async def test_skipped_fields_cost_nothing() -> None:
    included = f"... @include(if: $c) {{ {months('trend', 24)} }}"
    query = f'query ($c: Boolean!) {{ commodities(search: "Cabe") {{ name {included} }} }}'
    assert get_codes(await run(query, {"c": False}, engines=engines())) == []
    assert get_codes(await run(query, {"c": True}, engines=engines())) == [("", "OPERATION_TOO_LARGE")]


async def test_more_conditions_than_cached_plans_give_the_same_answers() -> None:
    declared = ", ".join(f"$c{n}: Boolean!" for n in range(9))
    query = f"query ({declared}) {{ me {{ {' '.join(f'n{n}: nik @include(if: $c{n})' for n in range(9))} }} }}"
    response = await run(query, {f"c{n}": n % 2 == 0 for n in range(9)}, caller="the person")
    assert response.data == {"me": {f"n{n}": SITI for n in range(0, 9, 2)}}


async def test_introspection_queries_of_tools_are_answered() -> None:
    query = get_introspection_query(descriptions=True, input_value_deprecation=True, schema_description=True)
    response = await run(query, engines=engines())
    assert get_codes(response) == []
    many = " ".join(f"a{n}: __schema {{ types {{ fields {{ args {{ name }} }} }} }}" for n in range(100))
    assert get_codes(await run(f"{{ {many} }}", engines=engines())) == [("", "OPERATION_TOO_LARGE")]
