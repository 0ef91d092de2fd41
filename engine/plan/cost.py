"""What an operation is expected to cost, read off its tree before anybody is asked: calls, objects, values.

Lists multiply what lies below them. How long they are is said by the caller (`first`, a list of ids), else by the
schema (`about`), else assumed. What turns out larger all the same is stopped on its way (`engine/plan/size.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from graphql import (
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLSchema,
    ListValueNode,
    ObjectValueNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_list_type,
)

from engine.batch import Batch
from engine.edge import Edge
from engine.kinds import Derived, Leads
from engine.limits import LESS, Limits, TooLarge, list_items
from engine.plan.tree import PlanField, Shape

LINKED = 10
"""Objects of a list that an edge leads to, where nobody says how many."""
INSIDE = 5
"""Objects of a list inside a record, where nobody says how many."""
POINTS_A_CALL = 100
_MANY = 100_000_000
SLICE = "first"
"""The argument that says how long a list is (GraphQL Cursor Connections Specification, section 4): the field's own,
or, where the field is no list, those directly inside its object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What an operation is expected to cost."""

    levels: int = 0
    """How many batches have to answer one after another."""
    calls: Mapping[str, int] = field(default_factory=dict)
    """By agency. Steps of one level that want the same batch are one call; keys that are asked one by one count
    each."""
    facts: Mapping[str, int] = field(default_factory=dict)
    """By agency: calls that decisions may take before anything else is asked. Whether they do depends on who asks."""
    objects: int = 0
    values: int = 0
    """Members of the objects."""
    introspection: int = 0
    """Objects about the schema itself."""
    types: int = 0
    """How many types the schema has."""
    points: int = field(init=False)
    """One number for all of it, by which rates and quotas count: an object is one point, a call to an agency a
    hundred."""

    def __post_init__(self) -> None:
        """Add up: costs that no variable changes are reckoned once and asked for with each request."""
        object.__setattr__(self, "points", self.objects + POINTS_A_CALL * sum(self.calls.values()))

    def refuse(self, limits: Limits) -> None:
        """Raise `TooLarge` where it is beyond the limits."""
        for agency, expected in self.calls.items():
            calls = expected + self.facts.get(agency, 0)
            if calls > limits.calls_of(agency):
                raise TooLarge(
                    f"The operation would take about {_shown(calls)} calls to {agency}; at most"
                    f" {limits.calls_of(agency)} are allowed. Ask for less at once."
                )
        for counted, most, what in (
            (self.objects, limits.objects, "objects"),
            (self.values, limits.values, "values"),
            (self.introspection, limits.introspection * self.types, "objects about the schema"),
        ):
            if counted > most:
                raise TooLarge(
                    f"The answer would hold about {_shown(counted)} {what}; at most {most} are allowed."
                    " Ask for shorter lists, or in several operations."
                )


def _shown(count: int) -> str:
    """The number, as long as it says something: longer ones would be taken for an identity number."""
    return str(count) if count < _MANY else f"{_MANY} or more"


class Sizes:
    """How long lists are expected to be."""

    def __init__(self, schema: GraphQLSchema, *, linked: int = LINKED, inside: int = INSIDE) -> None:
        """Read what the schema says of itself; `linked` and `inside` are for lists of which nothing is said."""
        self._linked = linked
        self._inside = inside
        self.types = len(schema.type_map)
        self._of_schema = _introspected(schema)

    def of(self, planned: PlanField, arguments: Mapping[str, Any], within: int | None) -> int:
        """How many objects stand at the field, for one parent. `within` is what the field around it was asked for."""
        if not planned.depth:
            return 1
        size = self._size(planned, arguments, within)
        return size if planned.depth == 1 else int(size**planned.depth)

    def _size(self, planned: PlanField, arguments: Mapping[str, Any], within: int | None) -> int:
        kind = planned.kind
        asked = slice_of(arguments)
        if isinstance(kind, Leads) and kind.edge.many:
            asked = _longest(arguments)
        if asked is not None:
            return asked
        if isinstance(kind, Leads):
            about = kind.edge.about
            declared = about(arguments) if callable(about) else about
            return self._linked if declared is None else declared
        if planned.parent.type.name.startswith("__"):
            return self._of_schema.get(planned.name, 1)
        declared = kind.about if isinstance(kind, Derived) else within
        return self._inside if declared is None else declared


def slice_of(arguments: Mapping[str, Any]) -> int | None:
    """How many the caller asks for at most; None where they do not say."""
    asked = arguments.get(SLICE)
    return max(asked, 0) if isinstance(asked, int) else None


def _longest(arguments: Mapping[str, Any]) -> int | None:
    return max((len(each) for each in arguments.values() if isinstance(each, list | tuple)), default=None)


def _introspected(schema: GraphQLSchema) -> Mapping[str, int]:
    """How long the lists are that the schema tells of itself, on average: they are asked for all types together."""
    types = list(schema.type_map.values())
    fields = [each for type_ in types for each in getattr(type_, "fields", {}).values()]
    arguments = sum(len(getattr(each, "args", ())) for each in fields)

    def average(count: int, of: Sequence[Any]) -> int:
        return -(-count // max(len(of), 1))

    members = average(len(fields), types)
    return {
        "__Schema.types": len(types),
        "__Schema.directives": len(schema.directives),
        "__Type.fields": members,
        "__Type.inputFields": average(
            sum(len(each.fields) for each in types if isinstance(each, GraphQLInputObjectType)), types
        ),
        "__Type.enumValues": average(sum(len(getattr(each, "values", ())) for each in types), types),
        "__Type.interfaces": average(
            sum(len(each.interfaces) for each in types if isinstance(each, GraphQLObjectType)), types
        ),
        "__Type.possibleTypes": average(
            sum(len(each.interfaces) for each in types if isinstance(each, GraphQLObjectType)), types
        ),
        "__Field.args": average(arguments, fields),
        "__Directive.args": average(sum(len(each.args) for each in schema.directives), schema.directives),
    }


def facts_of(fields: Sequence[PlanField]) -> Sequence[Batch[Any, Any]]:
    """Whose answers decisions about the fields may take, each once."""
    return tuple(dict.fromkeys(batch for each in fields for batch in each.guard.facts))


def reckon(
    root: Shape, arguments: Sequence[Any], sizes: Sizes, *, serial: bool, facts: Sequence[Batch[Any, Any]] = ()
) -> Cost:
    """What the operation is expected to cost. `arguments` holds, by number of field, its arguments or an error.

    `facts` are the batches whose answers decisions may take: one call each, whatever they are asked about. `serial`
    where root fields run one after another and what is known is forgotten in between (mutations).
    """
    reckoning = _Reckoning(arguments, sizes)
    sums = reckoning.one_after_another(root) if serial else reckoning.shape(root, 1, 0, None)
    calls = dict(sums.keyed)
    for (_, _, batch), wanted in reckoning.steps.items():
        if batch.agency is not None and batch.keys_a_call is None:
            calls[batch.agency] = calls.get(batch.agency, 0) + _calls(wanted)
    return Cost(
        levels=reckoning.levels,
        calls=calls,
        facts=dict(Counter(each.agency for each in facts if each.agency is not None)),
        objects=sums.objects,
        values=sums.values,
        introspection=sums.introspection,
        types=sizes.types,
    )


def _calls(wanted: set[frozenset[type[Any] | None]]) -> int:
    """Into how many calls a step may fall: keys of which the same facets are wanted go together."""
    facets = {each for together in wanted for each in together}
    return (1 << min(len(wanted), len(facets))) - 1


class _Sums(NamedTuple):
    objects: int
    values: int
    introspection: int
    keyed: Mapping[str, int]
    """By agency: calls of batches that take so many keys a call."""


_NOTHING = _Sums(0, 0, 0, {})


def _total(parts: Sequence[_Sums]) -> _Sums:
    keyed: dict[str, int] = {}
    for part in parts:
        for agency, calls in part.keyed.items():
            keyed[agency] = keyed.get(agency, 0) + calls
    return _Sums(
        sum(part.objects for part in parts),
        sum(part.values for part in parts),
        sum(part.introspection for part in parts),
        keyed,
    )


class _Reckoning:
    """One walk of the tree."""

    def __init__(self, arguments: Sequence[Any], sizes: Sizes) -> None:
        self._arguments = arguments
        self._sizes = sizes
        self._turn = 0
        self.levels = 0
        self.steps: dict[tuple[int, int, Batch[Any, Any]], set[frozenset[type[Any] | None]]] = {}
        """By turn of a root field, level and batch: what is wanted of the same keys together."""

    def one_after_another(self, root: Shape) -> _Sums:
        """What root fields cost that run one after another."""
        found = [_Sums(1, len(root.keys), 0, {})]
        for group in root.groups:
            self._turn += 1
            found.append(self._selected((group,), (), 1, 0, None))
        found.append(self._selected((), root.nested, 1, 0, None))
        return _total(found)

    def shape(self, shape: Shape, count: int, level: int, within: int | None) -> _Sums:
        """What so many objects cost."""
        of_schema = shape.type.name.startswith("__")
        own = _Sums(0, 0, count, {}) if of_schema else _Sums(count, count * len(shape.keys), 0, {})
        if not shape.groups and not shape.nested:
            return own
        return _total((own, self._selected(shape.groups, shape.nested, count, level, within)))

    def _selected(
        self,
        groups: Sequence[Sequence[PlanField]],
        nested: Sequence[PlanField],
        count: int,
        level: int,
        within: int | None,
    ) -> _Sums:
        """What lies below so many objects."""
        found: list[_Sums] = []
        facets: dict[Batch[Any, Any], set[type[Any] | None]] = {}
        for group in groups:
            edge: Edge = group[0].kind.edge  # type: ignore[union-attr]  # groups lead elsewhere
            keys = count * (self._sizes.of(group[0], self._given(group[0]), within) if edge.many else 1)
            facets.setdefault(edge.batch, set()).add(edge.facet)
            found.append(_Sums(0, 0, 0, _keyed(edge, keys)))
            for each in edge.asks:
                self.steps.setdefault((self._turn, level + 1, each), set()).add(frozenset((None,)))
            found += [self._below(planned, count, level + 1, within) for planned in group if not planned.is_leaf]
        if facets:
            self.levels = max(self.levels, level + 1)
        for batch, wanted in facets.items():
            self.steps.setdefault((self._turn, level + 1, batch), set()).add(frozenset(wanted))
        found += [self._below(planned, count, level, within) for planned in nested]
        return _total(found)

    def _below(self, planned: PlanField, count: int, level: int, within: int | None) -> _Sums:
        """What the objects at a field cost; where they may be of several types, as if all were of the dearest."""
        arguments = self._given(planned)
        number = count * self._sizes.of(planned, arguments, within)
        asked = None if planned.depth else slice_of(arguments)
        found = [self.shape(shape, number, level, asked) for shape in planned.shapes.values()]
        if len(found) <= 1:
            return found[0] if found else _NOTHING
        agencies = {agency for each in found for agency in each.keyed}
        return _Sums(
            max(each.objects for each in found),
            max(each.values for each in found),
            max(each.introspection for each in found),
            {agency: max(each.keyed.get(agency, 0) for each in found) for agency in agencies},
        )

    def _given(self, planned: PlanField) -> Mapping[str, Any]:
        given = self._arguments[planned.number]
        return {} if isinstance(given, Exception) else given


def _keyed(edge: Edge, keys: int) -> Mapping[str, int]:
    """By agency: how many calls so many keys take, where a call takes only some."""
    calls: dict[str, int] = {}
    for batch in (edge.batch, *edge.asks):
        if batch.agency is not None and batch.keys_a_call is not None:
            calls[batch.agency] = max(calls.get(batch.agency, 0), -(-keys // batch.keys_a_call))
    return calls


class Lists:
    """How many values stand in the lists of all arguments together."""

    def __init__(self, fields: Sequence[PlanField]) -> None:
        """Look at the arguments as they are written."""
        self._written = 0
        self._variables: dict[str, int] = {}
        """How often each is used where lists may be."""
        for planned in fields:
            for argument in planned.nodes[0].arguments or ():
                declared = planned.graphql.args.get(argument.name.value)
                if declared is not None and _may_hold_lists(declared.type):
                    self._look(argument.value)

    @property
    def vary(self) -> bool:
        """Whether variables say how many."""
        return bool(self._variables)

    def check(self, variables: Mapping[str, Any], most: int) -> None:
        """Raise `TooLarge` where they hold too many."""
        count = self._written
        for name, often in self._variables.items():
            count += list_items(variables.get(name)) * often
        if count > most:
            raise too_many("arguments", count, most)

    def _look(self, value: ValueNode) -> None:
        if isinstance(value, VariableNode):
            self._variables[value.name.value] = self._variables.get(value.name.value, 0) + 1
        elif isinstance(value, ListValueNode):
            self._written += len(value.values)
            for each in value.values:
                self._look(each)
        elif isinstance(value, ObjectValueNode):
            for member in value.fields:
                self._look(member.value)


def too_many(what: str, count: int, most: int) -> TooLarge:
    """The refusal of lists that are too long."""
    return TooLarge(f"The lists of the {what} hold {count} values; at most {most} are allowed. {LESS}")


def varies(planned: PlanField) -> bool:
    """Whether the field's arguments say how much it costs."""
    if SLICE in planned.graphql.args:
        return True
    kind = planned.kind
    return isinstance(kind, Leads) and (kind.edge.many or callable(kind.edge.about))


def _may_hold_lists(type_: Any) -> bool:  # noqa: ANN401 - any input type
    return is_list_type(get_nullable_type(type_)) or isinstance(get_named_type(type_), GraphQLInputObjectType)
