"""What people ask about their own data, in the graph: their requests, and how they make and withdraw them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

import strawberry

from auth.caller import Caller
from auth.rules import Access, Rule
from engine.errors import BadInput
from records.data_requests import (
    LONGEST_TEXT,
    DataRequest,
    DataRequestEvent,
    DataRequestKind,
    DataRequestPage,
    DataRequestPosition,
    DataRequestQuery,
    DataRequestRefusal,
    DataRequestState,
    NewDataRequest,
    WithdrawnDataRequest,
)
from records.identifiers import Nik
from records.population import Citizen
from records.purposes import Purpose
from records.wishes import Restriction
from resolvers.data_requests import filed_requests, withdrawn_requests
from schema.access import BY_THE_PERSON
from schema.enums import publish_enum
from schema.fields import derived, root
from schema.publishing import publishes
from schema.relay import After, First, checked_first, cursor_of, page, pages_of, position_of

LONGEST_KEY = 64
LONGEST_NUMBER = 20
_LONGEST_FIELD = 200
_SECONDS_AN_HOUR = 3600

for _enum in (Purpose, DataRequestState, DataRequestRefusal):
    publish_enum(_enum)
ANSWERING = Access(
    Rule.OFFICIAL | Rule.PROTECTION_OFFICER,
    purposes=frozenset({Purpose.SUBJECT_REQUEST}),
    needs_case=True,
    finds_cases=True,
)
"""Officials who answer people's requests, and the data-protection officer; of which agency says the key."""
READABLE = replace(ANSWERING, rule=Rule.SELF | ANSWERING.rule)
"""The person, and those who come to it by what waits for them: nothing else leads them here."""
Key = Annotated[
    str,
    strawberry.argument(
        description=f"Any text of your own, 1 to {LONGEST_KEY} characters, such as a UUID. Sent again with"
        " the same key, a request is made once."
    ),
]
Says = Annotated[
    str, strawberry.argument(description=f"In your own words, to those who answer; at most {LONGEST_TEXT} characters.")
]
Number = Annotated[str, strawberry.argument(description="The request's number, as `dataRequests` tells it.")]


@publishes(
    Restriction,
    rule=Rule.SELF,
    subject="subject",
    shows=("number", "purposes", "since"),
)
class RestrictionType:
    """A restriction in the graph."""


@publishes(
    DataRequestEvent,
    rule=READABLE,
    subject="subject",
    shows=("at", "state", "by", "refusal", "text"),
)
class DataRequestEventType:
    """An event in the graph."""


@publishes(
    DataRequest,
    rule=READABLE,
    subject="subject",
    shows=(
        "subject",
        "number",
        "kind",
        "state",
        "agency",
        "field",
        "purposes",
        "says",
        "wanted",
        "received_at",
        "due_at",
        "closed_at",
        "events",
    ),
    nested=(DataRequestEventType,),
)
class DataRequestType:
    """A request in the graph."""

    @derived(answers=bool | None)
    def is_overdue(record: DataRequest) -> bool:
        """Whether it was, or still is, unanswered after the moment it was due."""
        return record.is_overdue

    @derived(answers=float | None)
    def hours_left(record: DataRequest) -> float | None:
        """Hours until an answer is due, negative once it is overdue; null when it is closed."""
        if record.closed_at is not None:
            return None
        return round((record.due_at - record.read_at).total_seconds() / _SECONDS_AN_HOUR, 1)


@pages_of(DataRequestType, one="request", many="requests")
class DataRequestConnectionType:
    """A page of a person's data requests."""


def data_requests_of(record: Citizen, first: First = 20, after: After = None) -> DataRequestQuery:
    """The page that the arguments ask for; raises `BadInput`."""
    position = None
    if after:
        received_at, number = position_of(after)
        position = DataRequestPosition(at=received_at, number=number_of(number))
    return DataRequestQuery(subject=record.nik, first=checked_first(first), after=position)


def data_request_connection(found: DataRequestPage, arguments: Mapping[str, Any]) -> Any:  # noqa: ANN401 - see `page`
    """The page of a person's list as a connection."""
    return _connection(found, arguments, lambda each: each.received_at)


def waiting_connection(found: DataRequestPage, arguments: Mapping[str, Any]) -> Any:  # noqa: ANN401 - see `page`
    """The page of what waits for an answer as a connection."""
    return _connection(found, arguments, lambda each: each.due_at)


def _connection(found: DataRequestPage, arguments: Mapping[str, Any], moment: Callable[[DataRequest], datetime]) -> Any:  # noqa: ANN401 - see `page`
    return page(
        DataRequestConnectionType,
        found.requests,
        cursor=lambda each: cursor_of(moment(each), each.number),
        has_more=found.has_more,
        arguments=arguments,
    )


def number_of(text: str) -> str:
    """As much of a text as a number may have; a NUL, which no database takes, is in none."""
    return text[:LONGEST_NUMBER].replace("\0", "")


def whose(wanted: NewDataRequest | WithdrawnDataRequest | None) -> Nik | None:
    """Whose request it is; nobody's where nobody is signed in."""
    return None if wanted is None else wanted.subject


def _new(kind: DataRequestKind, caller: Caller, key: str, says: str | None, **more: Any) -> NewDataRequest | None:  # noqa: ANN401 - fields of the record
    """What the person asks, within bounds; nothing where nobody is signed in. Raises `BadInput`."""
    if caller.nik is None:
        return None
    bounded("key", key, LONGEST_KEY)
    if says is not None:
        bounded("says", says, LONGEST_TEXT)
    return NewDataRequest(subject=caller.nik, key=key, kind=kind, says=says, **more)


