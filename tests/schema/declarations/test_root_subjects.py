"""The subject of a root field whose key is more than a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, NamedTuple

import strawberry

from auth.policy.rules import Rule
from engine.batch import batch
from engine.engine import Engine
from engine.run_request import RunReporting
from records.calls.answers import Answers
from records.identifiers import Nik
from resolvers.batch_context import HubBatchContext
from schema.builder import finish_schema, get_graphql_schema
from schema.declarations.fields import root
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import BUDI, SITI
from tests.schema.requests import build_engine, get_reasons, run

DONE: list[Nik] = []


class GrantKey(NamedTuple):
    """A wish for a person."""

    person: Nik
    wish: str


@batch(domain=None)
async def grants(wishes: Sequence[GrantKey], context: HubBatchContext) -> Answers[GrantKey, str]:  # noqa: ARG001 - a batch
    """The result of each."""
    DONE.extend(each.person for each in wishes)
    return {each: each.wish for each in wishes}


@strawberry.type(name="Query", description="What is read.")
class WishQuery:
    """Nothing."""

    @root(grants, returns=str | None, rule=Rule.PUBLIC)
    def nothing() -> GrantKey:
        """No person's."""
        return GrantKey(SITI, "none")


@strawberry.type(name="Mutation", description="What changes.")
class WishMutation:
    """Wishes."""

    @root(grants, returns=str | None, rule=Rule.SELF, subject=lambda key: key.person)
    def grant(person: Annotated[Nik, strawberry.argument(description="The recipient.")]) -> GrantKey:
        """Grant a wish."""
        return GrantKey(person, "a garden")


def engines() -> tuple[Engine, Engine]:
    built = get_graphql_schema(finish_schema(WishQuery, mutation=WishMutation))
    return Engine(built, build_engine().rules, use_plans=False, reporting=RunReporting(track_reads=True)), Engine(
        built, build_engine().rules, reporting=RunReporting(track_reads=True)
    )


async def test_the_person_inside_the_key_decides() -> None:
    DONE.clear()
    own = await run(f'mutation {{ grant(person: "{SITI}") }}', caller="the person", engines=engines(), city=SmallCity())
    assert (own.data, own.errors) == ({"grant": "a garden"}, [])
    assert set(DONE) == {SITI}
    assert [(each.subject, each.fields) for each in own.reads] == [(SITI, ("Mutation.grant",))]


async def test_a_mutation_for_another_person_changes_nothing() -> None:
    DONE.clear()
    query = f'mutation {{ grant(person: "{BUDI}") }}'
    other = await run(query, caller="the person", engines=engines(), city=SmallCity())
    assert other.data == {"grant": None}
    assert get_reasons(other) == [("grant", "NOT_YOURS")]
    assert DONE == []
