"""Submitted complaints stand in the list of their reporter until the agency lists them, under one id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from math import inf
from time import monotonic
from typing import Any

import pytest

from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.failures import AgencyFailure, AgencyUnavailable
from records.command_state import CommandState
from records.complaints import (
    Complaint,
    ComplaintPublishing,
    ComplaintStatus,
    ComplaintSupport,
    ComplaintVisibility,
    ComplaintWithdrawal,
    NewComplaint,
    NewComplaintComment,
    ResolutionRating,
)
from records.hub.commands import SubmittedCommand
from records.identifiers import Nik
from records.service_levels import ServiceLevel, ServiceLevels, ServiceStage
from services.commands.submitted_complaints import LISTED_WITHIN, SubmittedComplaints
from store.database_timeout import StateUnavailable
from tests.fakes.small_records import BUDI, SITI, complaint
from tests.fakes.waiting import wait_until

CALL = Call(deadline=inf, request_id="test")
NUMBER = "TT-26-ABCDEFGHJK"
NOW = datetime.now(UTC)
SENT = SubmittedCommand(
    subject=SITI,
    number=NUMBER,
    agency="crm",
    case=NUMBER,
    state=CommandState.ACCEPTED,
    accepted_at=NOW,
    closed_at=None,
    agency_id=None,
    payload=NewComplaint(category_code="C-1", description="Lubang"),
)
DONE = replace(SENT, state=CommandState.DONE, closed_at=NOW, agency_id="17")
LISTED = complaint("17", public=False, reporter=SITI, delivery=None)


@dataclass
class Desk:
    """The agency and the hub's receipts in memory."""

    listed: Sequence[Complaint] | AgencyFailure = ()
    receipts: Sequence[SubmittedCommand] = ()
    is_down: bool = False
    reads: list[Sequence[Nik]] = field(default_factory=list)
    delivers_while_asked: bool = False
    """Whether the agency takes the submission while the list is on its way."""
    asked_at: float = inf
    asked: list[Sequence[str]] = field(default_factory=list)

    async def complaints_of(self, niks: Sequence[Nik], _call: Call) -> Answers[Nik, Sequence[Complaint]]:
        self.asked_at = monotonic()
        if self.delivers_while_asked:
            await wait_until(lambda: bool(self.reads))
            self.receipts = [DONE]
        return {nik: self.listed for nik in niks if nik == SITI and self.listed}

    async def complaints(self, ids: Sequence[str], _call: Call) -> Answers[str, Complaint]:
        self.asked.append(ids)
        assert not isinstance(self.listed, AgencyFailure)
        return {each.id: each for each in self.listed if each.id in ids}

    async def pages(self, *given: Any) -> Any:  # noqa: ANN401 - forwarded
        return given

    async def list_submitted(
        self, agency: str, kind: str, people: Sequence[Nik], *, asked_at: float
    ) -> Mapping[Nik, Sequence[SubmittedCommand]]:
        self._check(agency, kind)
        assert asked_at <= self.asked_at
        self.reads.append(people)
        found = {nik: [each for each in self.receipts if each.subject == nik] for nik in people}
        return {nik: each for nik, each in found.items() if each}

    async def find_submitted(self, agency: str, kind: str, numbers: Sequence[str]) -> Mapping[str, SubmittedCommand]:
        self._check(agency, kind)
        return {each.number: each for each in self.receipts if each.number in numbers}

    def _check(self, agency: str, kind: str) -> None:
        assert (agency, kind) == ("crm", "submit_complaint")
        if self.is_down:
            raise StateUnavailable("down")

    def build(self) -> SubmittedComplaints:
        return SubmittedComplaints(self, "crm", self)  # type: ignore[arg-type]  # the reads that are used


async def list_of(desk: Desk, nik: Nik = SITI) -> Sequence[Complaint] | AgencyFailure:
    return (await desk.build().complaints_of([nik], CALL)).get(nik, ())


def to_submitted(listed: Complaint) -> Complaint:
    """The complaint of the agency as its reporter sees it."""
    photos = tuple(replace(each, complaint_id=NUMBER) for each in listed.photos)
    return replace(listed, id=NUMBER, agency_id=listed.id, photos=photos, reported_at=NOW)


