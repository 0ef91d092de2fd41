"""Exports of a person's data: the domain protocol and its batch."""

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
    """The domain of exports. The composition root binds an implementation that knows the finished schema."""

    async def exports(self, people: Sequence[Nik], call: Call) -> Answers[Nik, Export]:
        """The address and the contents of each person's export."""


@batch(agency=None)
async def exports_of(niks: Sequence[Nik], context: HubBatchContext) -> Answers[Nik, Export]:
    """The address and the contents of each person's export."""
    return await context.agencies[Exports].exports(niks, context.call)
