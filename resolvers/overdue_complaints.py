"""Overdue complaints: the open ones that missed a deadline, for the officials who handle them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from operator import attrgetter
from typing import NamedTuple

from engine.batch import NEVER_ABSENT, batch
from records.calls.answers import Answers
from records.calls.failures import AgencyFailure
from records.complaint_surveys import ComplaintSurvey, SurveyedComplaints
from records.complaints import Complaint
from records.identifiers import RegionCode
from records.record import record
from records.service_levels import NO_SERVICE_LEVELS, ServiceLevels, ServiceStage
from resolvers.batch_context import HubBatchContext
from resolvers.complaints import Complaints


class OverduePosition(NamedTuple):
    """The place in the list: the deadline that was missed first, then the id."""

    due_at: datetime
    id: str


@record
class OverdueQuery:
    """One page of the list."""

    first: int
    after: OverduePosition | None = None
    office: str | None = None
    stage: ServiceStage | None = None
    """Only complaints that missed the deadline of this stage, and the place in the list by it."""
    regions: tuple[RegionCode, ...] = ()


@record
class OverduePage:
    """One page of overdue complaints, the longest overdue first."""

    complaints: tuple[Complaint, ...]
    positions: tuple[OverduePosition, ...]
    """The place of each complaint."""
    has_more: bool
    total: int
    includes_private: bool
    is_cut: bool


@batch(domain=Complaints, read="surveys", depends_on_caller=True, absent=NEVER_ABSENT)
async def _load_overdue_complaints(
    queries: Sequence[OverdueQuery], context: HubBatchContext
) -> Answers[OverdueQuery, OverduePage]:
    """The open complaints that missed a deadline, the longest overdue first.

    Each page asks for all open complaints: which one is late follows from the city's service levels.
    """
    levels = context.agencies.get(ServiceLevels, NO_SERVICE_LEVELS)
    surveys = {each: ComplaintSurvey(is_open=True, regions=each.regions) for each in queries}
    wanted = list(dict.fromkeys(surveys.values()))
    found = await context.agencies[Complaints].surveys(wanted, context.call)
    answers: dict[OverdueQuery, OverduePage | AgencyFailure] = {}
    for query, survey in surveys.items():
        answer = found.get(survey)
        if answer is not None:
            answers[query] = build_page(query, answer, levels) if isinstance(answer, SurveyedComplaints) else answer
    return answers


def build_page(query: OverdueQuery, found: SurveyedComplaints, levels: ServiceLevels) -> OverduePage:
    """One page of the overdue complaints of a survey."""
    placed = {
        OverduePosition(due, each.id): each
        for each in found.complaints
        if (query.office is None or each.responsible_agency == query.office)
        and (due := find_missed(each, query.stage, levels)) is not None
    }
    positions = sorted(each for each in placed if query.after is None or each > query.after)
    shown = tuple(positions[: query.first])
    return OverduePage(
        complaints=tuple(placed[each] for each in shown),
        positions=shown,
        has_more=len(positions) > query.first,
        total=len(placed),
        includes_private=found.includes_private,
        is_cut=found.is_cut,
    )


def find_missed(complaint: Complaint, stage: ServiceStage | None, levels: ServiceLevels) -> datetime | None:
    """The deadline of a stage, or of any, that an open complaint missed first and still misses."""
    return min(
        (
            each.due_at
            for each in levels.build_clocks(complaint)
            if each.breached_by is not None and each.met_at is None and stage in {None, each.stage}
        ),
        default=None,
    )


def _join_pages(query: OverdueQuery, pages: Sequence[OverduePage]) -> OverduePage:
    """One page of the overdue complaints of several agencies."""
    placed = {place: each for page in pages for place, each in zip(page.positions, page.complaints, strict=True)}
    shown = tuple(sorted(placed)[: query.first])
    return OverduePage(
        complaints=tuple(placed[each] for each in shown),
        positions=shown,
        has_more=len(placed) > query.first or any(page.has_more for page in pages),
        total=sum(page.total for page in pages),
        includes_private=all(page.includes_private for page in pages),
        is_cut=any(page.is_cut for page in pages),
    )


overdue_complaints = replace(
    _load_overdue_complaints,
    name="overdue_complaints",
    join=_join_pages,
    get_regions=attrgetter("regions"),
    names_no_person=True,
    scanned_rows=10_000,
)
