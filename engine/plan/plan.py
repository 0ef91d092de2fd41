"""The plan of an operation: its tree, its functions, and what is known before it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from inspect import isawaitable
from types import SimpleNamespace
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
    default_type_resolver,
    get_argument_values,
    get_named_type,
    is_abstract_type,
    is_object_type,
)
from graphql.execution.values import VariableValues
from graphql.pyutils import inspect

from engine.agencies.agency_codes import AgencyCodes, get_agency_codes
from engine.batch import Batch
from engine.document.limits import Limits
from engine.field_kinds import BatchField, ComputedField, FieldKind
from engine.plan.code_generation import compile_on_first_use, compile_shape, generate_source, prepare_shapes
from engine.plan.cost import Cost, ListArguments, ListSizes, collect_fact_batches, estimate_cost, is_cost_variable
from engine.plan.plan_builder import ConditionValues, PlanBuilder
from engine.plan.response_size import may_multiply
from engine.plan.tree import GuardedPart, PlanField, ReadSummaries, Shape, build_guarded_parts


@dataclass(eq=False, slots=True, kw_only=True)
class Plan:
    """One operation, for one set of values of its `@include` and `@skip` conditions.

    Shapes are compiled separately, each when it gets a record. When a document is seen for the first time, only shapes
    with many records are compiled.
    """

    schema: GraphQLSchema
    codes: AgencyCodes
    """The code of the agency of each domain."""
    root: Shape
    fields: Sequence[PlanField]
    shapes: Sequence[Shape]
    has_guards: bool
    """Whether any field has a guard."""
    data_classes: frozenset[str]
    """The data classes of its fields (`FieldGuard.data_class`)."""
    depends_on_caller: bool
    """Whether any part of the answer depends on the caller. If not, all callers get the same answer."""
    changes_by_itself: bool
    """Whether a part of the answer may change without new data: a rule asks for a recent sign-in, or a value tells
    what the hub knows at the moment."""
    may_be_fully_forbidden: bool
    """Whether every root field has a guard, so that a caller may be refused all of them."""
    is_serial: bool
    """Whether root fields run one after another (mutations)."""
    may_multiply: bool
    """Whether the size of the answer must be checked: it has lists of records inside lists of records."""
    constant_arguments: Sequence[Any]
    """By number of field: its arguments if they use no variable, else None."""
    unplannable_part: str | None = None
    """The part that only graphql-core can run, if any; such a plan only estimates the cost."""
    list_arguments: ListArguments
    fact_batches: Sequence[Batch[Any, Any]]
    """Batches that decisions about its fields may need."""
    cost: Cost | None = None
    """The estimated cost; None if it depends on variables."""
    seen_again: bool = False
    read_summaries: ReadSummaries = field(default_factory=dict)
    """Cached summaries of reads (`engine/execution/read_tracking.py`)."""
    known_coordinates: frozenset[str] | None = None
    token: object = field(default_factory=object)
    """Stands for the plan in the keys of answers, which outlive it in the cache of operations."""

    @property
    def coordinates(self) -> frozenset[str]:
        """The schema coordinates of its fields."""
        if self.known_coordinates is None:
            self.known_coordinates = frozenset(each.name for each in self.fields)
        return self.known_coordinates

    @property
    def source(self) -> str:
        """The Python source of its functions."""
        return generate_source(self.shapes)

    def mark_seen_again(self) -> None:
        """Compile shapes on first use from now on, because the document came again."""
        self.seen_again = True
        compile_on_first_use(self.shapes)

    def compile(self) -> None:
        """Compile every shape now, for an operation that is expected."""
        self.seen_again = True
        for shape in self.shapes:
            compile_shape(shape)

    def check_cost(self, variables: VariableValues, limits: Limits, sizes: ListSizes) -> Cost:
        """The estimated cost of this run; raises `TooLarge` if it exceeds a limit.

        A cost without variables was checked when the plan was built.
        """
        if self.list_arguments.variables:
            self.list_arguments.check(variables.coerced, limits.list_items)
        if self.cost is not None:
            return self.cost
        cost = self.estimate_cost(variables, sizes)
        cost.require_within(limits)
        return cost

    def estimate_cost(self, variables: VariableValues, sizes: ListSizes) -> Cost:
        """The estimated cost of one run."""
        return self.cost or estimate_cost(
            self.root,
            self.coerce_arguments(variables),
            sizes,
            is_mutation=self.is_serial,
            codes=self.codes,
            facts=self.fact_batches,
        )

    def coerce_arguments(self, variables: VariableValues) -> Sequence[Any]:
        """By number of field: its arguments for this run, or the error of their coercion."""
        if None not in self.constant_arguments:
            return self.constant_arguments
        return [
            constant if constant is not None else _coerce_arguments(planned, variables)
            for planned, constant in zip(self.fields, self.constant_arguments, strict=True)
        ]

    def find_fully_forbidden(self, context: Any) -> Sequence[tuple[PlanField, Exception]]:  # noqa: ANN401 - the schema's context
        """Every root field with its refusal, if the caller may see none, whatever their arguments; else empty."""
        if not self.may_be_fully_forbidden:
            return ()
        refused: list[tuple[PlanField, Exception]] = []
        for each in self.root.fields:
            refusal = each.guard.find_blanket_refusal(context)
            if refusal is None:
                return ()
            refused.append((each, refusal))
        return refused

    def resolve_shape(self, planned: PlanField, value: Any, context: Any) -> Shape:  # noqa: ANN401 - any value
        """The shape of a value; raises `GraphQLError` if the field cannot have its type."""
        info: Any = SimpleNamespace(
            context=context,
            schema=self.schema,
            field_name=planned.nodes[0].name.value,
            parent_type=planned.parent.type,
            return_type=planned.type,
            is_awaitable=isawaitable,
        )
        named: Any = get_named_type(planned.type)
        if is_abstract_type(named):
            return self._resolve_abstract_shape(planned, value, info)
        (shape,) = planned.shapes.values()
        return _require_type(shape, value, info)

    def _resolve_abstract_shape(self, planned: PlanField, value: Any, info: Any) -> Shape:  # noqa: ANN401 - any value
        named: Any = get_named_type(planned.type)
        shapes = planned.shapes
        if all(shape.record is not None for shape in shapes.values()):  # the class of a published record gives its type
            for shape in shapes.values():
                if shape.type.is_type_of is not None and shape.type.is_type_of(value, info):
                    return shape
        name: Any = (named.resolve_type or default_type_resolver)(value, info, named)
        if name is None:
            raise GraphQLError(
                f"Abstract type '{named}' must resolve to an Object type at runtime for field '{planned.name}'."
                f" Either the '{named}' type should provide a 'resolve_type' function or each possible type should"
                " provide an 'is_type_of' function."
            )
        if name not in shapes:
            raise self._build_no_such_type_error(planned, named, value, name)
        return _require_type(shapes[name], value, info)

    def _build_no_such_type_error(self, planned: PlanField, named: Any, value: Any, name: Any) -> GraphQLError:  # noqa: ANN401 - any type and value
        """Why an abstract type cannot be this one, in graphql-core's words."""
        if not isinstance(name, str):
            return GraphQLError(
                f"Abstract type '{named}' must resolve to an Object type at runtime for field '{planned.name}'"
                f" with value {inspect(value)}, received '{inspect(name)}', which is not a valid Object type name."
            )
        type_ = self.schema.get_type(name)
        if type_ is None:
            return GraphQLError(
                f"Abstract type '{named}' was resolved to a type '{name}' that does not exist inside the schema."
            )
        if not is_object_type(type_):
            return GraphQLError(f"Abstract type '{named}' was resolved to a non-object type '{name}'.")
        return GraphQLError(f"Runtime Object type '{name}' is not a possible type for '{named}'.")


