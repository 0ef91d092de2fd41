"""The complaint system speaks Open311 GeoReport v2 as `docs/agencies/crm.md` says."""

import re
import struct
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from sandbox.crm.complaints import build_complaint_data
from sandbox.population.city_population import ADULT_AGE, SAMPLES, build_population
from tests.sandbox.agency_requests import ask_open311
from tests.sandbox_agencies import RunningAgency

SITI, BUDI, DEWI = (SAMPLES[name].nik for name in ("siti", "budi", "dewi"))
YEAR = "2026-01-01T00:00:00+07:00"


@pytest.fixture
def quiet(crm: RunningAgency) -> Iterator[RunningAgency]:
    """The agency with its counters at 0."""
    crm.reset_calls()
    yield crm
    crm.set_mode("normal")


def list_rows(crm: RunningAgency, **parameters: str) -> list[dict[str, Any]]:
    """The rows of the general list: by default the whole year, with the largest page."""
    query = urlencode({"start_date": YEAR, "page_size": "500", "extensions": "true", **parameters})
    rows: list[dict[str, Any]] = ask_open311(crm, f"requests.json?{query}").json
    return rows


def only_numbered(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if "service_request_id" in row]


def search(crm: RunningAgency, **form: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = ask_open311(crm, "requests/search.json", key=crm.secret, form=form).json
    return rows


def test_the_service_list_has_numbers_for_codes_and_one_element_without_a_name(quiet: RunningAgency) -> None:
    services = ask_open311(quiet, "services.json").json

    assert len(services) == 28
    assert services[0] == {
        "service_code": 1001,
        "service_name": "Banjir",
        "description": "Laporan tentang banjir",
        "metadata": True,
        "type": "realtime",
        "keywords": "banjir",
        "group": "BANJIR",
    }
    assert [one["service_code"] for one in services if "service_name" not in one] == [1999]


def test_a_definition_lists_the_questions_of_a_report(quiet: RunningAgency) -> None:
    asked = ask_open311(quiet, "services/1001.json").json["attributes"]
    assert [(one["code"], one["variable"]) for one in asked] == [
        ("BAHAYA", False),
        ("UKURAN", True),
        ("TINGGI", True),
        ("SEJAK", True),
    ]
    assert ask_open311(quiet, "services/1101.json").json == {"service_code": 1101, "attributes": []}


@pytest.mark.parametrize(
    "path", ["services/7.json", "services/x.json", "requests/7.json", "requests/x.json", "nothing"]
)
def test_an_unknown_resource_is_a_list_of_one_error(quiet: RunningAgency, path: str) -> None:
    answer = ask_open311(quiet, path)

    assert answer.status == 404
    assert [error["code"] for error in answer.json] == [404]


def test_the_complaints_of_several_reporters_come_in_one_call_without_a_nik_in_the_url(quiet: RunningAgency) -> None:
    rows = only_numbered(search(quiet, reporter=f"{SITI},{BUDI}", extensions="true"))

    reported = [(row["extended_attributes"]["reporter"], row["extended_attributes"]["status_code"]) for row in rows]
    assert reported == [(SITI, "MENUNGGU"), (BUDI, "DISPOSISI"), (SITI, "PROSES"), (SITI, "SELESAI")]
    assert [row["status"] for row in rows] == ["open", "open", "open", "closed"]
    assert quiet.count_calls() == {"POST /open311/v2/requests/search.json": 1}


def test_the_get_form_of_the_reporter_extension_answers_the_same(quiet: RunningAgency) -> None:
    assert ask_open311(quiet, f"requests.json?reporter={SITI}", key=quiet.secret).json == search(quiet, reporter=SITI)


def test_a_reporter_without_complaints_has_no_rows(quiet: RunningAgency) -> None:
    assert search(quiet, reporter=DEWI) == []


def test_without_extensions_a_search_by_reporter_still_names_the_reporter(quiet: RunningAgency) -> None:
    assert {str(row["extended_attributes"]) for row in search(quiet, reporter=SITI)} == {str({"reporter": SITI})}


def test_a_report_without_a_number_has_a_token_and_no_id(quiet: RunningAgency) -> None:
    waiting = [row for row in search(quiet, reporter=SITI) if "service_request_id" not in row]

    assert [set(row) for row in waiting] == [
        {"token", "status", "service_code", "requested_datetime", "extended_attributes"}
    ]


def test_reporters_are_shown_only_with_a_key(quiet: RunningAgency) -> None:
    answer = ask_open311(quiet, "requests/search.json", form={"reporter": SITI})

    assert answer.status == 403
    assert answer.json == {"type": "Forbidden", "code": 403, "message": "reporter, reference and scope need an api_key"}


@pytest.mark.parametrize("path", ["services.json", "requests.json", "requests/10000777.json"])
def test_a_wrong_key_is_refused_everywhere(quiet: RunningAgency, path: str) -> None:
    answer = ask_open311(quiet, path, key="salah")

    assert answer.status == 403
    assert answer.json == {"type": "Forbidden", "code": 403, "message": "api_key is not valid"}
    assert quiet.count_calls() == {"refused": 1}


def test_the_standard_parameter_for_the_key_works_too(quiet: RunningAgency) -> None:
    assert ask_open311(quiet, f"requests/10000884.json?api_key={quiet.secret}").status == 200
    assert ask_open311(quiet, "requests/10000884.json?api_key=salah").status == 403


def test_private_complaints_are_not_in_lists_and_hidden_without_a_key(quiet: RunningAgency) -> None:
    assert {row["extended_attributes"]["visibility"] for row in only_numbered(list_rows(quiet))} == {"PUBLIC"}
    assert ask_open311(quiet, "requests/10000884.json").status == 404
    assert [row["service_request_id"] for row in list_rows(quiet, service_request_id="10000884,10000777")] == [10000777]


def test_several_ids_are_answered_in_one_call_without_unknown_ones(quiet: RunningAgency) -> None:
    rows = search(quiet, service_request_id="10000777,10000884,5")

    assert [row["service_request_id"] for row in rows] == [10000884, 10000777]
    assert all("extended_attributes" not in row for row in rows)


def test_lists_name_no_reporter(quiet: RunningAgency) -> None:
    rows = list_rows(quiet)

    assert len(rows) > 100
    assert all("reporter" not in row.get("extended_attributes", {}) for row in rows)


def test_the_quirks_of_real_servers_are_present(quiet: RunningAgency) -> None:
    rows = only_numbered(list_rows(quiet))

    assert {type(row["service_request_id"]) for row in rows} == {int}
    assert {type(row["service_code"]) for row in rows} == {int}
    assert {row["service_request_id"] % 9 for row in rows if "service_name" not in row} == {0}
    assert {row["requested_datetime"][19:] for row in rows} == {"Z", "+07:00"}
    assert {row["media_url"] for row in rows} == {""}
    placed = [row for row in rows if row["lat"] is not None]
    assert 0 < len(placed) < len(rows)
    assert all(struct.unpack("f", struct.pack("f", row["lat"]))[0] == row["lat"] for row in placed)


def test_the_history_ends_in_the_state_of_the_complaint(quiet: RunningAgency) -> None:
    for row in only_numbered(list_rows(quiet)):
        times = [datetime.fromisoformat(note["datetime"]) for note in row["notes"]]
        assert row["notes"][-1]["status_code"] == row["extended_attributes"]["status_code"]
        assert times == sorted(times)
        assert row["requested_datetime"] == row["notes"][0]["datetime"]
        assert row["updated_datetime"] == row["notes"][-1]["datetime"]
        assert re.fullmatch(r"JK\d{10}", row["extended_attributes"]["report_number"])


def test_without_dates_a_list_covers_90_days(quiet: RunningAgency) -> None:
    recent = only_numbered(ask_open311(quiet, "requests.json?page_size=500").json)

    oldest = min(datetime.fromisoformat(row["requested_datetime"]) for row in recent)
    assert datetime.fromisoformat("2026-08-03T00:00:00+07:00") <= oldest
    assert len(recent) < len(only_numbered(list_rows(quiet)))


def test_filters_narrow_a_list(quiet: RunningAgency) -> None:
    everything = only_numbered(list_rows(quiet))

    def attribute(name: str, **filters: str) -> set[object]:
        rows = only_numbered(list_rows(quiet, **filters))
        assert 0 < len(rows) < len(everything)
        return {row.get(name) or row["extended_attributes"].get(name) for row in rows}

    assert attribute("status", status="open") == {"open"}
    assert attribute("status_code", code_status="PROSES,DITOLAK") == {"PROSES", "DITOLAK"}
    assert attribute("service_code", service_code="1101,1001") == {1101, 1001}
    assert {str(code)[:5] for code in attribute("kelurahan", region="31.71")} == {"31.71"}
    assert {str(code)[:8] for code in attribute("kelurahan", region="31.71.01,31.74.05")} == {"31.71.01", "31.74.05"}


def test_a_region_is_matched_by_whole_parts_of_its_code(quiet: RunningAgency) -> None:
    assert only_numbered(list_rows(quiet, region="31.7")) == []


def test_dates_limit_the_time_of_report_and_change(quiet: RunningAgency) -> None:
    start, end, since = (datetime.fromisoformat(f"2026-{day}T00:00:00+07:00") for day in ("09-01", "10-01", "10-30"))

    filed = only_numbered(list_rows(quiet, start_date=start.isoformat(), end_date=end.isoformat()))
    changed = only_numbered(list_rows(quiet, updated_after=since.isoformat()))

    assert filed
    assert all(start <= datetime.fromisoformat(row["requested_datetime"]) < end for row in filed)
    assert changed
    assert all(datetime.fromisoformat(row["updated_datetime"]) > since for row in changed)


def test_pages_follow_one_another_newest_first_and_end_empty(quiet: RunningAgency) -> None:
    whole = only_numbered(list_rows(quiet))
    pages: list[dict[str, Any]] = []
    number = 1
    while page := list_rows(quiet, page=str(number), page_size="60"):
        pages += page
        number += 1

    assert only_numbered(pages) == whole
    ids = [row["service_request_id"] for row in whole]
    assert ids == sorted(ids, reverse=True)


def test_a_page_has_50_rows_by_default_and_at_most_500(quiet: RunningAgency) -> None:
    assert len(ask_open311(quiet, f"requests.json?start_date={YEAR}").json) == 50
    assert len(list_rows(quiet, page_size="9999")) == len(list_rows(quiet))


@pytest.mark.parametrize(
    ("parameter", "fix"),
    [
        ("start_date=kemarin", "start_date must look like 2026-10-01T00:00:00+07:00"),
        ("end_date=2026-10-01T00:00:00", "end_date must look like 2026-10-01T00:00:00+07:00"),
        ("status=perhaps", "status must be open or closed"),
        ("code_status=X", "code_status must be of MENUNGGU, KOORDINASI, DISPOSISI, PROSES, SELESAI, DITOLAK, DICABUT"),
        ("page=0", "page must be a number from 1"),
        ("page_size=-1", "page_size must be a number from 1"),
        ("service_request_id=a", "service_request_id must be numbers separated by commas"),
        (f"service_request_id={','.join(map(str, range(501)))}", "service_request_id takes at most 500 values"),
    ],
)
def test_an_invalid_parameter_is_named_with_its_fix(quiet: RunningAgency, parameter: str, fix: str) -> None:
    answer = ask_open311(quiet, f"requests.json?{parameter}")

    assert answer.status == 400
    assert answer.json == [{"code": 400, "description": fix}]


def test_a_form_that_is_too_long_is_refused(quiet: RunningAgency) -> None:
    assert ask_open311(quiet, "requests/search.json", form={"reporter": "1" * 70_000}).status == 413


@pytest.mark.parametrize(("mode", "status"), [("error", 500), ("refuse", 403)])
def test_a_failure_mode_shows_in_the_status(quiet: RunningAgency, mode: str, status: int) -> None:
    with quiet.in_mode(mode):
        assert ask_open311(quiet, "services.json", key=quiet.secret).status == status


def test_in_mode_rubbish_it_answers_a_web_page(quiet: RunningAgency) -> None:
    with quiet.in_mode("rubbish"):
        answer = ask_open311(quiet, "services.json")

    assert answer.status == 200
    assert answer.body.startswith(b"<!doctype html>")


def test_about_a_fifth_of_the_adults_complain_and_a_good_quarter_in_public() -> None:
    city, complaints = build_population(), build_complaint_data(build_population())

    adults = [resident for resident in city.residents if resident.age >= ADULT_AGE]
    assert 0.15 < len({one.reporter_nik for one in complaints.complaints}) / len(adults) < 0.25
    assert 0.2 < sum(one.public for one in complaints.complaints) / len(complaints.complaints) < 0.35
    assert {one.state for one in complaints.complaints} == {
        "MENUNGGU",
        "KOORDINASI",
        "DISPOSISI",
        "PROSES",
        "SELESAI",
        "DITOLAK",
    }
    assert len({one.number for one in complaints.complaints}) == len(complaints.complaints)


def test_the_scope_of_all_lists_private_complaints_with_their_reporters(quiet: RunningAgency) -> None:
    rows = only_numbered(search(quiet, scope="all", start_date=YEAR, page_size="500", extensions="true"))
    known = {str(each.id): each for each in build_complaint_data(build_population()).complaints}

    assert {row["extended_attributes"]["visibility"] for row in rows} == {"PUBLIC", "PRIVATE"}
    assert all(
        row["extended_attributes"]["reporter"] == known[str(row["service_request_id"])].reporter_nik for row in rows
    )


def test_the_scope_of_all_needs_a_key(quiet: RunningAgency) -> None:
    assert ask_open311(quiet, "requests/search.json", form={"scope": "all"}).status == 403
    assert ask_open311(quiet, "requests.json?scope=all").status == 403
