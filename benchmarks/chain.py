"""A world of one type that leads to itself, for answers of any depth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Protocol

import strawberry

from auth.rules import Rule
from engine.batch import batch
from records.answers import Answers
from records.call import Call
from records.description import Doc
from resolvers.ask import Ask
from schema.build import finished
from schema.fields import edge, root
from schema.publishing import publishes


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody with a friend."""

    id: Annotated[int, Doc("Number of the person.")]
    name: Annotated[str, Doc("Full name.")]
    friend_id: Annotated[int, Doc("The friend.")]


class People(Protocol):
    """The domain."""

    async def all_people(self, keys: Sequence[str], call: Call) -> Answers[str, Sequence[Person]]:
        """Everybody on the first level."""

    async def people(self, ids: Sequence[int], call: Call) -> Answers[int, Person]:
        """People by number."""


@batch(agency="people", absent=())
async def all_people(keys: Sequence[str], ask: Ask) -> Answers[str, Sequence[Person]]:
    """Everybody on the first level."""
    return await ask.agencies[People].all_people(keys, ask.call)


@batch(agency="people")
async def people(ids: Sequence[int], ask: Ask) -> Answers[int, Person]:
    """People by number."""
    return await ask.agencies[People].people(ids, ask.call)


@publishes(Person, rule=Rule.PUBLIC, shows=("id", "name"))
class PersonType:
    """A person in the graph."""

    friend: Annotated[PersonType, strawberry.lazy("benchmarks.chain")] | None = edge(
        people, by="friend_id", says="The friend."
    )


class QueryRoot:
    """The root."""

    @root(all_people, answers=list[PersonType] | None, rule=Rule.PUBLIC)
    def people() -> str:
        """Everybody on the first level."""
        return "all"


class InMemory:
    """Levels of people: the friend of number n of one level is number n of the next."""

    def __init__(self, per_level: int) -> None:
        """Make people as they are asked for the first time."""
        self._per_level = per_level
        self._known: dict[int, Person] = {}

    async def all_people(self, keys: Sequence[str], _call: Call) -> Answers[str, Sequence[Person]]:
        """Everybody on the first level."""
        everybody = tuple(self._person(number) for number in range(self._per_level))
        return dict.fromkeys(keys, everybody)

    async def people(self, ids: Sequence[int], _call: Call) -> Answers[int, Person]:
        """People by number."""
        return {number: self._person(number) for number in ids}

    def _person(self, number: int) -> Person:
        known = self._known.get(number)
        if known is None:
            known = Person(id=number, name=f"Warga {number}", friend_id=number + self._per_level)
            self._known[number] = known
        return known


def chain_schema() -> strawberry.Schema:
    """The finished schema, made anew."""
    members = {name: value for name, value in vars(QueryRoot).items() if name not in ("__dict__", "__weakref__")}
    return finished(strawberry.type(type("Query", (), members), description=QueryRoot.__doc__))


def chain_document(levels: int) -> str:
    """A query of so many levels of people."""
    inner = "id name"
    for _ in range(levels - 1):
        inner = f"id name friend {{ {inner} }}"
    return f"{{ people {{ {inner} }} }}"
