"""Complaints as cases: those that the complaint system has, and those that are on their way to it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final

from auth.policy.rules import Rule
from records.cases import Case, CaseActivity, CaseActor, CaseClock, CaseKind, CaseState, CaseStep
from records.command_state import CommandState
from records.complaints import Complaint, ComplaintEvent, ComplaintStatus, NewComplaint
from records.hub.commands import CommandReceipt
from records.service_levels import NO_SERVICE_LEVELS, ServiceLevels, find_next_clock
from resolvers.cases.captions import CITY_STAFF, ONLY_THE_PERSON, YOU, Caption, build_excerpt
from resolvers.cases.case_source import CaseReading, CaseSource
from resolvers.complaint_commands import SUBMIT_COMPLAINT
from resolvers.complaints import complaints_of
from resolvers.hub.commands import receipts_of

_TITLE: Final = Caption("Complaint: {what}", "Pengaduan: {what}")
_STATES: Final = {
    ComplaintStatus.RESOLVED: CaseState.DONE,
    ComplaintStatus.REJECTED: CaseState.REFUSED,
}
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
_RATE: Final = Caption("Rate how it was resolved", "Menilai penyelesaiannya")
_IS_OVER: Final = Caption("The complaint is closed.", "Pengaduan sudah ditutup.")
_IS_PUBLIC: Final = Caption("The complaint is public already.", "Pengaduan sudah terbuka untuk umum.")
_NOT_RESOLVED: Final = Caption("The complaint is not resolved yet.", "Pengaduan belum selesai.")
_RATED: Final = Caption("You have rated it already.", "Anda sudah menilainya.")
_NOT_OFFERED: Final = Caption(
    "The complaint system does not take this from the city's hub.", "Sistem pengaduan tidak menerima ini dari hub kota."
)


async def _load(reading: CaseReading) -> Sequence[Case]:
    listed, of_hub = await asyncio.gather(reading.read(complaints_of, reading.person), _load_receipts(reading))
    receipts = {each.number: each for _, found in of_hub for each in found if each.kind == SUBMIT_COMPLAINT.name}
    cases = [
        _build_case(reading, agency, each, receipts.pop(each.id, None))
        for agency, complaints in listed
        for each in complaints
    ]
    # What is left was refused, or its complaint system does not answer now.
    return [*cases, *(_build_case_of_receipt(reading, each) for each in receipts.values() if _is_shown(each))]


async def _load_receipts(reading: CaseReading) -> Sequence[tuple[str, Sequence[CommandReceipt]]]:
    """The receipts, which a guardian may not read."""
    return () if reading.rule is Rule.GUARDIAN else await reading.read(receipts_of, reading.person)


def _is_shown(receipt: CommandReceipt) -> bool:
    return receipt.payload is not None and receipt.state is not CommandState.DONE


def _build_case(reading: CaseReading, agency: str, complaint: Complaint, receipt: CommandReceipt | None) -> Case:
    activities = tuple(_list_activities(reading, agency, complaint, receipt))
    moments = (complaint.reported_at, complaint.updated_at, *(each.at for each in activities))
    is_on_its_way = complaint.delivery is not None
    status = complaint.status or ComplaintStatus.WAITING
    step = None
    if is_on_its_way:
        step = _build_delivery_step(reading, complaint.delivery)
    elif status in _STEPS:
        office = complaint.responsible_agency or reading.name(agency)
        step = CaseStep(what=reading.say(_STEPS[status]), by=CaseActor.AGENCY, name=office)
    elif _find_rating_obstacle(complaint) is None and reading.offers(agency, "rate_resolution"):
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
            reading.build_action(name, _find_obstacle(reading, agency, command, rule_obstacle))
            for name, command, rule_obstacle in (
                ("commentComplaint", "comment_complaint", _find_end(complaint)),
                ("publishComplaint", "publish_complaint", _IS_PUBLIC if complaint.is_public else None),
                ("rateResolution", "rate_resolution", _find_rating_obstacle(complaint)),
                ("withdrawComplaint", "withdraw_complaint", _find_end(complaint)),
            )
        ),
        subject=complaint,
    )


def _find_clock(reading: CaseReading, complaint: Complaint) -> CaseClock | None:
    """The next deadline; None if nothing is due any more."""
    clocks = reading.context.agencies.get(ServiceLevels, NO_SERVICE_LEVELS).build_clocks(complaint)
    clock = None if complaint.status in _STATES else find_next_clock(clocks)
    return None if clock is None else CaseClock(due_at=clock.due_at, is_late=clock.breached_by is not None)


def _find_obstacle(reading: CaseReading, agency: str, command: str, other: Caption | None) -> Caption | None:
    if reading.rule is Rule.GUARDIAN:
        return ONLY_THE_PERSON
    return other if reading.offers(agency, command) else _NOT_OFFERED


def _find_end(complaint: Complaint) -> Caption | None:
    return _IS_OVER if complaint.status in _STATES else None


def _find_rating_obstacle(complaint: Complaint) -> Caption | None:
    if complaint.status is not ComplaintStatus.RESOLVED:
        return _NOT_RESOLVED
    return None if complaint.rating is None else _RATED


def _build_case_of_receipt(reading: CaseReading, receipt: CommandReceipt) -> Case:
    """A submitted complaint that the complaint system does not list."""
    written: NewComplaint = receipt.payload
    activities = tuple(_list_deliveries(reading, receipt))
    return Case(
        person=reading.person,
        key=reading.build_key(receipt.agency, receipt.number),
        kind=CaseKind.COMPLAINT,
        title=reading.say(_TITLE, what=build_excerpt(written.description)),
        state=CaseState.REFUSED if receipt.state is CommandState.REJECTED else CaseState.WAITING_FOR_HUB,
        next_step=None if receipt.state is CommandState.REJECTED else _build_delivery_step(reading, receipt.state),
        changed_at=max((receipt.accepted_at, *(each.at for each in activities))),
        activities=activities,
        actions=(),
        subject=receipt,
    )


def _build_delivery_step(reading: CaseReading, state: CommandState | None) -> CaseStep:
    if state is CommandState.PARKED:
        return CaseStep(what=reading.say(_CHECK), by=CaseActor.HUB, name=reading.say(CITY_STAFF))
    return CaseStep(what=reading.say(_DELIVER), by=CaseActor.HUB, name=reading.name("hub"))


def _list_activities(
    reading: CaseReading, agency: str, complaint: Complaint, receipt: CommandReceipt | None
) -> Iterator[CaseActivity]:
    """The submission, and then the steps of the agency, whose clock may differ."""
    if receipt is not None:
        yield from _list_deliveries(reading, receipt)
    if complaint.delivery is None:
        for each in complaint.events:
            yield CaseActivity(at=each.at, text=_describe(reading, each), by=each.agency or reading.name(agency))


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
