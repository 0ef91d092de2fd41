"""The reads of an answer by subject, which are recorded before the answer is sent.

The engine reports them without knowing a domain. A subject is what a guard says a record is about
(`FieldGuard.get_read_subjects` of `engine/field_kinds.py`), and reads are schema coordinates of guarded fields. Public
fields are never reported.
"""

from __future__ import annotations

from collections.abc import Hashable
from hashlib import sha256
from typing import Any, NamedTuple


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
