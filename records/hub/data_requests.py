"""A person's requests about their own data, each a case with a deadline (UU PDP 27/2022, articles 5 to 13)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from records.description import DescribedEnum, Doc
from records.identifiers import Nik
from records.purposes import Purpose
from records.record import record

ANSWER_PERIOD = timedelta(hours=3 * 24)
"""The time to answer, from the moment a request is received (articles 30, 32, 40 and 41)."""

MAX_TEXT_LENGTH = 2_000
"""Maximum length in characters of a text by a person or the city."""


class DataRequestKind(DescribedEnum):
    """What a person asks for."""

    CORRECTION = "CORRECTION", "That something wrong or incomplete is put right (articles 6 and 30)."
    ERASURE = "ERASURE", "That data is no longer used, erased or destroyed (articles 8 and 42 to 45)."
    RESTRICTION = "RESTRICTION", "That data is not used for some purposes, or for any (articles 11 and 41)."
    ACCESS = "ACCESS", "A copy of what is held, and of what was done with it (articles 7 and 32)."
    OBJECTION = "OBJECTION", "That a decision made by a machine alone is looked at by people (article 10)."


class DataRequestState(DescribedEnum):
    """How far a request has come."""

    RECEIVED = "RECEIVED", "Nobody has begun with it."
    IN_PROGRESS = "IN_PROGRESS", "Somebody works on it."
    DONE = "DONE", "What was asked for was done."
    REFUSED = "REFUSED", "It was refused, for a reason that the law has."
    WITHDRAWN = "WITHDRAWN", "The person took it back, or ended what they had asked for."

    @property
    def is_open(self) -> bool:
        """Whether the city still owes an answer."""
        return self in {DataRequestState.RECEIVED, DataRequestState.IN_PROGRESS}


ANSWER_STATES = (DataRequestState.IN_PROGRESS, DataRequestState.DONE, DataRequestState.REFUSED)
"""The states that an answer of the city can set."""


class DataRequestRefusal(DescribedEnum):
    """Why a request may be refused; there is no other reason (UU PDP 27/2022, articles 15, 29 and 33)."""

    ENDANGERS_PEOPLE = (
        "ENDANGERS_PEOPLE",
        "It would endanger somebody's safety, or their health in body or mind (article 33, letter a).",
    )
    REVEALS_OTHERS = "REVEALS_OTHERS", "It would reveal personal data of somebody else (article 33, letter b)."
    NATIONAL_SECURITY = (
        "NATIONAL_SECURITY",
        "It is against national defence and security (article 33, letter c; article 15, letter a).",
    )
    LAW_ENFORCEMENT = "LAW_ENFORCEMENT", "The law is being enforced with it (article 15, letter b)."
    PUBLIC_INTEREST = (
        "PUBLIC_INTEREST",
        "The state cannot do its public task without it, as a law says (article 15, letter c).",
    )
    FINANCIAL_SUPERVISION = (
        "FINANCIAL_SUPERVISION",
        "The financial sector, money and payments are supervised with it (article 15, letter d).",
    )
    STATISTICS = "STATISTICS", "It serves statistics and scientific research (article 15, letter e)."
    DATA_IS_RIGHT = "DATA_IS_RIGHT", "What is held was verified, and is accurate and complete (article 29)."


@record
class DataRequestEvent:
    """One thing that happened to a request. Events are only ever added."""

    subject: Annotated[Nik, Doc("Whose request it is.")]
    at: Annotated[datetime, Doc("When it happened.")]
    state: Annotated[DataRequestState, Doc("How far the request had come by it.")]
    by: Annotated[str, Doc("Who did it: `You`, or whoever answered for the city.")]
    refusal: Annotated[DataRequestRefusal | None, Doc("Why the request was refused; null where it was not.")]
    text: Annotated[str | None, Doc("What was said with it.")]


@record
class DataRequest:
    """A person's request about their own data: a case that the city has to answer within 3x24 hours."""

    subject: Annotated[Nik, Doc("Whose request it is.")]
    number: Annotated[str, Doc("By which the person and the city speak of it, such as `HAK-2026-7K3QX9RD`.")]
    kind: Annotated[DataRequestKind, Doc("What is asked for.")]
    state: Annotated[DataRequestState, Doc("How far it has come.")]
    agency: Annotated[
        str | None,
        Doc("The agency that has to do it, by its code; null for the data-protection officer."),
    ]
    field: Annotated[str | None, Doc("What is to be corrected: a field of this graph, such as `Residence.address`.")]
    purposes: Annotated[
        tuple[Purpose, ...], Doc("Of a restriction: for which purposes nobody may read; for every one where empty.")
    ]
    says: Annotated[str | None, Doc("What the person wrote: what is wrong, or why they ask.")]
    wanted: Annotated[str | None, Doc("Of a correction: what it should be.")]
    received_at: Annotated[datetime, Doc("When it was received; the clock runs from here.")]
    due_at: Annotated[datetime, Doc("Until when the city has to answer: 3x24 hours after it was received.")]
    closed_at: Annotated[datetime | None, Doc("When it was done, refused or withdrawn; null while it is open.")]
    read_at: Annotated[datetime, Doc("When it was read.")]
    events: Annotated[tuple[DataRequestEvent, ...], Doc("What happened to it, oldest first.")]

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
    by: str
    """Who takes the step, as shown to the person."""
    agency: str | None = None
    """The agency that the request must belong to; None for any."""
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
