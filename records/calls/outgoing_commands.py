"""Commands as a connector sends them, and what their agency answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Generic, TypeAlias, TypeVar

from records.calls.answers import Answers
from records.calls.call import Call
from records.identifiers import Nik
from records.record import record
from records.uploads import CommandFile

P = TypeVar("P")


@record
class OutgoingCommand(Generic[P]):
    """A command on its way to an agency."""

    number: str
    """The hub's reference. An agency that stores it never carries a command out twice."""
    subject: Nik
    """The person whose command it is."""
    payload: P
    case_id: str | None = None
    """The agency's identifier of what the command is about; None if the command makes it."""
    sent_at: datetime | None = None
    """When it may have been sent, to look it up."""
    accepted_at: datetime | None = None
    """When the hub accepted it: the agency cannot have it from an earlier moment."""
    attempts: int = 1
    """How often it may have arrived, for a search."""
    token: str | None = None
    """What the agency gave in place of an identifier, to look it up."""
    other_ids: frozenset[str] = frozenset()
    """The agency's identifiers of the person's other commands of the kind, for a search."""
    files: tuple[CommandFile, ...] = ()
    """Its files, in the order in which the payload names them; none for a lookup."""


@record
class CommandDone:
    """The agency carried a command out."""

    agency_id: str | None = None
    """The agency's identifier of what it made."""
    copies: int = 1
    """How often the agency carried it out, as far as a lookup can tell."""


@record
class CommandRefused:
    """The agency refused a command, and did nothing."""

    code: str
    """Stable and safe to show, such as `INVALID`."""
    field: str | None = None
    """The part of the input that it refused."""


@record
class CommandAmbiguous:
    """Several records at the agency could be the command, and nothing tells which: a person must look."""


@record
class CommandPending:
    """The agency has a command, and names what it makes of it later."""

    token: str
    """What the agency is asked with for the identifier."""


CommandAnswer = CommandDone | CommandRefused | CommandAmbiguous | CommandPending
SendCommands: TypeAlias = Callable[
    [Sequence[OutgoingCommand[Any]], Call], Awaitable[Answers[OutgoingCommand[Any], CommandAnswer]]
]
"""Sends commands, or looks them up."""
