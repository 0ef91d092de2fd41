"""Commands, the only kind of write to agencies: stored by the hub, and delivered later by many at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.outgoing_commands import CommandAnswer, OutgoingCommand

P = TypeVar("P")

DeliverCommands = Callable[
    [Any, Sequence[OutgoingCommand[P]], Call], Awaitable[Answers[OutgoingCommand[P], CommandAnswer]]
]


@dataclass(frozen=True, kw_only=True, eq=False)
class Command(Generic[P]):
    """A write to the agencies of a domain, which a manifest offers by its name.

    >>> SUBMIT_COMPLAINT = Command(
    ...     name="submit_complaint",
    ...     domain=Complaints,
    ...     payload=NewComplaint,
    ...     send=ComplaintCommands.submit_complaints,
    ...     look_up=ComplaintCommands.find_submitted_complaints,
    ... )
    """

    name: str
    domain: type[Any]
    """The protocol of the domain whose answers it changes."""
    payload: type[P]
    """The record that the hub stores and the agency gets."""
    send: DeliverCommands[P]
    """The method of a protocol, which the connector has, that delivers commands. What is absent from its answers may
    have arrived."""
    look_up: DeliverCommands[P]
    """The method that finds delivered commands. What is absent from its answers certainly did not arrive."""
    version: int = 1
    """Of the payload's form. It changes when hubs of the release before could not read the payload."""

    def __repr__(self) -> str:
        """Name and domain."""
        return f"<Command {self.name} of {self.domain.__name__}>"