async def test_a_complaint_on_its_way_is_listed_as_it_was_written() -> None:
    found = await list_of(Desk(receipts=[SENT]))
    assert not isinstance(found, AgencyFailure)
    [pending] = found
    assert (pending.id, pending.number, pending.reporter, pending.is_public) == (NUMBER, None, SITI, False)
    assert (pending.description, pending.category_code, pending.status) == ("Lubang", "C-1", ComplaintStatus.WAITING)
    assert (pending.delivery, pending.reported_at) == (CommandState.ACCEPTED, NOW)
    assert await list_of(Desk(receipts=[SENT]), BUDI) == ()


async def test_a_complaint_that_arrives_while_its_agency_answers_is_listed_once() -> None:
    desk = Desk(listed=[LISTED], receipts=[SENT], delivers_while_asked=True)
    assert await list_of(desk) == (to_submitted(LISTED),)
    assert desk.reads == [[SITI], [SITI]]


async def test_submissions_of_many_people_are_one_read() -> None:
    desk = Desk(receipts=[DONE])
    assert [*await desk.build().complaints_of([SITI, BUDI], CALL)] == [SITI]
    assert desk.reads == [[SITI, BUDI]]


async def test_a_listed_complaint_replaces_the_pending_one_under_its_id() -> None:
    assert await list_of(Desk(listed=[LISTED], receipts=[DONE])) == (to_submitted(LISTED),)


async def test_a_delivered_complaint_stays_until_its_agency_lists_it() -> None:
    found = await list_of(Desk(receipts=[DONE]))
    assert [each.id for each in found] == [NUMBER]  # type: ignore[union-attr]  # no failure


async def test_a_complaint_that_its_agency_accepted_and_then_denies_stays_with_an_unknown_state() -> None:
    lost = replace(DONE, closed_at=NOW - LISTED_WITHIN - timedelta(seconds=1))
    desk = Desk(receipts=[lost])
    found = await list_of(desk)
    assert not isinstance(found, AgencyFailure)
    assert [(each.id, each.status, each.delivery) for each in found] == [(NUMBER, None, CommandState.DONE)]
    by_number = (await desk.build().complaints([NUMBER], CALL))[NUMBER]
    assert isinstance(by_number, Complaint)
    assert replace(by_number, read_at=found[0].read_at) == found[0]


async def test_a_complaint_past_its_retention_is_not_in_the_list() -> None:
    assert await list_of(Desk(receipts=[replace(SENT, payload=None)])) == ()


async def test_pending_and_listed_complaints_are_sorted_together() -> None:
    newer = replace(LISTED, id="18", reported_at=NOW + timedelta(hours=1))
    found = await list_of(Desk(listed=[newer, LISTED], receipts=[SENT]))
    assert [each.id for each in found] == ["18", NUMBER, "17"]  # type: ignore[union-attr]  # no failure


async def test_the_failure_of_the_agency_is_the_answer() -> None:
    failure = AgencyUnavailable("crm")
    assert await list_of(Desk(listed=failure, receipts=[SENT])) is failure


async def test_without_the_hubs_database_the_list_fails_and_is_not_partial() -> None:
    with pytest.raises(AgencyUnavailable):
        await list_of(Desk(listed=[LISTED], is_down=True))
    with pytest.raises(AgencyUnavailable):
        await Desk(is_down=True).build().complaints([NUMBER], CALL)


async def test_a_receipt_number_finds_the_complaint_before_and_after_its_delivery() -> None:
    before = await Desk(receipts=[SENT]).build().complaints([NUMBER], CALL)
    assert isinstance(before[NUMBER], Complaint)
    assert before[NUMBER].delivery is CommandState.ACCEPTED  # type: ignore[union-attr]  # a complaint
    desk = Desk(listed=[LISTED], receipts=[DONE])
    assert await desk.build().complaints([NUMBER, "17", "99"], CALL) == {
        NUMBER: to_submitted(LISTED),
        "17": LISTED,
    }
    assert desk.asked == [["17", "99"]]


async def test_an_unknown_number_is_unknown_and_not_sent_to_the_agency() -> None:
    desk = Desk()
    assert await desk.build().complaints([NUMBER], CALL) == {}
    assert desk.asked == []


async def test_other_reads_are_those_of_the_connector() -> None:
    assert await Desk().build().pages("a query", CALL) == ("a query", CALL)


