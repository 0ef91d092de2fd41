"""People's requests about their own data: the types, and the mutations to make and withdraw them."""

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
from records.storable_texts import is_storable
from resolvers.hub.data_requests import file_data_requests, withdraw_data_requests
from schema.declarations.access_directives import SELF_WITH_RECENT_SIGN_IN
from schema.declarations.fields import derived, root
from schema.declarations.publishing import publishes
from schema.declarations.relay import (
    After,
    ConnectionPage,
    First,
    build_connection,
    check_first,
    connection_of,
    decode_cursor,
    encode_cursor,
)
from schema.declarations.scalars import publish_enum

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
"""For officials who answer requests, and the data-protection officer. The key limits officials to their agency."""
READABLE = replace(ANSWERABLE, rules=Rule.SELF | ANSWERABLE.rules)
"""For the person, and for those who answer: they reach a request only through the list of open requests."""
Key = Annotated[
    str,
    strawberry.argument(
        description=f"Idempotency key of 1 to {MAX_KEY_LENGTH} characters, such as a UUID. Repeating the mutation with"
        " the same key makes one request."
    ),
]
Says = Annotated[
    str,
    strawberry.argument(description=f"Your message to the city, at most {MAX_TEXT_LENGTH} characters."),
]
Number = Annotated[str, strawberry.argument(description="Number of the request, from `dataRequests`.")]


@publishes(
    Restriction,
    rule=Rule.SELF,
    subject="subject",
    shows=("number", "purposes", "since"),
)
class RestrictionType:
    """The published `Restriction`."""


@publishes(
    DataRequestEvent,
    rule=READABLE,
    subject="subject",
    shows=("at", "state", "by", "refusal", "text"),
)
class DataRequestEventType:
    """The published `DataRequestEvent`."""


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
    """The published `DataRequest`."""

    @derived(returns=bool | None)
    def is_overdue(record: DataRequest) -> bool:
        """Whether it missed, or has missed so far, its deadline."""
        return record.is_overdue

    @derived(returns=float | None)
    def hours_left(record: DataRequest) -> float | None:
        """Hours until its deadline, negative if overdue; null if it is closed."""
        if record.closed_at is not None:
            return None
        return round((record.due_at - record.read_at).total_seconds() / _SECONDS_PER_HOUR, 1)


@connection_of(DataRequestType, item_name="request", items_name="requests")
class DataRequestConnectionType:
    """A page of data requests."""


def build_data_request_query(record: Citizen, first: First = 20, after: After = None) -> DataRequestQuery:
    """Builds the query of the requested page. Raises `BadInput`."""
    position = None
    if after:
        received_at, number = decode_cursor(after)
        position = DataRequestPosition(at=received_at, number=truncate_number(number))
    return DataRequestQuery(subject=record.nik, first=check_first(first), after=position)


def build_data_request_connection(found: DataRequestPage, arguments: Mapping[str, Any]) -> ConnectionPage:
    """Builds the connection of a person's requests, ordered by the time of receipt."""
    return _build_connection(found, arguments, lambda each: each.received_at)


def build_open_request_connection(found: DataRequestPage, arguments: Mapping[str, Any]) -> ConnectionPage:
    """Builds the connection of open requests, ordered by deadline."""
    return _build_connection(found, arguments, lambda each: each.due_at)


def _build_connection(
    found: DataRequestPage, arguments: Mapping[str, Any], moment: Callable[[DataRequest], datetime]
) -> ConnectionPage:
    return build_connection(
        DataRequestConnectionType,
        found.requests,
        cursor=lambda each: encode_cursor(moment(each), each.number),
        has_more=found.has_more,
        arguments=arguments,
    )


def truncate_number(text: str) -> str:
    """Truncates a text to the length of a number, and removes NUL, which no database stores."""
    return text[:MAX_NUMBER_LENGTH].replace("\0", "")


def get_subject(wanted: NewDataRequest | DataRequestWithdrawal | None) -> Nik | None:
    """Returns the person who makes the request; None without a signed-in person."""
    return None if wanted is None else wanted.subject


def _build_new_request(
    kind: DataRequestKind,
    caller: Caller,
    key: str,
    says: str | None,
    **more: Any,  # noqa: ANN401 - fields of the record
) -> NewDataRequest | None:
    """Builds a new request; None without a signed-in person. Raises `BadInput`."""
    if caller.nik is None:
        return None
    check_length("key", key, MAX_KEY_LENGTH)
    if says is not None:
        check_length("says", says, MAX_TEXT_LENGTH)
    return NewDataRequest(subject=caller.nik, key=key, kind=kind, says=says, **more)


def check_length(argument: str, text: str, maximum: int = MAX_TEXT_LENGTH) -> str:
    """Returns the text. Raises `BadInput` if it is empty, too long, or has characters that cannot be stored."""
    if not is_storable(text, maximum):
        raise BadInput(f"Argument '{argument}' must hold 1 to {maximum} characters, not only spaces.")
    return text


