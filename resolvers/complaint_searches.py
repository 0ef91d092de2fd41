"""Text search in public complaints, where the complaint system offers it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from engine.batch import NEVER_ABSENT, forward
from records.complaint_searches import MAX_RESULTS, ComplaintSearch, FoundComplaints, sort_complaints
from resolvers.caching import PUBLIC
from resolvers.complaints import Complaints


def _join(search: ComplaintSearch, parts: Sequence[FoundComplaints]) -> FoundComplaints:
    """What the searches of several agencies found."""
    found = sort_complaints(chain.from_iterable(each.complaints for each in parts), search.order)
    is_cut = len(found) > MAX_RESULTS or any(each.is_cut for each in parts)
    return FoundComplaints(complaints=found[:MAX_RESULTS], is_cut=is_cut)


complaint_searches = forward(
    Complaints,
    Complaints.searches,
    name="complaint_searches",
    absent=NEVER_ABSENT,
    max_batch_size=1,
    caching=PUBLIC,
    join=_join,
    get_regions=lambda search: search.within.regions,
    scanned_rows=MAX_RESULTS,
)