async def test_a_complaint_that_waited_for_its_agency_was_reported_when_the_hub_accepted_it() -> None:
    late = replace(LISTED, reported_at=NOW + timedelta(hours=30))
    desk = Desk(listed=[late], receipts=[DONE])
    joined = to_submitted(late)
    assert await list_of(desk) == (joined,)
    assert await desk.build().complaints([NUMBER], CALL) == {NUMBER: joined}
    assert await desk.build().complaints(["17"], CALL) == {"17": late}


CHANGES: list[tuple[object, Mapping[str, Any]]] = [
    (ComplaintPublishing(), {"visibility": ComplaintVisibility.PUBLIC, "is_public": False}),
    (ComplaintSupport(), {"support_count": 4}),
    (ResolutionRating(rating=2), {"rating": 2}),
    (ComplaintWithdrawal(), {"status": ComplaintStatus.WITHDRAWN, "resolved_at": NOW}),
]


def build_change(payload: object, case: str = NUMBER, **more: Any) -> SubmittedCommand:  # noqa: ANN401 - of the command
    return replace(SENT, number="TT-26-CHANGE2345", case=case, payload=payload, **more)


@pytest.mark.parametrize(("payload", "shown"), CHANGES, ids=[type(each).__name__ for each, _ in CHANGES])
@pytest.mark.parametrize("case", [NUMBER, "17"])
async def test_the_writer_sees_an_open_change_whatever_id_it_names(
    payload: object, shown: Mapping[str, Any], case: str
) -> None:
    [found] = await list_of(Desk(listed=[LISTED], receipts=[DONE, build_change(payload, case)]))  # type: ignore[misc]  # no failure
    assert {name: getattr(found, name) for name in shown} == shown
    assert found.id == NUMBER


async def test_a_comment_on_its_way_is_the_last_one_and_marked_as_the_reporters() -> None:
    comment = build_change(NewComplaintComment(text="Masih gelap."))
    [found] = await list_of(Desk(listed=[LISTED], receipts=[DONE, comment]))  # type: ignore[misc]  # no failure
    assert [(each.text, each.by_reporter) for each in found.comments] == [("Sudah?", True), ("Masih gelap.", True)]


async def test_a_change_of_a_pending_complaint_is_seen_and_one_of_another_complaint_is_not() -> None:
    changes = [build_change(ComplaintPublishing()), build_change(ComplaintWithdrawal(), "99")]
    [found] = await list_of(Desk(receipts=[SENT, *changes]))  # type: ignore[misc]  # no failure
    assert (found.visibility, found.is_public, found.status) == (
        ComplaintVisibility.PUBLIC,
        False,
        ComplaintStatus.WAITING,
    )


async def test_nobody_else_sees_a_change() -> None:
    desk = Desk(listed=[LISTED], receipts=[DONE, build_change(ResolutionRating(rating=2))])
    found = await desk.build().complaints([NUMBER, "17"], CALL)
    assert [each.rating for each in found.values()] == [4, 4]  # type: ignore[union-attr]  # complaints
    assert await list_of(desk, BUDI) == ()


async def test_the_clocks_of_a_complaint_on_its_way_run_from_its_acceptance() -> None:
    found = await list_of(Desk(receipts=[SENT]))
    assert not isinstance(found, AgencyFailure)
    late = replace(found[0], read_at=NOW + timedelta(hours=7))
    clocks = ServiceLevels(ServiceLevel(first_response=6 * 3_600.0, resolution=168 * 3_600.0)).build_clocks(late)
    assert [(each.stage, each.due_at, each.met_at, each.breached_by) for each in clocks] == [
        (ServiceStage.FIRST_RESPONSE, NOW + timedelta(hours=6), None, 1.0),
        (ServiceStage.RESOLUTION, NOW + timedelta(hours=168), None, None),
    ]


async def test_the_hub_names_the_reporter_of_what_was_submitted_where_the_agency_does_not() -> None:
    listed = replace(
        LISTED,
        reporter=None,
        events=tuple(replace(each, reporter=None) for each in LISTED.events),
        comments=tuple(replace(each, reporter=None) for each in LISTED.comments),
        photos=tuple(replace(each, reporter=None) for each in LISTED.photos),
    )
    found = (await Desk(listed=[listed], receipts=[DONE]).build().complaints([NUMBER], CALL))[NUMBER]
    assert found == to_submitted(LISTED)