@root(file_data_requests, returns=DataRequestType | None, rule=SELF_WITH_RECENT_SIGN_IN, subject=get_subject)
def request_correction(
    caller: Caller,
    field: Annotated[
        str, strawberry.argument(description="The field with the wrong value, such as `Residence.address`.")
    ],
    says: Says,
    wanted: Annotated[str, strawberry.argument(description=f"The right value, at most {MAX_TEXT_LENGTH} characters.")],
    key: Key,
) -> NewDataRequest | None:
    """Ask an agency to correct data about you (UU PDP 27/2022, articles 6 and 30)."""
    check_length("field", field, _MAX_FIELD_LENGTH)
    check_length("wanted", wanted, MAX_TEXT_LENGTH)
    return _build_new_request(DataRequestKind.CORRECTION, caller, key, says, field=field, wanted=wanted)


@root(file_data_requests, returns=DataRequestType | None, rule=SELF_WITH_RECENT_SIGN_IN, subject=get_subject)
def request_erasure(
    caller: Caller,
    says: Says,
    key: Key,
    agency: Annotated[
        str | None, strawberry.argument(description="Code of the agency that should erase it; all agencies if omitted.")
    ] = None,
) -> NewDataRequest | None:
    """Ask the city to stop using, erase or destroy data about you (UU PDP 27/2022, articles 8 and 42 to 45)."""
    return _build_new_request(DataRequestKind.ERASURE, caller, key, says, agency=_check_agency(agency))


@root(file_data_requests, returns=DataRequestType | None, rule=SELF_WITH_RECENT_SIGN_IN, subject=get_subject)
def request_access_copy(
    caller: Caller,
    key: Key,
    says: Annotated[
        str | None, strawberry.argument(description=f"What you want to know, at most {MAX_TEXT_LENGTH} characters.")
    ] = None,
    agency: Annotated[
        str | None, strawberry.argument(description="Code of the agency; all agencies if omitted.")
    ] = None,
) -> NewDataRequest | None:
    """Ask the city's staff for a copy of the data about you (UU PDP 27/2022, articles 7 and 32).

    `me.export` provides all data in this graph immediately.
    """
    return _build_new_request(DataRequestKind.ACCESS, caller, key, says, agency=_check_agency(agency))


@root(file_data_requests, returns=DataRequestType | None, rule=SELF_WITH_RECENT_SIGN_IN, subject=get_subject)
def object_to_decision(
    caller: Caller,
    says: Says,
    key: Key,
    agency: Annotated[
        str | None, strawberry.argument(description="Code of the agency that decided; omit it if unknown.")
    ] = None,
) -> NewDataRequest | None:
    """Object to an automated decision about you (UU PDP 27/2022, article 10)."""
    return _build_new_request(DataRequestKind.OBJECTION, caller, key, says, agency=_check_agency(agency))


@root(file_data_requests, returns=DataRequestType | None, rule=SELF_WITH_RECENT_SIGN_IN, subject=get_subject)
def restrict_processing(
    caller: Caller,
    key: Key,
    purposes: Annotated[
        list[Purpose] | None,
        strawberry.argument(
            description="Purposes for which the data may not be read; all purposes if omitted or empty."
        ),
    ] = None,
    says: Annotated[
        str | None, strawberry.argument(description=f"The reason, at most {MAX_TEXT_LENGTH} characters.")
    ] = None,
) -> NewDataRequest | None:
    """Restrict the use of your data (UU PDP 27/2022, articles 11 and 41).

    As soon as the mutation is answered, no official, system or partner can read your data in this graph for these
    purposes, except where a law forbids a restriction. The agencies' own systems follow within 3x24 hours.
    """
    wanted = purposes or []
    if len(wanted) > len(Purpose):
        raise BadInput(f"Argument 'purposes' holds {len(wanted)} values; there are {len(Purpose)}. Give each once.")
    ordered = tuple(each for each in Purpose if each in wanted)
    return _build_new_request(DataRequestKind.RESTRICTION, caller, key, says, purposes=ordered)


@root(withdraw_data_requests, returns=DataRequestType | None, rule=SELF_WITH_RECENT_SIGN_IN, subject=get_subject)
def end_restriction(caller: Caller, number: Number) -> DataRequestWithdrawal | None:
    """End one of your restrictions. It has no effect as soon as the mutation is answered."""
    return _build_withdrawal(caller, number, restriction=True)


@root(withdraw_data_requests, returns=DataRequestType | None, rule=SELF_WITH_RECENT_SIGN_IN, subject=get_subject)
def withdraw_data_request(caller: Caller, number: Number) -> DataRequestWithdrawal | None:
    """Withdraw one of your open requests. Withdrawing a restriction ends it."""
    return _build_withdrawal(caller, number, restriction=False)


def _build_withdrawal(caller: Caller, number: str, *, restriction: bool) -> DataRequestWithdrawal | None:
    if caller.nik is None:
        return None
    check_length("number", number, MAX_NUMBER_LENGTH)
    return DataRequestWithdrawal(subject=caller.nik, number=number, must_be_restriction=restriction)


def _check_agency(code: str | None) -> str | None:
    return None if code is None else check_length("agency", code, MAX_KEY_LENGTH)
