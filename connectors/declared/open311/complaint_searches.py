"""Text search by a server's extension: a POST to `requests/search`, so that a URL never holds the text of a person."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from connectors.declared.open311.client import Open311Client
from connectors.declared.open311.complaint_pages import ComplaintPages, format_moment, matches
from connectors.declared.open311.tables import ComplaintSearchTable
from records.calls.call import Call
from records.calls.failures import AgencyMalformed, AgencyNotOffered
from records.complaint_searches import (
    MAX_RESULTS,
    ComplaintSearch,
    FoundComplaints,
    get_rank,
    has_words,
    sort_complaints,
)
from records.complaints import Complaint

_MAX_PAGES: Final = 4
"""Calls of one search."""


class ComplaintSearches:
    """Searches one server."""

    def __init__(self, client: Open311Client, pages: ComplaintPages, now: Callable[[], datetime]) -> None:
        """Opens nothing."""
        self._client = client
        self._pages = pages
        self._now = now

    async def load(self, search: ComplaintSearch, call: Call) -> FoundComplaints:
        """The complaints of one search. Raises `AgencyFailure`.

        Servers ignore parameters unknown to them: complaints without the words in what everybody may see are left out,
        so no search discloses a text that is not shown. A list that is cut in another order is refused.
        """
        table, wire = self._client.wire.extensions.search, self._client.wire
        if table is None:
            raise AgencyNotOffered(self._client.http.agency)
        parameters = self._pages.build_parameters(search.within)
        if parameters is None or wire.visibility == "private":
            return FoundComplaints(complaints=(), is_cut=False)
        form = {**parameters, **self._build_form(search, table)}
        listed: list[Complaint] = []
        is_cut = True
        for page in range(1, _MAX_PAGES + 1):
            rows = await self._pages.list_rows("requests/search", {**form, "page": str(page)}, call, is_form=True)
            listed += await self._pages.read_all(rows)
            if len(rows) < wire.max_rows:
                is_cut = False
                break
            if len(self._select(listed, search)) > MAX_RESULTS:
                break
        if is_cut:
            self._require_order(listed, search)
        found = sort_complaints(self._select(listed, search), search.order)
        return FoundComplaints(complaints=found[:MAX_RESULTS], is_cut=is_cut or len(found) > MAX_RESULTS)

    def _build_form(self, search: ComplaintSearch, table: ComplaintSearchTable) -> dict[str, str]:
        """The text, the order, the period and the page size, as the server names them."""
        wire, within = self._client.wire, search.within
        history = self._now() - timedelta(days=wire.history_days)
        form = {
            table.order: table.orders[search.order.name],
            wire.extensions.page_size or "": str(wire.max_rows),
            "start_date": format_moment(max(history, within.reported_from or history)),
        }
        if search.text:
            form[table.text] = search.text
        if within.reported_until is not None:
            form["end_date"] = format_moment(within.reported_until + timedelta(seconds=1))
        return form

    @staticmethod
    def _select(listed: Sequence[Complaint], search: ComplaintSearch) -> Sequence[Complaint]:
        return [each for each in listed if matches(each, search.within) and has_words(each, search.text)]

    def _require_order(self, listed: Sequence[Complaint], search: ComplaintSearch) -> None:
        ranks = [get_rank(each, search.order) for each in listed]
        if any(former > later for former, later in pairwise(ranks)):
            raise AgencyMalformed(self._client.http.agency, "a search is cut, and not in the requested order")
