"""A schema made to hurt: every kind of field, null, failure, wrong value and delay that the engine has to stand.

Three agencies (A: people, B: firms, C: places) answer through batches. What they answer, and what is wrong with it, is
decided by a seed: the same seed gives the same world to the plan and to graphql-core.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLField,
    GraphQLFloat,
    GraphQLID,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInt,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLString,
    GraphQLUnionType,
    Undefined,
)

from auth.caller import ANONYMOUS
from engine.batch import Agencies, Ask, Batch
from engine.edge import Edge
from engine.kinds import Derived, Guarding, Kind, Leads, Shown
from engine.plan.tree import DEFINITION
from records.answers import Answers
from records.call import Call
from records.failures import AgencyUnavailable
from resolvers.bridge import Bridge

# Records.


@dataclass
class Raises:
    """In place of an attribute's value: reading it raises."""

    error: Exception


class Record:
    """A record whose attributes may be anything, even an exception on reading."""

    def __init__(self, **values: Any) -> None:  # noqa: ANN401 - any values
        self.__dict__["values"] = values

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any value
        try:
            value = self.__dict__["values"][name]
        except KeyError:
            raise AttributeError(f"{type(self).__name__} has no {name}") from None
        if isinstance(value, Raises):
            raise value.error
        return value

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class Person(Record):
    """At agency A."""


class Firm(Record):
    """At agency B."""


class Place(Record):
    """At agency C."""


class Address(Record):
    """Inside other records."""


class Nick(Record):
    """A facet of a person."""


class Motto(Record):
    """Another facet of a person."""


IDS = tuple("123456")


