"""Builds a response from the result of a run, or from its refusal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from graphql import GraphQLError, get_location

from engine.batch import ExecutionContext
from engine.document.limits import TooLarge
from engine.errors import MAX_ERRORS, build_refusal_error, build_request_error, format_errors, truncate_errors
from engine.execution.refusal_counts import collect_refusals, count_refusals
from engine.execution.stale_fields import StalePath, describe_notices
from engine.plan.plan import Plan
from engine.request import GraphQLResponse, ResponseOutcome
from records.calls.freshness import AnswerLifetime
from records.calls.subject_reads import SubjectRead


class RunOutcome(NamedTuple):
    """The result of one execution, before it becomes a response."""

    data: dict[str, Any] | None
    errors: Sequence[GraphQLError]
    reads: Sequence[SubjectRead]
    """The reads of the data, by subject."""
    stale_paths: Sequence[StalePath] = ()
    """The stale parts of the data."""
    is_public: bool = False
    lifetime: AnswerLifetime | None = None
    data_classes: frozenset[str] = frozenset()


def build_response(outcome: RunOutcome, plan: Plan, request_id: str) -> GraphQLResponse:
    """The response of one execution."""
    data, errors, reads, stale_paths, is_public, lifetime, data_classes = outcome
    return GraphQLResponse(
        outcome=ResponseOutcome.ANSWERED,
        data=data,
        errors=format_errors(errors, request_id=request_id) if errors else [],
        extensions=describe_notices(stale_paths) if stale_paths else {},
        reads=reads,
        refusals=collect_refusals(errors, plan) if errors else {},
        is_public=is_public,
        lifetime=lifetime,
        data_classes=data_classes,
    )


def build_too_large_response(refusal: TooLarge) -> GraphQLResponse:
    """The response to an operation that exceeds a limit, or costs more than its caller can ever pay."""
    errors = [build_request_error(str(refusal), refusal.code)]
    return GraphQLResponse(outcome=ResponseOutcome.REFUSED, errors=errors)


def build_forbidden_response(plan: Plan, context: ExecutionContext) -> GraphQLResponse | None:
    """The refusal of the whole operation if this caller may see no field of it; else None."""
    refusals = plan.find_fully_forbidden(context)
    if not refusals:
        return None
    errors = [
        build_refusal_error(refusal, [get_location(field.nodes[0].loc.source, field.nodes[0].loc.start)._asdict()])
        for field, refusal in refusals[:MAX_ERRORS]
        if field.nodes[0].loc is not None
    ]
    return GraphQLResponse(
        outcome=ResponseOutcome.FORBIDDEN,
        errors=truncate_errors(errors, len(refusals)),
        refusals=count_refusals((field.name, refusal) for field, refusal in refusals),
    )
