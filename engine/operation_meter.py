"""What was run, for metrics: how often, how it ended, how long it took and what it cost."""

from __future__ import annotations

from typing import Final, Protocol

from engine.document.persisted_operations import ClientApplication, RegisteredTerms
from engine.request import GraphQLResponse, ResponseOutcome

UNREGISTERED: Final = ("unregistered", "unregistered")
"""In place of client and operation of a text that nobody registered: its name may say anything."""
OWN_CLIENT: Final = "simpul"
"""In place of the client where the hub's own pages ask."""

COMPLETE: Final = "complete"
"""Everything that was asked for was answered."""
PARTIAL: Final = "partial"
"""Executed, with errors of fields."""
REFUSED: Final = "refused"
"""Not executed: invalid, too large, not allowed."""
FORBIDDEN: Final = "forbidden"
"""Not executed: this caller may see nothing of it."""
UNRECORDED: Final = "unrecorded"
"""Executed and not given: who read what could not be recorded."""


class OperationMeter(Protocol):
    """Is told of each operation."""

    def record_run(self, names: tuple[str, str], outcome: str, points: int, seconds: float, /) -> None:
        """An operation ended; client and operation are registered names, the hub's own, or `UNREGISTERED`."""


def get_metric_names(
    terms: RegisteredTerms | None, application: ClientApplication | None, name: str | None
) -> tuple[str, str]:
    """Client and operation by which an operation is counted; `name` is what its document calls it."""
    if terms is not None:
        return terms.operation.client, terms.operation.name
    if application is not None and application.is_hub and name is not None:
        return OWN_CLIENT, name
    return UNREGISTERED


def classify_outcome(response: GraphQLResponse) -> str:
    """How the operation ended that was answered like this."""
    outcome = response.outcome
    if outcome is ResponseOutcome.ANSWERED:
        return PARTIAL if response.errors else COMPLETE
    return FORBIDDEN if outcome is ResponseOutcome.FORBIDDEN else REFUSED
