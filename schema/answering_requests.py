"""How the city answers what people ask about their own data: what waits for whom, and the steps they take."""

from __future__ import annotations

from typing import Annotated

import strawberry

from auth.caller import Caller, CallerKind
from engine.errors import BadInput
from records.data_requests import (
    DataRequestAnswer,
    DataRequestPosition,
    DataRequestRefusal,
    DataRequestState,
    WaitingDataRequests,
)
from resolvers.access_text import agency_name
from resolvers.data_requests import answered_requests, waiting_requests
from schema.data_requests import (
    ANSWERING,
    LONGEST_NUMBER,
    DataRequestConnectionType,
    DataRequestType,
    Number,
    bounded,
    number_of,
    waiting_connection,
)
from schema.fields import root
from schema.relay import After, First, checked_first, position_of

_LONGEST_NAME = 200


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


@root(waiting_requests, answers=DataRequestConnectionType | None, rule=ANSWERING, then=waiting_connection)
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
        at, number = position_of(after)
        position = DataRequestPosition(at=at, number=number_of(number))
    return WaitingDataRequests(
        first=checked_first(first),
        states=tuple(each for each in DataRequestState if each in states),
        agency=caller.agency if caller.kind is CallerKind.OFFICIAL else wanted.agency,
        overdue=wanted.overdue,
        after=position,
    )


@root(answered_requests, answers=DataRequestType | None, rule=ANSWERING)
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
    bounded("number", number, LONGEST_NUMBER)
    return DataRequestAnswer(
        number=number,
        state=state,
        by=_who(caller)[:_LONGEST_NAME],
        agency=caller.agency if caller.kind is CallerKind.OFFICIAL else None,
        refusal=refusal,
        text=None if text is None else bounded("text", text),
    )


def _who(caller: Caller) -> str:
    """Who answers, as the person is told."""
    if caller.agency is None:
        return "The data-protection officer of the city"
    return f"An official of {agency_name(caller.agency)}{f', {caller.unit}' if caller.unit else ''}"
