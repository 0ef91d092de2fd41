from __future__ import annotations

from typing import Any, Protocol

from engine.batch import Ask


class Context(Protocol):
    """What the engine needs of the context that the schema's fields are given."""

    def ask(self, facets: frozenset[type[Any]]) -> Ask[Any]:
        """What a batch is given for this request, when these facets are wanted."""

    async def close(self) -> None:
        """Stop what fields that ran on graphql-core left running. Plans leave nothing."""
