"""graphql-core is the oracle: for every operation and every failure, a plan gives the same answer, interpreted and
compiled.

200 operations here; 20,000 by `make test-long`.
"""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from datetime import date
from functools import cache
from typing import Any

import pytest
from graphql import GraphQLSchema, StringValueNode, parse, parse_value
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.agencies.bindings import Agencies
from records.calls.failures import AgencyMalformed, AgencyTimeout
from resolvers.complaints import Complaints
from resolvers.hub.data_preferences import PeoplePreferences
from resolvers.msmes import Msmes
from resolvers.population import Population
from resolvers.prices import Prices
from resolvers.regions import Regions
from resolvers.tax import Tax
from schema.builder import build_schema, get_graphql_schema
from schema.declarations.request_context import RequestContext
from tests.engine.graphql_core.generated_operations import GeneratedOperation, operations
from tests.engine.graphql_core.oracle_comparison import (
    ExecutionOutcome,
    by_graphql_core,
    by_plan,
    by_uncompiled_plan,
    find_differences,
)
from tests.engine.graphql_core.torture_schema import POOLS, Torture, torture_schema
from tests.engine.graphql_core.torture_world import TortureWorld
from tests.fakes.city import build_codes, build_policy
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import AYU, BUDI, CALL, CALLERS, GAMBIR, NOBODY, PRIVATE, PUBLIC, SITI
from tests.fakes.virtual_loop import VirtualLoop, virtual_loop
from tests.schema.requests import IDS
from tests.schema.silent_nulls import find_silent_nulls

