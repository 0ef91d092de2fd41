"""What an operation is expected to cost, read off its tree before anybody is asked: calls, objects, values.

Lists multiply what lies below them. How long they are is said by the caller (`first`, a list of ids), else by the
schema (`expected_size`), else assumed. What turns out larger all the same is stopped on its way
(`engine/plan/response_size.py`).
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
from engine.document.limits import Limits, TooLarge, build_too_many_values_error, count_list_items
from engine.edge import Edge
from engine.field_kinds import BatchField, ComputedField
from engine.plan.tree import PlanField, Shape

LINKED_LIST_SIZE = 10
"""Objects of a list that an edge leads to, where nobody says how many."""
NESTED_LIST_SIZE = 5
"""Objects of a list inside a record, where nobody says how many."""
POINTS_PER_CALL = 100
_MANY = 100_000_000
SLICE_ARGUMENT = "first"
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
    fact_calls: Mapping[str, int] = field(default_factory=dict)
    """By agency: calls that decisions may take before anything else is asked. Whether they do depends on who asks."""
    objects: int = 0
    values: int = 0
    """Members of the objects."""
    introspection_objects: int = 0
    """Objects about the schema itself."""
    types: int = 0
    """How many types the schema has."""
    points: int = field(init=False)
    """One number for all of it, by which rates and quotas count: an object is one point, a call to an agency a
    hundred."""

    def __post_init__(self) -> None:
        """Add up: costs that no variable changes are reckoned once and asked for with each request."""
        object.__setattr__(self, "points", self.objects + POINTS_PER_CALL * sum(self.calls.values()))

    def require_within(self, limits: Limits) -> None:
        """Raise `TooLarge` where it is beyond the limits."""
        for agency, expected in self.calls.items():
            calls = expected + self.fact_calls.get(agency, 0)
            if calls > limits.get_call_limit(agency):
                raise TooLarge(
                    f"The operation would take about {_format_count(calls)} calls to {agency}; at most"
                    f" {limits.get_call_limit(agency)} are allowed. Ask for less at once."
                )
        for counted, most, what in (
            (self.objects, limits.objects, "objects"),
            (self.values, limits.values, "values"),
            (self.introspection_objects, limits.introspection * self.types, "objects about the schema"),
        ):
            if counted > most:
                raise TooLarge(
                    f"The answer would hold about {_format_count(counted)} {what}; at most {most} are allowed."
                    " Ask for shorter lists, or in several operations."
                )


def _format_count(count: int) -> str:
    """The number, as long as it says something: longer ones would be taken for an identity number."""
    return str(count) if count < _MANY else f"{_MANY} or more"


class ListSizes:
    """How long lists are expected to be."""

    def __init__(
        self,
        schema: GraphQLSchema,
        *,
        linked_list_size: int = LINKED_LIST_SIZE,
        nested_list_size: int = NESTED_LIST_SIZE,
    ) -> None:
        """Read what the schema says of itself.

        `linked_list_size` and `nested_list_size` are for lists of which nothing is said.
        """
        self._linked = linked_list_size
        self._inside = nested_list_size
        self.types = len(schema.type_map)
        self._schema_list_sizes = _measure_schema_lists(schema)

    def get_size(self, planned: PlanField, arguments: Mapping[str, Any], parent_size: int | None) -> int:
        """How many objects stand at the field, for one parent; `parent_size` is that of the field around it."""
        if not planned.depth:
            return 1
        size = self._compute_size(planned, arguments, parent_size)
        return size if planned.depth == 1 else int(size**planned.depth)

    def _compute_size(self, planned: PlanField, arguments: Mapping[str, Any], parent_size: int | None) -> int:
        kind = planned.kind
        asked = get_requested_size(arguments)
        if isinstance(kind, BatchField) and kind.edge.has_many_keys:
            asked = _get_longest_argument(arguments)
        if asked is not None:
            return asked
        if isinstance(kind, BatchField):
            about = kind.edge.expected_size
            declared = about(arguments) if callable(about) else about
            return self._linked if declared is None else declared
        if planned.parent.type.name.startswith("__"):
            return self._schema_list_sizes.get(planned.name, 1)
        declared = kind.expected_size if isinstance(kind, ComputedField) else parent_size
        return self._inside if declared is None else declared


def get_requested_size(arguments: Mapping[str, Any]) -> int | None:
    """How many the caller asks for at most; None where they do not say."""
    asked = arguments.get(SLICE_ARGUMENT)
    return max(asked, 0) if isinstance(asked, int) else None


def _get_longest_argument(arguments: Mapping[str, Any]) -> int | None:
    return max((len(each) for each in arguments.values() if isinstance(each, list | tuple)), default=None)


def _measure_schema_lists(schema: GraphQLSchema) -> Mapping[str, int]:
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


def collect_fact_batches(fields: Sequence[PlanField]) -> Sequence[Batch[Any, Any]]:
    """Whose answers decisions about the fields may take, each once."""
    return tuple(dict.fromkeys(batch for each in fields for batch in each.guard.fact_batches))


def estimate_cost(
    root: Shape, arguments: Sequence[Any], sizes: ListSizes, *, serial: bool, facts: Sequence[Batch[Any, Any]] = ()
) -> Cost:
    """What the operation is expected to cost. `arguments` holds, by number of field, its arguments or an error.

    `facts` are the batches whose answers decisions may take: one call each, whatever they are asked about. `is_serial`
    where root fields run one after another and what is known is forgotten in between (mutations).
    """
    reckoning = _CostEstimation(arguments, sizes)
    sums = reckoning.estimate_serial(root) if serial else reckoning.estimate_shape(root, 1, 0, None)
    calls = dict(sums.keyed)
    for (_, _, batch), wanted in reckoning.steps.items():
        if batch.agency is not None and batch.max_batch_size is None:
            calls[batch.agency] = calls.get(batch.agency, 0) + _count_calls(wanted)
    return Cost(
        levels=reckoning.levels,
        calls=calls,
        fact_calls=dict(Counter(each.agency for each in facts if each.agency is not None)),
        objects=sums.objects,
        values=sums.values,
        introspection_objects=sums.introspection,
        types=sizes.types,
    )


def _count_calls(wanted: set[frozenset[type[Any] | None]]) -> int:
    """Into how many calls a step may fall: keys of which the same facets are wanted go together."""
    facets = {each for together in wanted for each in together}
    return (1 << min(len(wanted), len(facets))) - 1


class _CostSums(NamedTuple):
    objects: int
    values: int
    introspection: int
    keyed: Mapping[str, int]
    """By agency: calls of batches that take so many keys a call."""


_NO_COST = _CostSums(0, 0, 0, {})


def _add_up(parts: Sequence[_CostSums]) -> _CostSums:
    keyed: dict[str, int] = {}
    for part in parts:
        for agency, calls in part.keyed.items():
            keyed[agency] = keyed.get(agency, 0) + calls
    return _CostSums(
        sum(part.objects for part in parts),
        sum(part.values for part in parts),
        sum(part.introspection for part in parts),
        keyed,
    )


class _CostEstimation:
    """One walk of the tree."""

    def __init__(self, arguments: Sequence[Any], sizes: ListSizes) -> None:
        self._arguments = arguments
        self._sizes = sizes
        self._root_field_number = 0
        self.levels = 0
        self.steps: dict[tuple[int, int, Batch[Any, Any]], set[frozenset[type[Any] | None]]] = {}
        """By turn of a root field, level and batch: what is wanted of the same keys together."""

    def estimate_serial(self, root: Shape) -> _CostSums:
        """What root fields cost that run one after another."""
        found = [_CostSums(1, len(root.keys), 0, {})]
        for group in root.groups:
            self._root_field_number += 1
            found.append(self._estimate_selection((group,), (), 1, 0, None))
        found.append(self._estimate_selection((), root.nested, 1, 0, None))
        return _add_up(found)

    def estimate_shape(self, shape: Shape, count: int, level: int, parent_size: int | None) -> _CostSums:
        """What so many objects cost."""
        of_schema = shape.type.name.startswith("__")
        own = _CostSums(0, 0, count, {}) if of_schema else _CostSums(count, count * len(shape.keys), 0, {})
        if not shape.groups and not shape.nested:
            return own
        return _add_up((own, self._estimate_selection(shape.groups, shape.nested, count, level, parent_size)))

    def _estimate_selection(
        self,
        groups: Sequence[Sequence[PlanField]],
        nested: Sequence[PlanField],
        count: int,
        level: int,
        parent_size: int | None,
    ) -> _CostSums:
        """What lies below so many objects."""
        found: list[_CostSums] = []
        facets: dict[Batch[Any, Any], set[type[Any] | None]] = {}
        for group in groups:
            edge: Edge = group[0].kind.edge  # type: ignore[union-attr]  # groups lead elsewhere
            keys = count * (
                self._sizes.get_size(group[0], self._get_arguments(group[0]), parent_size) if edge.has_many_keys else 1
            )
            facets.setdefault(edge.batch, set()).add(edge.facet)
            found.append(_CostSums(0, 0, 0, _count_keyed_calls(edge, keys)))
            for each in edge.delegated_batches:
                self.steps.setdefault((self._root_field_number, level + 1, each), set()).add(frozenset((None,)))
            found += [
                self._estimate_below(planned, count, level + 1, parent_size) for planned in group if not planned.is_leaf
            ]
        if facets:
            self.levels = max(self.levels, level + 1)
        for batch, wanted in facets.items():
            self.steps.setdefault((self._root_field_number, level + 1, batch), set()).add(frozenset(wanted))
        found += [self._estimate_below(planned, count, level, parent_size) for planned in nested]
        return _add_up(found)

    def _estimate_below(self, planned: PlanField, count: int, level: int, parent_size: int | None) -> _CostSums:
        """What the objects at a field cost; where they may be of several types, as if all were of the dearest."""
        arguments = self._get_arguments(planned)
        number = count * self._sizes.get_size(planned, arguments, parent_size)
        asked = None if planned.depth else get_requested_size(arguments)
        found = [self.estimate_shape(shape, number, level, asked) for shape in planned.shapes.values()]
        if len(found) <= 1:
            return found[0] if found else _NO_COST
        agencies = {agency for each in found for agency in each.keyed}
        return _CostSums(
            max(each.objects for each in found),
            max(each.values for each in found),
            max(each.introspection for each in found),
            {agency: max(each.keyed.get(agency, 0) for each in found) for agency in agencies},
        )

    def _get_arguments(self, planned: PlanField) -> Mapping[str, Any]:
        given = self._arguments[planned.number]
        return {} if isinstance(given, Exception) else given


def _count_keyed_calls(edge: Edge, keys: int) -> Mapping[str, int]:
    """By agency: how many calls so many keys take, where a call takes only some."""
    calls: dict[str, int] = {}
    for batch in (edge.batch, *edge.delegated_batches):
        if batch.agency is not None and batch.max_batch_size is not None:
            calls[batch.agency] = max(calls.get(batch.agency, 0), -(-keys // batch.max_batch_size))
    return calls


class ListArguments:
    """How many values stand in the lists of all arguments together."""

    def __init__(self, fields: Sequence[PlanField]) -> None:
        """Look at the arguments as they are written."""
        self._literal_count = 0
        self._variables: dict[str, int] = {}
        """How often each is used where lists may be."""
        for planned in fields:
            for argument in planned.nodes[0].arguments or ():
                declared = planned.graphql_field.args.get(argument.name.value)
                if declared is not None and _may_hold_lists(declared.type):
                    self._count_value(argument.value)

    @property
    def has_variables(self) -> bool:
        """Whether variables say how many."""
        return bool(self._variables)

    def check(self, variables: Mapping[str, Any], limit: int) -> None:
        """Raise `TooLarge` where they hold too many."""
        count = self._literal_count
        for name, often in self._variables.items():
            count += count_list_items(variables.get(name)) * often
        if count > limit:
            raise build_too_many_values_error("arguments", count, limit)

    def _count_value(self, value: ValueNode) -> None:
        if isinstance(value, VariableNode):
            self._variables[value.name.value] = self._variables.get(value.name.value, 0) + 1
        elif isinstance(value, ListValueNode):
            self._literal_count += len(value.values)
            for each in value.values:
                self._count_value(each)
        elif isinstance(value, ObjectValueNode):
            for member in value.fields:
                self._count_value(member.value)


def is_cost_variable(planned: PlanField) -> bool:
    """Whether the field's arguments say how much it costs."""
    if SLICE_ARGUMENT in planned.graphql_field.args:
        return True
    kind = planned.kind
    return isinstance(kind, BatchField) and (kind.edge.has_many_keys or callable(kind.edge.expected_size))


def _may_hold_lists(type_: Any) -> bool:  # noqa: ANN401 - any input type
    return is_list_type(get_nullable_type(type_)) or isinstance(get_named_type(type_), GraphQLInputObjectType)
