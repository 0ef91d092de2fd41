"""Requests about a person's own data as cases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from auth.policy.rules import Rule
from records.cases import Case, CaseActivity, CaseActor, CaseClock, CaseKind, CaseState, CaseStep
from records.hub.data_requests import (
    DataRequest,
    DataRequestEvent,
    DataRequestKind,
    DataRequestPage,
    DataRequestQuery,
    DataRequestState,
)
from resolvers.cases.captions import PROTECTION_OFFICER, YOU, Caption
from resolvers.cases.case_source import MAX_OF_KIND, CaseReading, CaseSource
from resolvers.hub.data_requests import data_request_pages

_BY_THE_PERSON: Final = "You"
"""How a `DataRequestEvent` names the person."""
_TITLES: Final = {
    DataRequestKind.CORRECTION: Caption("Correct data about you", "Perbaikan data tentang Anda"),
    DataRequestKind.ERASURE: Caption("Erase data about you", "Penghapusan data tentang Anda"),
    DataRequestKind.RESTRICTION: Caption("Restrict the use of your data", "Pembatasan pemakaian data Anda"),
    DataRequestKind.ACCESS: Caption("Give you a copy of your data", "Salinan data Anda"),
    DataRequestKind.OBJECTION: Caption("Review an automated decision", "Peninjauan keputusan otomatis"),
}
_STATES: Final = {
    DataRequestState.RECEIVED: CaseState.WAITING_FOR_AGENCY,
    DataRequestState.IN_PROGRESS: CaseState.WAITING_FOR_AGENCY,
    DataRequestState.DONE: CaseState.DONE,
    DataRequestState.REFUSED: CaseState.REFUSED,
    DataRequestState.WITHDRAWN: CaseState.WITHDRAWN,
}
_HAPPENED: Final = {
    DataRequestState.RECEIVED: Caption("Received", "Diterima"),
    DataRequestState.IN_PROGRESS: Caption("In progress", "Diproses"),
    DataRequestState.DONE: Caption("Fulfilled", "Dipenuhi"),
    DataRequestState.REFUSED: Caption("Refused, for a reason in the law", "Ditolak, dengan alasan menurut hukum"),
    DataRequestState.WITHDRAWN: Caption("Withdrawn", "Ditarik kembali"),
}
_ANSWER: Final = Caption("Answer your request", "Menjawab permintaan Anda")
_IS_CLOSED: Final = Caption("The request is closed.", "Permintaan sudah ditutup.")


async def _load(reading: CaseReading) -> Sequence[Case]:
    query = DataRequestQuery(subject=reading.person, first=MAX_OF_KIND)
    pages: list[DataRequestPage] = [each.answer for each in await reading.read(data_request_pages, query)]
    return [_build_case(reading, each) for page in pages for each in page.requests]


def _build_case(reading: CaseReading, request: DataRequest) -> Case:
    is_restriction = request.kind is DataRequestKind.RESTRICTION
    is_in_force = is_restriction and request.state is DataRequestState.DONE
    title = reading.say(_TITLES[request.kind])
    if request.agency is not None:
        title = f"{title}: {reading.name(request.agency)}"
    step = None
    if request.state.is_open:
        # Without an agency, the data-protection officer answers.
        actor = CaseActor.HUB if request.agency is None else CaseActor.AGENCY
        office = reading.say(PROTECTION_OFFICER) if request.agency is None else reading.name(request.agency)
        step = CaseStep(what=reading.say(_ANSWER), by=actor, name=office)
    state = CaseState.ACTIVE if is_in_force else _STATES[request.state]
    if request.state.is_open and request.agency is None:
        state = CaseState.WAITING_FOR_HUB
    return Case(
        person=reading.person,
        key=reading.build_key("hub", request.number),
        kind=CaseKind.DATA_REQUEST,
        title=title,
        state=state,
        next_step=step,
        clock=CaseClock(due_at=request.due_at, is_late=request.is_overdue) if request.state.is_open else None,
        changed_at=max((request.received_at, *(each.at for each in request.events))),
        activities=tuple(_build_activity(reading, each) for each in request.events),
        actions=(
            reading.build_action(
                "endRestriction" if is_restriction else "withdrawDataRequest",
                None if request.state.is_open or is_in_force else _IS_CLOSED,
            ),
        ),
        subject=request,
    )


def _build_activity(reading: CaseReading, event: DataRequestEvent) -> CaseActivity:
    caption = reading.say(_HAPPENED[event.state])
    is_own = event.by == _BY_THE_PERSON
    return CaseActivity(
        at=event.at,
        text=f"{caption}: {event.text}" if event.text else caption,
        by=reading.say(YOU) if is_own else event.by,
    )


DATA_REQUEST_CASES: Final = CaseSource(
    kind=CaseKind.DATA_REQUEST, rules=Rule.SELF, reads=(data_request_pages,), load=_load
)
