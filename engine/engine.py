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
from time import monotonic
from typing import Any

import orjson
from graphql import GraphQLSchema
from graphql.execution.values import VariableValues, get_variable_values

from engine.context import ExecutionContext
from engine.cost_budgets import CostBudget
from engine.document.limits import TooLarge
from engine.document.parsing import DocumentRules, ValidatedOperation, check_method, parse_operation
from engine.document.persisted_operations import ClientApplication, PersistedDocuments, RegisteredTerms, charge
from engine.document.variables import NO_VARIABLES, coerce_variables, get_default_conditions
from engine.errors import NotRecorded, ReaderBudgetExceeded, build_refusal_error, build_request_error
from engine.execution.plan_executor import execute_plan
from engine.execution.refusals import collect_operation_refusals, count_refusals
from engine.execution.response_building import build_forbidden_response, build_response
from engine.graphql_core.executor import execute_with_graphql_core
from engine.operation_meter import (
    REFUSED,
    UNRECORDED,
    UNREGISTERED,
    OperationMeter,
    classify_outcome,
    get_metric_names,
)
from engine.plan.cost import Cost, ListSizes
from engine.plan.explanation import explain_plan
from engine.plan.operation_cache import CachedOperation, OperationCache
from engine.plan.plan import Plan, build_plan
from engine.plan.tree import ConditionValues, NotPlannable, find_condition_variables
from engine.refused_request import RefusedRequest
from engine.reporting.refused_fields import NoRefusalRecorder, RefusalRecorder
from engine.reporting.subject_reads import ReadRecorder, RequestInfo, hash_document
from engine.request import GraphQLRequest, GraphQLResponse, ResponseOutcome
from engine.response_encoding import encode
from engine.single_flight import SingleFlight
from records.calls.spans import Span
from records.hub.operations import ClientContract, RegisteredOperation

_log = logging.getLogger("simpul.engine")

MAX_CONDITIONS = 6
"""A plan is kept for each set of values of `@include` and `@skip` conditions; with more of them it is made anew each
time and never compiled."""
_INTROSPECTION = re.compile(r"__schema\b|__type\b")
"""What a document that asks about the schema holds somewhere; others may, in a comment."""


