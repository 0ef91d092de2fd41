"""Lists that lead to each other in a circle: a short query must not keep the hub busy nor fill its memory."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from auth.caller import ANONYMOUS
from connectors.regions import RegionTables
from engine.batch import Agencies
from engine.request import GraphQLRequest, GraphQLResponse
from engine.run import Engine
from resolvers.regions import Regions
from schema.asking import Asking
from tests.schema.asking import IDS, engine, without_plans
from tests.small_city import CALL

TABLES = RegionTables(Path(__file__).parents[2] / "data")
QUICK = 5.0
"""Seconds of processor time; without a bound each of these takes hours and more memory than there is."""


def circle(rounds: int) -> str:
    return '{ region(code: "13") { ' + "children { parent { " * rounds + "name" + " } }" * rounds + " } }"


def wide(fields: int) -> str:
    return "{ regions(first: 100) { " + " ".join(f"a{n}: children {{ name }}" for n in range(fields)) + " } }"


def one_name_under_many(names: int) -> str:
    many = " ".join(f"a{n}: name" for n in range(names))
    return "{ regions(first: 100, level: VILLAGE) { " + "parent { children { " * 2 + many + " } }" * 2 + " } }"


async def answered(by: Engine, query: str) -> GraphQLResponse:
    def opened() -> Asking:
        return Asking(caller=ANONYMOUS, call=CALL, agencies=Agencies({Regions: TABLES}), node_ids=IDS)

    return await by.run(GraphQLRequest(query=query), opened, request_id="r-1")


async def planned(query: str) -> GraphQLResponse:
    """From the second time on a document runs by its plan."""
    await answered(engine(), query)
    return await answered(engine(), query)


@pytest.mark.parametrize(
    ("query", "most"),
    [(circle(5), 20_000), (circle(9), 20_000), (wide(800), 2498), (one_name_under_many(1400), 2846)],
    ids=["5 rounds", "9 rounds", "800 lists", "1400 times a name"],
)
async def test_graphql_core_stops_reading_on(query: str, most: int) -> None:
    started = time.process_time()
    response = await answered(without_plans(), query)
    assert time.process_time() - started < QUICK
    assert response.data is None
    assert [(error["extensions"]["code"], error["message"]) for error in response.errors] == [
        ("OPERATION_TOO_LARGE", f"The answer would hold more than {most} records. Ask in several operations.")
    ]


@pytest.mark.parametrize(
    ("query", "most"),
    [
        (circle(5), "50000 objects"),
        (circle(9), "50000 objects"),
        (wide(800), "50000 objects"),
        (one_name_under_many(1400), "4000000 values"),
    ],
    ids=["5 rounds", "9 rounds", "800 lists", "1400 times a name"],
)
async def test_a_plan_does_not_write_the_answer_out(query: str, most: str) -> None:
    started = time.process_time()
    response = await planned(query)
    assert time.process_time() - started < QUICK
    assert response.data is None
    assert [(error["extensions"]["code"], error["message"]) for error in response.errors] == [
        ("OPERATION_TOO_LARGE", f"The answer would hold more than {most}. Ask in several operations.")
    ]


@pytest.mark.parametrize("query", [circle(2), wide(10)], ids=["2 rounds", "10 lists"])
async def test_what_is_not_too_large_is_answered_alike_by_both(query: str) -> None:
    by_graphql_core = await answered(without_plans(), query)
    by_plan = await planned(query)
    assert by_graphql_core.errors == by_plan.errors == []
    assert by_graphql_core.data == by_plan.data