def _require_type(shape: Shape, value: Any, info: Any) -> Shape:  # noqa: ANN401 - any value
    if shape.type.is_type_of is not None and not shape.type.is_type_of(value, info):
        raise GraphQLError(f"Expected value of type '{shape.type.name}' but got: {inspect(value)}.")
    return shape


def build_plan(
    schema: GraphQLSchema,
    document: DocumentNode,
    definition: OperationDefinitionNode,
    condition_values: ConditionValues,
    *,
    limits: Limits,
    sizes: ListSizes,
) -> Plan:
    """Plan an operation; raises `TooLarge` if it exceeds a limit, whatever its variables are.

    Nothing is compiled yet. An operation that only graphql-core can run gets a plan with an `unplannable_part`.
    """
    # 1. The tree.
    root_type: Any = schema.get_root_type(definition.operation)  # valid operations have one
    builder = PlanBuilder(schema, document, condition_values, limits)
    root = builder.build_root(root_type, definition)
    unplannable_part = (
        "subscription" if definition.operation is OperationType.SUBSCRIPTION else builder.unplannable_part
    )
    if unplannable_part is None:
        prepare_shapes(builder.shapes)
    # 2. Parts for read tracking: below the root by shape; at the root by field, because there is no record.
    for shape in builder.shapes[1:]:
        shape.guarded_parts = build_guarded_parts(shape)
    for each in root.fields:
        each.own_part = GuardedPart(each.guard, (each,), is_of_key=each.guard.key_is_subject)
    for each in builder.fields:
        each.variable_arguments = _find_variable_arguments(each)
    # 3. What does not depend on variables is computed and checked once: arguments, list sizes, cost.
    serial = definition.operation is OperationType.MUTATION
    nothing = VariableValues({}, {})
    constant = [None if _has_variables(each) else _coerce_constant_arguments(each, nothing) for each in builder.fields]
    codes = get_agency_codes(schema)
    lists, facts = ListArguments(builder.fields), collect_fact_batches(builder.fields, codes)
    if not lists.variables:
        lists.check({}, limits.list_items)
    cost = None
    if not any(
        each is None and is_cost_variable(field_) for each, field_ in zip(constant, builder.fields, strict=True)
    ):
        arguments = [each or {} for each in constant]
        cost = estimate_cost(root, arguments, sizes, is_mutation=serial, codes=codes, facts=facts)
        cost.require_within(limits)
    return Plan(
        schema=schema,
        codes=codes,
        root=root,
        fields=builder.fields,
        shapes=builder.shapes,
        has_guards=any(not each.is_public for each in builder.fields),
        data_classes=frozenset(of for each in builder.fields if (of := each.guard.data_class) is not None),
        depends_on_caller=any(not each.is_public or _depends_on_caller(each.kind) for each in builder.fields),
        changes_by_itself=any(each.guard.depends_on_time or _changes_by_itself(each.kind) for each in builder.fields),
        may_be_fully_forbidden=bool(root.fields)
        and not root.typenames
        and not any(each.is_public for each in root.fields),
        may_multiply=may_multiply(builder.fields),
        is_serial=serial,
        constant_arguments=constant,
        unplannable_part=unplannable_part,
        list_arguments=lists,
        fact_batches=facts,
        cost=cost,
    )