@dataclass
class World:
    """What the agencies answer. `trouble` is the share of all values that is wrong, from 0 to 1."""

    seed: int
    trouble: float = 0.0
    delays: tuple[float | None, ...] = (1, 1, 2, 5)
    """How many seconds a batch may take; None where it answers without waiting at all."""
    asked: list[tuple[str, frozenset[type[Any]], tuple[Hashable, ...]]] = field(default_factory=list)
    changes: list[Hashable] = field(default_factory=list)
    known: dict[tuple[str, Hashable], Any] = field(default_factory=dict)

    def random(self, *about: object) -> Random:
        """Chance, the same for the same question."""
        return Random(f"{self.seed} {about!r}")  # noqa: S311 - nothing here is secret

    async def pass_time(self, name: str) -> None:
        """Wait as long as the batch of this name takes in this world."""
        seconds = self.random("delay", name).choice(self.delays)
        if seconds is not None:
            await asyncio.sleep(seconds)

    def spoilt(self, chance: Random, good: Any, *wrong: Any) -> Any:  # noqa: ANN401 - any values
        """The good value; where there is trouble null, a wrong value or a failure."""
        if chance.random() >= self.trouble:
            return good
        kind = chance.randrange(6)
        if kind == 0:
            return ValueError(f"value {chance.randrange(3)}")
        if kind == 1:
            return Raises(LookupError(f"attribute {chance.randrange(3)}"))
        if kind == 2 and wrong:
            return Undefined
        return chance.choice(wrong) if wrong and kind != 3 else None

    def many(self, chance: Random, most: int, one: Callable[[], Any]) -> Any:  # noqa: ANN401 - any items
        """A list of values, in one of the shapes lists come in."""
        items = [one() for _ in range(chance.randrange(most + 1))]
        items = [None if isinstance(each, Raises) else each for each in items]
        if self.trouble and chance.random() < self.trouble:
            return chance.choice((5, "text", {"a": 1}, None, Undefined, _broken(items), ValueError("list")))
        return chance.choice((items, tuple(items), items, _Iterable(items)))

    def person(self, key: Hashable) -> Person:
        chance = self.random("person", key)
        text = "NUL"[chance.randrange(3)]
        s = self.spoilt
        return Person(
            id=s(chance, str(key), 5, 1.5, True, []),
            name=s(chance, f"Person {key}", 7, True, b"x", [], 2.5, _Texty()),
            label=s(chance, text, 7, {}, _Texty()),
            age=s(chance, chance.randrange(90), "5", "x", 2**31, 1.0, 1.5, True, [], float("nan")),
            height=s(chance, 1.5, 2, "1.5", "x", float("inf"), True, []),
            tall=s(chance, True, 1, 0.0, "yes", [], float("nan")),
            colour=s(chance, chance.choice((1, "two", 3.5)), "RED", 9, []),
            colours=self.many(chance, 3, lambda: s(chance, 1, "two", 9, [])),
            even=s(chance, 2, 3, 0, "x", []),
            evens=self.many(chance, 3, lambda: s(chance, 4, 3, 0, "x")),
            tags=self.many(chance, 2, lambda: self.many(chance, 2, lambda: s(chance, "tag", 3, []))),
            grid=self.many(chance, 2, lambda: self.many(chance, 2, lambda: s(chance, 1, "x", 2**40))),
            best_id=s(chance, chance.choice(IDS)),
            friend_ids=[chance.choice(IDS) for _ in range(chance.randrange(4))],
            firm_id=chance.choice((None, *IDS)),
            party_ids=[
                ValueError("party") if self.trouble and chance.random() < self.trouble else chance.choice(IDS)
                for _ in range(chance.randrange(4))
            ],
            home=s(chance, self.address(key, "home"), 5, Nick()),
            addresses=self.many(
                chance, 2, lambda: self.many(chance, 2, lambda: s(chance, self.address(key, "other"), Nick(), 5))
            ),
            somebody=s(chance, self.address(key, "x") if chance.random() < self.trouble else None, 5),
            diary=[self.address(key, n) for n in range(2)],
            secret=f"secret of {key}",
        )

    def address(self, key: Hashable, what: object) -> Address:
        chance = self.random("address", key, what)
        return Address(
            street=self.spoilt(chance, f"Street {key}", 5, []),
            place_id=self.spoilt(chance, chance.choice(IDS), None),
            firm_id=chance.choice(IDS),
        )

    def firm(self, key: Hashable) -> Firm:
        chance = self.random("firm", key)
        return Firm(
            name=self.spoilt(chance, f"Firm {key}", 5, []),
            label=self.spoilt(chance, "firm", []),
            boss_id=self.spoilt(chance, chance.choice(IDS)),
            place_id=self.spoilt(chance, chance.choice(IDS)),
            owner_ids=[chance.choice(IDS) for _ in range(chance.randrange(3))],
        )

    def place(self, key: Hashable) -> Place:
        chance = self.random("place", key)
        return Place(id=key, title=self.spoilt(chance, f"Place {key}", []), parent_id=chance.choice((None, *IDS)))

    def children(self, key: Hashable) -> Any:  # noqa: ANN401 - a list, or what stands for one
        chance = self.random("children", key)
        return self.many(
            chance, 3, lambda: self.spoilt(chance, self.one("places", chance.choice(IDS)), 5, self.firm(key))
        )

    def party(self, key: Hashable) -> Any:  # noqa: ANN401 - any member of the union, or none
        chance = self.random("party", key)
        kind = chance.choice(("people", "firms", "places"))
        return self.spoilt(chance, self.one(kind, key), 5, Nick(), {"__typename": "Nobody"}, {"__typename": "Colour"})

    def friends(self, key: Hashable) -> Any:  # noqa: ANN401 - a list, or what stands for one
        chance = self.random("friends", key)
        return self.many(
            chance, 4, lambda: self.spoilt(chance, self.one("people", chance.choice(IDS)), 5, self.firm(key))
        )

    def facets(self, key: Hashable, wanted: frozenset[type[Any]]) -> Any:  # noqa: ANN401 - a mapping, or what stands for one
        chance = self.random("facets", key)
        every = {
            Nick: self.spoilt(chance, Nick(nick=self.spoilt(chance, f"nick {key}", []))),
            Motto: self.spoilt(chance, Motto(motto=self.spoilt(chance, f"motto {key}", []))),
        }
        return {each: value for each, value in every.items() if each in wanted and not isinstance(value, Raises)}

    def words(self, key: Hashable) -> Any:  # noqa: ANN401 - a text, or what stands for one
        return self.spoilt(self.random("word", key), f"word {key}", 5, [], _Texty())

    def change(self, key: Hashable) -> Any:  # noqa: ANN401 - a person, or what stands for one
        self.changes.append(key)
        return self.spoilt(self.random("change", key), self.person(f"changed {key}"), 5)

    def one(self, name: str, key: Hashable) -> Any:  # noqa: ANN401 - any answer
        """The answer of a batch for one key, the same object each time."""
        if (name, key) not in self.known:
            makers: dict[str, Callable[[Hashable], Any]] = {
                "people": self.person,
                "friends": self.friends,
                "firms": self.firm,
                "places": self.place,
                "children": self.children,
                "parties": self.party,
                "words": self.words,
            }
            self.known[(name, key)] = makers[name](key)
        return self.known[(name, key)]

    async def answer(self, name: str, keys: Sequence[Hashable], wanted: frozenset[type[Any]]) -> dict[Hashable, Any]:
        """One call of a batch."""
        self.asked.append((name, wanted, tuple(keys)))
        await self.pass_time(name)
        if self.random("call", name).random() < self.trouble / 2:
            raise AgencyUnavailable(name, "the whole call")
        answers: dict[Hashable, Any] = {}
        for key in keys:
            chance = self.random("key", name, key)
            if chance.random() < self.trouble:
                fate = chance.randrange(3)
                if fate == 0:
                    continue  # the agency does not know the key
                answers[key] = AgencyUnavailable(name, "one key") if fate == 1 else None
            elif name == "facets":
                answers[key] = self.facets(key, wanted)
            elif name == "changes":
                answers[key] = self.change(key)
            else:
                value = self.one(name, key)
                answers[key] = None if isinstance(value, Raises) else value
        return answers


