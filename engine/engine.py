"""The stages of a request in the engine: document, operation, execution, response.

Each document has its own plan, which is compiled when the document comes again. graphql-core runs operations that have
no plan, such as introspection, through the same edges and batches. It is also the oracle for the tests of plans.
"""

from __future__ import annotations

import logging
from asyncio import sleep
from collections.abc import Callable, Coroutine, Hashable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from time import monotonic
from typing import Any, Final

import orjson
from graphql import GraphQLSchema, OperationType
from graphql.execution.values import VariableValues, get_variable_values

from engine.batch import NO_BATCH_CACHE, BatchCache
from engine.document.limits import TooLarge
from engine.document.parsing import (
    DocumentRules,
    ValidatedOperation,
    check_method,
    may_be_introspection,
    parse_operation,
)
from engine.document.persisted_operations import PersistedDocuments, RegisteredTerms, charge
from engine.document.variables import NO_VARIABLES, coerce_variables, get_default_conditions
from engine.errors import NotRecorded, ReaderBudgetExceeded, build_refusal_error
from engine.execution.plan_executor import PlanExecutor
from engine.execution.refusal_counts import collect_operation_refusals, count_refusals
from engine.execution.response_building import build_forbidden_response, build_response, build_too_large_response
from engine.execution.run_starts import RunStarts
from engine.graphql_core.executor import GraphQLCoreExecutor
from engine.operation_meter import (
    REFUSED,
    UNRECORDED,
    UNREGISTERED,
    classify_outcome,
    get_metric_names,
)
from engine.plan.cost import Cost, ListSizes
from engine.plan.explanation import explain_plan
from engine.plan.operation_cache import CachedOperation, OperationCache
from engine.plan.plan import Plan, build_plan
from engine.plan.plan_builder import ConditionValues, find_condition_variables
from engine.plan.tree import NotPlannable
from engine.request import GraphQLRequest, GraphQLResponse, RefusedRequest, ResponseOutcome
from engine.response_encoding import encode
from engine.run_request import NO_REPORTING, RunReporting, RunRequest, RunResult
from engine.sharing.shared_answers import SharedAnswers, build_shared_operation, may_share
from engine.sharing.single_flight import JoinGate
from records.calls.spans import Span
from records.calls.subject_reads import RequestInfo
from records.hub.operations import ClientContract, RegisteredOperation

_log = logging.getLogger("simpul.engine")

MAX_CONDITIONS = 6
"""A plan is kept for each set of values of `@include` and `@skip` conditions. Beyond this number of sets, it is built
for each request and never compiled."""
_NO_FIELDS: frozenset[str] = frozenset()


