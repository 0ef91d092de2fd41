"""Complaints: the domain protocol and its batches."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from time import monotonic
from typing import Protocol

from auth.caller import CallerKind
from engine.batch import NEVER_ABSENT, batch, forward
from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.failures import AgencyFailure
from records.complaint_questions import ComplaintQuestion
from records.complaint_searches import ComplaintSearch, FoundComplaints
from records.complaint_surveys import ComplaintSurvey, SurveyedComplaints
from records.complaints import (
    CategoryQuery,
    Complaint,
    ComplaintCategory,
    ComplaintPage,
    ComplaintQuery,
)
from records.identifiers import Nik
from records.purposes import CitizenScope
from resolvers.batch_context import HubBatchContext
from resolvers.caching import ABOUT_PERSON, PUBLIC
from resolvers.complaint_changes import apply_changes
from resolvers.hub.commands import Commands, CommandsUnavailable

_OWN_COMPLAINTS_SCOPES = frozenset({CitizenScope.COMPLAINTS})


class Complaints(Protocol):
    """The domain of complaints. The composition root binds a connector to it."""

    async def complaints_of(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Sequence[Complaint]]:
        """The complaints that each person reported, newest first."""

    async def complaints(self, ids: Sequence[str], call: Call) -> Answers[str, Complaint]:
        """Complaints by their identifier, private ones included."""

    async def pages(self, queries: Sequence[ComplaintQuery], call: Call) -> Answers[ComplaintQuery, ComplaintPage]:
        """Pages of the public list."""

    async def surveys(
        self, queries: Sequence[ComplaintSurvey], call: Call
    ) -> Answers[ComplaintSurvey, SurveyedComplaints]:
        """Complaints of a period, or the open ones, private ones included where the agency lists them."""

    async def searches(
        self, queries: Sequence[ComplaintSearch], call: Call
    ) -> Answers[ComplaintSearch, FoundComplaints]:
        """Public complaints by text and order."""

    async def categories(self, codes: Sequence[str], call: Call) -> Answers[str, ComplaintCategory]:
        """Categories by code."""

    async def category_lists(
        self, queries: Sequence[CategoryQuery], call: Call
    ) -> Answers[CategoryQuery, Sequence[ComplaintCategory]]:
        """Categories by name."""

    async def questions(self, codes: Sequence[str], call: Call) -> Answers[str, Sequence[ComplaintQuestion]]:
        """The questions of categories, by the category's code, in the order in which people answer them."""


def _join_pages(query: ComplaintQuery, pages: Sequence[ComplaintPage]) -> ComplaintPage:
    """One page of the newest complaints of several pages."""
    found = sorted((each for page in pages for each in page.complaints), key=_get_position, reverse=True)
    has_more = len(found) > query.first or any(page.has_more for page in pages)
    totals = [each.total for each in pages]
    total = None if None in totals else sum(each or 0 for each in totals)
    return ComplaintPage(complaints=tuple(found[: query.first]), has_more=has_more, total=total)


def _get_position(complaint: Complaint) -> tuple[datetime, str]:
    return complaint.reported_at, complaint.id


complaints_of = forward(Complaints, Complaints.complaints_of, absent=(), caching=ABOUT_PERSON)
complaint_pages = forward(
    Complaints,
    Complaints.pages,
    name="complaint_pages",
    absent=NEVER_ABSENT,
    max_batch_size=1,
    caching=PUBLIC,
    join=_join_pages,
    get_regions=attrgetter("regions"),
)
categories = forward(Complaints, Complaints.categories, caching=PUBLIC)
category_lists = forward(Complaints, Complaints.category_lists, absent=(), caching=PUBLIC, scanned_rows=1_000)

category_questions = forward(Complaints, Complaints.questions, name="category_questions", absent=(), caching=PUBLIC)


@batch(domain=Complaints, read="complaints")
async def public_complaints(ids: Sequence[str], context: HubBatchContext) -> Answers[str, Complaint]:
    """Complaints by identifier, as far as everybody may see them."""
    found = await context.agencies[Complaints].complaints(ids, context.call)
    return {id_: each for id_, each in found.items() if isinstance(each, AgencyFailure) or each.is_public}


@batch(domain=Complaints, depends_on_caller=True)
async def complaints(ids: Sequence[str], context: HubBatchContext) -> Answers[str, Complaint]:
    """Complaints by identifier, as far as this caller may see them.

    By identifier, the agency does not return who reported a complaint. Private complaints are therefore looked up among
    the caller's own; another person's private complaint is as unknown as one that does not exist.
    """
    connector = context.agencies[Complaints]
    asked_at = monotonic()
    found = await _add_changes(await connector.complaints(ids, context.call), context, asked_at)
    private = {id_ for id_, answer in found.items() if isinstance(answer, Complaint) and not answer.is_public}
    if not private or (context.caller.kind is CallerKind.OFFICIAL and context.caller.purpose and context.caller.case):
        return found
    shown: dict[str, Complaint | AgencyFailure] = {id_: found[id_] for id_ in found if id_ not in private}
    if context.caller.nik is None or not context.caller.has_citizen_scope(_OWN_COMPLAINTS_SCOPES):
        return shown
    try:
        own = (await connector.complaints_of([context.caller.nik], context.call)).get(context.caller.nik, ())
    except AgencyFailure as failure:
        own = failure
    if isinstance(own, AgencyFailure):
        return shown | dict.fromkeys(private, own)
    return shown | {each.id: each for each in own if each.id in private}


async def _add_changes(
    found: Answers[str, Complaint], context: HubBatchContext, asked_at: float
) -> Answers[str, Complaint]:
    """Public complaints with what the caller changes of them. A person's own list has it already."""
    person, code = context.caller.nik, context.agencies.codes.get(Complaints)
    public = [each for each in found.values() if isinstance(each, Complaint) and each.is_public]
    if person is None or not public or not context.caller.has_citizen_scope(_OWN_COMPLAINTS_SCOPES):
        return found
    try:
        changes_of = await context.agencies[Commands].changes_of([person], context.call, asked_at=asked_at)
    except CommandsUnavailable:  # without its database, the hub still answers what is public
        return found
    answer = changes_of.get(person, ())
    changes = () if isinstance(answer, AgencyFailure) else [each for each in answer if code in {None, each.agency}]
    return {
        id_: apply_changes(each, changes) if isinstance(each, Complaint) and each.is_public else each
        for id_, each in found.items()
    }