class _Iterable:
    """Can be iterated over as often as one likes, and is no list."""

    def __init__(self, items: Sequence[Any]) -> None:
        self._items = items

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items)


class _broken(_Iterable):  # noqa: N801 - a function in all but name
    """Breaks after its first item."""

    def __iter__(self) -> Iterator[Any]:
        yield from self._items[:1]
        raise ValueError("broken list")


class _Texty:
    """No text, but can be made one."""

    def __str__(self) -> str:
        return "texty"


# Batches.


def _batch(name: str, agency: str, *, facets: bool = False, absent: object = None) -> Batch[Any, Any]:
    async def run(keys: Sequence[Any], ask: Ask[Any]) -> Answers[Any, Any]:
        return await ask.agencies[World].answer(name, keys, ask.facets)

    return Batch(name=name, agency=agency, run=run, facets=facets, absent=absent)


PEOPLE = _batch("people", "A")
FRIENDS = _batch("friends", "A", absent=())
FACETS = _batch("facets", "A", facets=True)
FIRMS = _batch("firms", "B")
PLACES = _batch("places", "C")
CHILDREN = _batch("children", "C", absent=())
PARTIES = _batch("parties", "B")
WORDS = _batch("words", "C")
CHANGES = _batch("changes", "A")


# Guards.


class Refused(Exception):  # noqa: N818 - reads as what it is
    """The caller may not see this."""


class Public:
    """Everybody may see it."""

    is_public = True

    def prepared(self, context: Torture) -> Callable[[Any, Any], Exception | None] | None:  # noqa: ARG002 - the engine's protocol
        return None


class PerCaller:
    """Who may, may see it of every record."""

    is_public = False

    def prepared(self, context: Torture) -> Callable[[Any, Any], Exception | None] | None:
        if context.may == "break":
            raise RuntimeError("the guard is broken")
        return None if context.may == "all" else lambda _record, _key: Refused("not this caller")


class PerRecord:
    """May be seen of some records."""

    is_public = False

    def prepared(self, context: Torture) -> Callable[[Any, Any], Exception | None] | None:
        if context.may == "all":
            return None

        def decide(record: Any, _key: Any) -> Exception | None:  # noqa: ANN401 - any record
            kind = sum(map(ord, str(record.secret))) % 3
            if kind == 0:
                raise RuntimeError("cannot decide")
            return None if kind == 1 else Refused("not this record")

        return decide


PUBLIC, PER_CALLER, PER_RECORD = Public(), PerCaller(), PerRecord()


@dataclass
class Torture:
    """The context of one request."""

    world: World
    may: str = "all"
    call: Call = Call(deadline=1e12, request_id="torture")
    bridge: Bridge = field(init=False)

    def __post_init__(self) -> None:
        self.bridge = Bridge(caller=ANONYMOUS, call=self.call, agencies=Agencies({World: self.world}))

    def ask(self, facets: frozenset[type[Any]]) -> Ask[Any]:
        """As the engine wants it."""
        return self.bridge.ask(facets)


