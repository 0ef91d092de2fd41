"""Runs one operation by a plan, compiled and interpreted, and by graphql-core, and compares the answers."""

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
"""Python 3.14 names the use of a value in this message; it differs between the plan and graphql-core."""


@dataclass
class ExecutionOutcome:
    """The outcome of one run."""

    data: Any
    errors: Sequence[GraphQLError]
    steps: Counter[str] = field(default_factory=Counter)
    """The number of steps of the plan, by name of batch."""

    @property
    def error_summaries(self) -> set[ErrorSummary]:
        """The errors in comparable form."""
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
        """Whether a null was propagated to a parent."""
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
    """The answer of a compiled plan, as for a document that was seen before."""
    return await _by_plan(schema, text, variables, context, seen_again=True)


async def by_uncompiled_plan(
    schema: GraphQLSchema,
    text: str,
    variables: Mapping[str, Any],
    context: Any,  # noqa: ANN401 - the schema's context
) -> ExecutionOutcome:
    """The answer of an interpreted plan, in which only long lists are compiled."""
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
    values = get_variable_values(schema, operation.variable_definitions or (), dict(variables))
    if isinstance(values, list):  # a variable is refused, such as a text in place of a file
        return ExecutionOutcome(None, values)
    flags = {name: values.coerced[name] for name in find_condition_variables(document, operation)}
    plan = build_plan(schema, document, operation, flags, limits=UNLIMITED, sizes=ListSizes(schema))
    assert plan.unplannable_part is None
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
    await asyncio.sleep(100)  # let calls below a propagated null end
    return ExecutionOutcome(result.data, result.errors or [])


def find_differences(plan: ExecutionOutcome, oracle: ExecutionOutcome) -> list[str]:
    """The differences that the specification does not allow.

    For a null that was propagated to a parent, one error suffices. Each side may omit other errors below that parent
    (GraphQL specification, section 6.4.4 "Handling Execution Errors").
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


def _is_explained(error: ErrorSummary, others: set[ErrorSummary], data: object) -> bool:
    """Whether the error is at or below a null for which the other side has an error.

    For a list that fails while it is read, graphql-core also reports errors of the items before.
    """
    path = error[0]
    for length in range(len(path) + 1):
        if _get_at(data, path[:length]) is None:
            above = path[:length]
            below = len(path) > length
            return any((below or len(other[0]) > length) and other[0][:length] == above for other in others)
    return False


def _exists(data: object, path: Path) -> bool:
    """Whether all parents of the path exist, so that the null is at the path itself."""
    return all(_get_at(data, path[:length]) is not None for length in range(len(path)))


def _get_at(data: object, path: Path) -> Any:  # noqa: ANN401 - any part of an answer
    at: Any = data
    for part in path:
        if at is None:
            return None
        at = at[part]
    return at
