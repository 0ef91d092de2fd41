"""Estimates the cost of an operation from its tree, before any agency is called: calls, objects and values.

Lists multiply what lies below them. Their length comes from the caller (`first`, a list of ids), else from the schema
(`expected_size`), else from a default. An answer that grows beyond its limits all the same is refused when it is
complete (`engine/plan/response_size.py`).
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

from engine.agencies.agency_codes import AgencyCodes
from engine.batch import Batch, Facet
from engine.document.limits import Limits, TooLarge, build_too_many_values_error, count_list_items
from engine.edge import Edge
from engine.field_kinds import BatchField, ComputedField
from engine.plan.tree import PlanField, Shape

LINKED_LIST_SIZE = 10
"""Objects in a list that an edge loads, if nothing declares its size."""
NESTED_LIST_SIZE = 5
"""Objects in a list inside a record, if nothing declares its size."""
POINTS_PER_CALL = 100
ROWS_PER_POINT = 100
"""Rows that are looked at for a point: as measured, looking at a hundred takes as long as building an object."""
_MANY = 100_000_000
SLICE_ARGUMENT = "first"
"""The argument that bounds a list (GraphQL Cursor Connections Specification, section 4): the field's own list, or, if
the field is not a list, those directly inside its object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """The estimated cost of an operation."""

    levels: int = 0
    """How many batches must answer one after another."""
    calls: Mapping[str, int] = field(default_factory=dict)
    """By agency. Steps of one level with the same batch are one call; a batch with a maximum size may take more."""
    fact_calls: Mapping[str, int] = field(default_factory=dict)
    """By agency: calls that access decisions may need first. Whether they do depends on the caller.

    They count for the limit of calls, which protects the agency. They cost no points, because points are charged for
    what the operation requests, alike for every caller.
    """
    objects: int = 0
    values: int = 0
    """Field values in the objects."""
    scanned_rows: int = 0
    """Rows that searches may look at."""
    introspection_objects: int = 0
    """Objects about the schema itself."""
    types: int = 0
    """Types of the schema."""
    points: int = field(init=False)
    """The cost as one number, for rates and quotas: 1 for an object or 100 rows, 100 for a call of `calls`."""

    def __post_init__(self) -> None:
        """Compute the points once: a plan keeps its cost, and each request reads the points."""
        points = self.objects + self.scanned_rows // ROWS_PER_POINT + POINTS_PER_CALL * sum(self.calls.values())
        object.__setattr__(self, "points", points)

    def require_within(self, limits: Limits) -> None:
        """Raise `TooLarge` if the cost exceeds a limit."""
        for agency in {**self.calls, **self.fact_calls}:  # an agency may be called for facts only
            calls = self.calls.get(agency, 0) + self.fact_calls.get(agency, 0)
            if calls > limits.get_call_limit(agency):
                raise TooLarge(
                    f"The operation would take about {_format_count(calls)} call{'s' if calls != 1 else ''} to"
                    f" {agency}; at most {limits.get_call_limit(agency)} are allowed. Request less in one operation."
                )
        for count, maximum, what in (
            (self.objects, limits.objects, "objects"),
            (self.values, limits.values, "values"),
            (self.introspection_objects, limits.introspection * self.types, "objects about the schema"),
        ):
            if count > maximum:
                raise TooLarge(
                    f"The answer would hold about {_format_count(count)} {what}; at most {maximum} are allowed."
                    " Request shorter lists, or use several operations."
                )


def _format_count(count: int) -> str:
    """The number, capped: errors mask long numbers, because they may be identity numbers."""
    return str(count) if count < _MANY else f"{_MANY} or more"


