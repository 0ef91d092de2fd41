"""Lists that lead to each other in a cycle: a short query must not overload the hub or fill its memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from auth.caller import ANONYMOUS
from connectors.regions import RegionTables
from engine.agencies.bindings import Agencies
from engine.document.limits import Limits
from engine.document.parsing import DocumentRules
from engine.engine import Engine
from engine.request import GraphQLRequest, GraphQLResponse, ResponseOutcome
from engine.run_request import RunRequest
from resolvers.regions import Regions
from schema.declarations.request_context import RequestContext
from tests.fakes.city import build_policy
from tests.fakes.small_records import CALL
from tests.schema.requests import IDS, build_engine, build_engine_without_plans, get_codes

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
    def opened() -> RequestContext:
        return RequestContext(
            policy=build_policy(), caller=ANONYMOUS, call=CALL, agencies=Agencies({Regions: TABLES}), node_ids=IDS
        )

    return await by.run(RunRequest(request=GraphQLRequest(query=query), context_factory=opened, request_id="r-1"))


ROUNDS_5 = "The answer would hold about 542906 objects; at most 50000 are allowed."
ROUNDS_9 = "The answer would hold about 100000000 or more objects; at most 50000 are allowed."
LISTS = "The answer would hold about 120101 objects; at most 50000 are allowed."
NAMES = "'regions.parent.children.parent.children' selects 'name' under 1400 names; at most 100 are allowed."


@pytest.mark.parametrize("by", [build_engine, build_engine_without_plans], ids=["plan", "graphql-core"])
@pytest.mark.parametrize(
    ("query", "says"),
    [
        (circle(5), f"{ROUNDS_5} Request shorter lists, or use several operations."),
        (circle(9), f"{ROUNDS_9} Request shorter lists, or use several operations."),
        (wide(100), f"{LISTS} Request shorter lists, or use several operations."),
        (one_name_under_many(1400), f"{NAMES} Use several operations."),
    ],
    ids=["5 rounds", "9 rounds", "100 lists", "1400 times a name"],
)
async def test_lists_that_multiply_are_refused_without_any_agency_call(
    by: Callable[[], Engine], query: str, says: str
) -> None:
    started = time.process_time()
    response = await answered(by(), query)
    assert time.process_time() - started < QUICK
    assert response.outcome is ResponseOutcome.REFUSED
    assert get_codes(response) == [("", "OPERATION_TOO_LARGE")]
    assert response.errors[0]["message"] == says


@pytest.mark.parametrize("plans", [True, False], ids=["plan", "graphql-core"])
@pytest.mark.parametrize(("most", "refused"), [(22_000, False), (5_000, True)])
async def test_an_answer_that_turns_out_too_large_is_abandoned(plans: bool, most: int, refused: bool) -> None:  # noqa: FBT001 - parameters of the table
    """A province of 19 regencies holds 14,479 objects, where regions of 12 would hold 3,769."""
    rules = DocumentRules(limits=Limits(objects=most), allow_introspection=False, allow_suggestions=False)
    response = await answered(Engine(build_engine().schema, rules, use_plans=plans), circle(3))
    if refused:
        assert response.data is None
        assert get_codes(response) == [("", "OPERATION_TOO_LARGE")]
        assert response.errors[0]["message"] == (
            f"The answer would hold more than {most} objects. Use several operations."
        )
    else:
        assert response.errors == []
        assert str(response.data).count("'name'") == 19**3


@pytest.mark.parametrize("query", [circle(2), wide(10)], ids=["2 rounds", "10 lists"])
async def test_an_answer_within_the_limit_is_the_same_by_plan_and_graphql_core(query: str) -> None:
    by_graphql_core = await answered(build_engine_without_plans(), query)
    by_plan = await answered(build_engine(), query)
    assert by_graphql_core.errors == by_plan.errors == []
    assert by_graphql_core.data == by_plan.data
