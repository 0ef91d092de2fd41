"""Data requests (rights of people about their own data): the domain protocol and its batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.batch import NEVER_ABSENT, forward
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
        """Pages of each person's requests, newest first; raises `DataRequestsUnavailable`."""

    async def file_requests(self, wanted: Sequence[NewDataRequest], call: Call) -> Answers[NewDataRequest, DataRequest]:
        """Store each request, once; raises `BadInput` and `DataRequestsUnavailable`."""

    async def withdraw_requests(
        self, wanted: Sequence[DataRequestWithdrawal], call: Call
    ) -> Answers[DataRequestWithdrawal, DataRequest]:
        """Withdraw each request; raises `BadInput` and `DataRequestsUnavailable`."""

    async def load_open_requests(
        self, wanted: Sequence[WaitingDataRequests], call: Call
    ) -> Answers[WaitingDataRequests, DataRequestPage]:
        """Pages of requests that wait for the city, earliest deadline first; raises `DataRequestsUnavailable`."""

    async def answer_requests(
        self, answers: Sequence[DataRequestAnswer], call: Call
    ) -> Answers[DataRequestAnswer, DataRequest]:
        """Record a step of the city on each request; raises `BadInput` and `DataRequestsUnavailable`."""


data_request_pages = forward(
    DataRequests, DataRequests.request_pages, name="data_request_pages", is_of_hub=True, absent=NEVER_ABSENT
)
file_data_requests = forward(
    DataRequests, DataRequests.file_requests, name="file_data_requests", is_of_hub=True, absent=NEVER_ABSENT
)
withdraw_data_requests = forward(
    DataRequests, DataRequests.withdraw_requests, name="withdraw_data_requests", is_of_hub=True, absent=NEVER_ABSENT
)
open_data_requests = forward(
    DataRequests, DataRequests.load_open_requests, name="open_data_requests", is_of_hub=True, absent=NEVER_ABSENT
)
answer_data_requests = forward(
    DataRequests, DataRequests.answer_requests, name="answer_data_requests", is_of_hub=True, absent=NEVER_ABSENT
)
