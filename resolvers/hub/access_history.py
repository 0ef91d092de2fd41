"""The domain of the access history: who read what of a person, and the batch that asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.batch import batch
from records.calls.answers import Answers
from records.calls.call import Call
from records.hub.access_history import AccessLogPage, AccessLogQuery
from resolvers.batch_context import HubBatchContext


class AccessHistories(Protocol):
    """The domain of the access log. The composition root binds the hub's own ledger to it."""

    async def access_pages(
        self, queries: Sequence[AccessLogQuery], call: Call
    ) -> Answers[AccessLogQuery, AccessLogPage]:
        """Pages of people's lists."""


@batch(agency=None)
async def access_logs(
    queries: Sequence[AccessLogQuery], context: HubBatchContext
) -> Answers[AccessLogQuery, AccessLogPage]:
    """Who read what of a person, newest first; without what may not be told yet."""
    return await context.agencies[AccessHistories].access_pages(queries, context.call)
