"""The way of plans: one run of batches and shapes."""

from __future__ import annotations

from graphql.execution.values import VariableValues

from engine.answered import answered
from engine.context import Context
from engine.limits import Limits
from engine.plan.aged import places_of
from engine.plan.gather import Gather
from engine.plan.plan import Plan
from engine.plan.run import Run
from engine.request import GraphQLResponse


async def by_plan(
    plan: Plan,
    context: Context,
    variables: VariableValues,
    limits: Limits,
    request_id: str,
    *,
    is_public: bool,
    noting: bool,
) -> GraphQLResponse:
    """The response of one run. Without `noting`, nobody wants to know what of whom it holds."""
    gather = Gather(context.ask)
    run = Run(plan, context, gather, plan.arguments(variables), limits, noting=noting)
    try:
        data, errors = await run.answer()
        if run.aged:
            old = [] if data is None else places_of(data, run.aged)
            run.aged.clear()
            return answered(data, errors, run.reads, request_id, old=old, plan=plan)
        lasts = None if plan.serial or errors else gather.how_fresh.of_all()
        return answered(
            data,
            errors,
            run.reads,
            request_id,
            is_public=is_public,
            lasts=lasts,
            classes=plan.classes,
            plan=plan,
        )
    finally:
        await gather.close()
