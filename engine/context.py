from __future__ import annotations

from typing import Any, Protocol

from engine.batch import BatchContext


class ExecutionContext(Protocol):
    """What the engine needs of the context that the schema's fields are given."""

    def build_batch_context(self, facets: frozenset[type[Any]]) -> BatchContext[Any]:
        """What a batch is given for this request, when these facets are wanted."""

    async def close(self) -> None:
        """Stop what fields that ran on graphql-core left running. Plans leave nothing."""