class Engine:
    """Answers GraphQL requests over one schema."""

    def __init__(
        self,
        schema: GraphQLSchema,
        rules: DocumentRules,
        *,
        use_plans: bool = True,
        share_runs: bool = False,
        recorder: ReadRecorder | None = None,
        track_reads: bool = False,
        documents: PersistedDocuments | None = None,
        meter: OperationMeter | None = None,
        refusals: RefusalRecorder | None = None,
    ) -> None:
        """Take the finished schema; nothing is asked and nothing is opened. Without `use_plans`, graphql-core runs all.

        With `share_runs`, equal operations that are under way at the same moment share one run. With a
        `build_recorder`, what an answer holds of whom is recorded before it is given, for each who shares it; without
        one nothing is, and only with `track_reads` is it worked out what was read.
        Requests may name `documents` by an id. `meter` receives each operation, `refusals` the refusals by caller.
        """
        self.documents = documents or PersistedDocuments()
        self.schema = schema
        self.rules = rules
        self._uses_plans = use_plans
        self._shares_runs = share_runs
        self._recorder = recorder
        self._meter = meter
        self._refusals = refusals or NoRefusalRecorder()
        self._rules_without_introspection = replace(rules, allow_introspection=False)
        """For callers who may not ask about the schema."""
        self._tracks_reads = track_reads or recorder is not None
        self._operation_cache = OperationCache()
        self._list_sizes = ListSizes(schema)
        self._single_flight: SingleFlight[GraphQLResponse] = SingleFlight()

    async def run(
        self,
        request: GraphQLRequest,
        context_factory: Callable[[], ExecutionContext],
        *,
        request_id: str,
        caller_key: Hashable = None,
        deadline: float = 0.0,
        application: ClientApplication | None = None,
        unshared_run: bool = False,
        budget: CostBudget | None = None,
        allow_introspection: bool = True,
        span: Span | None = None,
        require_new_run: bool = False,
    ) -> GraphQLResponse:
        """Answer one request.

        `context_factory` makes what the schema's fields get as `info.context`; it is not called for a request that
        joins the run of another. `caller_key` is all that rules and batches may read of the caller, and `deadline` when
        the caller's patience ends, on the clock of `time.monotonic`: two requests share a run only where these agree
        (who asks, where the answer depends on it). `application` is the client that asks, where the caller's token
        names one. With `unshared_run`, an answer that depends on who asks is for this request alone: it may depend on
        what was said a moment ago. `budget` pays for what the plan is expected to cost before anybody is asked, whoever
        else shares the run. `allow_introspection` says whether this caller may ask about the schema, where anybody may.
        `span` is what traces tell of the request. With `require_new_run`, the caller wants what is so now: the run of a
        request that came before is not joined, for it may have asked already.
        """
        began = monotonic()
        response, name, text, terms, points = await self._execute(
            request,
            context_factory,
            request_id=request_id,
            caller_key=caller_key,
            deadline=deadline,
            application=application,
            unshared_run=unshared_run,
            budget=budget,
            allow_introspection=allow_introspection,
            span=span,
            require_new_run=require_new_run,
        )
        how = classify_outcome(response)
        if response.reads and self._recorder is not None:
            asked = RequestInfo(caller=caller_key, request_id=request_id, operation=name, document=hash_document(text))
            try:
                await self._recorder(asked, response.reads)
            except (NotRecorded, ReaderBudgetExceeded) as refusal:
                how = UNRECORDED if isinstance(refusal, NotRecorded) else REFUSED
                refusals = count_refusals([(None, refusal)])
                response = GraphQLResponse(
                    outcome=ResponseOutcome.ANSWERED, errors=[build_refusal_error(refusal, ())], refusals=refusals
                )
        if response.refusals:
            self._refusals.record(caller_key, response.refusals)
        if self._meter is not None:
            is_known = terms is not None or application is not None
            names = get_metric_names(terms, application, name) if is_known else UNREGISTERED
            self._meter.record_run(names, how, points, monotonic() - began)
        return response

    async def _execute(
        self,
        request: GraphQLRequest,
        context_factory: Callable[[], ExecutionContext],
        *,
        request_id: str,
        caller_key: Hashable,
        deadline: float,
        application: ClientApplication | None,
        unshared_run: bool,
        budget: CostBudget | None,
        allow_introspection: bool,
        span: Span | None,
        require_new_run: bool,
    ) -> tuple[GraphQLResponse, str | None, str, RegisteredTerms | None, int]:
        """The response, which nobody may have before it is recorded; the operation's name, and the document.

        And the terms, where it is registered; what it was expected to cost, as far as that was reckoned.
        """
        terms = keep_by = None
        points = 0
        try:
            if request.document_id is not None or application is not None or self.documents.must_check_text:
                request, terms, keep_by = self.documents.resolve(request, application)
            kept, seen_before = self._load_operation(request, allow_introspection=allow_introspection)
            variables = coerce_variables(kept.operation, request, self.schema, self.rules)
            plan = self._load_plan(kept, variables)
            cost = plan.check_cost(variables, self.rules.limits, self._list_sizes)
            _annotate_span(span, kept.operation, terms, cost)
            points = cost.points
            if (paying := charge(points, budget, terms, request.variables)) is not None:
                await paying
        except RefusedRequest as refusal:
            response = GraphQLResponse(
                outcome=refusal.outcome, errors=refusal.errors, refusals=collect_operation_refusals(refusal.errors)
            )
            return response, None, request.query, terms, points
        except TooLarge as refusal:
            errors = [build_request_error(str(refusal), refusal.code)]
            return GraphQLResponse(outcome=ResponseOutcome.REFUSED, errors=errors), None, request.query, terms, points
        if keep_by is not None:
            self.documents.store_automatic(keep_by, request.query)
        name = kept.operation.name
        if plan.obstacle is not None or not self._uses_plans:
            response = await self._run_graphql_core(kept.operation, plan, request, context_factory, request_id)
            return response, name, request.query, terms, points
        if seen_before and len(kept.conditions) <= MAX_CONDITIONS:
            plan.mark_seen_again()
        question = (
            None
            if require_new_run or (unshared_run and plan.depends_on_caller)
            else self._get_share_key(plan, request, caller_key)
        )
        run = partial(self._run_plan, plan, context_factory, variables, request_id, is_shared=question is not None)
        if question is not None:
            return (
                await self._single_flight.run(question, run, deadline=deadline, span=span),
                name,
                request.query,
                terms,
                points,
            )
        response = await run()
        if self.rules.allow_explain and (request.extensions or {}).get("explain") is True:
            explained = explain_plan(plan, plan.estimate_cost(variables, self._list_sizes)).to_json(self.rules.limits)
            response = replace(response, extensions={**response.extensions, "explain": explained})
        return response, name, request.query, terms, points

    def explain(self, request: GraphQLRequest) -> tuple[Plan, Cost]:
        """The plan by which a request would be run, and what it would cost; nobody is asked.

        Raises `RefusedRequest`, `TooLarge`, and `NotPlannable` where graphql-core would run it. Variables that are not
        given count as what the schema says of them.
        """
        kept, _ = self._load_operation(request)
        operation = kept.operation
        given = request.variables or {}
        flags = {name: given.get(name) is True for name in kept.conditions}
        plan = build_plan(
            self.schema,
            operation.document,
            operation.definition,
            flags,
            limits=self.rules.limits,
            sizes=self._list_sizes,
        )
        if plan.obstacle is not None:
            raise NotPlannable(plan.obstacle)
        declared = operation.definition.variable_definitions or ()
        variables = get_variable_values(self.schema, declared, dict(given))
        known = variables if isinstance(variables, VariableValues) else NO_VARIABLES
        return plan, plan.estimate_cost(known, self._list_sizes)

    async def register_operations(
        self, contracts: Sequence[ClientContract], operations: Sequence[RegisteredOperation]
    ) -> None:
        """Know these registered operations and no others; their plans are compiled before they are known.

        An operation that the schema no longer allows is logged, and refused with the reason when it is asked for.
        """
        seen = {(each.text, each.name): each for each in operations}
        for key, operation in seen.items():
            if not self._operation_cache.is_pinned(key):
                self._pin_operation(operation)
                await sleep(0)  # a registry may hold thousands, and requests go on
        self.documents.replace(contracts, operations)
        self._operation_cache.keep_pinned(seen.keys())

    def _pin_operation(self, registered_operation: RegisteredOperation) -> None:
        """Plan and compile an operation, for the default values of its variables, and keep it for good."""
        request = GraphQLRequest(query=registered_operation.text, operation_name=registered_operation.name)
        try:
            operation = parse_operation(
                request, self.schema, replace(self.rules, show_schema_names=True)
            )  # the log may tell all
            kept = CachedOperation(operation, find_condition_variables(operation.document, operation.definition))
            self._operation_cache.pin((registered_operation.text, registered_operation.name), kept)
            plan = self._load_plan(kept, get_default_conditions(operation))
        except (RefusedRequest, TooLarge) as refused:
            why = refused.errors[0]["message"] if isinstance(refused, RefusedRequest) else refused
            _log.warning(
                "%s of client %s cannot be run: %s", registered_operation.name, registered_operation.client, why
            )
            return
        if plan.obstacle is None:
            plan.compile()

    def _get_share_key(self, plan: Plan, request: GraphQLRequest, caller_key: Hashable) -> Hashable:
        """What another request must ask to be given the same answer; None where the run is for this one alone."""
        if not self._shares_runs or plan.is_serial or request.extensions:
            return None
        given = _to_canonical_bytes(request.variables)
        return None if given is None else (plan, given, caller_key if plan.depends_on_caller else None)

    async def _run_plan(
        self,
        plan: Plan,
        context_factory: Callable[[], ExecutionContext],
        variables: VariableValues,
        request_id: str,
        *,
        is_shared: bool,
    ) -> GraphQLResponse:
        """The response; as bytes where it is `is_shared`, for then it is written once."""
        context = context_factory()
        response = build_forbidden_response(plan, context)
        if response is None:
            is_public = not plan.depends_on_caller and not plan.is_serial
            # The errors have no name here: by their tracebacks they may know this frame, which would know them.
            run = partial(execute_plan, plan, context, variables, self.rules.limits, request_id)
            response = await run(is_public=is_public, track_reads=self._tracks_reads)
        if not is_shared:
            return response
        return GraphQLResponse(
            outcome=response.outcome,
            errors=response.errors,
            is_public=response.is_public,
            lifetime=response.lifetime,
            data_classes=response.data_classes,
            reads=response.reads,
            refusals=response.refusals,
            body=encode(response),
        )

    async def _run_graphql_core(
        self,
        operation: ValidatedOperation,
        plan: Plan,
        request: GraphQLRequest,
        context_factory: Callable[[], ExecutionContext],
        request_id: str,
    ) -> GraphQLResponse:
        context = context_factory()
        refused = build_forbidden_response(plan, context)
        if refused is not None:
            return refused
        data, errors, reads, old = await execute_with_graphql_core(
            operation, plan, request, context, schema=self.schema, rules=self.rules, track_reads=self._tracks_reads
        )
        return build_response(data, errors, reads, request_id, stale_paths=old, plan=plan)

    def _load_operation(
        self, request: GraphQLRequest, *, allow_introspection: bool = True
    ) -> tuple[CachedOperation, bool]:
        if not allow_introspection and _INTROSPECTION.search(request.query) is not None:
            parse_operation(
                request, self.schema, self._rules_without_introspection
            )  # raises what everybody is told where nobody may ask
        seen = (request.query, request.operation_name)
        kept = self._operation_cache.find(seen)
        seen_before = kept is not None
        if kept is None:
            operation = parse_operation(request, self.schema, self.rules)
            kept = CachedOperation(operation, find_condition_variables(operation.document, operation.definition))
            self._operation_cache.add(seen, kept)
        check_method(kept.operation, request)
        return kept, seen_before

    def _load_plan(self, cached: CachedOperation, variables: VariableValues) -> Plan:
        """The operation's plan for these conditions; raises `TooLarge`."""
        flags: ConditionValues = {name: _to_flag(variables.coerced.get(name)) for name in cached.conditions}
        values = tuple(flags.values())
        plan = cached.plans.get(values)
        if plan is None:
            operation = cached.operation
            try:
                plan = build_plan(
                    self.schema,
                    operation.document,
                    operation.definition,
                    flags,
                    limits=self.rules.limits,
                    sizes=self._list_sizes,
                )
            except TooLarge as refusal:
                plan = TooLarge(str(refusal))
            if len(values) <= MAX_CONDITIONS:
                self._operation_cache.add_plan(cached, values, plan)
        if isinstance(plan, TooLarge):
            raise TooLarge(str(plan))  # the one that is kept would hold on to what this request is about
        return plan


def _annotate_span(span: Span | None, operation: ValidatedOperation, terms: RegisteredTerms | None, cost: Cost) -> None:
    """Tell traces what is run. Names are told of registered operations only: others are whatever a caller writes."""
    if span is None:
        return
    span.set_attribute("graphql.operation.type", operation.definition.operation.value)
    if terms is not None:
        span.set_attribute("graphql.operation.name", terms.operation.name)
    span.set_attribute("simpul.cost", cost.points)


def _to_flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _to_canonical_bytes(variables: Mapping[str, Any] | None) -> bytes | None:
    """The same bytes for the same variables, in whatever order they came; None for what has no such form."""
    if not variables:
        return b""
    try:
        return orjson.dumps(dict(variables), option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return None
