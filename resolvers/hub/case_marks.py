"""Marks of what people have seen in their inbox: the domain protocol and its batches."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from engine.batch import forward
from engine.errors import SafeError
from records.calls.answers import Answers
from records.calls.call import Call
from records.cases import Case, CaseKey


class CasesUnavailable(SafeError):  # noqa: N818 - reads as what it is
    """The hub's own database does not answer, so nothing was read or marked."""

    code = "CASES_UNAVAILABLE"

    def __init__(self) -> None:
        """The message is fixed."""
        super().__init__("What you have seen cannot be read or changed at the moment. Try again later.")


class CaseMark(NamedTuple):
    """A person has seen a version of a case."""

    case: CaseKey
    version: bytes


class LastSeen(NamedTuple):
    """What a person has seen of a case."""

    version: bytes | None
    """The version that they saw last; None without a mark."""
    kept_since: datetime
    """Marks are not kept forever: without one, changes before this moment count as seen."""

    def covers(self, case: Case) -> bool:
        """Whether the person has seen the last change of the case."""
        return case.changed_at < self.kept_since if self.version is None else case.version == self.version


class CaseMarks(Protocol):
    """The domain of marks. The composition root binds the hub's own database to it."""

    async def last_seen(self, cases: Sequence[CaseKey], call: Call) -> Answers[CaseKey, LastSeen]:
        """What the person has seen of each case. Every key has an answer. Raises `CasesUnavailable`."""

    async def mark_seen(self, marks: Sequence[CaseMark], call: Call) -> Answers[CaseMark, datetime]:
        """Store the version that was seen of each case, and when. Raises `CasesUnavailable`."""


last_seen = forward(CaseMarks, CaseMarks.last_seen, is_of_hub=True)
mark_seen = forward(CaseMarks, CaseMarks.mark_seen, is_of_hub=True)
