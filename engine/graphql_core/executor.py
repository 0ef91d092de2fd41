"""The way of graphql-core, for operations that have no plan: through the same edges and batches."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import isawaitable
from typing import Any

from graphql import ExecutionResult, GraphQLError, GraphQLSchema, execute

from engine.context import ExecutionContext
from engine.document.parsing import DocumentRules, ValidatedOperation
from engine.execution.stale_paths import Path, StalePath
from engine.graphql_core.answer_size import AnswerSize
from engine.graphql_core.read_tracking import ReadTrackingMiddleware
from engine.plan.plan import Plan
from engine.reporting.subject_reads import SubjectRead
from engine.request import GraphQLRequest


async def execute_with_graphql_core(
    operation: ValidatedOperation,
    plan: Plan,
    request: GraphQLRequest,
    context: ExecutionContext,
    *,
    schema: GraphQLSchema,
    rules: DocumentRules,
    track_reads: bool,
) -> tuple[dict[str, Any] | None, Sequence[GraphQLError], Sequence[SubjectRead], Sequence[StalePath]]:
    """The data, the errors, what of whom the data holds, and what of it is no longer fresh.

    `plan` tells what the fields are, and runs nothing. Without `track_reads`, nobody wants to know of whom. The context
    is closed in the end.
    """
    try:
        reading = (
            ReadTrackingMiddleware(plan, getattr(context, "reader", None)) if plan.has_guards and track_reads else None
        )
        _narrow_size_limit(context, plan, rules)
        executed = await _execute(operation, request, context, reading, schema=schema, rules=rules)
        result = _drop_data_if_too_large(executed, context)
        reads = reading.reads() if reading is not None and result.data is not None else ()
        return (
            result.data,
            result.errors or [],
            reads,
            _keep_existing_paths(getattr(context, "stale_paths", ()), result.data),
        )
    finally:
        await context.close()


async def _execute(
    operation: ValidatedOperation,
    request: GraphQLRequest,
    context: ExecutionContext,
    reading: ReadTrackingMiddleware | None,
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
        hide_suggestions=not rules.allow_suggestions,
        middleware=None if reading is None else [reading],
    )
    if isawaitable(result):
        result = await result
    if not isinstance(result, ExecutionResult):
        raise TypeError(f"graphql-core answered {type(result).__name__} where an ExecutionResult was expected.")
    return result


def _narrow_size_limit(context: ExecutionContext, plan: Plan, rules: DocumentRules) -> None:
    """Let the context count no further than what an answer of this plan may hold."""
    if (size := _get_answer_size(context)) is not None:
        limits = rules.limits
        size.narrow(min(limits.objects, limits.values // max(len(plan.fields), 1)))


def _drop_data_if_too_large(result: ExecutionResult, context: ExecutionContext) -> ExecutionResult:
    """The result; without its data where the context says that it was given up on the way."""
    size = _get_answer_size(context)
    if size is None or not size.is_exceeded:
        return result
    refusal = size.build_refusal()
    return ExecutionResult(None, [GraphQLError(str(refusal), original_error=refusal)])


def _get_answer_size(context: ExecutionContext) -> AnswerSize | None:
    """What counts the records of this answer, where the context has one."""
    size = getattr(context, "size", None)
    return size if isinstance(size, AnswerSize) else None


def _keep_existing_paths(places: Sequence[StalePath], data: dict[str, Any] | None) -> Sequence[StalePath]:
    """Those of the places that the answer has: not below a null that was passed on."""
    return [each for each in places if _has_path(data, each.path)]


def _has_path(data: Any, path: Path) -> bool:  # noqa: ANN401 - any part of an answer
    at = data
    for part in path:
        if at is None:
            return False
        at = at[part]
    return True
