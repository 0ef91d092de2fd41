"""Exports of a person's data: the domain protocol and its batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.batch import NEVER_ABSENT, forward
from records.calls.answers import Answers
from records.calls.call import Call
from records.hub.exports import Export
from records.identifiers import Nik


class Exports(Protocol):
    """The domain of exports. The composition root binds an implementation that knows the finished schema."""

    async def exports(self, people: Sequence[Nik], call: Call) -> Answers[Nik, Export]:
        """The address and the contents of each person's export."""


exports_of = forward(Exports, Exports.exports, name="exports_of", is_of_hub=True, absent=NEVER_ABSENT)
