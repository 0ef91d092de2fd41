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

from engine.answered import answered, hopeless
from engine.by_graphql_core import by_graphql_core
from engine.by_plan import by_plan
from engine.context import Context
from engine.document import DocumentRules, Operation, RefusedRequest, check_method, operation_of
from engine.encoding import encode
from engine.errors import NotRecorded, ReaderBudgetExceeded, refusal_of, request_error
from engine.limits import TooLarge
from engine.metering import REFUSED, UNRECORDED, UNREGISTERED, Meter, ended, names_of
from engine.persisted import Application, PersistedDocuments, Terms, bill
from engine.plan.cost import Cost, Sizes
from engine.plan.explain import explain
from engine.plan.flights import Flights
from engine.plan.kept import KeptOperation, KeptOperations
from engine.plan.plan import Plan, planned
from engine.plan.tree import Flags, NotPlannable, conditions
from engine.quota import Purse
from engine.reads import Asked, Recorder, document_hash
from engine.refusals import refused, refused_operation
from engine.refused_fields import NoRefusalNotes, RefusalNotes
from engine.request import GraphQLRequest, GraphQLResponse, Outcome
from engine.variables import NO_VARIABLES, default_conditions, variables_of
from records.operations import ClientContract, RegisteredOperation
from records.spans import Span

_log = logging.getLogger("simpul.engine")

