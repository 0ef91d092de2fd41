"""Data requests (rights of people about their own data): the domain protocol and its batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.batch import batch
from engine.errors import SafeError
from records.calls.answers import Answers
from records.calls.call import Call
from records.hub.data_requests import (
    DataRequest,
    DataRequestAnswer,
    DataRequestPage,
    DataRequestQuery,
    DataRequestWithdrawal,
    NewDataRequest,
    WaitingDataRequests,
)
from resolvers.batch_context import HubBatchContext


class DataRequestsUnavailable(SafeError):  # noqa: N818 - reads as what it is
    """The hub's own database does not answer, so nothing was read or changed."""

    code = "REQUESTS_UNAVAILABLE"

    def __init__(self) -> None:
        """The message is fixed."""
        super().__init__("Data requests cannot be read or changed at the moment. Try again later, with the same 'key'.")


class DataRequests(Protocol):
    """The domain of data requests. The composition root binds the hub's own database to it."""

    async def request_pages(
        self, queries: Sequence[DataRequestQuery], call: Call
    ) -> Answers[DataRequestQuery, DataRequestPage]:
        """Pages of each person's requests; raises `DataRequestsUnavailable`."""

    async def file_requests(self, wanted: Sequence[NewDataRequest], call: Call) -> Answers[NewDataRequest, DataRequest]:
        """Store each request; raises `BadInput` and `DataRequestsUnavailable`."""

    async def withdraw_requests(
        self, wanted: Sequence[DataRequestWithdrawal], call: Call
    ) -> Answers[DataRequestWithdrawal, DataRequest]:
        """Withdraw each request; raises `BadInput` and `DataRequestsUnavailable`."""

    async def load_open_requests(
        self, wanted: Sequence[WaitingDataRequests], call: Call
    ) -> Answers[WaitingDataRequests, DataRequestPage]:
        """Pages of requests that wait for an answer; raises `DataRequestsUnavailable`."""

    async def answer_requests(
        self, answers: Sequence[DataRequestAnswer], call: Call
    ) -> Answers[DataRequestAnswer, DataRequest]:
        """Record a step of the city on each request; raises `BadInput` and `DataRequestsUnavailable`."""


@batch(agency=None)
async def data_request_pages(
    queries: Sequence[DataRequestQuery], context: HubBatchContext
) -> Answers[DataRequestQuery, DataRequestPage]:
    """The data requests of each person, newest first."""
    return await context.agencies[DataRequests].request_pages(queries, context.call)


@batch(agency=None)
async def file_data_requests(
    wanted: Sequence[NewDataRequest], context: HubBatchContext
) -> Answers[NewDataRequest, DataRequest]:
    """Store data requests. A request that is stored already stays unchanged."""
    return await context.agencies[DataRequests].file_requests(wanted, context.call)


@batch(agency=None)
async def withdraw_data_requests(
    wanted: Sequence[DataRequestWithdrawal], context: HubBatchContext
) -> Answers[DataRequestWithdrawal, DataRequest]:
    """Withdraw data requests."""
    return await context.agencies[DataRequests].withdraw_requests(wanted, context.call)


@batch(agency=None)
async def open_data_requests(
    wanted: Sequence[WaitingDataRequests], context: HubBatchContext
) -> Answers[WaitingDataRequests, DataRequestPage]:
    """Requests that wait for an answer of the city, earliest deadline first."""
    return await context.agencies[DataRequests].load_open_requests(wanted, context.call)


@batch(agency=None)
async def answer_data_requests(
    answers: Sequence[DataRequestAnswer], context: HubBatchContext
) -> Answers[DataRequestAnswer, DataRequest]:
    """Record steps of the city on data requests."""
    return await context.agencies[DataRequests].answer_requests(answers, context.call)
