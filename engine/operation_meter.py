"""Counts operations for metrics: how often they ran, how they ended, their duration and their cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from engine.document.persisted_operations import ClientApplication, RegisteredTerms
from engine.request import GraphQLResponse, ResponseOutcome

UNREGISTERED: Final = ("unregistered", "unregistered")
"""Replaces client and operation of an unregistered text, whose operation name is free text."""
OWN_CLIENT: Final = "simpul"
"""Replaces the client for the hub's own pages."""

COMPLETE: Final = "complete"
"""All fields were answered."""
PARTIAL: Final = "partial"
"""Executed, with errors of fields."""
REFUSED: Final = "refused"
"""Not executed: invalid, too large, not allowed."""
FORBIDDEN: Final = "forbidden"
"""Not executed: this caller may see no field of it."""
UNRECORDED: Final = "unrecorded"
"""Executed and not returned: its reads could not be recorded."""

KEPT: Final = "kept"
"""Answered without a run, by the bytes of an earlier answer."""
JOINED: Final = "joined"
"""Answered by the run of an equal operation that was pending."""


class OperationMeter(Protocol):
    """Receives each finished operation."""

    def record_runs(self, names: tuple[str, str], outcome: str, points: int, durations: Sequence[float], /) -> None:
        """Record a finished operation, once for each duration in seconds.

        Client and operation are registered names, the hub's own, or `UNREGISTERED`.
        """

    def record_shared(self, origin: str, count: int, /) -> None:
        """Record that this number of operations get the answer of another: `KEPT` or `JOINED`."""


class NoOperationMeter:
    """Discards all operations."""

    def record_runs(self, names: tuple[str, str], outcome: str, points: int, durations: Sequence[float], /) -> None:
        """Record nothing."""

    def record_shared(self, origin: str, count: int, /) -> None:
        """Record nothing."""


def get_metric_names(
    terms: RegisteredTerms | None, application: ClientApplication | None, name: str | None
) -> tuple[str, str]:
    """Client and operation by which an operation is counted; `name` is its name in the document."""
    if terms is not None:
        return terms.operation.client, terms.operation.name
    if application is not None and application.is_hub and name is not None:
        return OWN_CLIENT, name
    return UNREGISTERED


def classify_outcome(response: GraphQLResponse) -> str:
    """The outcome of the operation with this response."""
    outcome = response.outcome
    if outcome is ResponseOutcome.ANSWERED:
        return PARTIAL if response.errors else COMPLETE
    return FORBIDDEN if outcome is ResponseOutcome.FORBIDDEN else REFUSED
