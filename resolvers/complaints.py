"""Complaints: what can be asked, and how it is answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from auth.caller import CallerKind
from engine.batch import batch
from records.answers import Answers
from records.call import Call
from records.complaints import CategoryQuery, Complaint, ComplaintCategory, ComplaintPage, ComplaintQuery
from records.failures import AgencyFailure
from records.freshness import Freshness, hours, minutes, seconds
from records.identifiers import Nik
from records.purposes import CitizenScope
from resolvers.ask import Ask
from resolvers.tags import by_person

_OWN = frozenset({CitizenScope.COMPLAINTS})
_REPORTED = Freshness(fresh=seconds(30), failing=minutes(30), absent=seconds(10), for_a_purpose=0, tags=by_person)
_PUBLIC_LIST = Freshness(fresh=seconds(30), revalidating=seconds(30), failing=minutes(30), personal=False)
_CATEGORIES = Freshness(fresh=hours(24), failing=hours(72), absent=minutes(1), personal=False)


class Complaints(Protocol):
    """The domain of complaints. The composition root binds a connector to it."""

    async def complaints_of(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Sequence[Complaint]]:
        """What each person reported, newest first."""

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


@batch(agency="crm", absent=(), freshness=_REPORTED)
async def complaints_of(niks: Sequence[Nik], ask: Ask) -> Answers[Nik, Sequence[Complaint]]:
    """What each person reported, newest first."""
    return await ask.agencies[Complaints].complaints_of(niks, ask.call)


@batch(agency="crm", reads_caller=True)
async def complaints(ids: Sequence[str], ask: Ask) -> Answers[str, Complaint]:
    """Complaints by identifier, as this caller may know them.

    The agency does not say who reported a complaint that is asked for by its identifier. Private ones are therefore
    looked up among the caller's own; a stranger's private complaint is as unknown as one that does not exist.
    """
    connector = ask.agencies[Complaints]
    found = await connector.complaints(ids, ask.call)
    private = {id_ for id_, answer in found.items() if isinstance(answer, Complaint) and not answer.is_public}
    if not private or (ask.caller.kind is CallerKind.OFFICIAL and ask.caller.purpose and ask.caller.case):
        return found
    shown: dict[str, Complaint | AgencyFailure] = {id_: found[id_] for id_ in found if id_ not in private}
    if ask.caller.nik is None or not ask.caller.may_use(_OWN):
        return shown
    try:
        own = (await connector.complaints_of([ask.caller.nik], ask.call)).get(ask.caller.nik, ())
    except AgencyFailure as failure:
        own = failure
    if isinstance(own, AgencyFailure):
        return shown | dict.fromkeys(private, own)
    return shown | {each.id: each for each in own if each.id in private}


@batch(agency="crm", keys_a_call=1, freshness=_PUBLIC_LIST)
async def complaint_pages(queries: Sequence[ComplaintQuery], ask: Ask) -> Answers[ComplaintQuery, ComplaintPage]:
    """Pages of the public list of complaints."""
    return await ask.agencies[Complaints].pages(queries, ask.call)


@batch(agency="crm", freshness=_CATEGORIES)
async def categories(codes: Sequence[str], ask: Ask) -> Answers[str, ComplaintCategory]:
    """Categories by code."""
    return await ask.agencies[Complaints].categories(codes, ask.call)


@batch(agency="crm", absent=(), freshness=_CATEGORIES)
async def category_lists(
    queries: Sequence[CategoryQuery], ask: Ask
) -> Answers[CategoryQuery, Sequence[ComplaintCategory]]:
    """Categories by name."""
    return await ask.agencies[Complaints].category_lists(queries, ask.call)
