"""Decisions that take a fact: its batch runs first, once, and nobody is asked about what is refused."""

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
    """The data, the errors, and the world that was asked."""
    world = TortureWorld(seed)
    with virtual_loop() as loop:
        answer = loop.run(by_plan(schema, query, {}, Torture(world, may)))
    return answer.data, list(answer.errors), world


def count_oaths(world: TortureWorld) -> set[str]:
    return {key for key in IDS if world.one("oaths", key) == "yes"}


def test_there_are_both_kinds_of_fact_in_this_world() -> None:
    assert set() < count_oaths(TortureWorld(SEED)) < set(IDS)


def test_the_fact_is_asked_once_for_all_records_of_a_step_and_what_is_refused_is_not_asked_about(
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


def test_who_is_decided_about_already_waits_for_the_others_so_one_step_is_one_call(schema: GraphQLSchema) -> None:
    _, _, world = asked(schema, "{ sworn { creed vows { place { id } } } }", seed=0)
    assert [keys for name, _, keys in world.asked if name == "oaths"] == [("3", "4", "5", "6"), ("1",)]
    counted = Counter(name for name, _, _ in world.asked)
    assert counted == {"oaths": 2, "people": 1, "facets": 1, "places": 1}


def test_of_several_keys_each_is_decided_by_itself_and_those_that_pass_are_asked_for_together(
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


def test_where_nothing_depends_on_a_fact_none_is_asked_for(schema: GraphQLSchema) -> None:
    _, errors, world = asked(schema, "{ people { id vow liege { id } } sworn { id } }", may="all")
    assert errors == []
    assert {name for name, _, _ in world.asked} == {"people"}
