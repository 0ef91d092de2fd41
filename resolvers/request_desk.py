"""The desk at which people's requests about their own data are answered; what is read there is recorded first."""

from __future__ import annotations

from collections.abc import Sequence
from secrets import token_hex
from time import monotonic

from auth.caller import Caller, CallerKind
from engine.reads import Asked, Read, Recorder, document_hash
from records.call import Call
from records.data_requests import DataRequest, DataRequestAnswer, WaitingDataRequests
from records.purposes import Purpose
from resolvers.own_data_requests import OwnDataRequests

_READS = ("DataRequest.events", "DataRequest.says", "DataRequest.wanted")
_CLASSES = ("PERSONAL",)
_PATIENCE = 10.0


class RequestDesk:
    """Lists, shows and answers requests for the city's data-protection officer (UU PDP 27/2022, article 53)."""

    def __init__(self, requests: OwnDataRequests, recorder: Recorder | None) -> None:
        """Without a recorder nobody keeps who read what."""
        self._requests = requests
        self._recorder = recorder

    async def listed(self, wanted: WaitingDataRequests) -> Sequence[DataRequest]:
        """Requests that wait for an answer; raises `RequestsUnavailable`.

        Whoever shows them shows neither the person nor what the person wrote: that is `shown`.
        """
        return (await self._requests.waiting([wanted], _call()))[wanted].requests

    async def shown(self, number: str, *, by: str) -> DataRequest | None:
        """One request with the person and their words, which is recorded before; None where there is none.

        Raises `NotRecorded` and `RequestsUnavailable`.
        """
        request = await self._requests.find(number)
        if request is not None and self._recorder is not None:
            who = Caller(
                kind=CallerKind.PROTECTION_OFFICER,
                subject=f"desk {by}",
                purpose=Purpose.SUBJECT_REQUEST.name,
                case=request.number,
            )
            asked = Asked(who=who, request_id=token_hex(16), operation="RequestDesk", document=document_hash("desk"))
            await self._recorder(asked, [Read(subject=request.subject, fields=_READS, agencies=(), classes=_CLASSES)])
        return request

    async def answered(self, answer: DataRequestAnswer) -> DataRequest:
        """The request after a step for the city; raises `BadInput` and `RequestsUnavailable`."""
        return (await self._requests.answered([answer], _call()))[answer]


def _call() -> Call:
    return Call(deadline=monotonic() + _PATIENCE, request_id=token_hex(16))
