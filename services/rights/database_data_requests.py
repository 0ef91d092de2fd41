"""Data requests of people (rights under UU PDP 27/2022), stored in the hub's own tables."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from hashlib import sha256

from auth.crypto.sealed_people import SealedPeople
from auth.crypto.sealed_texts import SealedTexts
from engine.errors import BadInput
from records.calls.call import Call
from records.clocks import CITY_TIME_ZONE
from records.hub.data_requests import (
    DataRequest,
    DataRequestAnswer,
    DataRequestEvent,
    DataRequestPage,
    DataRequestQuery,
    DataRequestWithdrawal,
    NewDataRequest,
    WaitingDataRequests,
)
from records.identifiers import Nik
from records.readable_codes import draw_code
from resolvers.hub.data_requests import DataRequestsUnavailable
from services.unavailable_database import translate_unavailable
from store.rights.data_request_table import (
    MAX_OPEN,
    MAX_REQUESTS_PER_DAY,
    DataRequestStep,
    DataRequestTable,
    InvalidStateChange,
    SealedDataRequest,
    StoredDataRequest,
    StoredDataRequestEvent,
    TooManyDataRequests,
)

_log = logging.getLogger("simpul.data_requests")
_translate_errors = partial(translate_unavailable, DataRequestsUnavailable, _log.error, "Data requests")

YOU = "You"
_NUMBER_LENGTH = 8
_MAX_NAME_LENGTH = 200


class DatabaseDataRequests:
    """Looks up data requests by NIK in the hub's tables."""

    def __init__(
        self,
        table: DataRequestTable,
        people: SealedPeople,
        texts: SealedTexts,
        holders: Mapping[str, str],
        name_agency: Callable[[str], str],
    ) -> None:
        """The tables store sealed people and texts only.

        `holders` maps each field to the agency that holds it; `name_agency` gives the name of an agency in a sentence.
        """
        self._table = table
        self._people = people
        self._texts = texts
        self._holders = holders
        self._name_agency = name_agency

    async def request_pages(
        self,
        queries: Sequence[DataRequestQuery],
        call: Call,  # noqa: ARG002 - the hub's own database, not an agency
    ) -> Mapping[DataRequestQuery, DataRequestPage]:
        """Pages of each person's requests; raises `DataRequestsUnavailable`."""
        pages = {}
        with _translate_errors():
            for query in queries:  # each query is about the caller, who alone may read the list
                kept, has_more = await self._table.load_page(self._people.seal(query.subject), query.first, query.after)
                pages[query] = DataRequestPage(requests=tuple(map(self.build_request, kept)), has_more=has_more)
        return pages

    async def file_requests(
        self,
        wanted: Sequence[NewDataRequest],
        call: Call,  # noqa: ARG002 - the hub's own database, not an agency
    ) -> Mapping[NewDataRequest, DataRequest]:
        """Store each request and assign it to the agency that holds the data."""
        with _translate_errors():
            return {each: await self._file(each) for each in wanted}

    async def withdraw_requests(
        self,
        wanted: Sequence[DataRequestWithdrawal],
        call: Call,  # noqa: ARG002 - the hub's own database, not an agency
    ) -> Mapping[DataRequestWithdrawal, DataRequest]:
        """Withdraw each request."""
        with _translate_errors():
            return {each: await self._withdraw(each) for each in wanted}

    async def load_open_requests(
        self,
        wanted: Sequence[WaitingDataRequests],
        call: Call,  # noqa: ARG002 - the hub's own database, not an agency
    ) -> Mapping[WaitingDataRequests, DataRequestPage]:
        """Pages of open requests for the officers who answer; raises `DataRequestsUnavailable`."""
        pages = {}
        with _translate_errors():
            for each in wanted:
                kept, has_more = await self._table.list_waiting(each)
                pages[each] = DataRequestPage(requests=tuple(map(self.build_request, kept)), has_more=has_more)
        return pages

    async def answer_requests(
        self,
        answers: Sequence[DataRequestAnswer],
        call: Call,  # noqa: ARG002 - the hub's own database, not an agency
    ) -> Mapping[DataRequestAnswer, DataRequest]:
        """Record a step of the city on each request; raises `BadInput` and `DataRequestsUnavailable`."""
        with _translate_errors():
            return {each: await self._answer(each) for each in answers}

    async def find(self, number: str) -> DataRequest | None:
        """One request for the officers who answer; raises `DataRequestsUnavailable`."""
        with _translate_errors():
            kept = await self._table.find(number)
        return None if kept is None else self.build_request(kept)

    def build_request(self, kept: StoredDataRequest) -> DataRequest:
        """Open the sealed person and texts of a stored request."""
        nik = self._people.open(kept.subject)
        texts = json.loads(self._texts.open(kept.texts, kept.number))
        return DataRequest(
            subject=nik,
            number=kept.number,
            kind=kept.kind,
            state=kept.state,
            agency=kept.agency,
            field=kept.field,
            purposes=kept.purposes,
            says=texts["says"],
            wanted=texts["wanted"],
            received_at=kept.received_at,
            due_at=kept.due_at,
            closed_at=kept.closed_at,
            read_at=kept.read_at,
            events=tuple(self._build_event(nik, kept.number, each) for each in kept.events),
        )

    def _build_event(self, nik: Nik, number: str, kept: StoredDataRequestEvent) -> DataRequestEvent:
        text = None if kept.text is None else self._texts.open(kept.text, _get_seal_context(number))
        by = YOU if kept.by is None else kept.by
        return DataRequestEvent(subject=nik, at=kept.at, state=kept.state, by=by, refusal=kept.refusal, text=text)

    async def _answer(self, answer: DataRequestAnswer) -> DataRequest:
        if (fault := answer.fault) is not None:
            raise BadInput(f"The answer cannot be given: {fault}.")
        sealed = None if answer.text is None else self._texts.seal(answer.text, _get_seal_context(answer.number))
        step = DataRequestStep(
            state=answer.state, by=self._describe_answerer(answer), refusal=answer.refusal, text=sealed
        )
        try:
            kept = await self._table.answer(answer.number, step, agency=answer.agency)
        except InvalidStateChange as refusal:
            raise BadInput(f"The request is {refusal.state.name} already; it was answered or withdrawn.") from None
        if kept is None:
            raise BadInput("Argument 'number' is not a request that you answer. Give a number from 'dataRequests'.")
        return self.build_request(kept)

    def _describe_answerer(self, answer: DataRequestAnswer) -> str:
        if answer.by is not None or answer.agency is None:
            return answer.by or ""
        unit = f", {answer.unit}" if answer.unit else ""
        return f"An official of {self._name_agency(answer.agency)}{unit}"[:_MAX_NAME_LENGTH]

    async def _file(self, wanted: NewDataRequest) -> DataRequest:
        agency = self._find_agency(wanted)
        number = _generate_number()
        filing = SealedDataRequest(
            number=number,
            subject=self._people.seal(wanted.subject),
            key=sha256(wanted.key.encode()).digest(),
            kind=wanted.kind,
            agency=agency,
            field=wanted.field,
            purposes=wanted.purposes,
            texts=self._texts.seal(json.dumps({"says": wanted.says, "wanted": wanted.wanted}), number),
        )
        try:
            request = self.build_request(await self._table.file(filing))
        except TooManyDataRequests:
            raise BadInput(
                f"You have {MAX_OPEN} open requests, or made {MAX_REQUESTS_PER_DAY} within a day; that is the most."
                " Withdraw one that is no longer needed, or wait until one is answered."
            ) from None
        if _get_content(request) != (wanted.kind, agency, wanted.field, wanted.purposes, wanted.says, wanted.wanted):
            raise BadInput("Argument 'key' belongs to another request of yours. Give each request its own key.")
        return request

    def _find_agency(self, wanted: NewDataRequest) -> str | None:
        """The agency that has to act; raises `BadInput` if the field or agency holds no personal data."""
        if wanted.field is not None:
            if wanted.field not in self._holders:
                raise BadInput(
                    "Argument 'field' is not a field of this graph in which an agency holds data about people. Write it"
                    " as type and field, such as 'Residence.address'."
                )
            return self._holders[wanted.field]
        agencies: Collection[str] = sorted(set(self._holders.values()))
        if wanted.agency is not None and wanted.agency not in agencies:
            raise BadInput(
                f"Argument 'agency' is not an agency that holds data about people; choose one of {', '.join(agencies)},"
                " or omit it for all of them."
            )
        return wanted.agency

    async def _withdraw(self, wanted: DataRequestWithdrawal) -> DataRequest:
        subject = self._people.seal(wanted.subject)
        try:
            kept = await self._table.withdraw(subject, wanted.number, must_be_restriction=wanted.must_be_restriction)
        except InvalidStateChange as refusal:
            raise BadInput(
                f"The request was answered already ({refusal.state.name}) and cannot be withdrawn. Make a new one."
            ) from None
        if kept is None:
            what = "restriction" if wanted.must_be_restriction else "request"
            raise BadInput(f"Argument 'number' is not a {what} of yours. Give a number from 'dataRequests'.")
        return self.build_request(kept)


def _get_content(request: DataRequest) -> tuple[object, ...]:
    return (request.kind, request.agency, request.field, request.purposes, request.says, request.wanted)


def _generate_number() -> str:
    """A random number that reveals neither how many requests exist nor their order."""
    return f"HAK-{datetime.now(CITY_TIME_ZONE).year}-{draw_code(_NUMBER_LENGTH)}"


def _get_seal_context(number: str) -> str:
    """The context to which texts of answers are sealed."""
    return f"{number} answer"