# Fields: the definition for plans, and the same as a resolver for graphql-core.


@dataclass(eq=False)
class Definition:
    """How a field's value comes about."""

    kind: Kind
    guard: Guarding

    def engine_kind(self) -> Kind:
        return self.kind

    def engine_guard(self) -> Guarding:
        return self.guard

    def engine_arguments(self, coerced: Mapping[str, Any]) -> Mapping[str, Any]:
        if coerced.get("times") == 13:
            raise ValueError("13 brings bad luck")
        return coerced

    def resolve(self, source: Any, info: Any, **given: Any) -> Any:  # noqa: ANN401 - graphql-core's signature
        context: Torture = info.context
        if info.parent_type.name == "Mutation":
            context.bridge._loaders.clear()  # what was read before a change is read again
        arguments = self.engine_arguments(given)
        kind = self.kind
        if isinstance(kind, Leads):
            key = kind.key(source, arguments, context)
            self._check(context, source, key)
            if key is None:
                return None
            if kind.edge.many:
                return [self._load(kind.edge, context, each, arguments) for each in key]
            return self._load(kind.edge, context, key, arguments)
        self._check(context, source, None)
        if isinstance(kind, Derived):
            return kind.function(source, arguments, context)
        return getattr(source, kind.attribute)

    def _check(self, context: Torture, record: Any, key: Any) -> None:  # noqa: ANN401 - any record and key
        decide = self.guard.prepared(context)
        refusal = decide(record, key) if decide else None
        if refusal is not None:
            raise refusal

    async def _load(self, edge: Edge, context: Torture, key: Any, arguments: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any key and value
        if isinstance(key, Exception):
            raise key
        return edge.value(await context.bridge.load(edge.batch, key, edge.facet), arguments)


def _field(
    type_: GraphQLOutputType,
    kind: Kind,
    guard: Guarding = PUBLIC,
    **arguments: GraphQLArgument,
) -> GraphQLField:
    definition = Definition(kind, guard)
    return GraphQLField(type_, args=arguments, resolve=definition.resolve, extensions={DEFINITION: definition})


def shown(type_: GraphQLOutputType, attribute: str, guard: Guarding = PUBLIC) -> GraphQLField:
    return _field(type_, Shown(attribute), guard)


def derived(
    type_: GraphQLOutputType, function: Callable[..., Any], guard: Guarding = PUBLIC, **arguments: GraphQLArgument
) -> GraphQLField:
    return _field(type_, Derived(function), guard, **arguments)


def leads(
    type_: GraphQLOutputType,
    batch: Batch[Any, Any],
    by: str | Callable[..., Any],
    *,
    guard: Guarding = PUBLIC,
    arguments: Mapping[str, GraphQLArgument] | None = None,
    **more: Any,  # noqa: ANN401 - of the edge
) -> GraphQLField:
    key = (lambda record, _arguments, _context: getattr(record, by)) if isinstance(by, str) else by
    edge = Edge(batch=batch, key=key, by=by if isinstance(by, str) else None, **more)
    return _field(type_, Leads(edge, key), guard, **(arguments or {}))


# Types.


def _even(value: Any) -> Any:  # noqa: ANN401 - any value
    if value == 0:
        return None
    if not isinstance(value, int) or value % 2:
        raise ValueError("not even")
    return {"even": value}


EVEN = GraphQLScalarType("Even", coerce_output_value=_even)
COLOUR = GraphQLEnumType("Colour", {"RED": 1, "GREEN": "two", "BLUE": 3.5})
FILTER = GraphQLInputObjectType(
    "Filter",
    lambda: {
        "colour": GraphQLInputField(COLOUR, default_value=1),
        "names": GraphQLInputField(GraphQLList(GraphQLNonNull(GraphQLString))),
        "limit": GraphQLInputField(GraphQLNonNull(GraphQLInt), default_value=3),
        "deep": GraphQLInputField(FILTER),
    },
)


def _listed(type_: Any) -> GraphQLList[Any]:  # noqa: ANN401 - any type
    return GraphQLList(type_)


def _sure(type_: Any) -> GraphQLNonNull[Any]:  # noqa: ANN401 - any type
    return GraphQLNonNull(type_)


def _class_of(record: type[Any]) -> dict[str, Any]:
    """What a published type tells of its record."""
    publication = type("Publication", (), {"record": record})
    return {DEFINITION: type("Definition", (), {"origin": type("Origin", (), {"__publication__": publication})})}


def _is(record: type[Any]) -> Callable[[Any, Any], bool]:
    return lambda value, _info: isinstance(value, record)


def _first(found: Any, arguments: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any list
    return list(found)[: arguments["first"]]


def _doubled(record: Any, arguments: Mapping[str, Any], _context: Torture) -> Any:  # noqa: ANN401 - any record and value
    by = arguments.get("by") or {"limit": 1}
    if arguments["times"] == 0:
        raise ZeroDivisionError("times is zero")
    return record.age * arguments["times"] + by["limit"]


def _described(_record: Any, arguments: Mapping[str, Any], _context: Torture) -> Any:  # noqa: ANN401 - any record and value
    return repr(arguments)


POOLS = {
    "id": [f'"{each}"' for each in IDS],
    "ids": ['["1", "2", "2"]', '["3", "9"]', "[]"],
    "first": ["0", "1", "2", "3"],
    "times": ["0", "1", "2", "13"],
    "limit": ["1", "2"],
}
"""What a caller would know to ask for."""


def torture_schema() -> GraphQLSchema:
    """The schema."""
    named = GraphQLInterfaceType(
        "Named", {"name": GraphQLField(_sure(GraphQLString)), "label": GraphQLField(GraphQLString)}
    )
    person: GraphQLObjectType = GraphQLObjectType(
        "Person", lambda: _person_fields(), interfaces=[named], is_type_of=_is(Person), extensions=_class_of(Person)
    )
    address: GraphQLObjectType = GraphQLObjectType(
        "Address",
        lambda: {
            "street": shown(GraphQLString, "street"),
            "place": leads(place, PLACES, "place_id"),
            "firm": leads(_sure(firm), FIRMS, "firm_id"),
        },
        is_type_of=_is(Address),
    )
    nick = GraphQLObjectType("Nick", {"nick": shown(GraphQLString, "nick")})
    firm: GraphQLObjectType = GraphQLObjectType(
        "Firm",
        lambda: {
            "name": shown(_sure(GraphQLString), "name"),
            "label": shown(GraphQLString, "label"),
            "boss": leads(person, PEOPLE, "boss_id"),
            "place": leads(_sure(place), PLACES, "place_id"),
            "owners": leads(_listed(named), PARTIES, lambda record, *_: record.owner_ids, many=True),
            "staff": leads(
                _listed(_sure(person)),
                FRIENDS,
                lambda record, arguments, _context: f"{record.boss_id}"[: arguments["first"]],
                arguments={"first": GraphQLArgument(_sure(GraphQLInt), default_value=1)},
                then=_first,
            ),
        },
        interfaces=[named],
        is_type_of=_is(Firm),
        extensions=_class_of(Firm),
    )
    place: GraphQLObjectType = GraphQLObjectType(
        "Place",
        lambda: {
            "id": shown(_sure(GraphQLID), "id"),
            "title": shown(GraphQLString, "title"),
            "parent": leads(place, PLACES, "parent_id"),
            "children": leads(_listed(place), CHILDREN, "id"),
            "sure": leads(_sure(_listed(_sure(place))), CHILDREN, "id"),
        },
        is_type_of=_is(Place),
    )
    party = GraphQLUnionType("Party", lambda: [person, firm, place])

    def _person_fields() -> dict[str, GraphQLField]:
        return {
            "id": shown(_sure(GraphQLID), "id"),
            "name": shown(_sure(GraphQLString), "name"),
            "label": shown(GraphQLString, "label"),
            "age": shown(GraphQLInt, "age"),
            "sureAge": shown(_sure(GraphQLInt), "age"),
            "height": shown(GraphQLFloat, "height"),
            "tall": shown(GraphQLBoolean, "tall"),
            "colour": shown(COLOUR, "colour"),
            "colours": shown(_listed(_sure(COLOUR)), "colours"),
            "even": shown(EVEN, "even"),
            "evens": shown(_sure(_listed(_sure(EVEN))), "evens"),
            "tags": shown(_sure(_listed(_listed(_sure(GraphQLString)))), "tags"),
            "grid": shown(_listed(_sure(_listed(GraphQLInt))), "grid"),
            "doubled": derived(
                GraphQLInt,
                _doubled,
                times=GraphQLArgument(GraphQLInt, default_value=2),
                by=GraphQLArgument(FILTER),
            ),
            "described": derived(
                _sure(GraphQLString),
                _described,
                PER_CALLER,
                colours=GraphQLArgument(_listed(COLOUR)),
                text=GraphQLArgument(_sure(GraphQLString), default_value='a"b'),
                even=GraphQLArgument(EVEN),
                ratio=GraphQLArgument(GraphQLFloat),
                flag=GraphQLArgument(GraphQLBoolean),
            ),
            "best": leads(person, PEOPLE, "best_id"),
            "sureBest": leads(_sure(person), PEOPLE, "best_id"),
            "friends": leads(
                _listed(person),
                FRIENDS,
                lambda record, *_: record.id,
                arguments={"first": GraphQLArgument(_sure(GraphQLInt), default_value=2)},
                then=_first,
            ),
            "allFriends": leads(_sure(_listed(_sure(person))), FRIENDS, "best_id"),
            "chosen": leads(_listed(person), PEOPLE, "friend_ids", many=True),
            "employer": leads(firm, FIRMS, "firm_id", guard=PER_CALLER),
            "nick": leads(GraphQLString, FACETS, "best_id", facet=Nick, pick="nick"),
            "motto": leads(_sure(GraphQLString), FACETS, "best_id", facet=Motto, pick="motto"),
            "nickname": leads(nick, FACETS, "best_id", facet=Nick),
            "party": leads(party, PARTIES, "best_id"),
            "parties": leads(_sure(_listed(_sure(party))), PARTIES, "party_ids", many=True),
            "word": leads(GraphQLString, WORDS, "best_id"),
            "words": leads(_listed(_sure(GraphQLString)), WORDS, "party_ids", many=True),
            "home": shown(_sure(address), "home"),
            "addresses": shown(_listed(_listed(_sure(address))), "addresses"),
            "somebody": shown(person, "somebody"),
            "diary": shown(_listed(address), "diary", PER_RECORD),
            "secret": shown(GraphQLString, "secret", PER_RECORD),
            "whispered": leads(GraphQLString, WORDS, "secret", guard=PER_RECORD),
        }

    query = GraphQLObjectType(
        "Query",
        {
            "person": leads(person, PEOPLE, lambda _r, a, _c: a["id"], arguments={"id": GraphQLArgument(_sure(GraphQLID))}),
            "people": leads(
                _listed(person),
                PEOPLE,
                lambda _r, a, _c: a["ids"],
                many=True,
                arguments={"ids": GraphQLArgument(_listed(_sure(GraphQLID)), default_value=list(IDS))},
            ),
            "surely": leads(_sure(person), PEOPLE, lambda *_: "1"),
            "everybody": leads(_sure(_listed(person)), PEOPLE, lambda *_: list(IDS), many=True),
            "firm": leads(
                firm,
                FIRMS,
                lambda _r, a, _c: str(a["by"]["limit"]),
                arguments={"by": GraphQLArgument(FILTER, default_value={"limit": 3, "colour": 1})},
            ),
            "named": leads(_listed(_sure(named)), PARTIES, lambda *_: list(IDS), many=True),
            "party": leads(
                party, PARTIES, lambda _r, a, _c: str(a["colour"]), arguments={"colour": GraphQLArgument(COLOUR)}
            ),
            "places": leads(_listed(place), PLACES, lambda *_: list(IDS), many=True),
            "hello": derived(GraphQLString, lambda _r, a, _c: f"hello {a['to']}", to=GraphQLArgument(_sure(GraphQLString), default_value="you")),
        },
    )  # fmt: skip
    mutation = GraphQLObjectType(
        "Mutation",
        {
            "change": leads(person, CHANGES, lambda _r, a, _c: a["id"], arguments={"id": GraphQLArgument(_sure(GraphQLID))}),
            "surelyChange": leads(
                _sure(person), CHANGES, lambda _r, a, _c: a["id"], arguments={"id": GraphQLArgument(_sure(GraphQLID))}
            ),
            "read": leads(person, PEOPLE, lambda *_: "1"),
            "pure": derived(_sure(GraphQLInt), lambda *_: 7),
        },
    )  # fmt: skip
    return GraphQLSchema(query, mutation, types=[person, firm, place])
