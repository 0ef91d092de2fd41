"""Parks: the domain protocol and its batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.batch import forward
from records.calls.answers import Answers
from records.calls.call import Call
from records.parks import Park
from records.regions import PlaceQuery
from resolvers.caching import PUBLIC


class Parks(Protocol):
    """The domain of parks. A manifest binds an agency to it."""

    async def parks(self, ids: Sequence[str], call: Call) -> Answers[str, Park]:
        """Parks by identifier."""

    async def park_lists(self, queries: Sequence[PlaceQuery], call: Call) -> Answers[PlaceQuery, Sequence[Park]]:
        """Pages of parks, by text and place."""


parks = forward(Parks, Parks.parks, caching=PUBLIC)
park_lists = forward(Parks, Parks.park_lists, absent=(), caching=PUBLIC)
