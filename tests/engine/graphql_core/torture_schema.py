"""A schema for hard cases: every kind of field, null, failure, wrong value and delay that the engine has to handle.

Three agencies (A: people, B: firms, C: places) answer through batches. A seed determines their answers and failures,
so the plan and graphql-core get the same world.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import isawaitable
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
)

from auth.caller import ANONYMOUS
from engine.agencies.bindings import Agencies
from engine.batch import Batch, BatchContext
from engine.edge import Edge
from engine.field_kinds import (
    AttributeField,
    BatchField,
    ComputedField,
    Decider,
    FactRequest,
    FieldGuard,
    FieldKind,
    Verdict,
)
from engine.plan.tree import DEFINITION
from records.calls.answers import Answers
from records.calls.call import Call
from resolvers.bridge import Bridge
from tests.engine.graphql_core.torture_world import (
    IDS,
    Firm,
    Motto,
    Nick,
    TortureAddress,
    TorturePerson,
    TorturePlace,
    TortureWorld,
)

# Batches.


class A:
    """The agency of people."""


class B:
    """The agency of firms."""


class C:
    """The agency of places."""


def _batch(
    name: str, agency: type[Any], *, facets: bool = False, absent: object = None, max_batch_size: int | None = None
) -> Batch[Any, Any]:
    async def run(keys: Sequence[Any], context: BatchContext[Any]) -> Answers[Any, Any]:
        return await context.agencies[TortureWorld].answer(name, keys, context.facets)

    return Batch(name=name, domain=agency, run=run, has_facets=facets, absent=absent, max_batch_size=max_batch_size)


PEOPLE = _batch("people", A)
FRIENDS = _batch("friends", A, absent=())
FACETS = _batch("facets", A, facets=True)
FIRMS = _batch("firms", B)
PLACES = _batch("places", C, max_batch_size=1)
CHILDREN = _batch("children", C, absent=())
PARTIES = _batch("parties", B, max_batch_size=2)
WORDS = _batch("words", C)
CHANGES = _batch("changes", A)
OATHS = _batch("oaths", B)
BATCHES = {
    each.name: each for each in (PEOPLE, FRIENDS, FACETS, FIRMS, PLACES, CHILDREN, PARTIES, WORDS, CHANGES, OATHS)
}


# Guards.


class TortureRefusal(Exception):  # noqa: N818 - reads as what it is
    """The caller may not see this."""


class TortureGuard:
    """Guarded, and decided for a field as a whole."""

    is_public = False
    is_keyed = False
    depends_on_time = False
    fact_batches: Sequence[Batch[Any, Any]] = ()
    data_class = "SECRET"
    read_subject = None
    key_is_subject = False

    def find_blanket_refusal(self, context: Torture) -> Exception | None:  # noqa: ARG002 - the engine's protocol
        return None

    def allows_own(self, _context: Torture, _records: Sequence[Any]) -> bool:
        return False

    def allows_own_key(self, _context: Torture, _record: Any, _key: Any) -> bool:  # noqa: ANN401 - any record and key
        return False


class PublicTortureGuard(TortureGuard):
    """Every caller may see it."""

    is_public = True

    def build_decider(self, context: Torture) -> Decider | None:  # noqa: ARG002 - the engine's protocol
        return None

    def get_read_subjects(self, _record: Any, _key: Any) -> tuple[()]:  # noqa: ANN401 - any record and key
        return ()


class PerCaller(TortureGuard):
    """A caller may see it of every record or of none."""

    def build_decider(self, context: Torture) -> Decider | None:
        if context.may == "break":
            raise RuntimeError("the guard is broken")
        return None if context.may == "all" else lambda _record, _key: TortureRefusal("not this caller")

    def get_read_subjects(self, record: Any, key: Any) -> tuple[str, ...]:  # noqa: ANN401 - any record and key
        return (repr(key) if record is None else repr(record.secret),)


_OWN_SECRET = "secret of 2"
"""Of a record that `PerRecord` allows to each caller."""


class PerRecord(TortureGuard):
    """A caller may see it of some records."""

    def build_decider(self, context: Torture) -> Decider | None:
        if context.may == "all":
            return None

        def decide(record: Any, _key: Any) -> Verdict:  # noqa: ANN401 - any record
            kind = sum(map(ord, str(record.secret))) % 3
            if kind == 0:
                raise RuntimeError("cannot decide")
            return None if kind == 1 else TortureRefusal("not this record")

        return decide

    def allows_own(self, _context: Torture, records: Sequence[Any]) -> bool:
        return {each.secret for each in records} == {_OWN_SECRET}

    def get_read_subjects(self, record: Any, key: Any) -> tuple[str, ...]:  # noqa: ANN401 - any record and key
        return (repr(key) if record is None else repr(record.secret),)


class PerFact(TortureGuard):
    """Allowed if another agency allows it for the record."""

    fact = "oaths"

    def build_decider(self, context: Torture) -> Decider | None:
        if context.may == "all":
            return None
        return lambda record, _key: FactRequest(OATHS, str(record.secret)[-1], _decide_by_oath)

    def get_read_subjects(self, record: Any, key: Any) -> tuple[str, ...]:  # noqa: ANN401 - any record and key
        return (repr(key) if record is None else repr(record.secret),)


class PerKeysFact(TortureGuard):
    """Allowed if another agency allows it for the key; some keys need no call."""

    fact = "oaths"
    is_keyed = True

    def build_decider(self, context: Torture) -> Decider | None:
        if context.may == "all":
            return None

        def decide(_record: Any, key: Any) -> Verdict:  # noqa: ANN401 - any key
            if key == "1":
                return None
            return TortureRefusal("not this key") if key == "2" else FactRequest(OATHS, key, _decide_by_oath)

        return decide

    def get_read_subjects(self, record: Any, key: Any) -> tuple[str, ...]:  # noqa: ANN401 - any record and key
        return (repr(key) if record is None else repr(record.secret),)


def _decide_by_oath(oath: Any) -> Exception | None:  # noqa: ANN401 - whatever the world holds
    if isinstance(oath, Exception):
        return oath
    if oath == []:
        raise RuntimeError("cannot judge")
    return None if oath == "yes" else TortureRefusal("not by this oath")


PER_FACT, PER_KEYS_FACT = PerFact(), PerKeysFact()
PUBLIC, PER_CALLER, PER_RECORD = PublicTortureGuard(), PerCaller(), PerRecord()


@dataclass
class Torture:
    """The context of one request."""

    world: TortureWorld
    may: str = "all"
    call: Call = field(default_factory=lambda: Call(deadline=1e12, request_id="torture"))
    bridge: Bridge = field(init=False)

    def __post_init__(self) -> None:
        self.bridge = Bridge(self.build_batch_context)

    def build_batch_context(self, facets: frozenset[type[Any]]) -> BatchContext[Any]:
        """As in the engine's protocol."""
        return BatchContext(
            caller=ANONYMOUS, call=self.call, agencies=Agencies({TortureWorld: self.world}), facets=facets
        )


