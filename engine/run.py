"""The way of a request through the engine: document, operation, execution, response.

Execution is graphql-core's, over the finished schema. The fields answer through edges and batches, never for one
parent alone; a compiled plan will take this place and be tested against it.
"""

from __future__ import annotations

from inspect import isawaitable
from typing import Any

from graphql import ExecutionResult, GraphQLError, GraphQLSchema, OperationType, execute

from engine.document import DocumentRules, Operation, RefusedRequest, operation_of
from engine.errors import MOST_ERRORS, at_most, formatted, request_error
from engine.inputs import named
from engine.request import GraphQLRequest, GraphQLResponse, Outcome


class Engine:
    """Answers GraphQL requests over one schema."""

    def __init__(self, schema: GraphQLSchema, rules: DocumentRules) -> None:
        """Take the finished schema; nothing is asked and nothing is opened."""
        self.schema = schema
        self.rules = rules

    async def run(self, request: GraphQLRequest, context: object, *, request_id: str) -> GraphQLResponse:
        """Answer one request. `context` is what the schema's fields get as `info.context`."""
        try:
            operation = operation_of(request, self.schema, self.rules)
        except RefusedRequest as refused:
            return GraphQLResponse(outcome=refused.outcome, errors=refused.errors)
        if operation.definition.operation is OperationType.SUBSCRIPTION:
            error = request_error("Subscriptions cannot be run by a plain HTTP request.", "METHOD_NOT_ALLOWED")
            return GraphQLResponse(outcome=Outcome.REFUSED, errors=[error])
        result = await self._execute(operation, request, context)
        if result.data is None and _refused_before_execution(result):
            errors = result.errors or []
            shown = at_most([_variable_error(error, operation) for error in errors[:MOST_ERRORS]], len(errors))
            return GraphQLResponse(outcome=Outcome.REFUSED, errors=shown)
        return GraphQLResponse(
            outcome=Outcome.ANSWERED, data=result.data, errors=formatted(result.errors or (), request_id=request_id)
        )

    async def _execute(self, operation: Operation, request: GraphQLRequest, context: object) -> ExecutionResult:
        result: Any = execute(
            self.schema,
            operation.document,
            context_value=context,
            variable_values=dict(request.variables or {}),
            operation_name=operation.name,
            hide_suggestions=not self.rules.suggestions,
        )
        if isawaitable(result):
            result = await result
        if not isinstance(result, ExecutionResult):
            raise TypeError(f"graphql-core answered {type(result).__name__} where an ExecutionResult was expected.")
        return result


def _refused_before_execution(result: ExecutionResult) -> bool:
    # graphql-core reports refused variables as errors without a path; field errors always carry one.
    return bool(result.errors) and all(error.path is None for error in result.errors or ())


def _variable_error(error: GraphQLError, operation: Operation) -> dict[str, Any]:
    locations: list[Any] = [location.formatted for location in error.locations or ()]
    return request_error(named(error, operation.document), "BAD_USER_INPUT", locations)
