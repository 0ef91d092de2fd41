"""graphql-core is the oracle: whatever is asked, and whatever goes wrong, a plan gives the same answer, at first sight
of a document, when little is compiled, and from then on.

500 operations here; 20,000 by `make test-long`.
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
from graphql import GraphQLSchema, StringValueNode, parse_value
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.batch import Agencies
from records.failures import AgencyMalformed, AgencyTimeout
from resolvers.complaints import Complaints
from resolvers.msmes import Msmes
from resolvers.population import Population
from resolvers.prices import Prices
from resolvers.regions import Regions
from resolvers.tax import Tax
from resolvers.wishes import SaidWishes
from schema.asking import Asking
from schema.build import build_schema, graphql_schema
from tests.engine.plan.both import Answer, at_first_sight, by_graphql_core, by_plan, differences
from tests.engine.plan.clock import VirtualLoop, virtual_loop
from tests.engine.plan.operations import Asked, operations
from tests.engine.plan.torture import POOLS, Torture, torture_schema
from tests.engine.plan.world import World
from tests.schema.asking import IDS
from tests.small_city import SmallCity
from tests.small_records import AYU, BUDI, CALL, CALLERS, GAMBIR, NOBODY, PRIVATE, PUBLIC, SITI

pytestmark = [
    # graphql-core leaves coroutines behind where it cancels what lies below a null that was passed on.
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

FEW, MANY = 150, 10_000
ANY_DELAY: tuple[float | None, ...] = (None, 0, 0, 1, 2)


@pytest.fixture(scope="module")
def loop() -> Iterator[VirtualLoop]:
    with virtual_loop() as made:
        yield made


@pytest.fixture(autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    """What graphql-core leaves behind is collected here, where it is expected, and not in somebody else's test."""
    yield
    gc.collect()


@cache
def torture() -> GraphQLSchema:
    return torture_schema()


@cache
def graph() -> GraphQLSchema:
    return graphql_schema(build_schema())


def some(examples: int) -> settings:
    return settings(
        max_examples=examples, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )


# The schema made to hurt.


@cache
def tortures() -> st.SearchStrategy[Asked]:
    return operations(torture(), scalars={"Even": st.sampled_from([parse_value("2"), parse_value("4")])}, pools=POOLS)


worlds = st.tuples(st.integers(0, 10**9), st.sampled_from(("all", "all", "some", "break")))


def check_torture(loop: VirtualLoop, asked: Asked, seed: int, may: str) -> None:
    for trouble in (0, 0.05, 0.3):
        for delays in ((1, 1, 2, 5), ANY_DELAY):
            first, here, there = (Torture(World(seed, trouble, delays), may) for _ in range(3))
            fresh = loop.run(at_first_sight(torture(), asked.text, asked.variables, first))
            plan = loop.run(by_plan(torture(), asked.text, asked.variables, here))
            oracle = loop.run(by_graphql_core(torture(), asked.text, asked.variables, there))
            assert differences(plan, oracle) == []
            assert differences(fresh, oracle) == []
            assert first.world.asked == here.world.asked
            assert here.world.changes == there.world.changes
            if "mutation" not in asked.text:
                assert twice_asked(here.world) == []
            if not oracle.propagated:  # below such a null graphql-core cancels what a plan may have asked already
                assert keys_asked(here.world) == keys_asked(there.world)
                if None not in delays and "mutation" not in asked.text:
                    # A step asks for all of its keys together: it may be later than a loader that goes on key by key,
                    # and miss a call of another step, but it never asks more than once.
                    assert calls(here.world) <= calls(there.world) | plan.steps


def calls(world: World) -> Counter[str]:
    return Counter(name for name, _, _ in world.asked)


def keys_asked(world: World) -> set[tuple[str, str, str]]:
    return {
        (name, str(facet), repr(key))
        for name, facets, keys in world.asked
        for key in keys
        for facet in facets or (None,)
    }


