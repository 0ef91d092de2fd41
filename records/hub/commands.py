"""Commands: writes to agencies, stored before they are acknowledged, and delivered exactly once or visibly parked."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final

from records.description import DescribedEnum, Doc
from records.record import record


class CommandState(DescribedEnum):
    """The state of a command on its way to an agency."""

    ACCEPTED = "accepted", "Stored, and not sent yet."
    SENDING = "sending", "Being sent to the agency."
    RETRY_WAIT = "retry-wait", "The agency certainly did not act. It is sent again later."
    UNKNOWN = "unknown", "It may have arrived. The hub looks it up at the agency before anything else."
    RECONCILING = "reconciling", "Being looked up at the agency."
    PARKED = "parked", "It waits for a person of the city: the hub cannot know whether it arrived."
    DONE = "done", "The agency carried it out."
    REJECTED = "rejected", "The agency refused it. Nothing was done."

    @property
    def is_open(self) -> bool:
        """Whether the outcome is not certain yet."""
        return self not in {CommandState.DONE, CommandState.REJECTED}


class LookupClass(StrEnum):
    """How the hub can find out whether a command that may have arrived did arrive."""

    REFERENCE = "reference"
    """The agency stores the hub's reference."""
    SEARCH = "search"
    """The agency's records can be searched by attributes of the command."""
    NONE = "none"
    """There is no way: what may have arrived is parked, and never sent again."""


COMMAND_NUMBER_LENGTH: Final = 16
"""Length of a command's number, such as `TT-26-ABCDEFGHJK`."""


@record
class CommandStep:
    """One step of a command."""

    at: Annotated[datetime, Doc("When it happened.")]
    state: Annotated[CommandState, Doc("State of the command after the step.")]
    by: str | None = None
    """The person of the city who took the step; None for the hub."""
    detail: str | None = None
    """For operators: a failure's code or a person's reason. Nothing personal."""


@record
class CommandKind:
    """What all commands of one kind share, as the agency's manifest declares it."""

    name: str
    """Name of the mutation, such as `submitComplaint`."""
    version: int
    """Version of the payload's form. A hub leaves versions alone that it does not know."""
    agency: str
    lookup: LookupClass
