"""Whom a field of the root is about, where its key is more than a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, NamedTuple

import strawberry

from auth.rules import Rule
from engine.batch import batch
from engine.run import Engine
from records.answers import Answers
from records.identifiers import Nik
from resolvers.ask import Ask
from schema.build import finished, graphql_schema
from schema.fields import root
from tests.schema.asking import engine, reasons, run
from tests.small_city import SmallCity
from tests.small_records import BUDI, SITI

DONE: list[Nik] = []


class Wish(NamedTuple):
    """What somebody wants, for somebody."""

    person: Nik
    wish: str


@batch(agency=None)
async def granted(wishes: Sequence[Wish], ask: Ask) -> Answers[Wish, str]:  # noqa: ARG001 - a batch
    """What became of each."""
    DONE.extend(each.person for each in wishes)
    return {each: each.wish for each in wishes}


@strawberry.type(description="What is read.")
class Query:
    """Nothing."""

    @root(granted, answers=str | None, rule=Rule.PUBLIC)
    def nothing() -> Wish:
        """Nobody's."""
        return Wish(SITI, "none")


@strawberry.type(description="What changes.")
class Mutation:
    """Wishes."""

    @root(granted, answers=str | None, rule=Rule.SELF, subject=lambda key: key.person)
    def grant(person: Annotated[Nik, strawberry.argument(description="For whom.")]) -> Wish:
        """Grant a wish."""
        return Wish(person, "a garden")


def engines() -> tuple[Engine, Engine]:
    built = graphql_schema(finished(Query, mutation=Mutation))
    return Engine(built, engine().rules, plans=False, noting=True), Engine(built, engine().rules, noting=True)


async def test_the_person_inside_the_key_decides() -> None:
    DONE.clear()
    own = await run(f'mutation {{ grant(person: "{SITI}") }}', caller="the person", engines=engines(), city=SmallCity())
    assert (own.data, own.errors) == ({"grant": "a garden"}, [])
    assert set(DONE) == {SITI}
    assert [(each.subject, each.fields) for each in own.reads] == [(SITI, ("Mutation.grant",))]


async def test_nothing_is_changed_for_another() -> None:
    DONE.clear()
    query = f'mutation {{ grant(person: "{BUDI}") }}'
    other = await run(query, caller="the person", engines=engines(), city=SmallCity())
    assert other.data == {"grant": None}
    assert reasons(other) == [("grant", "NOT_YOURS")]
    assert DONE == []