class ListSizes:
    """Expected lengths of lists."""

    def __init__(
        self,
        schema: GraphQLSchema,
        *,
        linked_list_size: int = LINKED_LIST_SIZE,
        nested_list_size: int = NESTED_LIST_SIZE,
    ) -> None:
        """Measures the schema. `linked_list_size` and `nested_list_size` are for lists without a declared size."""
        self._linked = linked_list_size
        self._nested = nested_list_size
        self.types = len(schema.type_map)
        self._schema_list_sizes = _measure_schema_lists(schema)

    def get_size(self, planned: PlanField, arguments: Mapping[str, Any], parent_size: int | None) -> int:
        """Objects at the field for one parent; `parent_size` is the size requested at the field around it."""
        if not planned.depth:
            return 1
        size = self._compute_size(planned, arguments, parent_size)
        return size if planned.depth == 1 else int(size**planned.depth)

    def _compute_size(self, planned: PlanField, arguments: Mapping[str, Any], parent_size: int | None) -> int:
        kind = planned.kind
        requested_size = get_requested_size(arguments)
        if isinstance(kind, BatchField) and kind.edge.has_many_keys:
            requested_size = _get_longest_argument(arguments)
        if requested_size is not None:
            return requested_size
        if isinstance(kind, BatchField):
            expected = kind.edge.expected_size
            declared = expected(arguments) if callable(expected) else expected
            return self._linked if declared is None else declared
        if planned.parent.type.name.startswith("__"):
            return self._schema_list_sizes.get(planned.name, 1)
        declared = kind.expected_size if isinstance(kind, ComputedField) else parent_size
        return self._nested if declared is None else declared


def get_requested_size(arguments: Mapping[str, Any]) -> int | None:
    """The maximum number that the caller requests; None if there is none."""
    requested_size = arguments.get(SLICE_ARGUMENT)
    return max(requested_size, 0) if isinstance(requested_size, int) else None


def _get_longest_argument(arguments: Mapping[str, Any]) -> int | None:
    return max((len(each) for each in arguments.values() if isinstance(each, list | tuple)), default=None)


