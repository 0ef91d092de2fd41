"""The way of graphql-core, for operations that have no plan: through the same edges and batches."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import isawaitable
from typing import Any

from graphql import ExecutionResult, GraphQLError, GraphQLSchema, execute

from engine.context import Context
from engine.document import DocumentRules, Operation
from engine.limits import AnswerSize
from engine.old_places import OldPlace, Path
from engine.plan.plan import Plan
from engine.reading import Reading
from engine.reads import Read
from engine.request import GraphQLRequest


async def by_graphql_core(
    operation: Operation,
    plan: Plan,
    request: GraphQLRequest,
    context: Context,
    *,
    schema: GraphQLSchema,
    rules: DocumentRules,
    noting: bool,
) -> tuple[dict[str, Any] | None, Sequence[GraphQLError], Sequence[Read], Sequence[OldPlace]]:
    """The data, the errors, what of whom the data holds, and what of it is no longer fresh.

    `plan` tells what the fields are, and runs nothing. Without `noting`, nobody wants to know of whom. The context is
    closed in the end.
    """
    try:
        reading = Reading(plan, getattr(context, "reader", None)) if plan.guards and noting else None
        _narrow(context, plan, rules)
        executed = await _executed(operation, request, context, reading, schema=schema, rules=rules)
        result = _unless_too_large(executed, context)
        reads = reading.reads() if reading is not None and result.data is not None else ()
        return result.data, result.errors or [], reads, _standing(getattr(context, "old_places", ()), result.data)
    finally:
        await context.close()


async def _executed(
    operation: Operation,
    request: GraphQLRequest,
    context: Context,
    reading: Reading | None,
    *,
    schema: GraphQLSchema,
    rules: DocumentRules,
) -> ExecutionResult:
    result: Any = execute(
        schema,
        operation.document,
        context_value=context,
        variable_values=dict(request.variables or {}),
        operation_name=operation.name,
        hide_suggestions=not rules.suggestions,
        middleware=None if reading is None else [reading],
    )
    if isawaitable(result):
        result = await result
    if not isinstance(result, ExecutionResult):
        raise TypeError(f"graphql-core answered {type(result).__name__} where an ExecutionResult was expected.")
    return result


def _narrow(context: Context, plan: Plan, rules: DocumentRules) -> None:
    """Let the context count no further than what an answer of this plan may hold."""
    if (size := _size_of(context)) is not None:
        limits = rules.limits
        size.narrow(min(limits.objects, limits.values // max(len(plan.fields), 1)))


def _unless_too_large(result: ExecutionResult, context: Context) -> ExecutionResult:
    """The result; without its data where the context says that it was given up on the way."""
    size = _size_of(context)
    if size is None or not size.exceeded:
        return result
    refusal = size.refusal()
    return ExecutionResult(None, [GraphQLError(str(refusal), original_error=refusal)])


def _size_of(context: Context) -> AnswerSize | None:
    """What counts the records of this answer, where the context has one."""
    size = getattr(context, "size", None)
    return size if isinstance(size, AnswerSize) else None


def _standing(places: Sequence[OldPlace], data: dict[str, Any] | None) -> Sequence[OldPlace]:
    """Those of the places that the answer has: not below a null that was passed on."""
    return [each for each in places if _has(data, each.path)]


def _has(data: Any, path: Path) -> bool:  # noqa: ANN401 - any part of an answer
    at = data
    for part in path:
        if at is None:
            return False
        at = at[part]
    return True
