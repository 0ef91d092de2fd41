"""Requests of people about their own data: what can be asked, and what can be changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.batch import batch
from engine.errors import SafeError
from records.answers import Answers
from records.call import Call
from records.data_requests import (
    DataRequest,
    DataRequestAnswer,
    DataRequestPage,
    DataRequestQuery,
    NewDataRequest,
    WaitingDataRequests,
    WithdrawnDataRequest,
)
from resolvers.ask import Ask


class RequestsUnavailable(SafeError):  # noqa: N818 - reads as what it is
    """The hub's own database does not answer, so nothing was read or changed."""

    code = "REQUESTS_UNAVAILABLE"

    def __init__(self) -> None:
        """There is one text."""
        super().__init__("Data requests cannot be read or changed at the moment. Try again later, with the same 'key'.")


class DataRequests(Protocol):
    """The domain of data requests. The composition root binds the hub's own state to it."""

    async def request_pages(
        self, queries: Sequence[DataRequestQuery], call: Call
    ) -> Answers[DataRequestQuery, DataRequestPage]:
        """Pages of people's lists; raises `RequestsUnavailable`."""

    async def filed(self, wanted: Sequence[NewDataRequest], call: Call) -> Answers[NewDataRequest, DataRequest]:
        """Each request, now kept; raises `BadInput` and `RequestsUnavailable`."""

    async def withdrawn(
        self, wanted: Sequence[WithdrawnDataRequest], call: Call
    ) -> Answers[WithdrawnDataRequest, DataRequest]:
        """Each request, taken back; raises `BadInput` and `RequestsUnavailable`."""

    async def waiting(
        self, wanted: Sequence[WaitingDataRequests], call: Call
    ) -> Answers[WaitingDataRequests, DataRequestPage]:
        """Pages of what waits for an answer; raises `RequestsUnavailable`."""

    async def answered(
        self, answers: Sequence[DataRequestAnswer], call: Call
    ) -> Answers[DataRequestAnswer, DataRequest]:
        """Each request, after the step; raises `BadInput` and `RequestsUnavailable`."""


@batch(agency=None)
async def data_request_pages(
    queries: Sequence[DataRequestQuery], ask: Ask
) -> Answers[DataRequestQuery, DataRequestPage]:
    """What people asked about their own data, newest first."""
    return await ask.agencies[DataRequests].request_pages(queries, ask.call)


@batch(agency=None)
async def filed_requests(wanted: Sequence[NewDataRequest], ask: Ask) -> Answers[NewDataRequest, DataRequest]:
    """Keep what people ask; what was kept already stays as it is."""
    return await ask.agencies[DataRequests].filed(wanted, ask.call)


@batch(agency=None)
async def withdrawn_requests(
    wanted: Sequence[WithdrawnDataRequest], ask: Ask
) -> Answers[WithdrawnDataRequest, DataRequest]:
    """Take back what people asked."""
    return await ask.agencies[DataRequests].withdrawn(wanted, ask.call)


@batch(agency=None)
async def waiting_requests(
    wanted: Sequence[WaitingDataRequests], ask: Ask
) -> Answers[WaitingDataRequests, DataRequestPage]:
    """What waits for an answer of the city, those that are due first."""
    return await ask.agencies[DataRequests].waiting(wanted, ask.call)


@batch(agency=None)
async def answered_requests(answers: Sequence[DataRequestAnswer], ask: Ask) -> Answers[DataRequestAnswer, DataRequest]:
    """Take steps for the city."""
    return await ask.agencies[DataRequests].answered(answers, ask.call)
