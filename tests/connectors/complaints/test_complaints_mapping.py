from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from connectors.declared.open311.complaint_pages import matches, newest_first
from connectors.declared.open311.complaint_records import ComplaintReader
from connectors.declared.open311.tables import Open311Wire
from connectors.readers.unreadable import UnreadableError
from records.clocks import CITY_TIME_ZONE
from records.complaints import (
    Complaint,
    ComplaintCategory,
    ComplaintPosition,
    ComplaintQuery,
    ComplaintStatus,
    ComplaintVisibility,
)
from records.identifiers import Nik, RegionCode
from records.regions import Coordinates
from tests.connectors.city_agencies import load_manifest
from tests.connectors.declared.open311.photo_links import build_photo_links

RECORDED = Path(__file__).parent.parent / "recorded"
NOW = datetime(2026, 11, 1, 9, tzinfo=CITY_TIME_ZONE)
SITI, BUDI = Nik("3171014506909001"), Nik("3171021708889002")


def build_reader() -> ComplaintReader:
    manifest = load_manifest("crm")
    assert isinstance(manifest.wire, Open311Wire)
    return ComplaintReader(manifest.wire, manifest.records, build_photo_links(manifest.wire))


READER = build_reader()


def recorded(name: str) -> Any:  # noqa: ANN401 - JSON
    return orjson.loads((RECORDED / name).read_bytes())


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def of_reporter(identifier: str) -> Complaint:
    listed = recorded("crm_requests_by_reporter.json")
    return READER.read(next(each for each in listed if READER.find_id(each) == identifier), NOW)


LEAST = {
    "service_request_id": "1",
    "status": "open",
    "service_code": "1101",
    "requested_datetime": "2026-10-31T08:00:00+07:00",
}
"""The least that the standard requires of a service request."""


def read(extended: Mapping[str, object] | None = None, **fields: object) -> Complaint:
    """Reads a minimal complaint with changes."""
    return READER.read({**LEAST, "extended_attributes": extended, **fields}, NOW)


class TestRecordedComplaints:
    def test_a_resolved_public_complaint_is_read_completely(self) -> None:
        found = of_reporter("10000777")

        assert found.id == "10000777"
        assert found.number == "JK2609220001"
        assert found.reporter == SITI
        assert (found.is_public, found.visibility) == (True, ComplaintVisibility.PUBLIC)
        assert (found.category_code, found.category_name) == ("1202", "Lampu jalan")
        assert found.description == "Lampu berkedip di gang."
        assert found.status is ComplaintStatus.RESOLVED
        assert found.channel == "TWITTER"
        assert found.responsible_agency == "Dinas Bina Marga"
        assert found.address == "Jl. Gambir No. 7"
        assert found.coordinates == Coordinates(latitude=-6.23084, longitude=106.79921)
        assert found.region_code == "31.71.01.1001"
        assert found.reported_at == at("2026-09-22T00:00:00+07:00")
        assert found.updated_at == at("2026-09-25T21:36:00+07:00")
        assert found.due_at == at("2026-09-25T00:00:00+07:00")
        assert found.resolved_at == at("2026-09-25T21:36:00+07:00")
        assert found.read_at == NOW
        assert (found.support_count, found.rating, found.photos) == (12, 2, ())

    def test_its_notes_are_its_steps_in_order(self) -> None:
        events = of_reporter("10000777").events

        assert [event.sequence for event in events] == [1, 2, 3, 4]
        assert [event.status for event in events] == [
            ComplaintStatus.WAITING,
            ComplaintStatus.DISPOSITION,
            ComplaintStatus.IN_PROGRESS,
            ComplaintStatus.RESOLVED,
        ]
        assert [event.at for event in events] == sorted(event.at for event in events)
        assert (events[0].note, events[0].agency) == ("Laporan diterima.", "Biro Pemerintahan")
        assert {(event.complaint_is_public, event.reporter) for event in events} == {(True, SITI)}

    def test_a_private_complaint_without_a_service_name_keeps_its_code(self) -> None:
        found = of_reporter("10000881")

        assert (found.category_code, found.category_name) == ("1301", None)
        assert (found.is_public, found.visibility) == (False, ComplaintVisibility.PRIVATE)
        assert found.reporter == BUDI
        assert (found.status, found.resolved_at) == (ComplaintStatus.DISPOSITION, None)
        assert found.due_at == at("2026-10-31T00:00:00+07:00")

    def test_a_report_without_an_id_has_none(self) -> None:
        listed = recorded("crm_requests_by_reporter.json")
        assert [READER.find_id(each) for each in listed] == [None, "10000884", "10000881", "10000855", "10000777"]

    @pytest.mark.parametrize("name", ["crm_requests_page.json", "crm_requests_plain.json"])
    def test_every_moment_of_a_list_is_in_jakarta_time(self, name: str) -> None:
        listed = recorded(name)
        assert any(str(each["requested_datetime"]).endswith("Z") for each in listed)

        found = [READER.read(each, NOW) for each in listed if READER.find_id(each)]

        assert found
        assert {each.reported_at.utcoffset() for each in found} == {timedelta(hours=7)}
        assert {each.reporter for each in found} == {None}
        assert newest_first(found) == tuple(found)

    def test_a_server_without_extensions_has_two_states_and_no_steps(self) -> None:
        found = [READER.read(each, NOW) for each in recorded("crm_requests_plain.json") if READER.find_id(each)]

        assert {each.status for each in found} <= {ComplaintStatus.WAITING, ComplaintStatus.RESOLVED}
        assert {each.events for each in found} == {()}
        assert {each.is_public for each in found} == {False}


