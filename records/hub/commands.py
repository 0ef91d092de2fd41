"""Commands: writes to agencies, stored before they are acknowledged, and delivered exactly once or visibly parked."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final

from records.command_state import CommandState
from records.description import DECIDES_ACCESS, DescribedEnum, Doc
from records.identifiers import Nik, RegionCode
from records.record import record


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
    """Name of the command, such as `submit_complaint`."""
    version: int
    """Version of the payload's form. A hub leaves versions alone that it does not know."""
    agency: str
    lookup: LookupClass


@record
class NewCommand:
    """A command to accept."""

    subject: Nik
    """The person whose command it is."""
    key: str
    """The idempotency key of the person's app."""
    name: str
    """Name of the command."""
    payload: Any
    """A record, which can be hashed."""
    case: str | None = None
    """The matter that it is about: the number of the command that made it, or the agency's identifier. None for a new
    matter."""
    region: RegionCode | None = None
    """The place that it is about, to choose among several agencies."""
    agency: str | None = None
    """Code of the agency that the matter belongs to, if it is known."""


@record
class CommandReceipt:
    """The receipt of a command. It is valid whatever the state of the agency is."""

    subject: Annotated[Nik, Doc("The person whose command it is."), DECIDES_ACCESS]
    number: Annotated[str, Doc("Receipt number, such as `TT-26-ABCDEFGHJK`.")]
    kind: Annotated[str, Doc("Name of the command.")]
    agency: Annotated[str, Doc("Code of the agency that it goes to.")]
    state: Annotated[CommandState, Doc("State on its way to the agency.")]
    accepted_at: Annotated[datetime, Doc("When it was stored.")]
    closed_at: Annotated[datetime | None, Doc("When its outcome was certain; null while it is open.")]
    problem: Annotated[str | None, Doc("Code of the reason why it is not done; null if there is none.")]
    waits_for: Annotated[str | None, Doc("Number of an earlier command of the same matter that must be done first.")]
    steps: Annotated[tuple[CommandStep, ...], Doc("All steps so far, oldest first.")]
    agency_id: str | None = None
    """The agency's identifier of what it made."""
    payload: Any = None
    """What the person wrote; None after its retention."""
    case: str = ""
    """The matter that it is about; the number itself for a new one."""


@record
class SubmittedCommand:
    """A command that made a new matter, or changes one, as the lists of its agency need it."""

    subject: Nik
    number: str
    agency: str
    case: str
    """The number itself for a new matter."""
    state: CommandState
    accepted_at: datetime
    closed_at: datetime | None
    agency_id: str | None
    """The agency's identifier of what it made."""
    payload: Any
    """What the person wrote; None after its retention."""


class CommandProblemCode(DescribedEnum):
    """Why a command was not accepted. Nothing was stored or sent."""

    INVALID_TEXT = "INVALID_TEXT", "The text is empty, too long, or has characters that cannot be stored. Change it."
    TOO_MANY_VALUES = "TOO_MANY_VALUES", "There are too many values. Leave some out."
    PLACE_REQUIRED = "PLACE_REQUIRED", "No place is given. Give a point, a region or an address."
    UNKNOWN_PLACE = "UNKNOWN_PLACE", "There is no such place in the city. Name another one."
    UNKNOWN_CATEGORY = "UNKNOWN_CATEGORY", "There is no such category. Name one of `complaintCategories`."
    NO_AGENCY = "NO_AGENCY", "No agency takes it for this place. Name another place in the city."
    NOT_OFFERED = "NOT_OFFERED", "The agency does not offer this. Contact it in another way."
    UNKNOWN_COMPLAINT = "UNKNOWN_COMPLAINT", "There is no such complaint that you may do this with. Name another one."
    OWN_COMPLAINT = "OWN_COMPLAINT", "It is your own complaint. Support complaints of other people."
    ALREADY_DONE = "ALREADY_DONE", "You did this already. Read the complaint again."
    NOT_RESOLVED = "NOT_RESOLVED", "The complaint is not resolved. Rate it when it is."
    NOT_OPEN = "NOT_OPEN", "The complaint is closed, so it cannot be withdrawn."
    INVALID_RATING = "INVALID_RATING", "The rating is not from 1 to 5. Change it."
    CONFIRMATION_INVALID = (
        "CONFIRMATION_INVALID",
        "The confirmation has expired, or is for another person or other content. Read again what everybody will see.",
    )
    KEY_REUSED = "KEY_REUSED", "The key was used for another command. Use a new key."
    TOO_MANY = "TOO_MANY", "The person has sent too many commands today. Try again tomorrow."


@record
class CommandProblem:
    """Why a command was not accepted. Nothing was stored or sent."""

    code: Annotated[CommandProblemCode, Doc("The reason.")]
    field: Annotated[str | None, Doc("The argument that is wrong; null if no argument is wrong.")] = None

    @property
    def message(self) -> str:
        """What is wrong, and the fix."""
        return self.code.description
