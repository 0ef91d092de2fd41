"""What a run reports besides its answer: reads by subject, which are recorded first, refused fields, and uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from records.calls.subject_reads import RequestInfo, SubjectRead


class ReadRecorder(Protocol):
    """Stores reads. An answer with reads is sent only after the call returned."""

    async def __call__(self, request: RequestInfo, reads: Sequence[SubjectRead]) -> None:
        """Store the reads of one answer; raises `NotRecorded`, and then the answer is not sent."""


class NoReadRecorder:
    """Records nothing, for hubs without an access ledger."""

    async def __call__(self, request: RequestInfo, reads: Sequence[SubjectRead]) -> None:
        """Record nothing."""


OPERATION = "operation"
"""Replaces the field if the whole operation is refused."""


class RefusedField(NamedTuple):
    """A refused field with the reason."""

    field: str
    """Its schema coordinate (`Citizen.name`), or `OPERATION`."""
    reason: str
    """Its code, never text of the caller."""


Refusals = Mapping[RefusedField, int]
"""The number of refusals of each field."""


class RefusalRecorder(Protocol):
    """Counts refusals."""

    def record(self, caller: Any, refusals: Refusals, /) -> None:  # noqa: ANN401 - the engine knows no callers
        """Count the refusals of one caller."""


class NoRefusalRecorder:
    """Discards refusals."""

    def record(self, caller: Any, refusals: Refusals, /) -> None:  # noqa: ANN401 - as the protocol
        """Record nothing."""


class UseRecorder(Protocol):
    """Counts what answered operations use."""

    def record(self, coordinates: frozenset[str], times: int, /) -> None:
        """Count answers of an operation by the schema coordinates of its fields (`Citizen.taxObjects`)."""


class NoUseRecorder:
    """Counts nothing."""

    def record(self, coordinates: frozenset[str], times: int, /) -> None:
        """Record nothing."""