class TestComplaint:
    @pytest.mark.parametrize(
        ("status", "code", "expected"),
        [
            ("open", "MENUNGGU", ComplaintStatus.WAITING),
            ("open", "KOORDINASI", ComplaintStatus.COORDINATION),
            ("open", "DISPOSISI", ComplaintStatus.DISPOSITION),
            ("open", "PROSES", ComplaintStatus.IN_PROGRESS),
            ("closed", "SELESAI", ComplaintStatus.RESOLVED),
            ("closed", "DITOLAK", ComplaintStatus.REJECTED),
            ("open", "proses", ComplaintStatus.IN_PROGRESS),
            ("open", None, ComplaintStatus.WAITING),
            ("Closed", "", ComplaintStatus.RESOLVED),
            ("closed", "ARSIP", ComplaintStatus.RESOLVED),
            ("pending", None, None),
            (None, None, None),
        ],
    )
    def test_the_citys_state_overrides_the_state_of_the_standard(
        self, status: object, code: object, expected: ComplaintStatus | None
    ) -> None:
        assert read({"status_code": code}, status=status).status is expected

    @pytest.mark.parametrize(
        ("written", "expected"),
        [
            ("2026-10-31T17:00:00Z", "2026-11-01T00:00:00+07:00"),
            ("2026-11-01T00:00:00+07:00", "2026-11-01T00:00:00+07:00"),
            ("2026-10-31T13:00:00-04:00", "2026-11-01T00:00:00+07:00"),
            ("2026-11-01T00:00:00", "2026-11-01T00:00:00+07:00"),
            ("2026-10-31T17:00:00.250Z", "2026-11-01T00:00:00.250+07:00"),
        ],
    )
    def test_moments_are_in_jakarta_time(self, written: str, expected: str) -> None:
        assert read(requested_datetime=written).reported_at.isoformat() == at(expected).isoformat()

    def test_it_is_due_when_the_server_expects_it(self) -> None:
        found = read({"sla_hours": 24}, expected_datetime="2026-11-03T08:00:00+07:00")
        assert found.due_at == at("2026-11-03T08:00:00+07:00")

    @pytest.mark.parametrize("hours", [48, "48"])
    def test_without_an_expected_time_the_service_level_sets_the_deadline(self, hours: object) -> None:
        assert read({"sla_hours": hours}, expected_datetime="").due_at == at("2026-11-02T08:00:00+07:00")

    @pytest.mark.parametrize("hours", [None, 0, "", "dua hari", True])
    def test_without_either_it_has_no_deadline(self, hours: object) -> None:
        assert read({"sla_hours": hours}).due_at is None

    def test_it_was_resolved_at_its_last_closing_step(self) -> None:
        steps = [
            {"datetime": "2026-10-03T00:00:00Z", "status_code": "SELESAI"},
            {"datetime": "2026-10-01T00:00:00Z", "status_code": "MENUNGGU"},
            {"datetime": "2026-10-02T00:00:00Z", "status_code": "SELESAI"},
        ]
        found = read({"status_code": "SELESAI"}, notes=steps, updated_datetime="2026-10-20T00:00:00Z", status="closed")

        assert found.resolved_at == at("2026-10-03T00:00:00Z")
        assert [event.at.day for event in found.events] == [1, 2, 3]

    def test_a_reopened_complaint_is_not_resolved(self) -> None:
        steps = [
            {"datetime": "2026-10-02T00:00:00Z", "status_code": "SELESAI"},
            {"datetime": "2026-10-03T00:00:00Z", "status_code": "PROSES"},
        ]
        assert read({"status_code": "PROSES"}, notes=steps).resolved_at is None

    def test_without_steps_a_closed_one_was_resolved_when_it_last_changed(self) -> None:
        assert read(status="closed", updated_datetime="2026-10-20T00:00:00Z").resolved_at == at("2026-10-20T00:00:00Z")

    @pytest.mark.parametrize("visibility", [None, "", "PRIVATE", "UNLISTED", 1])
    def test_a_complaint_without_a_public_mark_is_private(self, visibility: object) -> None:
        assert read({"visibility": visibility}).visibility is ComplaintVisibility.PRIVATE

    @pytest.mark.parametrize(
        ("written", "expected"),
        [
            ("12", 12),
            ("²", 0),
            ("1²", 0),
            ("\N{FULLWIDTH DIGIT ONE}2", 0),
            ("٣", 0),
            (True, 0),
            (-1, 0),
        ],
    )
    def test_a_count_is_a_few_plain_digits_or_none(self, written: object, expected: int) -> None:
        assert read({"support_count": written}).support_count == expected

    @pytest.mark.parametrize(
        ("rating", "expected"),
        [(5, 5), ("4", 4), (0, None), (6, None), ("bagus", None), ("²", None), ("\N{FULLWIDTH DIGIT FOUR}", None)],
    )
    def test_a_rating_is_one_to_five(self, rating: object, expected: int | None) -> None:
        assert read({"rating": rating}).rating == expected

    def test_a_region_in_words_is_ignored(self) -> None:
        assert read({"kelurahan": "Gambir"}).region_code is None

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"requested_datetime": None}, r"a moment \(Complaint.reported_at\)"),
            ({"requested_datetime": "kemarin"}, r"a moment \(Complaint.reported_at\)"),
            ({"service_request_id": ""}, r"a text \(Complaint.id\)"),
            ({"notes": "2026-10-31T08:00:00Z"}, "a list of objects"),
            ({"extended_attributes": [1]}, r"an object \(Complaint.number\)"),
        ],
    )
    def test_an_invalid_service_request_is_unreadable(self, fields: dict[str, object], message: str) -> None:
        with pytest.raises(UnreadableError, match=rf"^not readable as {message}$"):
            READER.read({**LEAST, **fields}, NOW)


