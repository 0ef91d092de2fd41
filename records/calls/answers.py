"""The result of every batch: one answer or failure for each of many keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from records.calls.failures import AgencyFailure

K = TypeVar("K")
V = TypeVar("V")

Answers = Mapping[K, V | AgencyFailure]
"""The result of a batch. A key that is absent is unknown to the agency (null, or an empty list). A key with an
`AgencyFailure` as its answer failed alone. If the whole call failed, the failure is raised instead."""


class CountedList(tuple[Any, ...]):  # noqa: SLOT001 - a tuple of any length has no slots for values
    """A page of a list, from an agency that knows how many items all pages have."""

    total: int

    @classmethod
    def build(cls, items: Iterable[Any], total: int) -> CountedList:
        """The items of the page, and the number on all pages."""
        page = cls(items)
        page.total = total
        return page


class DatedAnswers(dict[K, V | AgencyFailure]):
    """Answers from a copy of an agency's data, with the date of that data."""

    def __init__(
        self, answers: Mapping[K, V | AgencyFailure], *, as_of: datetime, max_age: float, fresh: float
    ) -> None:
        """`max_age` and `fresh` are in seconds: older data is overdue; answers change no earlier."""
        super().__init__(answers)
        self.as_of = as_of
        self.max_age = max_age
        self.fresh = fresh


def keep_date(answers: Mapping[K, V | AgencyFailure], found: Answers[Any, Any]) -> Answers[K, V]:
    """The answers of a batch, with the date of the copy in which the connector found them."""
    if not isinstance(found, DatedAnswers):
        return answers
    return DatedAnswers(answers, as_of=found.as_of, max_age=found.max_age, fresh=found.fresh)