def _measure_schema_lists(schema: GraphQLSchema) -> Mapping[str, int]:
    """Average lengths of the lists in introspection: tools request them for all types together."""
    types = list(schema.type_map.values())
    fields = [each for type_ in types for each in getattr(type_, "fields", {}).values()]
    arguments = sum(len(getattr(each, "args", ())) for each in fields)

    def average(count: int, of: Sequence[Any]) -> int:
        return -(-count // max(len(of), 1))

    fields_per_type = average(len(fields), types)
    return {
        "__Schema.types": len(types),
        "__Schema.directives": len(schema.directives),
        "__Type.fields": fields_per_type,
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


def collect_fact_batches(fields: Sequence[PlanField], codes: AgencyCodes) -> Sequence[Batch[Any, Any]]:
    """The batches whose answers decisions about the fields may need, each once."""
    found = dict.fromkeys(batch for each in fields for batch in each.guard.fact_batches)
    return tuple(batch for batch in found if codes.answers(batch.domain, batch.domain_read))


def estimate_cost(
    root: Shape,
    arguments: Sequence[Any],
    sizes: ListSizes,
    *,
    is_mutation: bool,
    codes: AgencyCodes,
    facts: Sequence[Batch[Any, Any]] = (),
) -> Cost:
    """Estimate the cost of an operation. `arguments` holds the arguments of each field by its number, or an error.

    `facts` are the batches that decisions may need: one call each, however many keys. Root fields of a
    mutation run one after another, and known answers are dropped in between.
    """
    # Walk the tree: objects and values add up, and so do calls of batches with a maximum size.
    estimation = _CostEstimation(arguments, sizes, codes)
    sums = estimation.estimate_serial(root) if is_mutation else estimation.estimate_shape(root, 1, 0, None)
    calls = dict(sums.calls_of_limited_batches)
    # Other batches take any number of keys: the requests of one level to the same batch are one call, at every place.
    for (_, _, batch), facet_sets in estimation.steps.items():
        if batch.max_batch_size is None and not batch.is_answered_by_reads:
            for code in codes.list(batch.domain):
                calls[code] = calls.get(code, 0) + _count_calls(facet_sets)
    return Cost(
        levels=estimation.levels,
        calls=calls,
        fact_calls=dict(Counter(code for each in facts for code in codes.list(each.domain))),
        objects=sums.objects,
        values=sums.values,
        scanned_rows=sums.scanned,
        introspection_objects=sums.introspection,
        types=sizes.types,
    )


def _count_calls(facet_sets: set[frozenset[Facet]]) -> int:
    """The maximum number of calls of a step: one for each set of facets that a key may want.

    A key at several places wants the union of their n sets: at most 2^n - 1 sets, and at most 2^f - 1 of f facets.
    """
    facets = {each for facet_set in facet_sets for each in facet_set}
    return (1 << min(len(facet_sets), len(facets))) - 1


class _CostSums(NamedTuple):
    objects: int
    values: int
    introspection: int
    calls_of_limited_batches: Mapping[str, int]
    """By agency: calls of batches with a maximum size."""
    scanned: int = 0


_NO_COST = _CostSums(0, 0, 0, {})


def _add_up(parts: Sequence[_CostSums]) -> _CostSums:
    limited_calls: dict[str, int] = {}
    for part in parts:
        for agency, calls in part.calls_of_limited_batches.items():
            limited_calls[agency] = limited_calls.get(agency, 0) + calls
    return _CostSums(
        sum(part.objects for part in parts),
        sum(part.values for part in parts),
        sum(part.introspection for part in parts),
        limited_calls,
        sum(part.scanned for part in parts),
    )


class _CostEstimation:
    """One walk of the tree, from the root down."""

    def __init__(self, arguments: Sequence[Any], sizes: ListSizes, codes: AgencyCodes) -> None:
        self._arguments = arguments
        self._sizes = sizes
        self._codes = codes
        self._root_field_number = 0  # in mutations: steps of different root fields never share a call
        self.levels = 0
        self.steps: dict[tuple[int, int, Batch[Any, Any]], set[frozenset[Facet]]] = {}
        """By root field, level and batch: the sets of facets that are wanted of the same keys."""

    def estimate_serial(self, root: Shape) -> _CostSums:
        """The cost of root fields that run one after another."""
        costs = [_CostSums(1, len(root.keys), 0, {})]
        for group in root.groups:
            self._root_field_number += 1
            costs.append(self._estimate_selection((group,), (), 1, 0, None))
        costs.append(self._estimate_selection((), root.nested, 1, 0, None))
        return _add_up(costs)

    def estimate_shape(self, shape: Shape, count: int, level: int, parent_size: int | None) -> _CostSums:
        """The cost of `count` objects of a shape."""
        is_introspection = shape.type.name.startswith("__")
        own_cost = _CostSums(0, 0, count, {}) if is_introspection else _CostSums(count, count * len(shape.keys), 0, {})
        if not shape.groups and not shape.nested:
            return own_cost
        return _add_up((own_cost, self._estimate_selection(shape.groups, shape.nested, count, level, parent_size)))

    def _estimate_selection(
        self,
        groups: Sequence[Sequence[PlanField]],
        nested: Sequence[PlanField],
        count: int,
        level: int,
        parent_size: int | None,
    ) -> _CostSums:
        """The cost of the fields below `count` objects."""
        costs: list[_CostSums] = []
        facets: dict[Batch[Any, Any], set[Facet]] = {}
        # Fields that load other records: each group wants keys of one batch, at the next level.
        for group in groups:
            edge: Edge = group[0].kind.edge  # type: ignore[union-attr]  # groups hold batch fields
            keys = count * (
                self._sizes.get_size(group[0], self._get_arguments(group[0]), parent_size) if edge.has_many_keys else 1
            )
            facets.setdefault(edge.batch, set()).add(edge.facet)
            scanned = keys * edge.batch.scanned_rows
            costs.append(_CostSums(0, 0, 0, _count_limited_calls(edge, keys, self._codes), scanned))
            for each in (*edge.delegated_batches, *edge.batch.reads):
                self.steps.setdefault((self._root_field_number, level + 1, each), set()).add(frozenset((None,)))
            costs += [
                self._estimate_children(planned, count, level + 1, parent_size)
                for planned in group
                if not planned.is_leaf
            ]
        # Groups of this place with the same batch want their facets of the same keys.
        if facets:
            self.levels = max(self.levels, level + 1)
        for batch, batch_facets in facets.items():
            self.steps.setdefault((self._root_field_number, level + 1, batch), set()).add(frozenset(batch_facets))
        # Records inside the records are there already: no call, and no level.
        costs += [self._estimate_children(planned, count, level, parent_size) for planned in nested]
        return _add_up(costs)

    def _estimate_children(self, planned: PlanField, count: int, level: int, parent_size: int | None) -> _CostSums:
        """The cost of the objects at a field, and of everything below them."""
        arguments = self._get_arguments(planned)
        number = count * self._sizes.get_size(planned, arguments, parent_size)
        # `first` of a field that is not a list, such as a connection, bounds the lists directly inside its object.
        requested_size = None if planned.depth else get_requested_size(arguments)
        costs = [self.estimate_shape(shape, number, level, requested_size) for shape in planned.shapes.values()]
        if len(costs) <= 1:
            return costs[0] if costs else _NO_COST
        # Which type the objects have is known only in the run: take the maximum of each number.
        agencies = {agency for each in costs for agency in each.calls_of_limited_batches}
        return _CostSums(
            max(each.objects for each in costs),
            max(each.values for each in costs),
            max(each.introspection for each in costs),
            {agency: max(each.calls_of_limited_batches.get(agency, 0) for each in costs) for agency in agencies},
            max(each.scanned for each in costs),
        )

    def _get_arguments(self, planned: PlanField) -> Mapping[str, Any]:
        arguments = self._arguments[planned.number]
        return {} if isinstance(arguments, Exception) else arguments


def _count_limited_calls(edge: Edge, keys: int, codes: AgencyCodes) -> Mapping[str, int]:
    """By agency: the calls for this number of keys, of batches with a maximum size."""
    calls: dict[str, int] = {}
    for batch in (edge.batch, *edge.delegated_batches, *edge.batch.reads):
        if batch.max_batch_size is not None:
            for code in codes.list(batch.domain):
                calls[code] = max(calls.get(code, 0), -(-keys // batch.max_batch_size))
    return calls


class ListArguments:
    """Counts the values in the lists of all arguments together."""

    def __init__(self, fields: Sequence[PlanField]) -> None:
        """Reads the arguments of the document."""
        self._literal_count = 0
        self.variables: dict[str, int] = {}
        """How often each variable is used where a list is allowed. If there are any, the count depends on them."""
        for planned in fields:
            for argument in planned.nodes[0].arguments or ():
                declared = planned.graphql_field.args.get(argument.name.value)
                if declared is not None and _may_hold_lists(declared.type):
                    self._count_value(argument.value)

    def check(self, variables: Mapping[str, Any], limit: int) -> None:
        """Raise `TooLarge` if there are more values than the limit."""
        count = self._literal_count
        for name, uses in self.variables.items():
            count += count_list_items(variables.get(name)) * uses
        if count > limit:
            raise build_too_many_values_error("arguments", count, limit)

    def _count_value(self, value: ValueNode) -> None:
        if isinstance(value, VariableNode):
            self.variables[value.name.value] = self.variables.get(value.name.value, 0) + 1
        elif isinstance(value, ListValueNode):
            self._literal_count += len(value.values)
            for each in value.values:
                self._count_value(each)
        elif isinstance(value, ObjectValueNode):
            for input_field in value.fields:
                self._count_value(input_field.value)


def is_cost_variable(planned: PlanField) -> bool:
    """Whether the field's cost depends on its arguments."""
    if SLICE_ARGUMENT in planned.graphql_field.args:
        return True
    kind = planned.kind
    return isinstance(kind, BatchField) and (kind.edge.has_many_keys or callable(kind.edge.expected_size))


def _may_hold_lists(type_: Any) -> bool:  # noqa: ANN401 - any input type
    return is_list_type(get_nullable_type(type_)) or isinstance(get_named_type(type_), GraphQLInputObjectType)
