"""Complaints as cases: those that the complaint system has, and those that are on their way to it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from auth.policy.rules import Rule
from engine.command import Command
from records.cases import Case, CaseActivity, CaseActor, CaseClock, CaseKind, CaseState, CaseStep
from records.command_state import CommandState
from records.complaints import Complaint, ComplaintEvent, ComplaintStatus, NewComplaint, NewComplaintComment
from records.hub.commands import CommandProblemCode, CommandReceipt
from records.service_levels import NO_SERVICE_LEVELS, ServiceLevels, find_next_clock
from resolvers.cases.captions import CITY_STAFF, ONLY_THE_PERSON, YOU, Caption, build_excerpt
from resolvers.cases.case_source import CaseReading, CaseSource
from resolvers.complaint_changes import build_pending
from resolvers.complaint_commands import SUBMIT_COMPLAINT
from resolvers.complaint_follow_ups import (
    COMMENT_COMPLAINT,
    PUBLISH_COMPLAINT,
    RATE_RESOLUTION,
    WITHDRAW_COMPLAINT,
    find_obstacle,
)
from resolvers.complaints import complaints_of
from resolvers.hub.commands import receipts_of

_TITLE: Final = Caption("Complaint: {what}", "Pengaduan: {what}")
_STATES: Final = {
    ComplaintStatus.RESOLVED: CaseState.DONE,
    ComplaintStatus.REJECTED: CaseState.REFUSED,
    ComplaintStatus.WITHDRAWN: CaseState.WITHDRAWN,
}
"""The closed ones."""
_STEPS: Final = {
    ComplaintStatus.WAITING: Caption("Read your complaint", "Membaca pengaduan Anda"),
    ComplaintStatus.COORDINATION: Caption("Agree who is responsible", "Menyepakati penanggung jawab"),
    ComplaintStatus.DISPOSITION: Caption("Start the work", "Memulai pekerjaan"),
    ComplaintStatus.IN_PROGRESS: Caption("Finish the work", "Menyelesaikan pekerjaan"),
}
_HAPPENED: Final = {
    ComplaintStatus.WAITING: Caption("Received", "Diterima"),
    ComplaintStatus.COORDINATION: Caption("Agencies agree who is responsible", "Instansi menyepakati penanggung jawab"),
    ComplaintStatus.DISPOSITION: Caption("Assigned to the unit that does the work", "Diteruskan ke unit pelaksana"),
    ComplaintStatus.IN_PROGRESS: Caption("Work began", "Pekerjaan dimulai"),
    ComplaintStatus.RESOLVED: Caption("Resolved", "Selesai"),
    ComplaintStatus.REJECTED: Caption("Rejected", "Ditolak"),
    ComplaintStatus.WITHDRAWN: Caption("Withdrawn", "Dicabut"),
}
_CHANGED: Final = Caption("Changed", "Diperbarui")
_DELIVERED: Final = {
    CommandState.ACCEPTED: Caption("Submitted, with receipt {number}", "Dikirim, dengan tanda terima {number}"),
    CommandState.RETRY_WAIT: Caption(
        "The complaint system does not take it at the moment; it is sent again",
        "Sistem pengaduan sedang tidak menerima; akan dikirim lagi",
    ),
    CommandState.UNKNOWN: Caption("It may have arrived; that is looked up", "Mungkin sudah sampai; sedang diperiksa"),
    CommandState.PARKED: Caption(
        "A person of the city checks whether it arrived", "Petugas kota memeriksa apakah sudah sampai"
    ),
    CommandState.DONE: Caption("The complaint system has it", "Sistem pengaduan sudah menerimanya"),
    CommandState.REJECTED: Caption("The complaint system refused it", "Sistem pengaduan menolaknya"),
}
"""The steps of a receipt that people see; the others are technical."""
_DELIVER: Final = Caption("Deliver it to the complaint system", "Menyampaikannya ke sistem pengaduan")
_CHECK: Final = Caption("Check whether it arrived", "Memeriksa apakah sudah sampai")
_LIST: Final = Caption("Show the complaint that it accepted", "Menampilkan laporan yang sudah diterimanya")
_RATE: Final = Caption("Rate how it was resolved", "Menilai penyelesaiannya")
_COMMENTED: Final = Caption("Commented: {text}", "Berkomentar: {text}")
_ACTIONS: Final[Mapping[str, Command[Any]]] = {
    "commentComplaint": COMMENT_COMPLAINT,
    "publishComplaint": PUBLISH_COMPLAINT,
    "rateResolution": RATE_RESOLUTION,
    "withdrawComplaint": WITHDRAW_COMPLAINT,
}
"""The commands of a reporter, by their mutations."""
_ASKED: Final = {
    PUBLISH_COMPLAINT.name: Caption("Asked to make it public", "Meminta agar terbuka untuk umum"),
    RATE_RESOLUTION.name: Caption("Rated how it was resolved", "Menilai penyelesaiannya"),
    WITHDRAW_COMPLAINT.name: Caption("Asked to withdraw it", "Meminta pencabutan"),
}
_NOT_DONE: Final = Caption("{what}: refused", "{what}: ditolak")


async def _load(reading: CaseReading) -> Sequence[Case]:
    listed, of_hub = await asyncio.gather(reading.read(complaints_of, reading.person), _load_receipts(reading))
    receipts = [each for _, found in of_hub for each in found]
    known = {complaint.id for _, complaints in listed for complaint in complaints}
    # What is not listed was refused, or its complaint system does not answer now.
    rest = [each for each in receipts if each.number not in known and _is_shown(each)]
    return [
        *(_build_case(reading, agency, each, receipts) for agency, complaints in listed for each in complaints),
        *(
            _build_refused_case(reading, each)
            if each.state is CommandState.REJECTED
            else _build_case(reading, each.agency, build_pending(each), receipts)
            for each in rest
        ),
    ]


async def _load_receipts(reading: CaseReading) -> Sequence[tuple[str, Sequence[CommandReceipt]]]:
    """The receipts, which a guardian may not read."""
    return () if reading.rule is Rule.GUARDIAN else await reading.read(receipts_of, reading.person)


def _is_shown(receipt: CommandReceipt) -> bool:
    is_submission = receipt.kind == SUBMIT_COMPLAINT.name
    return is_submission and receipt.payload is not None and receipt.state is not CommandState.DONE


def _build_case(reading: CaseReading, agency: str, complaint: Complaint, receipts: Sequence[CommandReceipt]) -> Case:
    own = [each for each in receipts if each.agency == agency and each.case in {complaint.id, complaint.agency_id}]
    activities = tuple(_list_activities(reading, agency, complaint, own))
    moments = (complaint.reported_at, complaint.updated_at, *(each.at for each in activities))
    is_unlisted = complaint.delivery is not None
    is_on_its_way = is_unlisted and complaint.delivery is not CommandState.DONE
    status = complaint.status or ComplaintStatus.WAITING
    step = None
    if is_unlisted:
        step = _build_delivery_step(reading, agency, complaint.delivery)
    elif status in _STEPS:
        office = complaint.responsible_agency or reading.name(agency)
        step = CaseStep(what=reading.say(_STEPS[status]), by=CaseActor.AGENCY, name=office)
    elif _find_obstacle(reading, agency, complaint, own, RATE_RESOLUTION) is None:
        step = CaseStep(what=reading.say(_RATE), by=CaseActor.YOU)
    what = complaint.category_name or build_excerpt(complaint.description or complaint.number or complaint.id)
    return Case(
        person=reading.person,
        key=reading.build_key(agency, complaint.id),
        kind=CaseKind.COMPLAINT,
        title=reading.say(_TITLE, what=what),
        state=CaseState.WAITING_FOR_HUB if is_on_its_way else _STATES.get(status, CaseState.WAITING_FOR_AGENCY),
        next_step=step,
        clock=_find_clock(reading, complaint),
        changed_at=max(each for each in moments if each is not None),
        activities=activities,
        actions=tuple(
            reading.build_action(name, _find_obstacle(reading, agency, complaint, own, command))
            for name, command in _ACTIONS.items()
        ),
        subject=complaint,
    )


def _find_clock(reading: CaseReading, complaint: Complaint) -> CaseClock | None:
    """The next deadline; None if nothing is due any more."""
    clocks = reading.context.agencies.get(ServiceLevels, NO_SERVICE_LEVELS).build_clocks(complaint)
    clock = None if complaint.status in _STATES else find_next_clock(clocks)
    return None if clock is None else CaseClock(due_at=clock.due_at, is_late=clock.breached_by is not None)


def _find_obstacle(
    reading: CaseReading, agency: str, complaint: Complaint, own: Sequence[CommandReceipt], command: Command[Any]
) -> Caption | CommandProblemCode | None:
    """Why a command cannot be given now; None if it can."""
    if reading.rule is Rule.GUARDIAN:
        return ONLY_THE_PERSON
    if not reading.offers(agency, command.name):
        return CommandProblemCode.NOT_OFFERED
    is_repeated = any(each.kind == command.name and each.state is not CommandState.REJECTED for each in own)
    return find_obstacle(command.name, complaint, is_repeated=is_repeated)


def _build_refused_case(reading: CaseReading, receipt: CommandReceipt) -> Case:
    """A submitted complaint that the complaint system refused."""
    written: NewComplaint = receipt.payload
    activities = tuple(_list_deliveries(reading, receipt))
    return Case(
        person=reading.person,
        key=reading.build_key(receipt.agency, receipt.number),
        kind=CaseKind.COMPLAINT,
        title=reading.say(_TITLE, what=build_excerpt(written.description)),
        state=CaseState.REFUSED,
        changed_at=max((receipt.accepted_at, *(each.at for each in activities))),
        activities=activities,
        actions=(),
        subject=receipt,
    )


def _build_delivery_step(reading: CaseReading, agency: str, state: CommandState | None) -> CaseStep:
    if state is CommandState.DONE:
        return CaseStep(what=reading.say(_LIST), by=CaseActor.AGENCY, name=reading.name(agency))
    if state is CommandState.PARKED:
        return CaseStep(what=reading.say(_CHECK), by=CaseActor.HUB, name=reading.say(CITY_STAFF))
    return CaseStep(what=reading.say(_DELIVER), by=CaseActor.HUB, name=reading.name("hub"))


def _list_activities(
    reading: CaseReading, agency: str, complaint: Complaint, own: Sequence[CommandReceipt]
) -> Iterator[CaseActivity]:
    """The submission, and then what the agency and the reporter did with it. The clock of the agency may differ."""
    for each in own:
        if each.kind == SUBMIT_COMPLAINT.name:
            yield from _list_deliveries(reading, each)
    later = [activity for each in own for activity in _list_follow_ups(reading, each)]
    for comment in complaint.comments:
        if comment.text and not comment.by_reporter:
            said = reading.say(_COMMENTED, text=comment.text)
            later.append(CaseActivity(at=comment.at, text=said, by=reading.name(agency)))
    if complaint.delivery is None:
        for event in complaint.events:
            by = event.agency or reading.name(agency)
            later.append(CaseActivity(at=event.at, text=_describe(reading, event), by=by))
    yield from sorted(later, key=lambda each: each.at)


def _list_follow_ups(reading: CaseReading, receipt: CommandReceipt) -> Iterator[CaseActivity]:
    """What the reporter did with the complaint, and whether that was refused."""
    payload = receipt.payload
    if isinstance(payload, NewComplaintComment):
        what = reading.say(_COMMENTED, text=payload.text)
    elif receipt.kind in _ASKED:
        what = reading.say(_ASKED[receipt.kind])
    else:
        return
    yield CaseActivity(at=receipt.accepted_at, text=what, by=reading.say(YOU))
    if receipt.state is CommandState.REJECTED and receipt.closed_at is not None:
        refused = reading.say(_NOT_DONE, what=what)
        yield CaseActivity(at=receipt.closed_at, text=refused, by=reading.name(receipt.agency))


def _describe(reading: CaseReading, event: ComplaintEvent) -> str:
    caption = reading.say(_CHANGED if event.status is None else _HAPPENED[event.status])
    return f"{caption}: {event.note}" if event.note else caption


def _list_deliveries(reading: CaseReading, receipt: CommandReceipt) -> Iterator[CaseActivity]:
    """What became of the submission; repeated steps once."""
    before = None
    for each in receipt.steps:
        if each.state in _DELIVERED and each.state is not before:
            by = reading.say(CITY_STAFF) if each.by is not None else reading.name("hub")
            yield CaseActivity(
                at=each.at,
                text=reading.say(_DELIVERED[each.state], number=receipt.number),
                by=reading.say(YOU) if each.state is CommandState.ACCEPTED else by,
            )
            before = each.state


COMPLAINT_CASES: Final = CaseSource(
    kind=CaseKind.COMPLAINT,
    rules=Rule.SELF | Rule.GUARDIAN | Rule.ASSISTANT,
    reads=(complaints_of, receipts_of),
    load=_load,
)