def twice_asked(world: World) -> list[Any]:
    counted = Counter(
        (name, facet, key) for name, facets, keys in world.asked for key in keys for facet in facets or (None,)
    )
    return [each for each, count in counted.items() if count > 1]


@some(FEW)
@given(asked=tortures(), world=worlds)
def test_a_plan_answers_as_graphql_core_whatever_goes_wrong(
    loop: VirtualLoop, asked: Asked, world: tuple[int, str]
) -> None:
    check_torture(loop, asked, *world)


@pytest.mark.long
@some(MANY)
@given(asked=tortures(), world=worlds)
def test_a_plan_answers_as_graphql_core_whatever_goes_wrong_for_long(
    loop: VirtualLoop, asked: Asked, world: tuple[int, str]
) -> None:
    check_torture(loop, asked, *world)


# The hub's own graph.


def texts(*values: str) -> st.SearchStrategy[StringValueNode]:
    return st.sampled_from([StringValueNode(value=value) for value in values])


@cache
def graph_operations() -> st.SearchStrategy[Asked]:
    ids = [f'"{IDS.seal(*each)}"' for each in (("Citizen", SITI), ("Complaint", PUBLIC), ("Region", "31.71"))]
    return operations(
        graph(),
        scalars={
            "NIK": texts(SITI, AYU, BUDI, NOBODY),
            "RegionCode": texts(GAMBIR, "31.71", "99"),
            "DateTime": texts("2026-11-01T00:00:00Z"),
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
    return Agencies(dict.fromkeys((Population, Msmes, Tax, Complaints, Prices, Regions, SaidWishes), Unhurried(city)))


class Unhurried:
    """The city's connectors, each question of which takes a second."""

    def __init__(self, city: SmallCity) -> None:
        self._city = city

    def __getattr__(self, question: str) -> Any:  # noqa: ANN401 - a connector's question
        async def asked(*given: Any) -> Any:  # noqa: ANN401 - whatever it is asked and answers
            await asyncio.sleep(1)
            return await getattr(self._city, question)(*given)

        return asked


def check_graph(loop: VirtualLoop, asked: Asked, caller: str, down: set[str], failing: dict[Any, Any]) -> None:
    city = SmallCity(down=down, failing=failing, ayu_born=date(2015, 7, 1))  # a child: Siti is her guardian
    first, here, there = (deepcopy(city) for _ in range(3))

    async def answered(city: SmallCity, way: Any) -> Answer:  # noqa: ANN401 - by a plan or by graphql-core
        asking = Asking(caller=CALLERS[caller], call=CALL, agencies=agencies_of(city), node_ids=IDS)
        try:
            answer: Answer = await way(graph(), asked.text, asked.variables, asking)
            return answer
        finally:
            await asking.close()

    fresh = loop.run(answered(first, at_first_sight))
    plan, oracle = loop.run(answered(here, by_plan)), loop.run(answered(there, by_graphql_core))
    assert differences(plan, oracle) == []
    assert differences(fresh, oracle) == []
    assert first.asked == here.asked
    if not oracle.propagated:
        assert asked_in(here) == asked_in(there)
        if "node" not in asked.text:  # one step over nodes asks for each type of node by itself
            assert len(here.asked) <= max(len(there.asked), plan.steps.total())


def asked_in(city: SmallCity) -> set[tuple[str, str, str]]:
    return {(agency, question, repr(key)) for agency, question, keys in city.asked for key in keys}


@some(FEW)
@given(asked=graph_operations(), city=cities)
def test_a_plan_answers_as_graphql_core_over_the_hubs_own_graph(
    loop: VirtualLoop, asked: Asked, city: tuple[str, set[str], dict[Any, Any]]
) -> None:
    check_graph(loop, asked, *city)


@pytest.mark.long
@some(MANY)
@given(asked=graph_operations(), city=cities)
def test_a_plan_answers_as_graphql_core_over_the_hubs_own_graph_for_long(
    loop: VirtualLoop, asked: Asked, city: tuple[str, set[str], dict[Any, Any]]
) -> None:
    check_graph(loop, asked, *city)
