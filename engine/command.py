"""Commands, the only kind of write to agencies: stored by the hub, and delivered later by many at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeVar

P = TypeVar("P")


class Invalidation(StrEnum):
    """The cached answers that a change of a command's state makes wrong, in every process."""

    PERSON = "answers about the person"


@dataclass(frozen=True, slots=True, kw_only=True)
class FormerPayload(Generic[P]):
    """A form of payloads that an earlier release stored. Its commands are still delivered."""

    record: type[Any]
    """The record of that release."""
    upgrade: Callable[[Any], P]
    """From that record to the payload of today."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Command(Generic[P]):
    """A write to the agencies of a domain, which a manifest offers by its name.

    >>> SUBMIT_COMPLAINT = Command(
    ...     name="submit_complaint",
    ...     domain=Complaints,
    ...     payload=NewComplaint,
    ... )
    """

    name: str
    domain: type[Any]
    """The protocol of the domain whose answers it changes."""
    payload: type[P]
    """The record that the hub stores and the agency gets."""
    has_case: bool = False
    """Whether it is about a matter that the agency knows, or will know when earlier commands are done."""
    version: int = 1
    """Of the payload's form. It changes when hubs of the release before could not read the payload."""
    former: Mapping[int, FormerPayload[P]] = field(default_factory=dict)
    """The forms of earlier versions, for as long as a command of them may be open."""
    invalidates: Invalidation = Invalidation.PERSON

    def __post_init__(self) -> None:
        """Raises `ValueError` for a former form of this version or a later one."""
        if any(each >= self.version for each in self.former):
            raise ValueError(f"{self!r} has version {self.version}, so former forms must have lower ones.")

    def __repr__(self) -> str:
        """Name and domain."""
        return f"<Command {self.name} of {self.domain.__name__}>"
