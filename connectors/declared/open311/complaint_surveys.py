"""Surveys of an Open311 server: by its search for officials, which lists private requests, or by its public list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from connectors.declared.open311.client import Open311Client
from connectors.declared.open311.complaint_pages import ComplaintPages, format_moment, lies_in, newest_first
from connectors.declared.open311.complaint_records import CLOSED
from records.calls.call import Call
from records.complaint_surveys import ComplaintSurvey, SurveyedComplaints
from records.complaints import Complaint, ComplaintPosition, ComplaintQuery, ComplaintStatus

_MAX_SEARCHES: Final = 20
"""Calls of one survey: 20,000 complaints of a server with lists of 1,000."""
_MAX_PAGES: Final = 8
_PAGE_SIZE: Final = 500
_OPEN: Final = tuple(each for each in ComplaintStatus if each not in CLOSED)


class ComplaintSurveys:
    """Reads surveys."""

    def __init__(self, client: Open311Client, pages: ComplaintPages, now: Callable[[], datetime]) -> None:
        """Opens nothing."""
        self._client = client
        self._pages = pages
        self._now = now

    async def load(self, survey: ComplaintSurvey, call: Call) -> SurveyedComplaints:
        """The complaints of one survey."""
        return await (self._search if self._client.wire.extensions.handling else self._list_public)(survey, call)

    async def _search(self, survey: ComplaintSurvey, call: Call) -> SurveyedComplaints:
        """All complaints, page by page. One that was filed between two pages pushes another into both."""
        wire = self._client.wire
        form = {
            **wire.extensions.constant,
            **wire.extensions.handling,
            wire.extensions.page_size or "": str(wire.max_rows),
        }
        oldest = survey.reported_from or self._now() - timedelta(days=wire.history_days)
        form["start_date"] = format_moment(oldest)
        if survey.reported_until is not None:
            form["end_date"] = format_moment(survey.reported_until)
        if survey.is_open:
            form["status"] = "open"
        if survey.regions and wire.extensions.region:
            form[wire.extensions.region] = ",".join(survey.regions)
        found: list[Complaint] = []
        is_cut = True
        for page in range(1, _MAX_SEARCHES + 1):
            listed = await self._client.ask("requests/search", call, list, form={**form, "page": str(page)}) or []
            found += [each for each in await self._pages.read_all(listed) if _matches(each, survey)]
            if len(listed) < wire.max_rows:
                is_cut = False
                break
        return SurveyedComplaints(complaints=newest_first(found), includes_private=True, is_cut=is_cut)

    async def _list_public(self, survey: ComplaintSurvey, call: Call) -> SurveyedComplaints:
        query = ComplaintQuery(
            first=_PAGE_SIZE,
            statuses=_OPEN if survey.is_open else (),
            regions=survey.regions,
            reported_from=survey.reported_from,
            reported_until=survey.reported_until,
        )
        found: list[Complaint] = []
        after: ComplaintPosition | None = None
        for _ in range(_MAX_PAGES):
            page = await self._pages.load(replace(query, after=after), call)
            found += page.complaints
            if not page.has_more:
                return SurveyedComplaints(complaints=tuple(found), includes_private=False, is_cut=False)
            after = ComplaintPosition(reported_at=found[-1].reported_at, id=found[-1].id)
        return SurveyedComplaints(complaints=tuple(found), includes_private=False, is_cut=True)


def _matches(known: Complaint, survey: ComplaintSurvey) -> bool:
    """Whether a complaint matches a survey. Servers ignore parameters unknown to them."""
    return (
        (not survey.is_open or known.status not in CLOSED)
        and (not survey.regions or any(lies_in(known.region_code, region) for region in survey.regions))
        and (survey.reported_from is None or known.reported_at >= survey.reported_from)
        and (survey.reported_until is None or known.reported_at < survey.reported_until)
    )