class TestCategoryMapping:
    def test_numeric_codes_become_text_and_a_missing_name_stays_missing(self) -> None:
        found = {each.code: each for each in map(READER.read_category, recorded("crm_services.json"))}

        assert len(found) == 28
        assert found["1002"] == ComplaintCategory(
            code="1002",
            name="Saluran air tersumbat",
            description="Laporan tentang saluran air tersumbat",
            group="BANJIR",
            keywords=("saluran", "air", "tersumbat"),
        )
        assert found["1999"] == ComplaintCategory(code="1999", name=None, description=None, group=None, keywords=())


class TestTheListsOrder:
    def test_complaints_are_sorted_by_time_and_id_newest_first(self) -> None:
        same, later = "2026-10-31T08:00:00Z", "2026-10-31T09:00:00Z"
        listed = [("9", same), ("10", same), ("2", later), ("10", same)]

        found = newest_first(read(service_request_id=id_, requested_datetime=when) for id_, when in listed)

        assert [each.id for each in found] == ["2", "10", "9"]

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            (ComplaintQuery(first=1), True),
            (ComplaintQuery(first=1, statuses=(ComplaintStatus.RESOLVED,)), True),
            (ComplaintQuery(first=1, statuses=(ComplaintStatus.WAITING,)), False),
            (ComplaintQuery(first=1, category_codes=("1101", "1202")), True),
            (ComplaintQuery(first=1, category_codes=("1101",)), False),
            (ComplaintQuery(first=1, regions=(RegionCode("31"),)), True),
            (ComplaintQuery(first=1, regions=(RegionCode("31.74"), RegionCode("31.71.01"))), True),
            (ComplaintQuery(first=1, regions=(RegionCode("31.7"),)), False),
            (ComplaintQuery(first=1, reported_from=at("2026-09-22T00:00:00+07:00")), True),
            (ComplaintQuery(first=1, reported_until=at("2026-09-22T00:00:00+07:00")), False),
            (ComplaintQuery(first=1, reported_until=at("2026-09-22T00:00:01+07:00")), True),
            (
                ComplaintQuery(first=1, after=ComplaintPosition(reported_at=at("2026-09-21T17:00:00Z"), id="10000778")),
                True,
            ),
            (
                ComplaintQuery(first=1, after=ComplaintPosition(reported_at=at("2026-09-21T17:00:00Z"), id="10000777")),
                False,
            ),
        ],
    )
    def test_a_public_complaint_fits_a_query(self, query: ComplaintQuery, expected: bool) -> None:  # noqa: FBT001 - a row
        assert matches(of_reporter("10000777"), query) is expected

    def test_a_private_complaint_fits_no_query(self) -> None:
        assert not matches(of_reporter("10000884"), ComplaintQuery(first=1))
