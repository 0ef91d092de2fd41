"""A person's requests about their own data, each a case with a deadline (UU PDP 27/2022, articles 5 to 13)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from records.description import DECIDES_ACCESS, DescribedEnum, Doc
from records.identifiers import Nik
from records.purposes import Purpose
from records.record import record

ANSWER_PERIOD = timedelta(hours=3 * 24)
"""The time to answer, from the moment a request is received (articles 30, 32, 40 and 41)."""

MAX_TEXT_LENGTH = 2_000
"""Maximum length in characters of a text by a person or the city."""


class DataRequestKind(DescribedEnum):
    """The kind of a data request."""

    CORRECTION = "CORRECTION", "Correct wrong or incomplete data (articles 6 and 30)."
    ERASURE = "ERASURE", "Stop using data, or erase or destroy it (articles 8 and 42 to 45)."
    RESTRICTION = "RESTRICTION", "Do not use data for some or all purposes (articles 11 and 41)."
    ACCESS = "ACCESS", "Provide a copy of the data, and of the record of its use (articles 7 and 32)."
    OBJECTION = "OBJECTION", "Have people review an automated decision (article 10)."


class DataRequestState(DescribedEnum):
    """The state of a data request."""

    RECEIVED = "RECEIVED", "Received; work has not started."
    IN_PROGRESS = "IN_PROGRESS", "In progress."
    DONE = "DONE", "Fulfilled."
    REFUSED = "REFUSED", "Refused, for a reason in the law."
    WITHDRAWN = "WITHDRAWN", "Withdrawn by the person; for a restriction, ended by the person."

    @property
    def is_open(self) -> bool:
        """Whether the city still owes an answer."""
        return self in {DataRequestState.RECEIVED, DataRequestState.IN_PROGRESS}


ANSWER_STATES = (DataRequestState.IN_PROGRESS, DataRequestState.DONE, DataRequestState.REFUSED)
"""The states that an answer of the city can set."""


class DataRequestRefusal(DescribedEnum):
    """The only reasons to refuse a data request (UU PDP 27/2022, articles 15, 29 and 33)."""

    ENDANGERS_PEOPLE = (
        "ENDANGERS_PEOPLE",
        "It would endanger a person's safety, or their physical or mental health (article 33, letter a).",
    )
    REVEALS_OTHERS = "REVEALS_OTHERS", "It would reveal another person's data (article 33, letter b)."
    NATIONAL_SECURITY = (
        "NATIONAL_SECURITY",
        "It conflicts with national defence and security (article 33, letter c; article 15, letter a).",
    )
    LAW_ENFORCEMENT = "LAW_ENFORCEMENT", "The data is used for law enforcement (article 15, letter b)."
    PUBLIC_INTEREST = (
        "PUBLIC_INTEREST",
        "The state needs the data for a public task under a law (article 15, letter c).",
    )
    FINANCIAL_SUPERVISION = (
        "FINANCIAL_SUPERVISION",
        "The data is used to supervise the financial sector, money and payments (article 15, letter d).",
    )
    STATISTICS = "STATISTICS", "The data is used for statistics and scientific research (article 15, letter e)."
    DATA_IS_RIGHT = "DATA_IS_RIGHT", "The data was verified, and is accurate and complete (article 29)."


@record
class DataRequestEvent:
    """One event in the handling of a data request. Events are never changed or removed."""

    subject: Annotated[Nik, Doc("The person who made the request."), DECIDES_ACCESS]
    at: Annotated[datetime, Doc("When it happened.")]
    state: Annotated[DataRequestState, Doc("State of the request after the event.")]
    by: Annotated[str, Doc("Who acted: `You`, or the person who answered for the city.")]
    refusal: Annotated[DataRequestRefusal | None, Doc("Reason for a refusal; null otherwise.")]
    text: Annotated[str | None, Doc("The text that came with it.")]


@record
class DataRequest:
    """A person's request about their own data. The city must answer it within 3x24 hours."""

    subject: Annotated[Nik, Doc("The person who made the request."), DECIDES_ACCESS]
    number: Annotated[str, Doc("The request's reference number, such as `HAK-2026-7K3QX9RD`.")]
    kind: Annotated[DataRequestKind, Doc("The kind of request.")]
    state: Annotated[DataRequestState, Doc("The state of the request.")]
    agency: Annotated[
        str | None,
        Doc("Code of the agency that must answer it; null for the data-protection officer."),
    ]
    field: Annotated[str | None, Doc("For a correction: the field of this graph, such as `Residence.address`.")]
    purposes: Annotated[
        tuple[Purpose, ...], Doc("For a restriction: the purposes for which the data may not be read; empty means all.")
    ]
    says: Annotated[str | None, Doc("The person's own text: what is wrong, or the reason for the request.")]
    wanted: Annotated[str | None, Doc("For a correction: the right value.")]
    received_at: Annotated[datetime, Doc("When it was received, which starts the time to answer.")]
    due_at: Annotated[datetime, Doc("Deadline for the answer: 3x24 hours after it was received.")]
    closed_at: Annotated[datetime | None, Doc("When it was fulfilled, refused or withdrawn; null while it is open.")]
    read_at: Annotated[datetime, Doc("When it was read.")]
    events: Annotated[tuple[DataRequestEvent, ...], Doc("Its events, oldest first.")]

    @property
    def is_overdue(self) -> bool:
        """Whether it was, or still is, unanswered after its due time."""
        return (self.closed_at or self.read_at) > self.due_at


