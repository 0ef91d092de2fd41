"""Calls for authorization facts count in the cost of an operation."""

from __future__ import annotations

import pytest

from engine.document.limits import Limits, TooLarge
from engine.document.parsing import DocumentRules
from engine.engine import Engine
from engine.plan.cost import Cost
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
    assert cost.points == 102  # no points: whether the call is made depends on the caller


def test_calls_and_facts_together_stay_within_the_limit() -> None:
    with pytest.raises(TooLarge, match="about 2 calls to dukcapil; at most 1 are allowed"):
        within(1).explain(ONE)


@pytest.mark.parametrize(("fact_calls", "calls"), [({"dukcapil": 2}, {}), ({"dukcapil": 2}, {"crm": 1})])
def test_an_agency_that_only_facts_need_stays_within_its_limit(
    fact_calls: dict[str, int], calls: dict[str, int]
) -> None:
    cost = Cost(calls=calls, fact_calls=fact_calls)
    with pytest.raises(TooLarge, match="about 2 calls to dukcapil; at most 1 are allowed"):
        cost.require_within(Limits(calls=1))
    cost.require_within(Limits(calls=2))
    assert cost.points == 100 * len(calls)


def test_public_data_needs_no_fact() -> None:
    plan, cost = within(1).explain(GraphQLRequest(query="{ markets { name } }"))
    assert (plan.fact_batches, dict(cost.fact_calls)) == ((), {})