def bounded(argument: str, text: str, most: int = LONGEST_TEXT) -> str:
    """The text; raises `BadInput` where it is empty, too long, or no text that can be kept."""
    if not text.strip() or len(text) > most or any(each == "\0" or "\ud800" <= each <= "\udfff" for each in text):
        raise BadInput(f"Argument '{argument}' must hold 1 to {most} characters, not only spaces.")
    return text


@root(filed_requests, answers=DataRequestType | None, rule=BY_THE_PERSON, subject=whose)
def request_correction(
    caller: Caller,
    field: Annotated[
        str, strawberry.argument(description="What is wrong: a field of this graph, such as `Residence.address`.")
    ],
    says: Says,
    wanted: Annotated[str, strawberry.argument(description=f"What it should be; at most {LONGEST_TEXT} characters.")],
    key: Key,
) -> NewDataRequest | None:
    """Ask the agency that holds something about you to put it right (UU PDP 27/2022, articles 6 and 30)."""
    bounded("field", field, _LONGEST_FIELD)
    bounded("wanted", wanted, LONGEST_TEXT)
    return _new(DataRequestKind.CORRECTION, caller, key, says, field=field, wanted=wanted)


@root(filed_requests, answers=DataRequestType | None, rule=BY_THE_PERSON, subject=whose)
def request_erasure(
    caller: Caller,
    says: Says,
    key: Key,
    agency: Annotated[
        str | None, strawberry.argument(description="The agency that is to erase it, by its code; all where left out.")
    ] = None,
) -> NewDataRequest | None:
    """Ask that data about you is no longer used, erased or destroyed (UU PDP 27/2022, articles 8 and 42 to 45)."""
    return _new(DataRequestKind.ERASURE, caller, key, says, agency=_agency(agency))


@root(filed_requests, answers=DataRequestType | None, rule=BY_THE_PERSON, subject=whose)
def request_access_copy(
    caller: Caller,
    key: Key,
    says: Annotated[
        str | None, strawberry.argument(description=f"What you want to know; at most {LONGEST_TEXT} characters.")
    ] = None,
    agency: Annotated[
        str | None, strawberry.argument(description="Of which agency, by its code; of all where left out.")
    ] = None,
) -> NewDataRequest | None:
    """Ask people at the city for a copy of what is held about you (UU PDP 27/2022, articles 7 and 32).

    What this graph can reach you have at once: see `me.export`.
    """
    return _new(DataRequestKind.ACCESS, caller, key, says, agency=_agency(agency))


@root(filed_requests, answers=DataRequestType | None, rule=BY_THE_PERSON, subject=whose)
def object_to_decision(
    caller: Caller,
    says: Says,
    key: Key,
    agency: Annotated[
        str | None, strawberry.argument(description="The agency that decided, by its code; unknown where left out.")
    ] = None,
) -> NewDataRequest | None:
    """Object to a decision that was made about you by a machine alone (UU PDP 27/2022, article 10)."""
    return _new(DataRequestKind.OBJECTION, caller, key, says, agency=_agency(agency))


@root(filed_requests, answers=DataRequestType | None, rule=BY_THE_PERSON, subject=whose)
def restrict_processing(
    caller: Caller,
    key: Key,
    purposes: Annotated[
        list[Purpose] | None,
        strawberry.argument(description="For which purposes nobody may read; for every one where left out or empty."),
    ] = None,
    says: Annotated[str | None, strawberry.argument(description=f"Why; at most {LONGEST_TEXT} characters.")] = None,
) -> NewDataRequest | None:
    """Restrict what is done with your data (UU PDP 27/2022, articles 11 and 41).

    From the moment this is answered, no official, system or partner reads anything of you through this graph for these
    purposes; what a law keeps from being restricted excepted. The agencies' own systems follow within 3x24 hours.
    """
    wanted = purposes or []
    if len(wanted) > len(Purpose):
        raise BadInput(f"Argument 'purposes' holds {len(wanted)} values; there are {len(Purpose)}. Give each once.")
    ordered = tuple(each for each in Purpose if each in wanted)
    return _new(DataRequestKind.RESTRICTION, caller, key, says, purposes=ordered)


@root(withdrawn_requests, answers=DataRequestType | None, rule=BY_THE_PERSON, subject=whose)
def end_restriction(caller: Caller, number: Number) -> WithdrawnDataRequest | None:
    """End a restriction of yours; from the moment this is answered it is no longer obeyed."""
    return _taken_back(caller, number, restriction=True)


@root(withdrawn_requests, answers=DataRequestType | None, rule=BY_THE_PERSON, subject=whose)
def withdraw_data_request(caller: Caller, number: Number) -> WithdrawnDataRequest | None:
    """Take back a request of yours that is not answered yet. A restriction ends by it."""
    return _taken_back(caller, number, restriction=False)


def _taken_back(caller: Caller, number: str, *, restriction: bool) -> WithdrawnDataRequest | None:
    if caller.nik is None:
        return None
    bounded("number", number, LONGEST_NUMBER)
    return WithdrawnDataRequest(subject=caller.nik, number=number, restriction=restriction)


def _agency(code: str | None) -> str | None:
    return None if code is None else bounded("agency", code, LONGEST_KEY)
