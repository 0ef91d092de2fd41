"""Data requests from the city's side: the list of open requests, and the steps of an answer."""

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
from schema.declarations.additions import adds_to_query
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


@strawberry.input(description="Filters requests. All given conditions must match.")
class DataRequestFilter:
    """The filter of `dataRequests`."""

    states: list[DataRequestState] | None = strawberry.field(
        default=None, description="In any of these states; in any open state if omitted."
    )
    agency: str | None = strawberry.field(
        default=None, description="Requests to the agency with this code. Officials see only those of their own agency."
    )
    overdue: bool = strawberry.field(default=False, description="Only requests that missed their deadline.")


@adds_to_query
class DataRequestQueries:
    """The root field of open data requests."""

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
            DataRequestFilter | None, strawberry.argument(description="Filter; all open requests if omitted.")
        ] = None,
    ) -> WaitingDataRequests:
        """People's requests about their own data, earliest deadline first. Officials see those of their own agency."""
        wanted = filter or DataRequestFilter()
        if caller.kind is CallerKind.OFFICIAL and wanted.agency not in {None, caller.agency}:
            raise BadInput(
                "Argument 'filter.agency' is another agency; officials see only requests of their own. Omit it."
            )
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
        DataRequestRefusal | None, strawberry.argument(description="Reason of a refusal; null for other states.")
    ] = None,
    text: Annotated[str | None, strawberry.argument(description="Text for the person.")] = None,
) -> DataRequestAnswer:
    """Record a step of the answer to a request, which the person can see. Officials answer for their own agency."""
    check_length("number", number, MAX_NUMBER_LENGTH)
    is_official = caller.kind is CallerKind.OFFICIAL
    return DataRequestAnswer(
        number=number,
        state=state,
        by=None if is_official else "The data-protection officer of the city",
        agency=caller.agency if is_official else None,
        unit=caller.unit if is_official else None,
        refusal=refusal,
        text=None if text is None else check_length("text", text),
    )
