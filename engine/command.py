"""Commands, the only kind of write to agencies: stored by the hub, and delivered later by many at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

P = TypeVar("P")


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

    def __repr__(self) -> str:
        """Name and domain."""
        return f"<Command {self.name} of {self.domain.__name__}>"
