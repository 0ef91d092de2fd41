"""Marks of what people have seen in their inbox: the domain protocol and its batches."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from engine.batch import forward
from engine.errors import SafeError
from records.calls.answers import Answers
from records.calls.call import Call
from records.cases import CaseKey


class CasesUnavailable(SafeError):  # noqa: N818 - reads as what it is
    """The hub's own database does not answer, so nothing was read or marked."""

    code = "CASES_UNAVAILABLE"

    def __init__(self) -> None:
        """The message is fixed."""
        super().__init__("What you have seen cannot be read or changed at the moment. Try again later.")


class CaseMark(NamedTuple):
    """A person has seen the changes of a case until a moment."""

    case: CaseKey
    changed_at: datetime


class CaseMarks(Protocol):
    """The domain of marks. The composition root binds the hub's own database to it."""

    async def seen_until(self, cases: Sequence[CaseKey], call: Call) -> Answers[CaseKey, datetime]:
        """Until when the person has seen the changes of each case. Every key has an answer.

        Marks are not kept forever: changes before their retention count as seen. Raises `CasesUnavailable`.
        """

    async def mark_seen(self, marks: Sequence[CaseMark], call: Call) -> Answers[CaseMark, datetime]:
        """Store that the changes until a moment were seen. A mark never moves back. Raises `CasesUnavailable`."""


seen_until = forward(CaseMarks, CaseMarks.seen_until, is_of_hub=True)
mark_seen = forward(CaseMarks, CaseMarks.mark_seen, is_of_hub=True)