MOST_CONDITIONS = 6
"""A plan is kept for each set of values of `@include` and `@skip` conditions; with more of them it is made anew each
time and never compiled."""
_ABOUT_SCHEMA = re.compile(r"__schema\b|__type\b")
"""What a document that asks about the schema holds somewhere; others may, in a comment."""


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
        meter: Meter | None = None,
        refusals: RefusalNotes | None = None,
    ) -> None:
        """Take the finished schema; nothing is asked and nothing is opened. Without `plans`, graphql-core runs all.

        With `coalescing`, equal operations that are under way at the same moment share one run. With a `recorder`, what
        an answer holds of whom is recorded before it is given, for each who shares it; without one nothing is, and only
        with `noting` is it worked out what was read.
        Requests may name `documents` by an id. `meter` receives each operation, `refusals` the refusals by caller.
        """
        self.documents = documents or PersistedDocuments()
        self.schema = schema
        self.rules = rules
        self._plans = plans
        self._coalescing = coalescing
        self._recorder = recorder
        self._meter = meter
        self._refusals = refusals or NoRefusalNotes()
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
        span: Span | None = None,
        anew: bool = False,
    ) -> GraphQLResponse:
        """Answer one request.

        `opened` makes what the schema's fields get as `info.context`; it is not called for a request that joins the run
        of another. `who` is all that rules and batches may read of the caller, and `until` when the caller's patience
        ends, on the clock of `time.monotonic`: two requests share a run only where these agree (who asks, where the
        answer depends on it). `application` is the client that asks, where the caller's token names one. With `alone`,
        an answer that depends on who asks is for this request alone: it may depend on what was said a moment ago.
        `purse` pays for what the plan is expected to cost before anybody is asked, whoever else shares the run.
        `introspects` says whether this caller may ask about the schema, where anybody may. `span` is what traces tell
        of the request. With `anew`, the caller wants what is so now: the run of a request that came before is not
        joined, for it may have asked already.
        """
        began = monotonic()
        response, name, text, terms, points = await self._unrecorded(
            request,
            opened,
            request_id=request_id,
            who=who,
            until=until,
            application=application,
            alone=alone,
            purse=purse,
            introspects=introspects,
            span=span,
            anew=anew,
        )
        how = ended(response)
        if response.reads and self._recorder is not None:
            asked = Asked(who=who, request_id=request_id, operation=name, document=document_hash(text))
            try:
                await self._recorder(asked, response.reads)
            except (NotRecorded, ReaderBudgetExceeded) as refusal:
                how = UNRECORDED if isinstance(refusal, NotRecorded) else REFUSED
                refusals = refused([(None, refusal)])
                response = GraphQLResponse(
                    outcome=Outcome.ANSWERED, errors=[refusal_of(refusal, ())], refusals=refusals
                )
        if response.refusals:
            self._refusals.note(who, response.refusals)
        if self._meter is not None:
            is_known = terms is not None or application is not None
            names = names_of(terms, application, name) if is_known else UNREGISTERED
            self._meter.ran(names, how, points, monotonic() - began)
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
        span: Span | None,
        anew: bool,
    ) -> tuple[GraphQLResponse, str | None, str, Terms | None, int]:
        """The response, which nobody may have before it is recorded; the operation's name, and the document.

        And the terms, where it is registered; what it was expected to cost, as far as that was reckoned.
        """
        terms = keep_by = None
        points = 0
        try:
            if request.document_id is not None or application is not None or self.documents.checks_text:
                request, terms, keep_by = self.documents.resolve(request, application)
            kept, seen_before = self._operation(request, introspects=introspects)
            variables = variables_of(kept.operation, request, self.schema, self.rules)
            plan = self._plan(kept, variables)
            cost = plan.check(variables, self.rules.limits, self._sizes)
            _tell(span, kept.operation, terms, cost)
            points = cost.points
            if (paying := bill(points, purse, terms, request.variables)) is not None:
                await paying
        except RefusedRequest as refusal:
            response = GraphQLResponse(
                outcome=refusal.outcome, errors=refusal.errors, refusals=refused_operation(refusal.errors)
            )
            return response, None, request.query, terms, points
        except TooLarge as refusal:
            errors = [request_error(str(refusal), refusal.code)]
            return GraphQLResponse(outcome=Outcome.REFUSED, errors=errors), None, request.query, terms, points
        if keep_by is not None:
            self.documents.keep(keep_by, request.query)
        name = kept.operation.name
        if plan.obstacle is not None or not self._plans:
            response = await self._by_graphql_core(kept.operation, plan, request, opened, request_id)
            return response, name, request.query, terms, points
        if seen_before and len(kept.conditions) <= MOST_CONDITIONS:
            plan.see_again()
        question = None if anew or (alone and plan.reads_caller) else self._question(plan, request, who)
        run = partial(self._by_plan, plan, opened, variables, request_id, shared=question is not None)
        if question is not None:
            return await self._flights.join(question, run, until=until, span=span), name, request.query, terms, points
        response = await run()
        if self.rules.explains and (request.extensions or {}).get("explain") is True:
            explained = explain(plan, plan.reckoned(variables, self._sizes)).as_json(self.rules.limits)
            response = replace(response, extensions={**response.extensions, "explain": explained})
        return response, name, request.query, terms, points

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
        known = variables if isinstance(variables, VariableValues) else NO_VARIABLES
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
            plan = self._plan(kept, default_conditions(operation))
        except (RefusedRequest, TooLarge) as refused:
            why = refused.errors[0]["message"] if isinstance(refused, RefusedRequest) else refused
            _log.warning("%s of client %s cannot be run: %s", registered.name, registered.client, why)
            return
        if plan.obstacle is None:
            plan.compile()

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
        response = hopeless(plan, context)
        if response is None:
            is_public = not plan.reads_caller and not plan.serial
            # The errors have no name here: by their tracebacks they may know this frame, which would know them.
            run = partial(by_plan, plan, context, variables, self.rules.limits, request_id)
            response = await run(is_public=is_public, noting=self._noting)
        if not shared:
            return response
        return GraphQLResponse(
            outcome=response.outcome,
            errors=response.errors,
            is_public=response.is_public,
            lasts=response.lasts,
            classes=response.classes,
            reads=response.reads,
            refusals=response.refusals,
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
        refused = hopeless(plan, context)
        if refused is not None:
            return refused
        data, errors, reads, old = await by_graphql_core(
            operation, plan, request, context, schema=self.schema, rules=self.rules, noting=self._noting
        )
        return answered(data, errors, reads, request_id, old=old, plan=plan)

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


def _tell(span: Span | None, operation: Operation, terms: Terms | None, cost: Cost) -> None:
    """Tell traces what is run. Names are told of registered operations only: others are whatever a caller writes."""
    if span is None:
        return
    span.note("graphql.operation.type", operation.definition.operation.value)
    if terms is not None:
        span.note("graphql.operation.name", terms.operation.name)
    span.note("simpul.cost", cost.points)


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _canonical(variables: Mapping[str, Any] | None) -> bytes | None:
    """The same bytes for the same variables, in whatever order they came; None for what has no such form."""
    if not variables:
        return b""
    try:
        return orjson.dumps(dict(variables), option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return None
