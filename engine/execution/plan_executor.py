"""The way of plans: one run of batches and shapes."""

from __future__ import annotations

from graphql.execution.values import VariableValues

from engine.context import ExecutionContext
from engine.document.limits import Limits
from engine.execution.batch_scheduler import BatchScheduler
from engine.execution.plan_run import PlanRun
from engine.execution.response_building import build_response
from engine.execution.stale_fields import locate_stale_fields
from engine.plan.plan import Plan
from engine.request import GraphQLResponse


async def execute_plan(
    plan: Plan,
    context: ExecutionContext,
    variables: VariableValues,
    limits: Limits,
    request_id: str,
    *,
    is_public: bool,
    track_reads: bool,
) -> GraphQLResponse:
    """The response of one run. Without `track_reads`, nobody wants to know what of whom it holds."""
    gather = BatchScheduler(context.build_batch_context)
    run = PlanRun(plan, context, gather, plan.coerce_arguments(variables), limits, track_reads=track_reads)
    try:
        data, errors = await run.execute()
        if run.stale_fields:
            old = [] if data is None else locate_stale_fields(data, run.stale_fields)
            run.stale_fields.clear()
            return build_response(data, errors, run.reads, request_id, stale_paths=old, plan=plan)
        lasts = None if plan.is_serial or errors else gather.freshness.get_lifetime()
        return build_response(
            data,
            errors,
            run.reads,
            request_id,
            is_public=is_public,
            lifetime=lasts,
            data_classes=plan.data_classes,
            plan=plan,
        )
    finally:
        await gather.close()
