"""Access history: who read which data of a person. The domain protocol and its batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.batch import batch
from records.calls.answers import Answers
from records.calls.call import Call
from records.hub.access_history import AccessLogPage, AccessLogQuery
from resolvers.batch_context import HubBatchContext


class AccessHistories(Protocol):
    """The domain of the access history. The composition root binds the hub's own ledger to it."""

    async def access_pages(
        self, queries: Sequence[AccessLogQuery], call: Call
    ) -> Answers[AccessLogQuery, AccessLogPage]:
        """Pages of each person's access history."""


@batch(agency=None)
async def access_logs(
    queries: Sequence[AccessLogQuery], context: HubBatchContext
) -> Answers[AccessLogQuery, AccessLogPage]:
    """Reads of a person's data, newest first, without entries that are still hidden from the person."""
    return await context.agencies[AccessHistories].access_pages(queries, context.call)
