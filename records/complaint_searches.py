"""Text search and orders of complaints."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from records.complaints import Complaint, ComplaintQuery
from records.languages import TranslatedEnum
from records.record import record

MAX_RESULTS: Final = 500
"""Complaints of one search."""


class ComplaintOrder(TranslatedEnum):
    """The order of complaints."""

    NEWEST = "NEWEST", "The newest first.", "Terbaru lebih dulu."
    OLDEST = "OLDEST", "The oldest first.", "Terlama lebih dulu."
    LAST_CHANGED = "LAST_CHANGED", "The one that changed last first.", "Yang terakhir berubah lebih dulu."
    MOST_SUPPORTED = (
        "MOST_SUPPORTED",
        "The one with the most supporters first.",
        "Yang paling banyak didukung lebih dulu.",
    )


@record
class ComplaintSearch:
    """A search for public complaints. Equal searches are one key, whatever page is shown."""

    text: str
    order: ComplaintOrder
    within: ComplaintQuery
    """The filter; its page does not count."""


@record
class FoundComplaints:
    """The complaints that a search found, in its order."""

    complaints: tuple[Complaint, ...]
    is_cut: bool
    """Whether more complaints match."""


def has_words(complaint: Complaint, text: str) -> bool:
    """Whether the number, category, description and address together contain each word, ignoring case."""
    parts = (complaint.number, complaint.category_name, complaint.description, complaint.address)
    shown = "\n".join(filter(None, parts)).casefold()
    return all(each in shown for each in text.casefold().split())


def _get_age(complaint: Complaint) -> float:
    return -complaint.reported_at.timestamp()


_RANKS: Final[dict[ComplaintOrder, Callable[[Complaint], Any]]] = {
    ComplaintOrder.NEWEST: _get_age,
    ComplaintOrder.OLDEST: lambda each: -_get_age(each),
    ComplaintOrder.LAST_CHANGED: lambda each: -(each.updated_at or each.reported_at).timestamp(),
    ComplaintOrder.MOST_SUPPORTED: lambda each: -each.support_count,
}


def get_rank(complaint: Complaint, order: ComplaintOrder) -> float:
    """The place in an order: lower is earlier."""
    rank: float = _RANKS[order](complaint)
    return rank


def sort_complaints(complaints: Iterable[Complaint], order: ComplaintOrder) -> tuple[Complaint, ...]:
    """Each complaint once, in an order; of equal ones, the newest first."""
    once = {each.id: each for each in complaints}
    return tuple(sorted(once.values(), key=lambda each: (get_rank(each, order), _get_age(each), each.id)))