# Fields: the definition for plans, and the same as a resolver for graphql-core.


@dataclass(eq=False)
class Definition:
    """How a field's value is computed."""

    kind: FieldKind
    guard: FieldGuard
    argument_names: Mapping[str, str] | None = None
    """None where `engine_arguments` may refuse a value."""

    def engine_kind(self) -> FieldKind:
        return self.kind

    def engine_guard(self) -> FieldGuard:
        return self.guard

    def engine_arguments(self, coerced: Mapping[str, Any]) -> Mapping[str, Any]:
        if coerced.get("times") == 13:
            raise ValueError("13 brings bad luck")
        return coerced

    def engine_argument_names(self) -> Mapping[str, str] | None:
        return self.argument_names

    def resolve(self, source: Any, info: Any, **given: Any) -> Any:  # noqa: ANN401 - graphql-core's signature
        context: Torture = info.context
        if info.parent_type.name == "Mutation":
            context.bridge.drop_known_answers()  # data is loaded again after a mutation
        arguments = self.engine_arguments(given)
        kind = self.kind
        if isinstance(kind, BatchField):
            edge = kind.edge
            key = kind.key(source, arguments, context)
            if edge.has_many_keys and self.guard.is_keyed:
                return [self._each(edge, context, source, each, arguments) for each in key]
            return self._decided(context, source, key, lambda: self._led(edge, context, key, arguments))
        if isinstance(kind, ComputedField):
            return self._decided(context, source, None, lambda: kind.function(source, arguments, context))
        return self._decided(context, source, None, lambda: getattr(source, kind.attribute))

    def _decided(self, context: Torture, record: Any, key: Any, value: Callable[[], Any]) -> Any:  # noqa: ANN401 - any record, key and value
        decide = self.guard.build_decider(context)
        verdict = decide(record, key) if decide else None
        if isinstance(verdict, FactRequest):
            return self._later(context, verdict, value)
        if verdict is not None:
            raise verdict
        return value()

    async def _later(self, context: Torture, verdict: FactRequest, value: Callable[[], Any]) -> Any:  # noqa: ANN401 - any value
        try:
            fact = await context.bridge.load(verdict.batch, verdict.key)
        except Exception as failure:  # noqa: BLE001 - the failure replaces the fact
            fact = failure
        refusal = verdict.decide(fact)
        if refusal is not None:
            raise refusal
        found = value()
        return await found if isawaitable(found) else found

    async def _each(self, edge: Edge, context: Torture, record: Any, key: Any, arguments: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any record, key and value
        return await self._decided(context, record, key, lambda: self._load(edge, context, key, arguments))

    def _led(self, edge: Edge, context: Torture, key: Any, arguments: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any key
        if key is None:
            return None
        if edge.has_many_keys:
            return [self._load(edge, context, each, arguments) for each in key]
        return self._load(edge, context, key, arguments)

    async def _load(self, edge: Edge, context: Torture, key: Any, arguments: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any key and value
        if isinstance(key, Exception):
            raise key
        return edge.get_value(await context.bridge.load(edge.batch, key, edge.facet), arguments)


def _field(
    type_: GraphQLOutputType,
    kind: FieldKind,
    guard: FieldGuard = PUBLIC,
    **arguments: GraphQLArgument,
) -> GraphQLField:
    definition = Definition(kind, guard, None if "times" in arguments else {name: name for name in arguments})
    return GraphQLField(type_, args=arguments, resolve=definition.resolve, extensions={DEFINITION: definition})


def shown(type_: GraphQLOutputType, attribute: str, guard: FieldGuard = PUBLIC) -> GraphQLField:
    return _field(type_, AttributeField(attribute), guard)


def derived(
    type_: GraphQLOutputType, function: Callable[..., Any], guard: FieldGuard = PUBLIC, **arguments: GraphQLArgument
) -> GraphQLField:
    return _field(type_, ComputedField(function), guard, **arguments)


def leads(
    type_: GraphQLOutputType,
    batch: Batch[Any, Any],
    by: str | Callable[..., Any],
    *,
    guard: FieldGuard = PUBLIC,
    arguments: Mapping[str, GraphQLArgument] | None = None,
    **more: Any,  # noqa: ANN401 - of the edge
) -> GraphQLField:
    key = (lambda record, _arguments, _context: getattr(record, by)) if isinstance(by, str) else by
    edge = Edge(batch=batch, key=key, key_attribute=by if isinstance(by, str) else None, **more)
    return _field(type_, BatchField(edge, key), guard, **(arguments or {}))


# Types.


def _even(value: Any) -> Any:  # noqa: ANN401 - any value
    if value == 0:
        return None
    if not isinstance(value, int) or value % 2:
        raise ValueError("not even")
    return {"even": value}


EVEN = GraphQLScalarType("Even", coerce_output_value=_even)
COLOUR = GraphQLEnumType("Colour", {"RED": 1, "GREEN": "two", "BLUE": 3.5})
FILTER: GraphQLInputObjectType = GraphQLInputObjectType(
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


def _non_null(type_: Any) -> GraphQLNonNull[Any]:  # noqa: ANN401 - any type
    return GraphQLNonNull(type_)


def class_of(record: type[Any]) -> dict[str, Any]:
    """The record class of a published type."""
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
"""The valid selections of a caller."""


def torture_schema() -> GraphQLSchema:
    """The schema."""
    named = GraphQLInterfaceType(
        "Named", {"name": GraphQLField(_non_null(GraphQLString)), "label": GraphQLField(GraphQLString)}
    )
    person: GraphQLObjectType = GraphQLObjectType(
        "Person",
        lambda: _person_fields(person, firm, address, nick, party),
        interfaces=[named],
        is_type_of=_is(TorturePerson),
        extensions=class_of(TorturePerson),
    )
    address: GraphQLObjectType = GraphQLObjectType(
        "Address",
        lambda: {
            "street": shown(GraphQLString, "street"),
            "place": leads(place, PLACES, "place_id"),
            "firm": leads(_non_null(firm), FIRMS, "firm_id"),
        },
        is_type_of=_is(TortureAddress),
    )
    nick = GraphQLObjectType("Nick", {"nick": shown(GraphQLString, "nick")})
    firm: GraphQLObjectType = GraphQLObjectType(
        "Firm",
        lambda: {
            "name": shown(_non_null(GraphQLString), "name"),
            "label": shown(GraphQLString, "label"),
            "boss": leads(person, PEOPLE, "boss_id"),
            "place": leads(_non_null(place), PLACES, "place_id"),
            "owners": leads(_listed(named), PARTIES, lambda record, *_: record.owner_ids, has_many_keys=True),
            "staff": leads(
                _listed(_non_null(person)),
                FRIENDS,
                lambda record, arguments, _context: f"{record.boss_id}"[: arguments["first"]],
                arguments={"first": GraphQLArgument(_non_null(GraphQLInt), default_value=1)},
                transform=_first,
            ),
        },
        interfaces=[named],
        is_type_of=_is(Firm),
        extensions=class_of(Firm),
    )
    place: GraphQLObjectType = GraphQLObjectType(
        "Place",
        lambda: {
            "id": shown(_non_null(GraphQLID), "id"),
            "title": shown(GraphQLString, "title"),
            "parent": leads(place, PLACES, "parent_id"),
            "children": leads(_listed(place), CHILDREN, "id"),
            "sure": leads(_non_null(_listed(_non_null(place))), CHILDREN, "id"),
        },
        is_type_of=_is(TorturePlace),
    )
    party = GraphQLUnionType("Party", lambda: [person, firm, place])

    query = GraphQLObjectType(
        "Query",
        {
            "person": leads(
                person, PEOPLE, lambda _r, a, _c: a["id"], arguments={"id": GraphQLArgument(_non_null(GraphQLID))}
            ),
            "people": leads(
                _listed(person),
                PEOPLE,
                lambda _r, a, _c: a["ids"],
                has_many_keys=True,
                arguments={"ids": GraphQLArgument(_listed(_non_null(GraphQLID)), default_value=list(IDS))},
            ),
            "surely": leads(_non_null(person), PEOPLE, lambda *_: "1"),
            "everybody": leads(_non_null(_listed(person)), PEOPLE, lambda *_: list(IDS), has_many_keys=True),
            "firm": leads(
                firm,
                FIRMS,
                lambda _r, a, _c: str(a["by"]["limit"]),
                arguments={"by": GraphQLArgument(FILTER, default_value={"limit": 3, "colour": 1})},
            ),
            "named": leads(_listed(_non_null(named)), PARTIES, lambda *_: list(IDS), has_many_keys=True),
            "party": leads(
                party, PARTIES, lambda _r, a, _c: str(a["colour"]), arguments={"colour": GraphQLArgument(COLOUR)}
            ),
            "places": leads(_listed(place), PLACES, lambda *_: list(IDS), has_many_keys=True),
            "sworn": leads(_listed(person), PEOPLE, lambda *_: list(IDS), has_many_keys=True, guard=PER_KEYS_FACT),
            "hello": derived(
                GraphQLString,
                lambda _r, a, _c: f"hello {a['to']}",
                to=GraphQLArgument(_non_null(GraphQLString), default_value="you"),
            ),
        },
    )
    mutation = GraphQLObjectType(
        "Mutation",
        {
            "change": leads(
                person, CHANGES, lambda _r, a, _c: a["id"], arguments={"id": GraphQLArgument(_non_null(GraphQLID))}
            ),
            "surelyChange": leads(
                _non_null(person),
                CHANGES,
                lambda _r, a, _c: a["id"],
                arguments={"id": GraphQLArgument(_non_null(GraphQLID))},
            ),
            "read": leads(person, PEOPLE, lambda *_: "1"),
            "pure": derived(_non_null(GraphQLInt), lambda *_: 7),
        },
    )
    return GraphQLSchema(query, mutation, types=[person, firm, place])


def _person_fields(
    person: GraphQLObjectType,
    firm: GraphQLObjectType,
    address: GraphQLObjectType,
    nick: GraphQLObjectType,
    party: GraphQLUnionType,
) -> dict[str, GraphQLField]:
    return {
        "id": shown(_non_null(GraphQLID), "id"),
        "name": shown(_non_null(GraphQLString), "name"),
        "label": shown(GraphQLString, "label"),
        "age": shown(GraphQLInt, "age"),
        "sureAge": shown(_non_null(GraphQLInt), "age"),
        "height": shown(GraphQLFloat, "height"),
        "tall": shown(GraphQLBoolean, "tall"),
        "colour": shown(COLOUR, "colour"),
        "colours": shown(_listed(_non_null(COLOUR)), "colours"),
        "even": shown(EVEN, "even"),
        "evens": shown(_non_null(_listed(_non_null(EVEN))), "evens"),
        "tags": shown(_non_null(_listed(_listed(_non_null(GraphQLString)))), "tags"),
        "grid": shown(_listed(_non_null(_listed(GraphQLInt))), "grid"),
        "doubled": derived(
            GraphQLInt,
            _doubled,
            times=GraphQLArgument(GraphQLInt, default_value=2),
            by=GraphQLArgument(FILTER),
        ),
        "described": derived(
            _non_null(GraphQLString),
            _described,
            PER_CALLER,
            colours=GraphQLArgument(_listed(COLOUR)),
            text=GraphQLArgument(_non_null(GraphQLString), default_value='a"b'),
            even=GraphQLArgument(EVEN),
            ratio=GraphQLArgument(GraphQLFloat),
            flag=GraphQLArgument(GraphQLBoolean),
        ),
        "best": leads(person, PEOPLE, "best_id"),
        "sureBest": leads(_non_null(person), PEOPLE, "best_id"),
        "friends": leads(
            _listed(person),
            FRIENDS,
            lambda record, *_: record.id,
            arguments={"first": GraphQLArgument(_non_null(GraphQLInt), default_value=2)},
            transform=_first,
        ),
        "allFriends": leads(_non_null(_listed(_non_null(person))), FRIENDS, "best_id"),
        "chosen": leads(_listed(person), PEOPLE, "friend_ids", has_many_keys=True),
        "employer": leads(firm, FIRMS, "firm_id", guard=PER_CALLER),
        "nick": leads(GraphQLString, FACETS, "best_id", facet=Nick, value_attribute="nick"),
        "motto": leads(_non_null(GraphQLString), FACETS, "best_id", facet=Motto, value_attribute="motto"),
        "nickname": leads(nick, FACETS, "best_id", facet=Nick),
        "party": leads(party, PARTIES, "best_id"),
        "parties": leads(_non_null(_listed(_non_null(party))), PARTIES, "party_ids", has_many_keys=True),
        "word": leads(GraphQLString, WORDS, "best_id"),
        "words": leads(_listed(_non_null(GraphQLString)), WORDS, "party_ids", has_many_keys=True),
        "home": shown(_non_null(address), "home"),
        "addresses": shown(_listed(_listed(_non_null(address))), "addresses"),
        "somebody": shown(person, "somebody"),
        "diary": shown(_listed(address), "diary", PER_RECORD),
        "secret": shown(GraphQLString, "secret", PER_RECORD),
        "vow": shown(GraphQLString, "label", PER_FACT),
        "sureVow": shown(_non_null(GraphQLString), "name", PER_FACT),
        "vowed": derived(GraphQLString, lambda record, *_: f"by {record.secret}", PER_FACT),
        "vows": shown(_listed(address), "diary", PER_FACT),
        "liege": leads(person, PEOPLE, "best_id", guard=PER_FACT),
        "lieges": leads(
            _listed(firm), FIRMS, lambda record, *_: [record.firm_id or "1"], has_many_keys=True, guard=PER_FACT
        ),
        "creed": leads(GraphQLString, FACETS, "best_id", facet=Nick, value_attribute="nick", guard=PER_FACT),
        "whispered": leads(GraphQLString, WORDS, "secret", guard=PER_RECORD),
    }
