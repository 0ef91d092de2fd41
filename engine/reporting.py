"""What a run reports besides its answer: the reads by subject, and the refused fields.

Reads are recorded before the answer is sent. The engine knows no domain: a subject is what a guard says a record is
about (`FieldGuard.get_subjects`), and reads are schema coordinates of guarded fields. Public fields are never reported.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple, Protocol


class SubjectRead(NamedTuple):
    """The reads of one subject in one answer."""

    subject: Hashable
    """As the guard names it; None for an unidentified person."""
    fields: tuple[str, ...]
    """Guarded fields that were answered, by schema coordinate (`Citizen.name`), in order."""
    agencies: tuple[str, ...]
    """The agencies that supplied them, in order; empty if the hub itself knew the values."""
    data_classes: tuple[str, ...] = ()
    """The data classes of the fields, each once, in order (`FieldGuard.data_class`)."""
    is_own: bool = False
    """Whether all of it is in records that are also about the caller: a read of one's own data.

    If an answer holds a subject in both ways, it has two reads.
    """


class RequestInfo(NamedTuple):
    """The request of an answer."""

    caller: Any
    """The caller, as the engine received it."""
    request_id: str
    operation: str | None
    """The operation's name, if it has one."""
    document: bytes
    """SHA-256 of the document, as text."""


def hash_document(text: str) -> bytes:
    """The hash that identifies a document, independent of the client."""
    return sha256(text.encode("utf-8", "surrogatepass")).digest()


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
