"""From what a run brought, or was refused, to the response."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphql import GraphQLError, get_location

from engine.context import Context
from engine.errors import MOST_ERRORS, at_most, formatted, refusal_of
from engine.old_places import OldPlace, told_of
from engine.plan.plan import Plan
from engine.reads import Read
from engine.refusals import refused, refused_in
from engine.request import GraphQLResponse, Outcome
from records.freshness import Lasts


def answered(
    data: dict[str, Any] | None,
    errors: Sequence[GraphQLError],
    reads: Sequence[Read],
    request_id: str,
    *,
    is_public: bool = False,
    lasts: Lasts | None = None,
    classes: frozenset[str] = frozenset(),
    old: Sequence[OldPlace] = (),
    plan: Plan,
) -> GraphQLResponse:
    """The response of a run: `reads` is what of whom it holds, `old` what of it is no longer fresh."""
    return GraphQLResponse(
        outcome=Outcome.ANSWERED,
        data=data,
        errors=formatted(errors, request_id=request_id) if errors else [],
        extensions={"freshness": told_of(old)} if old else {},
        reads=reads,
        refusals=refused_in(errors, plan) if errors else {},
        is_public=is_public,
        lasts=lasts,
        classes=classes,
    )


def hopeless(plan: Plan, context: Context) -> GraphQLResponse | None:
    """The refusal of the whole operation, where this caller may see no field of it; None where they may."""
    refusals = plan.hopeless(context)
    if not refusals:
        return None
    errors = [
        refusal_of(refusal, [get_location(field.nodes[0].loc.source, field.nodes[0].loc.start)._asdict()])
        for field, refusal in refusals[:MOST_ERRORS]
        if field.nodes[0].loc is not None
    ]
    return GraphQLResponse(
        outcome=Outcome.FORBIDDEN,
        errors=at_most(errors, len(refusals)),
        refusals=refused((field.name, refusal) for field, refusal in refusals),
    )
