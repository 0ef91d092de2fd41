"""Executes plans: one run of batches and shapes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphql.execution.values import VariableValues

from engine.batch import ExecutionContext
from engine.document.limits import Limits
from engine.execution.batch_scheduler import BatchScheduler
from engine.execution.plan_run import PlanRun
from engine.execution.response_building import RunOutcome, build_response
from engine.execution.stale_fields import StalePath, locate_stale_fields
from engine.plan.plan import Plan
from engine.request import GraphQLResponse


class PlanExecutor:
    """Runs plans."""

    def __init__(self, limits: Limits, *, track_reads: bool) -> None:
        """Without `track_reads`, runs do not track the reads of their answers."""
        self._limits = limits
        self._tracks_reads = track_reads

    async def execute(
        self,
        plan: Plan,
        context: ExecutionContext,
        variables: VariableValues,
        request_id: str,
        when_facts_needed: Callable[[], None] | None = None,
    ) -> GraphQLResponse:
        """The response of one run. `when_facts_needed` is called before the first fact for a decision is loaded."""
        scheduler = BatchScheduler(context.build_batch_context)
        arguments = plan.coerce_arguments(variables)
        run = PlanRun(plan, context, scheduler, arguments, self._limits, track_reads=self._tracks_reads)
        run.facts.when_needed = when_facts_needed
        try:
            data, errors = await run.execute()
            dated: Sequence[StalePath] = ()
            if run.stale_fields:
                dated = [] if data is None else locate_stale_fields(data, run.stale_fields)
                is_stale = any(each.is_stale for each in run.stale_fields)
                run.stale_fields.clear()
                if is_stale:
                    return build_response(RunOutcome(data, errors, run.reads, stale_paths=dated), plan, request_id)
            lifetime = None if plan.is_serial or errors else scheduler.freshness.get_lifetime()
            is_public = not plan.depends_on_caller and not plan.is_serial
            outcome = RunOutcome(data, errors, run.reads, dated, is_public, lifetime, plan.data_classes)
            return build_response(outcome, plan, request_id)
        finally:
            await scheduler.close()
