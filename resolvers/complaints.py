"""Complaints: the domain protocol and its batches."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Final, Protocol

from auth.caller import CallerKind
from engine.batch import batch, forward, load_answers
from engine.command import Command
from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.failures import AgencyFailure
from records.calls.outgoing_commands import CommandAnswer, OutgoingCommand
from records.complaints import (
    CategoryQuery,
    Complaint,
    ComplaintCategory,
    ComplaintPage,
    ComplaintQuery,
    NewComplaint,
)
from records.hub.commands import CommandProblem, CommandProblemCode, CommandReceipt, NewCommand
from records.identifiers import Nik
from records.purposes import CitizenScope
from records.storable_texts import is_storable
from resolvers.batch_context import HubBatchContext
from resolvers.caching import ABOUT_PERSON, PUBLIC
from resolvers.hub.commands import Commands
from resolvers.regions import regions

_OWN_COMPLAINTS_SCOPES = frozenset({CitizenScope.COMPLAINTS})


class Complaints(Protocol):
    """The domain of complaints. The composition root binds a connector to it."""

    async def complaints_of(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Sequence[Complaint]]:
        """The complaints that each person reported, newest first."""

    async def complaints(self, ids: Sequence[str], call: Call) -> Answers[str, Complaint]:
        """Complaints by their identifier, private ones included."""

    async def pages(self, queries: Sequence[ComplaintQuery], call: Call) -> Answers[ComplaintQuery, ComplaintPage]:
        """Pages of the public list."""

    async def categories(self, codes: Sequence[str], call: Call) -> Answers[str, ComplaintCategory]:
        """Categories by code."""

    async def category_lists(
        self, queries: Sequence[CategoryQuery], call: Call
    ) -> Answers[CategoryQuery, Sequence[ComplaintCategory]]:
        """Categories by name."""


class ComplaintCommands(Protocol):
    """The commands of the domain, of which a manifest says which its agency takes."""

    async def submit_complaints(
        self, commands: Sequence[OutgoingCommand[NewComplaint]], call: Call
    ) -> Answers[OutgoingCommand[NewComplaint], CommandAnswer]:
        """Submit complaints. What is absent may have arrived."""

    async def find_submitted_complaints(
        self, commands: Sequence[OutgoingCommand[NewComplaint]], call: Call
    ) -> Answers[OutgoingCommand[NewComplaint], CommandAnswer]:
        """Find submitted complaints. What is absent certainly did not arrive."""


SUBMIT_COMPLAINT: Final = Command(
    name="submit_complaint",
    domain=Complaints,
    payload=NewComplaint,
    send=ComplaintCommands.submit_complaints,
    look_up=ComplaintCommands.find_submitted_complaints,
)


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
    max_batch_size=1,
    caching=PUBLIC,
    join=_join_pages,
    get_regions=attrgetter("regions"),
)
categories = forward(Complaints, Complaints.categories, caching=PUBLIC)
category_lists = forward(Complaints, Complaints.category_lists, absent=(), caching=PUBLIC, scanned_rows=1_000)


@batch(domain=Complaints, depends_on_caller=True)
async def complaints(ids: Sequence[str], context: HubBatchContext) -> Answers[str, Complaint]:
    """Complaints by identifier, as far as this caller may see them.

    By identifier, the agency does not return who reported a complaint. Private complaints are therefore looked up among
    the caller's own; another person's private complaint is as unknown as one that does not exist.
    """
    connector = context.agencies[Complaints]
    found = await connector.complaints(ids, context.call)
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


MAX_DESCRIPTION_LENGTH: Final = 2_000
MAX_ADDRESS_LENGTH: Final = 200
MAX_ANSWERS: Final = 20
"""Maximum number of answers, and of values of each."""


def find_problem(complaint: NewComplaint) -> CommandProblem | None:
    """What is wrong with a complaint in itself."""
    texts = [("description", complaint.description, MAX_DESCRIPTION_LENGTH)]
    texts += [("address", complaint.address, MAX_ADDRESS_LENGTH)] if complaint.address is not None else []
    texts += [("answers", each, MAX_ADDRESS_LENGTH) for one in complaint.answers for each in (one.code, *one.values)]
    for field, text, longest in texts:
        if not is_storable(text, longest):
            return CommandProblem(code=CommandProblemCode.INVALID_TEXT, field=field)
    if len(complaint.answers) > MAX_ANSWERS or any(len(each.values) > MAX_ANSWERS for each in complaint.answers):
        return CommandProblem(code=CommandProblemCode.TOO_MANY_VALUES, field="answers")
    point = complaint.coordinates
    if point is None and complaint.region_code is None and complaint.address is None:
        return CommandProblem(code=CommandProblemCode.PLACE_REQUIRED)
    if point is not None and not (abs(point.latitude) <= 90 and abs(point.longitude) <= 180):  # noqa: PLR2004 - degrees
        return CommandProblem(code=CommandProblemCode.UNKNOWN_PLACE, field="point")
    return None


@batch(domain=None, depends_on_caller=True, accepts=SUBMIT_COMPLAINT)
async def submit_complaints(
    wanted: Sequence[NewCommand], context: HubBatchContext
) -> Answers[NewCommand, CommandReceipt | CommandProblem]:
    """Accept complaints, and check what the list of categories can tell, if it can be read.

    A complaint is accepted even if the complaint system cannot be reached. It checks the category again.
    """
    refused = {each: problem for each in wanted if (problem := find_problem(each.payload)) is not None}
    sound = [each for each in wanted if each not in refused]
    codes = dict.fromkeys(each.region for each in sound if each.region is not None)
    places = await load_answers(regions, list(codes), context)
    known = await _load_categories([each.payload.category_code for each in sound], context)
    for each in sound:
        if each.payload.category_code not in known:
            refused[each] = CommandProblem(code=CommandProblemCode.UNKNOWN_CATEGORY, field="categoryCode")
        elif each.region is not None and each.region not in places:
            refused[each] = CommandProblem(code=CommandProblemCode.UNKNOWN_PLACE, field="region")
    accepted = [each for each in sound if each not in refused]
    return {**refused, **await context.agencies[Commands].accept(accepted, context.call)}


async def _load_categories(codes: Sequence[str], context: HubBatchContext) -> Collection[str]:
    """The codes that are categories, or may be: all of them, if the list cannot be read."""
    distinct = list(dict.fromkeys(codes))
    try:
        return (await load_answers(categories, distinct, context)).keys()
    except AgencyFailure:
        return distinct
