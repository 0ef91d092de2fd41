"""Decisions that need a fact: its batch runs first and once, and refused records are not loaded."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from graphql import GraphQLSchema

from tests.engine.graphql_core.oracle_comparison import by_plan
from tests.engine.graphql_core.torture_schema import Torture, TortureRefusal, torture_schema
from tests.engine.graphql_core.torture_world import IDS, TortureWorld
from tests.fakes.virtual_loop import virtual_loop

SEED = 7


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return torture_schema()


def asked(
    schema: GraphQLSchema, query: str, may: str = "some", *, seed: int = SEED
) -> tuple[Any, list[Any], TortureWorld]:
    """The data, the errors, and the world with its calls."""
    world = TortureWorld(seed)
    with virtual_loop() as loop:
        answer = loop.run(by_plan(schema, query, {}, Torture(world, may)))
    return answer.data, list(answer.errors), world


def count_oaths(world: TortureWorld) -> set[str]:
    return {key for key in IDS if world.one("oaths", key) == "yes"}


def test_this_world_has_both_kinds_of_facts() -> None:
    assert set() < count_oaths(TortureWorld(SEED)) < set(IDS)


def test_a_fact_is_loaded_once_per_step_and_refused_records_are_not_loaded(
    schema: GraphQLSchema,
) -> None:
    data, errors, world = asked(schema, "{ people { id lieges { name } } }")
    passed = count_oaths(world)
    assert [(name, set(keys)) for name, _, keys in world.asked] == [
        ("people", set(IDS)),
        ("oaths", set(IDS)),
        ("firms", {world.one("people", key).firm_id or "1" for key in passed}),
    ]
    assert {each["id"] for each in data["people"] if each["lieges"] is None} == set(IDS) - passed
    assert {type(error.original_error) for error in errors} == {TortureRefusal}


def test_one_fact_serves_every_field_that_depends_on_it(schema: GraphQLSchema) -> None:
    _, _, world = asked(schema, "{ people { vow vowed vows { street } creed lieges { name } } }")
    assert sum(name == "oaths" for name, _, _ in world.asked) == 1


def test_decided_records_wait_for_the_others_so_one_step_is_one_call(schema: GraphQLSchema) -> None:
    _, _, world = asked(schema, "{ sworn { creed vows { place { id } } } }", seed=0)
    assert [keys for name, _, keys in world.asked if name == "oaths"] == [("3", "4", "5", "6"), ("1",)]
    counted = Counter(name for name, _, _ in world.asked)
    assert counted == {"oaths": 2, "people": 1, "facets": 1, "places": 1}


def test_each_of_several_keys_is_decided_separately_and_allowed_ones_share_a_call(
    schema: GraphQLSchema,
) -> None:
    data, _, world = asked(schema, "{ sworn { id } }")
    passed = (count_oaths(world) | {"1"}) - {"2"}
    assert [None if each is None else each["id"] for each in data["sworn"]] == [
        key if key in passed else None for key in IDS
    ]
    assert [(name, set(keys)) for name, _, keys in world.asked] == [
        ("oaths", set(IDS) - {"1", "2"}),
        ("people", passed),
    ]


def test_no_fact_is_loaded_if_no_decision_needs_one(schema: GraphQLSchema) -> None:
    _, errors, world = asked(schema, "{ people { id vow liege { id } } sworn { id } }", may="all")
    assert errors == []
    assert {name for name, _, _ in world.asked} == {"people"}
