"""Calls for authorization facts count in the cost of an operation."""

from __future__ import annotations

import pytest

from engine.document.limits import Limits, TooLarge
from engine.document.parsing import DocumentRules
from engine.engine import Engine
from engine.request import GraphQLRequest
from tests.fakes.small_records import SITI
from tests.schema.requests import build_engine

ONE = GraphQLRequest(query=f'{{ citizen(nik: "{SITI}") {{ nik }} }}')


def within(calls: int) -> Engine:
    return Engine(
        build_engine().schema,
        DocumentRules(limits=Limits(calls=calls), allow_introspection=False, allow_suggestions=False),
    )


def test_the_family_card_for_guardianship_counts_as_a_call() -> None:
    _, cost = within(2).explain(ONE)
    assert (dict(cost.calls), dict(cost.fact_calls)) == ({"dukcapil": 1}, {"dukcapil": 1})
    assert cost.points == 102  # it is no part of what a client is charged: it is asked for some callers only


def test_calls_and_facts_together_stay_within_the_limit() -> None:
    with pytest.raises(TooLarge, match="about 2 calls to dukcapil; at most 1 are allowed"):
        within(1).explain(ONE)


def test_public_data_needs_no_fact() -> None:
    plan, cost = within(1).explain(GraphQLRequest(query="{ markets { name } }"))
    assert (plan.fact_batches, dict(cost.fact_calls)) == ((), {})
