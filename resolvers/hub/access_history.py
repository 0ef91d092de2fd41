"""Access history: who read which data of a person. The domain protocol and its batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.batch import NEVER_ABSENT, forward
from records.calls.answers import Answers
from records.calls.call import Call
from records.hub.access_history import AccessLogPage, AccessLogQuery


class AccessHistories(Protocol):
    """The domain of the access history. The composition root binds the hub's own ledger to it."""

    async def access_pages(
        self, queries: Sequence[AccessLogQuery], call: Call
    ) -> Answers[AccessLogQuery, AccessLogPage]:
        """Reads of a person's data, newest first, without entries that are still hidden from the person."""


access_logs = forward(
    AccessHistories, AccessHistories.access_pages, name="access_logs", is_of_hub=True, absent=NEVER_ABSENT
)