class Engine:
    """Answers GraphQL requests over one schema."""

    def __init__(
        self,
        schema: GraphQLSchema,
        rules: DocumentRules,
        *,
        use_plans: bool = True,
        share_runs: bool = False,
        documents: PersistedDocuments | None = None,
        reporting: RunReporting = NO_REPORTING,
    ) -> None:
        """Takes the finished schema, and opens nothing. Without `use_plans`, graphql-core runs all operations.

        With `share_runs`, equal operations that are pending at the same moment share one run. Requests may name
        `documents` by an id. `reporting` receives reads, operations and refusals.
        """
        self.documents = documents or PersistedDocuments()
        self.schema = schema
        self.rules = rules
        self._uses_plans = use_plans
        self._shares_runs = share_runs
        self._reporting = reporting
        self._rules_without_introspection = replace(rules, allow_introspection=False)
        """For callers who may not use introspection."""
        self._plan_executor = PlanExecutor(rules.limits, track_reads=reporting.needs_reads)
        self._graphql_core_executor = GraphQLCoreExecutor(schema, rules, track_reads=reporting.needs_reads)
        self._operation_cache = OperationCache()
        self.run_starts: Final = RunStarts()
        self._list_sizes = ListSizes(schema)
        self.shared_answers = SharedAnswers(self._operation_cache, self.documents, reporting, NO_BATCH_CACHE)

    def keep_answers(self, batch_cache: BatchCache) -> None:
        """Give answers of this cache to equal requests for some seconds (`engine/sharing/kept_answers.py`)."""
        self.shared_answers = SharedAnswers(self._operation_cache, self.documents, self._reporting, batch_cache)

    async def run(self, run_request: RunRequest) -> GraphQLResponse:
        """Answer one request; its reads are recorded before the response is returned."""
        began = monotonic()
        result = await self._execute(run_request)
        response = result.response
        reporting = self._reporting
        outcome = classify_outcome(response)
        if response.reads:
            recorded = RequestInfo(
                caller=run_request.caller_key,
                request_id=run_request.request_id,
                operation=result.operation_name,
                document=result.hash_document(),
            )
            try:
                await reporting.recorder(recorded, response.reads)
            except (NotRecorded, ReaderBudgetExceeded) as refusal:
                outcome = UNRECORDED if isinstance(refusal, NotRecorded) else REFUSED
                refusals = count_refusals([(None, refusal)])
                response = GraphQLResponse(
                    outcome=ResponseOutcome.ANSWERED, errors=[build_refusal_error(refusal, ())], refusals=refusals
                )
        if response.refusals:
            reporting.refusals.record(run_request.caller_key, response.refusals)
        terms, application = result.terms, run_request.application
        is_known = terms is not None or application is not None
        names = get_metric_names(terms, application, result.operation_name) if is_known else UNREGISTERED
        reporting.record_run(names, outcome, result.points, result.coordinates, monotonic() - began)
        return response

    async def _execute(self, run_request: RunRequest) -> RunResult:
        """Run it, or refuse it. Its reads are recorded before the response is returned."""
        request, application = run_request.request, run_request.application
        terms = store_as = None
        points, coordinates, kept = 0, _NO_FIELDS, None
        try:
            if request.document_id is not None or application is not None or self.documents.must_check_text:
                request, terms, store_as = self.documents.resolve(request, application)
            kept, seen_before = self._load_operation(request, allow_introspection=run_request.allow_introspection)
            variables = coerce_variables(kept.operation, request, self.schema, self.rules)
            plan = self._load_plan(kept, variables)
            cost = plan.check_cost(variables, self.rules.limits, self._list_sizes)
            _annotate_span(run_request.span, kept.operation, terms, cost)
            points = cost.points
            if (paying := charge(points, run_request.budget, terms, request.variables)) is not None:
                await paying
        except RefusedRequest as refusal:
            refusals = collect_operation_refusals(refusal.errors)
            response = GraphQLResponse(outcome=refusal.outcome, errors=refusal.errors, refusals=refusals)
            name = None
        except TooLarge as refusal:
            response = build_too_large_response(refusal)
            name = None
        else:
            if store_as is not None:
                self.documents.store_automatic(store_as, request.query)
            name, coordinates = kept.operation.name, plan.coordinates
            if plan.unplannable_part is not None or not self._uses_plans:
                response = await self._run_graphql_core(kept.operation, plan, request, run_request)
            else:
                if seen_before and not plan.seen_again and len(kept.conditions) <= MAX_CONDITIONS:
                    plan.mark_seen_again()
                share_key = self._get_share_key(plan, run_request)
                kept.shared = kept.shared or build_shared_operation(plan, share_key, run_request, points)
                response = await self._run_or_join(plan, request, variables, run_request, share_key)
            if run_request.require_new_run:
                self.shared_answers.kept.note_renewal()
        return RunResult(response, name, kept, request.query, terms, points, coordinates)

    def _run_or_join(
        self,
        plan: Plan,
        request: GraphQLRequest,
        variables: VariableValues,
        run_request: RunRequest,
        share_key: Hashable | None,
    ) -> Coroutine[None, None, GraphQLResponse]:
        """The response of the plan: from an equal run, or from a new one."""
        run = partial(self._run_plan, plan, run_request, variables, share_key)
        if share_key is not None:
            shared = self.shared_answers
            if run_request.span is None and (kept := shared.kept.find(share_key)) is not None:
                shared.record_kept(1)
                return _return(kept)
            if self._shares_runs:
                # Decisions by facts of a run would be too old for requests that come later.
                deadline, span, gate = run_request.deadline, run_request.span, JoinGate()
                return shared.pending.run(share_key, partial(run, gate.close), deadline=deadline, span=span, gate=gate)
            return run()
        if self.rules.allow_explain and (request.extensions or {}).get("explain") is True:
            return self._run_explained(plan, variables, run)
        return run()

    async def _run_explained(
        self, plan: Plan, variables: VariableValues, run: Callable[[], Coroutine[None, None, GraphQLResponse]]
    ) -> GraphQLResponse:
        response = await run()
        explained = explain_plan(plan, plan.estimate_cost(variables, self._list_sizes)).to_json(self.rules.limits)
        return replace(response, extensions={**response.extensions, "explain": explained})

    def explain(self, request: GraphQLRequest) -> tuple[Plan, Cost]:
        """Plan a request and estimate its cost, without any call.

        Raises `RefusedRequest`, `TooLarge`, and `NotPlannable` if graphql-core would run it. Missing variables count as
        the schema declares them.
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
        if plan.unplannable_part is not None:
            raise NotPlannable(plan.unplannable_part)
        declared = operation.definition.variable_definitions or ()
        variables = get_variable_values(self.schema, declared, dict(given))
        known = variables if isinstance(variables, VariableValues) else NO_VARIABLES
        return plan, plan.estimate_cost(known, self._list_sizes)

    async def register_operations(
        self, contracts: Sequence[ClientContract], operations: Sequence[RegisteredOperation]
    ) -> None:
        """Replace the registered operations; their plans are compiled before the operations are available.

        An operation that the schema no longer allows is logged, and its requests are refused with the reason.
        """
        seen = {(each.text, each.name): each for each in operations}
        for key, operation in seen.items():
            if not self._operation_cache.is_pinned(key):
                self._pin_operation(operation)
                await sleep(0)  # a registry may hold thousands, and requests go on
        self.documents.replace(contracts, operations)
        self._operation_cache.keep_pinned(seen.keys())

    def _pin_operation(self, registered_operation: RegisteredOperation) -> None:
        """Plan and compile an operation for the default values of its variables, and keep it permanently."""
        request = GraphQLRequest(query=registered_operation.text, operation_name=registered_operation.name)
        try:
            rules = replace(self.rules, show_schema_names=True)  # the reason is for the log
            operation = parse_operation(request, self.schema, rules)
            kept = CachedOperation(operation, find_condition_variables(operation.document, operation.definition))
            self._operation_cache.pin((registered_operation.text, registered_operation.name), kept)
            plan = self._load_plan(kept, get_default_conditions(operation))
        except (RefusedRequest, TooLarge) as refused:
            why = refused.errors[0]["message"] if isinstance(refused, RefusedRequest) else refused
            _log.warning(
                "%s of client %s cannot be run: %s", registered_operation.name, registered_operation.client, why
            )
            return
        if plan.unplannable_part is None:
            plan.compile()

    def _get_share_key(self, plan: Plan, run_request: RunRequest) -> Hashable | None:
        """The key by which equal requests share a run; None if this run is not shared."""
        request = run_request.request
        is_shared = self._shares_runs or self.shared_answers.kept.is_enabled
        if not is_shared or not may_share(plan, run_request):
            return None
        given = _to_canonical_bytes(request.variables) if request.variables else b""
        whose = run_request.caller_key, run_request.language
        return None if given is None else (plan.token, given, *(whose if plan.depends_on_caller else ()))

    async def _run_plan(
        self,
        plan: Plan,
        run_request: RunRequest,
        variables: VariableValues,
        share_key: Hashable | None,
        when_facts_needed: Callable[[], None] | None = None,
    ) -> GraphQLResponse:
        """The response; with a `share_key`, as bytes, so that it is serialized only once.

        `when_facts_needed` is called before the first fact for a decision is loaded.
        """
        version = self.shared_answers.kept.get_version()
        context, request_id = run_request.context_factory(), run_request.request_id
        response = build_forbidden_response(plan, context)
        if response is None:
            # The errors get no local name: their tracebacks can refer to this frame, which would be a reference cycle.
            run = partial(self._plan_executor.execute, plan, context, variables, request_id, when_facts_needed)
            response = await (run() if plan.depends_on_caller else self.run_starts.run(run))
        if share_key is None:
            return response
        shared = GraphQLResponse(
            outcome=response.outcome,
            errors=response.errors,
            is_public=response.is_public,
            lifetime=response.lifetime,
            data_classes=response.data_classes,
            reads=response.reads,
            refusals=response.refusals,
            body=encode(response),
        )
        if not response.extensions:
            self.shared_answers.kept.keep(share_key, version, shared, changes_by_itself=plan.changes_by_itself)
        return shared

    async def _run_graphql_core(
        self,
        operation: ValidatedOperation,
        plan: Plan,
        request: GraphQLRequest,
        run_request: RunRequest,
    ) -> GraphQLResponse:
        context = run_request.context_factory()
        refused = build_forbidden_response(plan, context)
        if refused is not None:
            return refused
        outcome = await self._graphql_core_executor.execute(operation, plan, request, context)
        return build_response(outcome, plan, run_request.request_id)

    def _load_operation(
        self, request: GraphQLRequest, *, allow_introspection: bool = True
    ) -> tuple[CachedOperation, bool]:
        if not allow_introspection and may_be_introspection(request.query):
            parse_operation(
                request, self.schema, self._rules_without_introspection
            )  # raises the same error as with introspection disabled
        seen = (request.query, request.operation_name)
        kept = self._operation_cache.find(seen)
        seen_before = kept is not None
        if kept is None:
            operation = parse_operation(request, self.schema, self.rules)
            kept = CachedOperation(operation, find_condition_variables(operation.document, operation.definition))
            self._operation_cache.add(seen, kept)
        if request.queries_only or kept.operation.definition.operation is OperationType.SUBSCRIPTION:
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
            raise TooLarge(str(plan))  # the cached exception would keep this request in memory
        return plan


async def _return(response: GraphQLResponse) -> GraphQLResponse:
    """The response, as a run that has ended."""
    return response


def _annotate_span(span: Span | None, operation: ValidatedOperation, terms: RegisteredTerms | None, cost: Cost) -> None:
    """Describe the run in traces. Only names of registered operations are traced: other names are free text."""
    if span is None:
        return
    span.set_attribute("graphql.operation.type", operation.definition.operation.value)
    if terms is not None:
        span.set_attribute("graphql.operation.name", terms.operation.name)
    span.set_attribute("simpul.cost", cost.points)


def _to_flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _to_canonical_bytes(variables: Mapping[str, Any]) -> bytes | None:
    """Canonical bytes of the variables, in any order; None for values without such a form."""
    try:
        return orjson.dumps(dict(variables), option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return None
