"""The catalogue of open data: the domain protocol and its batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.batch import forward
from records.calls.answers import Answers
from records.calls.call import Call
from records.datasets import Dataset, DatasetQuery
from resolvers.caching import PUBLIC


class Datasets(Protocol):
    """The domain of open data sets. A manifest binds an agency to it."""

    async def datasets(self, ids: Sequence[str], call: Call) -> Answers[str, Dataset]:
        """Data sets by name."""

    async def dataset_lists(
        self, queries: Sequence[DatasetQuery], call: Call
    ) -> Answers[DatasetQuery, Sequence[Dataset]]:
        """Pages of data sets, by text."""


datasets = forward(Datasets, Datasets.datasets, caching=PUBLIC)
dataset_lists = forward(Datasets, Datasets.dataset_lists, absent=(), caching=PUBLIC)