@record
class NewDataRequest:
    """A new request of a person. Repeating the same `key` repeats the same request."""

    subject: Nik
    key: str
    kind: DataRequestKind
    agency: str | None = None
    field: str | None = None
    purposes: tuple[Purpose, ...] = ()
    says: str | None = None
    wanted: str | None = None


@record
class DataRequestWithdrawal:
    """A person's withdrawal of their own request."""

    subject: Nik
    number: str
    must_be_restriction: bool = False
    """Whether the request must be a restriction, which can also be ended after it was answered."""


@record
class DataRequestPosition:
    """A cursor in a list that is ordered by a moment and the number."""

    at: datetime
    number: str


@record
class DataRequestQuery:
    """One page of a person's requests."""

    subject: Nik
    first: int
    after: DataRequestPosition | None = None


@record
class WaitingDataRequests:
    """One page of the requests that wait for an answer, the earliest due time first."""

    first: int
    states: tuple[DataRequestState, ...]
    agency: str | None = None
    """Only requests for this agency; None for all."""
    overdue: bool = False
    """Only requests that were not answered in time."""
    after: DataRequestPosition | None = None


@record
class DataRequestAnswer:
    """One step of the city's answer to a request."""

    number: str
    state: DataRequestState
    by: str | None
    """Who takes the step, as shown to the person; None for an official of `agency`."""
    agency: str | None = None
    """The agency that the request must belong to; None for any."""
    unit: str | None = None
    """The unit of that official."""
    refusal: DataRequestRefusal | None = None
    text: str | None = None

    @property
    def fault(self) -> str | None:
        """The reason why the answer is invalid; None if it is valid."""
        if self.state not in ANSWER_STATES:
            return f"{self.state.name} is not an answer: choose {', '.join(each.name for each in ANSWER_STATES)}"
        if (self.state is DataRequestState.REFUSED) != (self.refusal is not None):
            return f"REFUSED requires a reason, other states allow none: {', '.join(DataRequestRefusal.__members__)}"
        if self.text is not None and not (self.text.strip() and len(self.text) <= MAX_TEXT_LENGTH):
            return f"the text must hold 1 to {MAX_TEXT_LENGTH} characters"
        return None


@record
class DataRequestPage:
    """One page of requests, in the order of the list."""

    requests: tuple[DataRequest, ...]
    has_more: bool