pytestmark = [
    # graphql-core leaves coroutines behind if it cancels fields below a propagated null.
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

FEW, MANY = 60, 10_000
ANY_DELAY: tuple[float | None, ...] = (None, 0, 0, 1, 2)


@pytest.fixture(scope="module")
def loop() -> Iterator[VirtualLoop]:
    with virtual_loop() as made:
        yield made


@pytest.fixture(autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    """Collect what graphql-core leaves behind here, not in another test."""
    yield
    gc.collect()


@cache
def torture() -> GraphQLSchema:
    return torture_schema()


@cache
def graph() -> GraphQLSchema:
    return get_graphql_schema(build_schema(build_codes()))


def get_settings(examples: int) -> settings:
    return settings(
        max_examples=examples, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )


# The schema for hard cases.


def tortures() -> st.SearchStrategy[GeneratedOperation]:
    return operations(torture(), scalars={"Even": st.sampled_from([parse_value("2"), parse_value("4")])}, pools=POOLS)


worlds = st.tuples(st.integers(0, 10**9), st.sampled_from(("all", "all", "some", "break")))


def check_torture(loop: VirtualLoop, asked: GeneratedOperation, seed: int, may: str) -> None:
    for trouble in (0, 0.05, 0.3):
        for delays in ((1, 1, 2, 5), ANY_DELAY):
            first, here, there = (Torture(TortureWorld(seed, trouble, delays), may) for _ in range(3))
            fresh = loop.run(by_uncompiled_plan(torture(), asked.text, asked.variables, first))
            plan = loop.run(by_plan(torture(), asked.text, asked.variables, here))
            oracle = loop.run(by_graphql_core(torture(), asked.text, asked.variables, there))
            assert find_differences(plan, oracle) == []
            assert find_differences(fresh, oracle) == []
            assert first.world.asked == here.world.asked
            assert here.world.changes == there.world.changes
            if "mutation" not in asked.text:
                assert twice_asked(here.world) == []
            if not oracle.propagated:  # below a propagated null, graphql-core cancels calls that a plan may have made
                assert keys_asked(here.world) == keys_asked(there.world)
                if None not in delays and "mutation" not in asked.text:
                    # A step loads all its keys together. It may be later than a loader that continues key by key, and
                    # miss the call of another step, but it never makes more than one call.
                    assert calls(here.world) <= calls(there.world) | plan.steps


def calls(world: TortureWorld) -> Counter[str]:
    return Counter(name for name, _, _ in world.asked)


def keys_asked(world: TortureWorld) -> set[tuple[str, str, str]]:
    return {
        (name, str(facet), repr(key))
        for name, facets, keys in world.asked
        for key in keys
        for facet in facets or (None,)
    }


def twice_asked(world: TortureWorld) -> list[Any]:
    counted = Counter(
        (name, facet, key) for name, facets, keys in world.asked for key in keys for facet in facets or (None,)
    )
    return [each for each, count in counted.items() if count > 1]


@get_settings(FEW)
@given(asked=st.deferred(tortures), world=worlds)
def test_a_plan_answers_like_graphql_core_whatever_fails(
    loop: VirtualLoop, asked: GeneratedOperation, world: tuple[int, str]
) -> None:
    check_torture(loop, asked, *world)


@pytest.mark.long
@get_settings(MANY)
@given(asked=st.deferred(tortures), world=worlds)
def test_a_plan_answers_like_graphql_core_whatever_fails_for_long(
    loop: VirtualLoop, asked: GeneratedOperation, world: tuple[int, str]
) -> None:
    check_torture(loop, asked, *world)


# The hub's own schema.


def texts(*values: str) -> st.SearchStrategy[StringValueNode]:
    return st.sampled_from([StringValueNode(value=value) for value in values])


def graph_operations() -> st.SearchStrategy[GeneratedOperation]:
    ids = [f'"{IDS.seal(*each)}"' for each in (("Citizen", SITI), ("Complaint", PUBLIC), ("Region", "31.71"))]
    return operations(
        graph(),
        scalars={
            "NIK": texts(SITI, AYU, BUDI, NOBODY),
            "NIB": texts("9120001234567", "1234567890123"),
            "RegionCode": texts(GAMBIR, "31.71", "99"),
            "DateTime": texts("2026-11-01T00:00:00Z"),
            "Upload": texts("no file"),  # no literal is one, so validation refuses these operations
        },
        pools={
            "niks": [f'["{SITI}", "{NOBODY}", "{SITI}", "{BUDI}"]', f'["{AYU}"]', "[]"],
            "code": ['"31.71"', f'"{GAMBIR}"', '"no such code"'],
            "system": ["KEMENDAGRI", "BPS"],
            "first": ["1", "10", "0", "101"],
            "id": [*ids, '"not ours"', f'"{IDS.seal("Complaint", PRIVATE)}"'],
            "ids": [f"[{', '.join(ids)}]", f'[{ids[0]}, "not ours", {ids[0]}]'],
            "year": ["2026", "2025"],
            "month": ["1", "11", "13"],
            "after": ["null", '"no cursor"'],
        },
    )


AGENCIES = ("dukcapil", "jakpreneur", "pbb", "crm", "pangan")
cities = st.tuples(
    st.sampled_from(sorted(CALLERS)),
    st.sets(st.sampled_from(AGENCIES), max_size=2),
    st.dictionaries(
        st.sampled_from([SITI, AYU, "M-1", "3", "C-1", PUBLIC]),
        st.sampled_from([AgencyTimeout("one"), AgencyMalformed("other")]),
        max_size=2,
    ),
)


def agencies_of(city: SmallCity) -> Agencies:
    return Agencies(
        dict.fromkeys((Population, Msmes, Tax, Complaints, Prices, Regions, PeoplePreferences), ImmediateCity(city)),
        build_codes(),
    )


class ImmediateCity:
    """The city's connectors; each call takes a second."""

    def __init__(self, city: SmallCity) -> None:
        self._city = city

    def __getattr__(self, question: str) -> Any:  # noqa: ANN401 - a connector's question
        async def asked(*given: Any) -> Any:  # noqa: ANN401 - whatever it is asked and answers
            await asyncio.sleep(1)
            return await getattr(self._city, question)(*given)

        return asked


def check_graph(
    loop: VirtualLoop, asked: GeneratedOperation, caller: str, down: set[str], failing: dict[Any, Any]
) -> None:
    city = SmallCity(
        failing_agencies=down, failures=failing, ayu_born=date(2015, 7, 1)
    )  # a child: Siti is her guardian
    first, here, there = (deepcopy(city) for _ in range(3))

    async def answered(city: SmallCity, way: Any) -> ExecutionOutcome:  # noqa: ANN401 - by a plan or by graphql-core
        asking = RequestContext(
            policy=build_policy(), caller=CALLERS[caller], call=CALL, agencies=agencies_of(city), node_ids=IDS
        )
        try:
            answer: ExecutionOutcome = await way(graph(), asked.text, asked.variables, asking)
            return answer
        finally:
            await asking.close()

    fresh = loop.run(answered(first, by_uncompiled_plan))
    plan, oracle = loop.run(answered(here, by_plan)), loop.run(answered(there, by_graphql_core))
    assert find_differences(plan, oracle) == []
    assert find_differences(fresh, oracle) == []
    assert find_silent_nulls(graph(), parse(asked.text), plan.data, {path for path, _, _ in plan.error_summaries}) == []
    # Calls of one step end at the same time, in any order: the heap of the loop's timers keeps none.
    assert sorted(map(repr, first.calls)) == sorted(map(repr, here.calls))
    if not oracle.propagated:
        assert asked_in(here) == asked_in(there)
        if "node" not in asked.text:  # a step over nodes makes a call for each type of node
            assert len(here.calls) <= max(len(there.calls), plan.steps.total())


def asked_in(city: SmallCity) -> set[tuple[str, str, str]]:
    return {(agency, question, repr(key)) for agency, question, keys in city.calls for key in keys}


@get_settings(FEW)
@given(asked=st.deferred(graph_operations), city=cities)
def test_a_plan_answers_like_graphql_core_over_the_hubs_schema(
    loop: VirtualLoop, asked: GeneratedOperation, city: tuple[str, set[str], dict[Any, Any]]
) -> None:
    check_graph(loop, asked, *city)


@pytest.mark.long
@get_settings(MANY)
@given(asked=st.deferred(graph_operations), city=cities)
def test_a_plan_answers_like_graphql_core_over_the_hubs_schema_for_long(
    loop: VirtualLoop, asked: GeneratedOperation, city: tuple[str, set[str], dict[Any, Any]]
) -> None:
    check_graph(loop, asked, *city)