def _depends_on_caller(kind: FieldKind) -> bool:
    if isinstance(kind, BatchField):
        return kind.edge.depends_on_caller or kind.edge.batch.depends_on_caller
    return isinstance(kind, ComputedField) and kind.depends_on_caller


def _changes_by_itself(kind: FieldKind) -> bool:
    return isinstance(kind, ComputedField) and kind.changes_by_itself


def _coerce_arguments(planned: PlanField, variables: VariableValues) -> Mapping[str, Any] | Exception:
    if not planned.graphql_field.args:
        return {}
    # Passing on values of variables saves 4 % of a small request with three arguments. The long way below adds default
    # values, and raises for nulls.
    if planned.variable_arguments:
        arguments = {name: variables.coerced.get(variable) for name, variable in planned.variable_arguments}
        if None not in arguments.values():
            return arguments
    try:
        return planned.definition.engine_arguments(
            get_argument_values(planned.graphql_field, planned.nodes[0], variables)
        )
    except Exception as fault:  # noqa: BLE001 - invalid arguments are the error of the field, at every place
        return fault


def _coerce_constant_arguments(planned: PlanField, variables: VariableValues) -> Mapping[str, Any] | None:
    """The arguments; None if they fail: a shared error would keep records of other runs in memory."""
    given = _coerce_arguments(planned, variables)
    return None if isinstance(given, Exception) else given


def _find_variable_arguments(planned: PlanField) -> Sequence[tuple[str, str]]:
    """The arguments of the field by Python name, each with its variable; empty if one is given in another way."""
    variables = {
        each.name.value: each.value.name.value
        for each in planned.nodes[0].arguments or ()
        if isinstance(each.value, VariableNode)
    }
    names = planned.definition.engine_argument_names() if variables else None
    if names is None or variables.keys() != planned.graphql_field.args.keys():
        return ()
    return tuple((names[argument], variable) for argument, variable in variables.items())


def _has_variables(planned: PlanField) -> bool:
    return any(
        "$" in argument.value.loc.source.body[argument.value.loc.start : argument.value.loc.end]
        for argument in planned.nodes[0].arguments or ()
        if argument.value.loc is not None
    )
