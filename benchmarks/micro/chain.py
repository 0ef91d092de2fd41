"""A sample graph with one type that refers to itself, for answers of any depth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Protocol

import strawberry

from auth.policy.rules import Rule
from engine.batch import forward
from records.calls.answers import Answers
from records.calls.call import Call
from records.description import Doc
from schema.builder import finish_schema
from schema.declarations.fields import edge, root
from schema.declarations.publishing import publishes


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A person with a friend."""

    id: Annotated[int, Doc("Number of the person.")]
    name: Annotated[str, Doc("Full name.")]
    friend_id: Annotated[int, Doc("The friend.")]


class ChainPeople(Protocol):
    """The domain."""

    async def all_people(self, keys: Sequence[str], call: Call) -> Answers[str, Sequence[Person]]:
        """All people of the first level."""

    async def people(self, ids: Sequence[int], call: Call) -> Answers[int, Person]:
        """People by number."""


all_people = forward(ChainPeople, ChainPeople.all_people, absent=())
people = forward(ChainPeople, ChainPeople.people)


@publishes(Person, rule=Rule.PUBLIC, shows=("id", "name"))
class PersonType:
    """A person in the graph."""

    friend: Annotated[PersonType, strawberry.lazy("benchmarks.micro.chain")] | None = edge(
        people, key="friend_id", description="The friend."
    )


class ChainQueryRoot:
    """The root."""

    @root(all_people, returns=list[PersonType] | None, rule=Rule.PUBLIC)
    def people() -> str:
        """All people of the first level."""
        return "all"


class ChainInMemory:
    """Levels of people: person n of a level is a friend of person n of the next."""

    def __init__(self, per_level: int) -> None:
        """People are created at their first use."""
        self._per_level = per_level
        self._known: dict[int, Person] = {}

    async def all_people(self, keys: Sequence[str], _call: Call) -> Answers[str, Sequence[Person]]:
        """All people of the first level."""
        people = tuple(self._person(number) for number in range(self._per_level))
        return dict.fromkeys(keys, people)

    async def people(self, ids: Sequence[int], _call: Call) -> Answers[int, Person]:
        """People by number."""
        return {number: self._person(number) for number in ids}

    def _person(self, number: int) -> Person:
        known = self._known.get(number)
        if known is None:
            known = Person(id=number, name=f"Warga {number}", friend_id=number + self._per_level)
            self._known[number] = known
        return known


def build_chain_schema() -> strawberry.Schema:
    """Build a new, finished schema."""
    members = {name: value for name, value in vars(ChainQueryRoot).items() if name not in ("__dict__", "__weakref__")}
    return finish_schema(strawberry.type(type("Query", (), members), description=ChainQueryRoot.__doc__))


def build_chain_document(levels: int) -> str:
    """Build a query with this number of levels of people."""
    inner = "id name"
    for _ in range(levels - 1):
        inner = f"id name friend {{ {inner} }}"
    return f"{{ people {{ {inner} }} }}"
