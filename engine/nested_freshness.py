"""The freshness of answers that a batch builds from the answers of other batches."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from engine.batch import Batch, Facet, FreshnessRecorder
from records.calls.freshness import Freshness, Staleness


class NestedFreshness:
    """Records stale answers of other batches as those of the keys that are built from them."""

    def __init__(self, recorder: FreshnessRecorder, batch: Batch[Any, Any], keys: Sequence[Hashable]) -> None:
        """Takes the recorder of the request, and the batch and keys that read the others."""
        self._recorder = recorder
        self._batch = batch
        self._keys = keys

    def record_stale(self, batch: Batch[Any, Any], key: Hashable, facet: Facet, staleness: Staleness) -> None:  # noqa: ARG002 - of the protocol
        """Record a stale answer."""
        for each in self._keys:
            self._recorder.record_stale(self._batch, each, None, staleness)

    def record_lifetime(self, freshness: Freshness | None, age: float, fresh: float) -> None:
        """Record one call."""
        self._recorder.record_lifetime(freshness, age, fresh)
