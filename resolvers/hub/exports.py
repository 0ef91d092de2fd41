"""The domain of exports: where a person fetches everything about them, and the batch that asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.batch import batch
from records.calls.answers import Answers
from records.calls.call import Call
from records.hub.exports import Export
from records.identifiers import Nik
from resolvers.batch_context import HubBatchContext


class Exports(Protocol):
    """The domain of exports. The composition root binds what the finished schema says."""

    async def exports(self, people: Sequence[Nik], call: Call) -> Answers[Nik, Export]:
        """Where each person's export is, and what it holds."""


@batch(agency=None)
async def exports_of(niks: Sequence[Nik], context: HubBatchContext) -> Answers[Nik, Export]:
    """Where each person's export is."""
    return await context.agencies[Exports].exports(niks, context.call)
