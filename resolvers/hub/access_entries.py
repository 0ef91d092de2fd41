"""Entries of the access ledger for oversight callers: the domain protocol and its batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from auth.caller import Caller
from engine.batch import NEVER_ABSENT, batch
from engine.errors import SafeError
from records.calls.answers import Answers
from records.calls.call import Call
from records.hub.access_entries import AccessEntryPage, AccessEntryQuery
from resolvers.batch_context import HubBatchContext
from resolvers.reader_budgets import get_budgets

AccessEntryAnswers = Answers[AccessEntryQuery, AccessEntryPage | SafeError]
"""A query with a token of another caller or another case is invalid input that fails alone."""


class AccessEntries(Protocol):
    """The domain of oversight. The composition root binds the hub's own ledger to it."""

    async def entry_pages(self, queries: Sequence[AccessEntryQuery], caller: Caller, call: Call) -> AccessEntryAnswers:
        """Pages of entries, with tokens for this caller."""


@batch(domain=None, depends_on_caller=True, absent=NEVER_ABSENT)
async def access_entries(queries: Sequence[AccessEntryQuery], context: HubBatchContext) -> AccessEntryAnswers:
    """Entries of the access ledger, newest first, including entries that are still hidden from their person."""
    named = [each.subject for each in queries if each.subject is not None]
    refusal = await get_budgets(context).charge(context.caller, named)
    if refusal is None:
        return await context.agencies[AccessEntries].entry_pages(queries, context.caller, context.call)
    admitted = [each for each in queries if each.subject not in refusal.people]
    found = (
        await context.agencies[AccessEntries].entry_pages(admitted, context.caller, context.call) if admitted else {}
    )
    return {**dict.fromkeys(queries, refusal.error), **found}
