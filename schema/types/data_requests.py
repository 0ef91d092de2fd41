"""What people ask about their own data, in the graph: their requests, and how they make and withdraw them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

import strawberry

from auth.caller import Caller
from auth.policy.rules import Access, Rule
from engine.errors import BadInput
from records.hub.data_preferences import Restriction
from records.hub.data_requests import (
    MAX_TEXT_LENGTH,
    DataRequest,
    DataRequestEvent,
    DataRequestKind,
    DataRequestPage,
    DataRequestPosition,
    DataRequestQuery,
    DataRequestRefusal,
    DataRequestState,
    DataRequestWithdrawal,
    NewDataRequest,
)
from records.identifiers import Nik
from records.population import Citizen
from records.purposes import Purpose
from resolvers.hub.data_requests import file_data_requests, withdraw_data_requests
from schema.declarations.access_directives import SELF_WITH_RECENT_SIGN_IN
from schema.declarations.enums import publish_enum
from schema.declarations.fields import derived, root
from schema.declarations.publishing import publishes
from schema.declarations.relay import (
    After,
    First,
    build_connection,
    check_first,
    connection_of,
    decode_cursor,
    encode_cursor,
)

MAX_KEY_LENGTH = 64
MAX_NUMBER_LENGTH = 20
_MAX_FIELD_LENGTH = 200
_SECONDS_PER_HOUR = 3600

for _enum in (Purpose, DataRequestState, DataRequestRefusal):
    publish_enum(_enum)
ANSWERABLE = Access(
    Rule.OFFICIAL | Rule.PROTECTION_OFFICER,
    purposes=frozenset({Purpose.SUBJECT_REQUEST}),
    requires_case=True,
    allows_any_case=True,
)
"""Officials who answer people's requests, and the data-protection officer; of which agency says the key."""
READABLE = replace(ANSWERABLE, rule=Rule.SELF | ANSWERABLE.rule)
"""The person, and those who come to it by what waits for them: nothing else leads them here."""
Key = Annotated[
    str,
    strawberry.argument(
        description=f"Any text of your own, 1 to {MAX_KEY_LENGTH} characters, such as a UUID. Sent again with"
        " the same key, a request is made once."
    ),
]
Says = Annotated[
    str,
    strawberry.argument(description=f"In your own words, to those who answer; at most {MAX_TEXT_LENGTH} characters."),
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

    @derived(returns=bool | None)
    def is_overdue(record: DataRequest) -> bool:
        """Whether it was, or still is, unanswered after the moment it was due."""
        return record.is_overdue

    @derived(returns=float | None)
    def hours_left(record: DataRequest) -> float | None:
        """Hours until an answer is due, negative once it is overdue; null when it is closed."""
        if record.closed_at is not None:
            return None
        return round((record.due_at - record.read_at).total_seconds() / _SECONDS_PER_HOUR, 1)


@connection_of(DataRequestType, item_name="request", items_name="requests")
class DataRequestConnectionType:
    """A page of a person's data requests."""


def build_data_request_query(record: Citizen, first: First = 20, after: After = None) -> DataRequestQuery:
    """The page that the arguments ask for; raises `BadInput`."""
    position = None
    if after:
        received_at, number = decode_cursor(after)
        position = DataRequestPosition(at=received_at, number=truncate_number(number))
    return DataRequestQuery(subject=record.nik, first=check_first(first), after=position)


def build_data_request_connection(found: DataRequestPage, arguments: Mapping[str, Any]) -> Any:  # noqa: ANN401 - see `build_connection`
    """The page of a person's list as a connection."""
    return _build_connection(found, arguments, lambda each: each.received_at)


def build_open_request_connection(found: DataRequestPage, arguments: Mapping[str, Any]) -> Any:  # noqa: ANN401 - see `build_connection`
    """The page of what waits for an answer as a connection."""
    return _build_connection(found, arguments, lambda each: each.due_at)


def _build_connection(
    found: DataRequestPage, arguments: Mapping[str, Any], moment: Callable[[DataRequest], datetime]
) -> Any:  # noqa: ANN401 - see `build_connection`
    return build_connection(
        DataRequestConnectionType,
        found.requests,
        cursor=lambda each: encode_cursor(moment(each), each.number),
        has_more=found.has_more,
        arguments=arguments,
    )


def truncate_number(text: str) -> str:
    """As much of a text as a number may have; a NUL, which no database takes, is in none."""
    return text[:MAX_NUMBER_LENGTH].replace("\0", "")


def get_subject(wanted: NewDataRequest | DataRequestWithdrawal | None) -> Nik | None:
    """Whose request it is; nobody's where nobody is signed in."""
    return None if wanted is None else wanted.subject


def _build_new_request(
    kind: DataRequestKind,
    caller: Caller,
    key: str,
    says: str | None,
    **more: Any,  # noqa: ANN401 - fields of the record
) -> NewDataRequest | None:
    """What the person asks, within bounds; nothing where nobody is signed in. Raises `BadInput`."""
    if caller.nik is None:
        return None
    check_length("key", key, MAX_KEY_LENGTH)
    if says is not None:
        check_length("says", says, MAX_TEXT_LENGTH)
    return NewDataRequest(subject=caller.nik, key=key, kind=kind, says=says, **more)


def check_length(argument: str, text: str, maximum: int = MAX_TEXT_LENGTH) -> str:
    """The text; raises `BadInput` where it is empty, too long, or no text that can be kept."""
    if not text.strip() or len(text) > maximum or any(each == "\0" or "\ud800" <= each <= "\udfff" for each in text):
        raise BadInput(f"Argument '{argument}' must hold 1 to {maximum} characters, not only spaces.")
    return text


@root(file_data_requests, returns=DataRequestType | None, rule=SELF_WITH_RECENT_SIGN_IN, subject=get_subject)
def request_correction(
    caller: Caller,
    field: Annotated[
        str, strawberry.argument(description="What is wrong: a field of this graph, such as `Residence.address`.")
    ],
    says: Says,
    wanted: Annotated[
        str, strawberry.argument(description=f"What it should be; at most {MAX_TEXT_LENGTH} characters.")
    ],
    key: Key,
) -> NewDataRequest | None:
    """Ask the agency that holds something about you to put it right (UU PDP 27/2022, articles 6 and 30)."""
    check_length("field", field, _MAX_FIELD_LENGTH)
    check_length("wanted", wanted, MAX_TEXT_LENGTH)
    return _build_new_request(DataRequestKind.CORRECTION, caller, key, says, field=field, wanted=wanted)


@root(file_data_requests, returns=DataRequestType | None, rule=SELF_WITH_RECENT_SIGN_IN, subject=get_subject)
def request_erasure(
    caller: Caller,
    says: Says,
    key: Key,
    agency: Annotated[
        str | None, strawberry.argument(description="The agency that is to erase it, by its code; all where left out.")
    ] = None,
) -> NewDataRequest | None:
    """Ask that data about you is no longer used, erased or destroyed (UU PDP 27/2022, articles 8 and 42 to 45)."""
    return _build_new_request(DataRequestKind.ERASURE, caller, key, says, agency=_check_agency(agency))


@root(file_data_requests, returns=DataRequestType | None, rule=SELF_WITH_RECENT_SIGN_IN, subject=get_subject)
def request_access_copy(
    caller: Caller,
    key: Key,
    says: Annotated[
        str | None, strawberry.argument(description=f"What you want to know; at most {MAX_TEXT_LENGTH} characters.")
    ] = None,
    agency: Annotated[
        str | None, strawberry.argument(description="Of which agency, by its code; of all where left out.")
    ] = None,
) -> NewDataRequest | None:
    """Ask people at the city for a copy of what is held about you (UU PDP 27/2022, articles 7 and 32).

    What this graph can reach you have at once: see `me.export`.
    """
    return _build_new_request(DataRequestKind.ACCESS, caller, key, says, agency=_check_agency(agency))


@root(file_data_requests, returns=DataRequestType | None, rule=SELF_WITH_RECENT_SIGN_IN, subject=get_subject)
def object_to_decision(
    caller: Caller,
    says: Says,
    key: Key,
    agency: Annotated[
        str | None, strawberry.argument(description="The agency that decided, by its code; unknown where left out.")
    ] = None,
) -> NewDataRequest | None:
    """Object to a decision that was made about you by a machine alone (UU PDP 27/2022, article 10)."""
    return _build_new_request(DataRequestKind.OBJECTION, caller, key, says, agency=_check_agency(agency))


@root(file_data_requests, returns=DataRequestType | None, rule=SELF_WITH_RECENT_SIGN_IN, subject=get_subject)
def restrict_processing(
    caller: Caller,
    key: Key,
    purposes: Annotated[
        list[Purpose] | None,
        strawberry.argument(description="For which purposes nobody may read; for every one where left out or empty."),
    ] = None,
    says: Annotated[str | None, strawberry.argument(description=f"Why; at most {MAX_TEXT_LENGTH} characters.")] = None,
) -> NewDataRequest | None:
    """Restrict what is done with your data (UU PDP 27/2022, articles 11 and 41).

    From the moment this is answered, no official, system or partner reads anything of you through this graph for these
    purposes; what a law keeps from being restricted excepted. The agencies' own systems follow within 3x24 hours.
    """
    wanted = purposes or []
    if len(wanted) > len(Purpose):
        raise BadInput(f"Argument 'purposes' holds {len(wanted)} values; there are {len(Purpose)}. Give each once.")
    ordered = tuple(each for each in Purpose if each in wanted)
    return _build_new_request(DataRequestKind.RESTRICTION, caller, key, says, purposes=ordered)


@root(withdraw_data_requests, returns=DataRequestType | None, rule=SELF_WITH_RECENT_SIGN_IN, subject=get_subject)
def end_restriction(caller: Caller, number: Number) -> DataRequestWithdrawal | None:
    """End a restriction of yours; from the moment this is answered it is no longer obeyed."""
    return _build_withdrawal(caller, number, restriction=True)


@root(withdraw_data_requests, returns=DataRequestType | None, rule=SELF_WITH_RECENT_SIGN_IN, subject=get_subject)
def withdraw_data_request(caller: Caller, number: Number) -> DataRequestWithdrawal | None:
    """Take back a request of yours that is not answered yet. A restriction ends by it."""
    return _build_withdrawal(caller, number, restriction=False)


def _build_withdrawal(caller: Caller, number: str, *, restriction: bool) -> DataRequestWithdrawal | None:
    if caller.nik is None:
        return None
    check_length("number", number, MAX_NUMBER_LENGTH)
    return DataRequestWithdrawal(subject=caller.nik, number=number, must_be_restriction=restriction)


def _check_agency(code: str | None) -> str | None:
    return None if code is None else check_length("agency", code, MAX_KEY_LENGTH)
