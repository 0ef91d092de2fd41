"""The way of a request through the engine: document, operation, execution, response.

A document runs by a plan of its own, which is compiled when the document comes back. graphql-core runs what no plan can
be made of, as introspection, through the same edges and batches; it is the oracle that plans are tested against.
"""

from __future__ import annotations

import logging
import re
from asyncio import sleep
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from inspect import isawaitable
from typing import Any, Protocol

import orjson
from graphql import (
    BooleanValueNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    OperationType,
    execute,
    get_location,
)
from graphql.execution.values import VariableValues, get_variable_values

from engine.batch import Ask
from engine.document import DocumentRules, Operation, RefusedRequest, check_method, operation_of
from engine.encoding import encode
from engine.errors import MOST_ERRORS, NotRecorded, at_most, formatted, refusal_of, request_error
from engine.inputs import named
from engine.limits import AnswerSize, Limits, TooLarge, list_items
from engine.persisted import Application, PersistedDocuments, bill
from engine.plan.cost import Cost, Sizes, too_many
from engine.plan.explain import explain
from engine.plan.flights import Flights
from engine.plan.gather import Gather
from engine.plan.kept import KeptOperation, KeptOperations
from engine.plan.plan import Plan, planned
from engine.plan.run import Run
from engine.plan.tree import Flags, NotPlannable, conditions
from engine.quota import Purse
from engine.reading import Reading
from engine.reads import Asked, Read, Recorder, document_hash
from engine.request import GraphQLRequest, GraphQLResponse, Outcome
from records.operations import ClientContract, RegisteredOperation

_log = logging.getLogger("simpul.engine")

MOST_CONDITIONS = 6
"""A plan is kept for each set of values of `@include` and `@skip` conditions; with more of them it is made anew each
time and never compiled."""
_ABOUT_SCHEMA = re.compile(r"__schema\b|__type\b")
"""What a document that asks about the schema holds somewhere; others may, in a comment."""


class Context(Protocol):
    """What the engine needs of the context that the schema's fields are given."""

    def ask(self, facets: frozenset[type[Any]]) -> Ask[Any]:
        """What a batch is given for this request, when these facets are wanted."""

    async def close(self) -> None:
        """Stop what fields that ran on graphql-core left running. Plans leave nothing."""


_NO_VARIABLES = VariableValues({}, {})


