"""Fields of a mutation run serially, and none sees values that were loaded before an earlier one."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import strawberry

from auth.caller import ANONYMOUS
from auth.policy.rules import Rule
from engine.agencies.bindings import Agencies
from engine.batch import batch
from engine.engine import Engine
from engine.request import GraphQLRequest
from engine.run_request import RunRequest
from records.calls.answers import Answers
from resolvers.batch_context import HubBatchContext
from schema.builder import get_graphql_schema
from schema.declarations.fields import root
from schema.declarations.request_context import RequestContext
from tests.fakes.city import build_policy
from tests.fakes.small_records import CALL
from tests.schema.requests import IDS, build_engine

ASKED: list[str] = []


@batch(domain=Sequence)
async def counts(keys: Sequence[str], context: HubBatchContext) -> Answers[str, int]:  # noqa: ARG001 - a batch
    """How often it was called so far."""
    ASKED.extend(keys)
    return dict.fromkeys(keys, len(ASKED))


@strawberry.type(name="Query")
class CounterQuery:
    """Nothing changes here."""

    @root(counts, returns=int | None, rule=Rule.PUBLIC)
    def count() -> str:
        """The count."""
        return "one"


@strawberry.type(name="Mutation")
class CounterMutation:
    """What changes."""

    @root(counts, returns=int | None, rule=Rule.PUBLIC)
    def add() -> str:
        """The count, after it was asked again."""
        return "one"


@pytest.mark.parametrize("plans", [True, False])
@pytest.mark.parametrize(("kind", "field", "found"), [("query", "count", [1, 1]), ("mutation", "add", [1, 2])])
async def test_a_mutation_is_visible_to_the_next_field(plans: bool, kind: str, field: str, found: list[int]) -> None:  # noqa: FBT001 - a parameter of the table
    ASKED.clear()
    built = get_graphql_schema(strawberry.Schema(query=CounterQuery, mutation=CounterMutation))
    asking = RequestContext(policy=build_policy(), caller=ANONYMOUS, call=CALL, agencies=Agencies({}), node_ids=IDS)
    by = Engine(built, build_engine().rules, use_plans=plans)
    response = await by.run(
        RunRequest(
            request=GraphQLRequest(query=f"{kind} {{ a: {field} b: {field} }}"),
            context_factory=lambda: asking,
            request_id="r-1",
        )
    )
    assert response.data == dict(zip("ab", found, strict=True))
