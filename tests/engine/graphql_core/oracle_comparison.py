"""One operation by a plan, compiled and not, and by graphql-core, and what differs."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import Any, Protocol, runtime_checkable

from graphql import DocumentNode, ExecutionResult, GraphQLError, GraphQLSchema, OperationDefinitionNode, execute, parse
from graphql.execution.values import VariableValues, get_variable_values

from engine.document.limits import Limits
from engine.execution.batch_scheduler import BatchScheduler
from engine.execution.plan_run import PlanRun
from engine.field_kinds import BatchField
from engine.plan.cost import ListSizes
from engine.plan.plan import Plan, build_plan
from engine.plan.plan_builder import find_condition_variables

UNLIMITED = Limits(
    fields=10**9,
    breadth=10**9,
    aliases=10**9,
    list_items=10**9,
    calls=10**9,
    objects=10**99,
    values=10**99,
    introspection=10**9,
)


@runtime_checkable
class FactGuard(Protocol):
    """A guard that decides by a fact."""

    fact: str
    """The name of its batch."""


Path = tuple[str | int, ...]
ErrorSummary = tuple[Path, str, tuple[tuple[int, int], ...]]
"""Path, message and locations of an error."""
_UNHASHABLE = re.compile(r"cannot use '\w+' as .*?\(unhashable type: '\w+'\)|unhashable type: '\w+'")
"""Python 3.14 says of which use a value is, which differs where the plan and graphql-core look it up."""


@dataclass
class ExecutionOutcome:
    """What came back."""

    data: Any
    errors: Sequence[GraphQLError]
    steps: Counter[str] = field(default_factory=Counter)
    """By name of batch: how many steps of the plan want it."""

    @property
    def error_summaries(self) -> set[ErrorSummary]:
        """The errors, as they are compared."""
        return {
            (
                tuple(error.path or ()),
                _UNHASHABLE.sub("unhashable", error.message),
                tuple((each.line, each.column) for each in error.locations or ()),
            )
            for error in self.errors
        }

    @property
    def propagated(self) -> bool:
        """Whether a null was passed on to a parent."""
        return any(not _exists(self.data, tuple(error.path or ())) for error in self.errors)


def operation_in(document: DocumentNode) -> OperationDefinitionNode:
    return next(each for each in document.definitions if isinstance(each, OperationDefinitionNode))


def coerce_variable_values(
    schema: GraphQLSchema, operation: OperationDefinitionNode | None, variables: Mapping[str, Any]
) -> VariableValues:
    """The variables as the engine coerces them."""
    declared = operation.variable_definitions if operation else None
    values = get_variable_values(schema, declared or (), dict(variables))
    assert isinstance(values, VariableValues), values
    return values


async def by_plan(schema: GraphQLSchema, text: str, variables: Mapping[str, Any], context: Any) -> ExecutionOutcome:  # noqa: ANN401 - the schema's context
    """The answer of a plan that is compiled, as from the second time on that a document is seen."""
    return await _by_plan(schema, text, variables, context, seen_again=True)


async def by_uncompiled_plan(
    schema: GraphQLSchema,
    text: str,
    variables: Mapping[str, Any],
    context: Any,  # noqa: ANN401 - the schema's context
) -> ExecutionOutcome:
    """The answer of a plan of which nothing is compiled, but for long lists."""
    return await _by_plan(schema, text, variables, context, seen_again=False)


async def _by_plan(
    schema: GraphQLSchema,
    text: str,
    variables: Mapping[str, Any],
    context: Any,  # noqa: ANN401 - the schema's context
    *,
    seen_again: bool,
) -> ExecutionOutcome:
    document = parse(text)
    operation = operation_in(document)
    values = coerce_variable_values(schema, operation, variables)
    flags = {name: values.coerced[name] for name in find_condition_variables(document, operation)}
    plan = build_plan(schema, document, operation, flags, limits=UNLIMITED, sizes=ListSizes(schema))
    assert plan.obstacle is None
    if seen_again:
        plan.mark_seen_again()
    gather = BatchScheduler(context.build_batch_context)
    try:
        run = PlanRun(plan, context, gather, plan.coerce_arguments(values), UNLIMITED)
        return ExecutionOutcome(*await run.execute(), _steps(plan))
    finally:
        await gather.close()


def _steps(plan: Plan) -> Counter[str]:
    shapes = {plan.root, *(shape for each in plan.fields for shape in each.shapes.values())}
    kinds = [group[0].kind for shape in shapes for group in shape.groups]
    facts = [each.guard.fact for each in plan.fields if isinstance(each.guard, FactGuard)]
    return Counter(kind.edge.batch.name for kind in kinds if isinstance(kind, BatchField)) + Counter(facts)


async def by_graphql_core(
    schema: GraphQLSchema,
    text: str,
    variables: Mapping[str, Any],
    context: Any,  # noqa: ANN401 - the schema's context
) -> ExecutionOutcome:
    """The answer of graphql-core."""
    result: Any = execute(schema, parse(text), context_value=context, variable_values=dict(variables))
    if isawaitable(result):
        result = await result
    assert isinstance(result, ExecutionResult)
    await asyncio.sleep(100)  # what was begun below a null that was passed on ends by itself
    return ExecutionOutcome(result.data, result.errors or [])


def find_differences(plan: ExecutionOutcome, oracle: ExecutionOutcome) -> list[str]:
    """What the specification does not allow to differ.

    Where a null was passed on to a parent, only one error has to say why; other errors below that parent may be left
    out by either side (GraphQL specification, section 6.4.4 "Handling Execution Errors").
    """
    found: list[str] = []
    if plan.data != oracle.data or repr(plan.data) != repr(oracle.data):
        found.append(f"data: {plan.data!r}, but graphql-core has {oracle.data!r}")
    found += [
        f"only the plan has {each}"
        for each in _find_unexplained(plan.error_summaries, oracle.error_summaries, oracle.data)
    ]
    found += [
        f"only graphql-core has {each}"
        for each in _find_unexplained(oracle.error_summaries, plan.error_summaries, oracle.data)
    ]
    return found


def _find_unexplained(these: set[ErrorSummary], those: set[ErrorSummary], data: object) -> list[ErrorSummary]:
    return [each for each in these - those if not _is_explained(each, those, data)]


def _is_explained(told: ErrorSummary, others: set[ErrorSummary], data: object) -> bool:
    """Whether the error lies at or below a place that is null, and the other side says why.

    Below a list that broke while it was read, graphql-core tells of the items that came before, too.
    """
    path = told[0]
    for length in range(len(path) + 1):
        if _get_at(data, path[:length]) is None:
            above = path[:length]
            below = len(path) > length
            return any((below or len(other[0]) > length) and other[0][:length] == above for other in others)
    return False


def _exists(data: object, path: Path) -> bool:
    """Whether the place of an error is itself the null."""
    return all(_get_at(data, path[:length]) is not None for length in range(len(path)))


def _get_at(data: object, path: Path) -> Any:  # noqa: ANN401 - any part of an answer
    at: Any = data
    for part in path:
        if at is None:
            return None
        at = at[part]
    return at