class Engine:
    """Answers GraphQL requests over one schema."""

    def __init__(
        self,
        schema: GraphQLSchema,
        rules: DocumentRules,
        *,
        plans: bool = True,
        coalescing: bool = False,
        recorder: Recorder | None = None,
        noting: bool = False,
        documents: PersistedDocuments | None = None,
    ) -> None:
        """Take the finished schema; nothing is asked and nothing is opened. Without `plans`, graphql-core runs all.

        With `coalescing`, equal operations that are under way at the same moment share one run. With a `recorder`, what
        an answer holds of whom is recorded before it is given, for each who shares it; without one nothing is, and only
        with `noting` is it worked out what was read.
        `documents` are those that requests may name by an id.
        """
        self.documents = documents or PersistedDocuments()
        self.schema = schema
        self.rules = rules
        self._plans = plans
        self._coalescing = coalescing
        self._recorder = recorder
        self._closed = replace(rules, introspection=False)
        """For callers who may not ask about the schema."""
        self._noting = noting or recorder is not None
        self._kept = KeptOperations()
        self._sizes = Sizes(schema)
        self._flights: Flights[GraphQLResponse] = Flights()

    async def run(
        self,
        request: GraphQLRequest,
        opened: Callable[[], Context],
        *,
        request_id: str,
        who: Hashable = None,
        until: float = 0.0,
        application: Application | None = None,
        alone: bool = False,
        purse: Purse | None = None,
        introspects: bool = True,
    ) -> GraphQLResponse:
        """Answer one request.

        `opened` makes what the schema's fields get as `info.context`; it is not called for a request that joins the run
        of another. `who` is all that rules and batches may read of the caller, and `until` when the caller's patience
        ends, on the clock of `time.monotonic`: two requests share a run only where these agree (who asks, where the
        answer depends on it). `application` is the client that asks, where the caller's token names one. With `alone`,
        an answer that depends on who asks is for this request alone: it may depend on what was said a moment ago.
        `purse` pays for what the plan is expected to cost before anybody is asked, whoever else shares the run.
        `introspects` says whether this caller may ask about the schema, where anybody may.
        """
        response, name, text = await self._unrecorded(
            request,
            opened,
            request_id=request_id,
            who=who,
            until=until,
            application=application,
            alone=alone,
            purse=purse,
            introspects=introspects,
        )
        if not response.reads or self._recorder is None:
            return response
        asked = Asked(who=who, request_id=request_id, operation=name, document=document_hash(text))
        try:
            await self._recorder(asked, response.reads)
        except NotRecorded as refusal:
            return GraphQLResponse(outcome=Outcome.ANSWERED, errors=[request_error(str(refusal), refusal.code)])
        return response

    async def _unrecorded(
        self,
        request: GraphQLRequest,
        opened: Callable[[], Context],
        *,
        request_id: str,
        who: Hashable,
        until: float,
        application: Application | None,
        alone: bool,
        purse: Purse | None,
        introspects: bool,
    ) -> tuple[GraphQLResponse, str | None, str]:
        """The response, which nobody may have before it is recorded; the operation's name, and the document."""
        terms = keep_by = None
        try:
            if request.document_id is not None or application is not None or self.documents.checks_text:
                request, terms, keep_by = self.documents.resolve(request, application)
            kept, seen_before = self._operation(request, introspects=introspects)
            variables = self._variables(kept.operation, request)
            plan = self._plan(kept, variables)
            cost = plan.check(variables, self.rules.limits, self._sizes)
            if (paying := bill(cost.points, purse, terms, request.variables)) is not None:
                await paying
        except RefusedRequest as refused:
            return GraphQLResponse(outcome=refused.outcome, errors=refused.errors), None, request.query
        except TooLarge as refusal:
            errors = [request_error(str(refusal), refusal.code)]
            return GraphQLResponse(outcome=Outcome.REFUSED, errors=errors), None, request.query
        if keep_by is not None:
            self.documents.keep(keep_by, request.query)
        name = kept.operation.name
        if plan.obstacle is not None or not self._plans:
            return await self._by_graphql_core(kept.operation, plan, request, opened, request_id), name, request.query
        if seen_before and len(kept.conditions) <= MOST_CONDITIONS:
            plan.see_again()
        question = None if alone and plan.reads_caller else self._question(plan, request, who)
        run = partial(self._by_plan, plan, opened, variables, request_id, shared=question is not None)
        if question is not None:
            return await self._flights.join(question, run, until=until), name, request.query
        response = await run()
        if self.rules.explains and (request.extensions or {}).get("explain") is True:
            explained = explain(plan, plan.reckoned(variables, self._sizes)).as_json(self.rules.limits)
            response = replace(response, extensions={**response.extensions, "explain": explained})
        return response, name, request.query

    def explained(self, request: GraphQLRequest) -> tuple[Plan, Cost]:
        """The plan by which a request would be run, and what it would cost; nobody is asked.

        Raises `RefusedRequest`, `TooLarge`, and `NotPlannable` where graphql-core would run it. Variables that are not
        given count as what the schema says of them.
        """
        kept, _ = self._operation(request)
        operation = kept.operation
        given = request.variables or {}
        flags = {name: given.get(name) is True for name in kept.conditions}
        plan = planned(
            self.schema, operation.document, operation.definition, flags, limits=self.rules.limits, sizes=self._sizes
        )
        if plan.obstacle is not None:
            raise NotPlannable(plan.obstacle)
        declared = operation.definition.variable_definitions or ()
        variables = get_variable_values(self.schema, declared, dict(given))
        known = variables if isinstance(variables, VariableValues) else _NO_VARIABLES
        return plan, plan.reckoned(known, self._sizes)

    async def know(self, contracts: Sequence[ClientContract], operations: Sequence[RegisteredOperation]) -> None:
        """Know these registered operations and no others; their plans are compiled before they are known.

        An operation that the schema no longer allows is logged, and refused with the reason when it is asked for.
        """
        seen = {(each.text, each.name): each for each in operations}
        for key, operation in seen.items():
            if not self._kept.is_pinned(key):
                self._pin(operation)
                await sleep(0)  # a registry may hold thousands, and requests go on
        self.documents.take(contracts, operations)
        self._kept.keep_pinned(seen.keys())

    def _pin(self, registered: RegisteredOperation) -> None:
        """Plan and compile an operation, for the default values of its variables, and keep it for good."""
        request = GraphQLRequest(query=registered.text, operation_name=registered.name)
        try:
            operation = operation_of(request, self.schema, replace(self.rules, names=True))  # the log may tell all
            kept = KeptOperation(operation, conditions(operation.document, operation.definition))
            self._kept.pin((registered.text, registered.name), kept)
            plan = self._plan(kept, _default_conditions(operation))
        except (RefusedRequest, TooLarge) as refused:
            why = refused.errors[0]["message"] if isinstance(refused, RefusedRequest) else refused
            _log.warning("%s of client %s cannot be run: %s", registered.name, registered.client, why)
            return
        if plan.obstacle is None:
            plan.compile()

    def _variables(self, operation: Operation, request: GraphQLRequest) -> VariableValues:
        """The variables' values; raises `RefusedRequest` and `TooLarge` where there is nothing to run."""
        if operation.definition.operation is OperationType.SUBSCRIPTION:
            message = "Subscriptions cannot be run by a plain HTTP request."
            raise RefusedRequest(request_error(message, "METHOD_NOT_ALLOWED"))
        given = request.variables
        if given:
            count, most = list_items(given), self.rules.limits.list_items
            if count > most:
                raise too_many("variables", count, most)
        declared = operation.definition.variable_definitions
        if not declared:
            return _NO_VARIABLES
        values = get_variable_values(
            self.schema,
            declared,
            dict(given or {}),
            max_errors=MOST_ERRORS,
            hide_suggestions=not self.rules.suggestions,
        )
        if isinstance(values, VariableValues):
            return values
        errors = [_variable_error(error, operation) for error in values[:MOST_ERRORS]]
        raise RefusedRequest(*at_most(errors, len(values)))

    def _question(self, plan: Plan, request: GraphQLRequest, who: Hashable) -> Hashable:
        """What another request must ask to be given the same answer; None where the run is for this one alone."""
        if not self._coalescing or plan.serial or request.extensions:
            return None
        given = _canonical(request.variables)
        return None if given is None else (plan, given, who if plan.reads_caller else None)

    async def _by_plan(
        self, plan: Plan, opened: Callable[[], Context], variables: VariableValues, request_id: str, *, shared: bool
    ) -> GraphQLResponse:
        """The response; as bytes where it is `shared`, for then it is written once."""
        context = opened()
        response = _hopeless(plan, context)
        if response is None:
            is_public = not plan.reads_caller and not plan.serial
            # The errors have no name here: by their tracebacks they may know this frame, which would know them.
            run = partial(_planned, plan, context, variables, self.rules.limits, request_id)
            response = await run(is_public=is_public, noting=self._noting)
        if not shared:
            return response
        return GraphQLResponse(
            outcome=response.outcome,
            errors=response.errors,
            is_public=response.is_public,
            reads=response.reads,
            body=encode(response),
        )

    async def _by_graphql_core(
        self,
        operation: Operation,
        plan: Plan,
        request: GraphQLRequest,
        opened: Callable[[], Context],
        request_id: str,
    ) -> GraphQLResponse:
        context = opened()
        refused = _hopeless(plan, context)
        if refused is not None:
            return refused
        try:
            reading = Reading(plan, getattr(context, "reader", None)) if plan.guards and self._noting else None
            result = _unless_too_large(await self._execute(operation, plan, request, context, reading), context)
            reads = reading.reads() if reading is not None and result.data is not None else ()
            return _answered(result.data, result.errors or [], request_id, reads)
        finally:
            await context.close()

    def _operation(self, request: GraphQLRequest, *, introspects: bool = True) -> tuple[KeptOperation, bool]:
        if not introspects and _ABOUT_SCHEMA.search(request.query) is not None:
            operation_of(request, self.schema, self._closed)  # raises what everybody is told where nobody may ask
        seen = (request.query, request.operation_name)
        kept = self._kept.find(seen)
        seen_before = kept is not None
        if kept is None:
            operation = operation_of(request, self.schema, self.rules)
            kept = KeptOperation(operation, conditions(operation.document, operation.definition))
            self._kept.add(seen, kept)
        check_method(kept.operation, request)
        return kept, seen_before

    def _plan(self, kept: KeptOperation, variables: VariableValues) -> Plan:
        """The operation's plan for these conditions; raises `TooLarge`."""
        flags: Flags = {name: _flag(variables.coerced.get(name)) for name in kept.conditions}
        values = tuple(flags.values())
        plan = kept.plans.get(values)
        if plan is None:
            operation = kept.operation
            try:
                plan = planned(
                    self.schema,
                    operation.document,
                    operation.definition,
                    flags,
                    limits=self.rules.limits,
                    sizes=self._sizes,
                )
            except TooLarge as refusal:
                plan = TooLarge(str(refusal))
            if len(values) <= MOST_CONDITIONS:
                self._kept.add_plan(kept, values, plan)
        if isinstance(plan, TooLarge):
            raise TooLarge(str(plan))  # the one that is kept would hold on to what this request is about
        return plan

    async def _execute(
        self, operation: Operation, plan: Plan, request: GraphQLRequest, context: Context, reading: Reading | None
    ) -> ExecutionResult:
        if (size := _size_of(context)) is not None:
            limits = self.rules.limits
            size.narrow(min(limits.objects, limits.values // max(len(plan.fields), 1)))
        result: Any = execute(
            self.schema,
            operation.document,
            context_value=context,
            variable_values=dict(request.variables or {}),
            operation_name=operation.name,
            hide_suggestions=not self.rules.suggestions,
            middleware=None if reading is None else [reading],
        )
        if isawaitable(result):
            result = await result
        if not isinstance(result, ExecutionResult):
            raise TypeError(f"graphql-core answered {type(result).__name__} where an ExecutionResult was expected.")
        return result


def _default_conditions(operation: Operation) -> VariableValues:
    """The values that conditions of `@include` and `@skip` have where no variable is given."""
    defaults = {
        each.variable.name.value: each.default_value.value
        for each in operation.definition.variable_definitions or ()
        if isinstance(each.default_value, BooleanValueNode)
    }
    return VariableValues({}, defaults)


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


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


def _answered(
    data: dict[str, Any] | None,
    errors: Sequence[GraphQLError],
    request_id: str,
    reads: Sequence[Read],
    *,
    is_public: bool = False,
) -> GraphQLResponse:
    told = formatted(errors, request_id=request_id) if errors else []
    return GraphQLResponse(outcome=Outcome.ANSWERED, data=data, errors=told, reads=reads, is_public=is_public)


def _hopeless(plan: Plan, context: Context) -> GraphQLResponse | None:
    """The refusal of the whole operation, where this caller may see no field of it; None where they may."""
    refused = plan.hopeless(context)
    if not refused:
        return None
    errors = [
        refusal_of(refusal, [get_location(field.nodes[0].loc.source, field.nodes[0].loc.start)._asdict()])
        for field, refusal in refused[:MOST_ERRORS]
        if field.nodes[0].loc is not None
    ]
    return GraphQLResponse(outcome=Outcome.FORBIDDEN, errors=at_most(errors, len(refused)))


def _canonical(variables: Mapping[str, Any] | None) -> bytes | None:
    """The same bytes for the same variables, in whatever order they came; None for what has no such form."""
    if not variables:
        return b""
    try:
        return orjson.dumps(dict(variables), option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return None


async def _planned(
    plan: Plan,
    context: Context,
    variables: VariableValues,
    limits: Limits,
    request_id: str,
    *,
    is_public: bool,
    noting: bool,
) -> GraphQLResponse:
    gather = Gather(context.ask)
    run = Run(plan, context, gather, plan.arguments(variables), limits, noting=noting)
    try:
        return _answered(*await run.answer(), request_id, run.reads, is_public=is_public)
    finally:
        await gather.close()


def _variable_error(error: GraphQLError, operation: Operation) -> dict[str, Any]:
    locations: list[Any] = [location.formatted for location in error.locations or ()]
    return request_error(named(error, operation.document), "BAD_USER_INPUT", locations)
