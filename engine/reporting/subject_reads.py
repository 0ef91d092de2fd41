"""What of whom stands in an answer, and who has to be told of it before the answer leaves.

The engine knows no domain: a subject is whatever a guard says a record is about (`FieldGuard.get_subjects`), and what
was read of it are the coordinates of guarded fields in the schema. Public fields are never reported.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from hashlib import sha256
from typing import Any, NamedTuple, Protocol


class SubjectRead(NamedTuple):
    """What one answer holds of one subject."""

    subject: Hashable
    """As the guard named it; None for somebody whom nobody knows."""
    fields: tuple[str, ...]
    """Guarded fields that were answered, by schema coordinate (`Citizen.name`), in order."""
    agencies: tuple[str, ...]
    """Whom they came from, in order; none where the hub knew by itself."""
    data_classes: tuple[str, ...] = ()
    """How sensitive the fields are, each class once, in order (`FieldGuard.data_class`)."""
    is_own: bool = False
    """Whether all of it stands in records that are about who asks as well: read as one's own, and by nobody's leave.

    What one answer holds of a subject in both ways is two reads.
    """


class RequestInfo(NamedTuple):
    """The request that an answer is for."""

    caller: Any
    """Who asks, as the engine was given it."""
    request_id: str
    operation: str | None
    """The operation's name, where it has one."""
    document: bytes
    """SHA-256 of the document, as text."""


def hash_document(text: str) -> bytes:
    """By which a document is known, whoever sent it."""
    return sha256(text.encode("utf-8", "surrogatepass")).digest()


class ReadRecorder(Protocol):
    """Keeps what was read. An answer with reads leaves only after it returned."""

    async def __call__(self, request: RequestInfo, reads: Sequence[SubjectRead]) -> None:
        """Keep what one answer holds; raises `NotRecorded`, and then nobody gets the answer."""


class NoReadRecorder:
    """Records nothing: for hubs that keep no ledger."""

    async def __call__(self, request: RequestInfo, reads: Sequence[SubjectRead]) -> None:
        """Nothing is kept."""
