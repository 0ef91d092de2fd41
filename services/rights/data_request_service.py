"""The service with which officers answer data requests. Each read is recorded before it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from secrets import token_hex
from time import monotonic

from auth.caller import Caller, CallerKind
from engine.reporting import ReadRecorder
from records.calls.call import Call
from records.calls.subject_reads import RequestInfo, SubjectRead, hash_document
from records.hub.data_requests import DataRequest, DataRequestAnswer, WaitingDataRequests
from records.purposes import Purpose
from services.rights.database_data_requests import DatabaseDataRequests

_READ_FIELDS = ("DataRequest.events", "DataRequest.says", "DataRequest.wanted")
_CLASSES = ("PERSONAL",)
_TIMEOUT = 10.0


class DataRequestService:
    """Lists, shows and answers requests for the city's data-protection officer (UU PDP 27/2022, article 53)."""

    def __init__(self, requests: DatabaseDataRequests, recorder: ReadRecorder) -> None:
        """Records each read of a request in `recorder`."""
        self._requests = requests
        self._recorder = recorder

    async def list_open(self, wanted: WaitingDataRequests) -> Sequence[DataRequest]:
        """Requests that wait for an answer; raises `DataRequestsUnavailable`.

        A listing shows neither the person nor their text; `show` does.
        """
        return (await self._requests.load_open_requests([wanted], _build_call()))[wanted].requests

    async def show(self, number: str, *, officer: str) -> DataRequest | None:
        """One request with the person and their text, recorded first; None if the number is unknown.

        Raises `NotRecorded` and `DataRequestsUnavailable`.
        """
        request = await self._requests.find(number)
        if request is not None:
            caller = Caller(
                kind=CallerKind.PROTECTION_OFFICER,
                subject=f"desk {officer}",
                purpose=Purpose.SUBJECT_REQUEST.name,
                case=request.number,
            )
            request_info = RequestInfo(
                caller=caller, request_id=token_hex(16), operation="RequestDesk", document=hash_document("desk")
            )
            await self._recorder(
                request_info,
                [SubjectRead(subject=request.subject, fields=_READ_FIELDS, agencies=(), data_classes=_CLASSES)],
            )
        return request

    async def answer(self, answer: DataRequestAnswer) -> DataRequest:
        """Record a step of the city and return the request; raises `BadInput` and `DataRequestsUnavailable`."""
        return (await self._requests.answer_requests([answer], _build_call()))[answer]


def _build_call() -> Call:
    return Call(deadline=monotonic() + _TIMEOUT, request_id=token_hex(16))
