"""Runs operations without a plan by graphql-core, through the same edges and batches."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import isawaitable
from typing import Any

from graphql import ExecutionResult, GraphQLError, GraphQLSchema, execute

from engine.agencies.routing_log import NO_ROUTING
from engine.batch import ExecutionContext
from engine.document.parsing import DocumentRules, ValidatedOperation
from engine.execution.response_building import RunOutcome
from engine.execution.stale_fields import StalePath
from engine.graphql_core.answer_size import AnswerSize
from engine.graphql_core.read_tracking import ReadTrackingMiddleware
from engine.plan.plan import Plan
from engine.request import GraphQLRequest


class GraphQLCoreExecutor:
    """Runs operations by graphql-core."""

    def __init__(self, schema: GraphQLSchema, rules: DocumentRules, *, track_reads: bool) -> None:
        """Without `track_reads`, runs do not track the reads of their answers."""
        self._schema = schema
        self._rules = rules
        self._tracks_reads = track_reads

    async def execute(
        self, operation: ValidatedOperation, plan: Plan, request: GraphQLRequest, context: ExecutionContext
    ) -> RunOutcome:
        """Execute the operation. `plan` describes its fields, and is not run. Closes the context at the end."""
        try:
            has_reads = plan.has_guards and self._tracks_reads
            reading = ReadTrackingMiddleware(plan, getattr(context, "reader", None)) if has_reads else None
            _narrow_size_limit(context, plan, self._rules)
            executed = await self._execute(operation, request, context, reading)
            result = _drop_data_if_too_large(executed, context)
            return RunOutcome(
                data=result.data,
                errors=result.errors or [],
                reads=reading.reads(getattr(context, "routing_log", NO_ROUTING))
                if reading is not None and result.data is not None
                else (),
                stale_paths=_keep_existing_paths(getattr(context, "stale_paths", ()), result.data),
            )
        finally:
            await context.close()

    async def _execute(
        self,
        operation: ValidatedOperation,
        request: GraphQLRequest,
        context: ExecutionContext,
        reading: ReadTrackingMiddleware | None,
    ) -> ExecutionResult:
        result: Any = execute(
            self._schema,
            operation.document,
            context_value=context,
            variable_values=dict(request.variables or {}),
            operation_name=operation.name,
            hide_suggestions=not self._rules.allow_suggestions,
            middleware=None if reading is None else [reading],
        )
        if isawaitable(result):
            result = await result
        if not isinstance(result, ExecutionResult):
            raise TypeError(f"graphql-core answered {type(result).__name__} where an ExecutionResult was expected.")
        return result


def _narrow_size_limit(context: ExecutionContext, plan: Plan, rules: DocumentRules) -> None:
    """Limit the context's counter to the maximum number of records in an answer of this plan."""
    if (size := _get_answer_size(context)) is not None:
        limits = rules.limits
        size.narrow(min(limits.objects, limits.values // max(len(plan.fields), 1)))


def _drop_data_if_too_large(result: ExecutionResult, context: ExecutionContext) -> ExecutionResult:
    """The result; without its data if the context reports that the operation was stopped."""
    size = _get_answer_size(context)
    if size is None or not size.is_exceeded:
        return result
    refusal = size.build_refusal()
    return ExecutionResult(None, [GraphQLError(str(refusal), original_error=refusal)])


def _get_answer_size(context: ExecutionContext) -> AnswerSize | None:
    """The counter of the records of this answer, if the context has one."""
    size = getattr(context, "size", None)
    return size if isinstance(size, AnswerSize) else None


def _keep_existing_paths(places: Sequence[StalePath], data: dict[str, Any] | None) -> Sequence[StalePath]:
    """The stale paths that the answer contains: not those below a null that was propagated."""
    return [each for each in places if _has_path(data, each.path)]


def _has_path(data: Any, path: Sequence[str | int]) -> bool:  # noqa: ANN401 - any part of an answer
    at = data
    for part in path:
        if at is None:
            return False
        at = at[part]
    return True
