"""How the city answers what people ask about their own data: what waits for whom, and the steps they take."""

from __future__ import annotations

from typing import Annotated

import strawberry

from auth.caller import Caller, CallerKind
from engine.errors import BadInput
from records.hub.data_requests import (
    DataRequestAnswer,
    DataRequestPosition,
    DataRequestRefusal,
    DataRequestState,
    WaitingDataRequests,
)
from resolvers.hub.data_requests import answer_data_requests, open_data_requests
from schema.declarations.fields import root
from schema.declarations.relay import After, First, check_first, decode_cursor
from schema.types.data_requests import (
    ANSWERABLE,
    MAX_NUMBER_LENGTH,
    DataRequestConnectionType,
    DataRequestType,
    Number,
    build_open_request_connection,
    check_length,
    truncate_number,
)
from services.ledger.entry_text import get_agency_name

_MAX_NAME_LENGTH = 200


@strawberry.input(description="Which requests. Everything that is given must hold.")
class DataRequestFilter:
    """The filter of what waits for an answer."""

    states: list[DataRequestState] | None = strawberry.field(
        default=None, description="Standing in any of these states; in an open one where it is left out."
    )
    agency: str | None = strawberry.field(
        default=None, description="Only those that this agency has to do, by its code; officials see their own alone."
    )
    overdue: bool = strawberry.field(default=False, description="Only those whose time ran out before an answer.")


@root(
    open_data_requests,
    returns=DataRequestConnectionType | None,
    rule=ANSWERABLE,
    transform=build_open_request_connection,
)
def data_requests(
    caller: Caller,
    first: First = 20,
    after: After = None,
    filter: Annotated[  # noqa: A002 - the name that clients of connections expect
        DataRequestFilter | None, strawberry.argument(description="Which requests; the open ones without it.")
    ] = None,
) -> WaitingDataRequests:
    """What people asked about their data, those that are due first: at an official's own agency, or at all."""
    wanted = filter or DataRequestFilter()
    if caller.kind is CallerKind.OFFICIAL and wanted.agency not in {None, caller.agency}:
        raise BadInput("Argument 'filter.agency' is another agency; officials see requests of their own. Leave it out.")
    states = wanted.states or [each for each in DataRequestState if each.is_open]
    if len(states) > len(DataRequestState):
        raise BadInput(f"Argument 'filter.states' holds {len(states)} values; there are {len(DataRequestState)}.")
    position = None
    if after:
        at, number = decode_cursor(after)
        position = DataRequestPosition(at=at, number=truncate_number(number))
    return WaitingDataRequests(
        first=check_first(first),
        states=tuple(each for each in DataRequestState if each in states),
        agency=caller.agency if caller.kind is CallerKind.OFFICIAL else wanted.agency,
        overdue=wanted.overdue,
        after=position,
    )


@root(answer_data_requests, returns=DataRequestType | None, rule=ANSWERABLE)
def answer_data_request(
    caller: Caller,
    number: Number,
    state: Annotated[DataRequestState, strawberry.argument(description="`IN_PROGRESS`, `DONE` or `REFUSED`.")],
    refusal: Annotated[
        DataRequestRefusal | None, strawberry.argument(description="Why it is refused; of a refusal alone.")
    ] = None,
    text: Annotated[str | None, strawberry.argument(description="What the person is told.")] = None,
) -> DataRequestAnswer:
    """Take a step with a request: officials with those of their own agency. The person reads it at once."""
    check_length("number", number, MAX_NUMBER_LENGTH)
    return DataRequestAnswer(
        number=number,
        state=state,
        by=_describe_answerer(caller)[:_MAX_NAME_LENGTH],
        agency=caller.agency if caller.kind is CallerKind.OFFICIAL else None,
        refusal=refusal,
        text=None if text is None else check_length("text", text),
    )


def _describe_answerer(caller: Caller) -> str:
    """Who answers, as the person is told."""
    if caller.agency is None:
        return "The data-protection officer of the city"
    return f"An official of {get_agency_name(caller.agency)}{f', {caller.unit}' if caller.unit else ''}"
