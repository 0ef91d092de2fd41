"""Surveys of the sandbox's complaint system: all open complaints, or those of a month, private ones included."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

import orjson
import pytest

from connectors.declared.open311.complaints import Open311Complaints
from records.calls.failures import AgencyRefused
from records.clocks import CITY_TIME_ZONE
from records.complaint_surveys import ComplaintSurvey, SurveyedComplaints
from records.identifiers import RegionCode
from sandbox.crm.complaints import CrmComplaint, build_complaint_data
from sandbox.population.city_population import build_population
from tests.connectors.drivers.byte_server import ReceivedRequest, reply, serve_bytes
from tests.connectors.open311_servers import SEARCHES, call, connect, get_base_url, row, scripted
from tests.sandbox_agencies import RunningAgency

CLOSED = {"SELESAI", "DITOLAK"}
OCTOBER = ComplaintSurvey(
    reported_from=datetime(2026, 10, 1, tzinfo=CITY_TIME_ZONE),
    reported_until=datetime(2026, 11, 1, tzinfo=CITY_TIME_ZONE),
)


@pytest.fixture
async def connector(crm: RunningAgency) -> AsyncIterator[Open311Complaints]:
    async with connect(get_base_url(crm), crm.secret) as connector:
        crm.reset_calls()
        yield connector


async def load(connector: Open311Complaints, survey: ComplaintSurvey) -> SurveyedComplaints:
    answer = (await connector.surveys([survey], call()))[survey]
    assert isinstance(answer, SurveyedComplaints), answer
    return answer


def list_data(**wanted: bool) -> list[CrmComplaint]:
    complaints = build_complaint_data(build_population()).complaints
    return [each for each in complaints if not wanted or (each.state in CLOSED) is not wanted["is_open"]]


async def test_all_open_complaints_are_listed_with_their_reporters(
    crm: RunningAgency, connector: Open311Complaints
) -> None:
    found, known = await load(connector, ComplaintSurvey(is_open=True)), list_data(is_open=True)
    assert {(each.id, each.reporter, each.is_public) for each in found.complaints} == {
        (str(each.id), each.reporter_nik, each.public) for each in known
    }
    assert {each.is_public for each in found.complaints} == {True, False}
    assert (found.includes_private, found.is_cut) == (True, False)
    assert crm.count_calls() == {SEARCHES: 1}


async def test_the_complaints_of_a_month_are_listed_whatever_became_of_them(connector: Open311Complaints) -> None:
    found = await load(connector, OCTOBER)
    known = [each for each in list_data() if f"{each.requested_at:%Y-%m}" == "2026-10"]
    assert [each.id for each in found.complaints] == [str(each.id) for each in known]
    assert {each.resolved_at is None for each in found.complaints} == {True, False}


async def test_a_region_narrows_the_survey(connector: Open311Complaints) -> None:
    found = await load(connector, ComplaintSurvey(is_open=True, regions=(RegionCode("31.71"),)))
    known = [each for each in list_data(is_open=True) if each.kelurahan.code.startswith("31.71.")]
    assert {each.id for each in found.complaints} == {str(each.id) for each in known}


async def test_several_pages_make_one_survey(crm: RunningAgency) -> None:
    whole = {str(each.id) for each in list_data() if f"{each.requested_at:%Y-%m}" == "2026-10"}
    async with connect(get_base_url(crm), crm.secret, page_size=40) as connector:
        crm.reset_calls()
        found = await load(connector, OCTOBER)
    assert {each.id for each in found.complaints} == whole
    assert crm.count_calls() == {SEARCHES: len(whole) // 40 + 1}
    assert not found.is_cut


async def test_a_survey_beyond_its_calls_is_cut_and_says_so(crm: RunningAgency) -> None:
    async with connect(get_base_url(crm), crm.secret, page_size=2) as connector:
        crm.reset_calls()
        found = await load(connector, ComplaintSurvey(is_open=True))
    newest = [str(each.id) for each in list_data(is_open=True)]
    assert [each.id for each in found.complaints] == newest[: len(found.complaints)]
    assert found.is_cut
    assert crm.count_calls() == {SEARCHES: 20}


async def test_a_server_that_ignores_parameters_is_filtered_by_the_hub() -> None:
    inside, outside = datetime(2026, 10, 3, tzinfo=CITY_TIME_ZONE), datetime(2026, 9, 3, tzinfo=CITY_TIME_ZONE)
    rows = [row(2, inside, kelurahan="31.71.01.1001"), row(1, outside, kelurahan="31.71.01.1001")]

    def answer(_: ReceivedRequest) -> bytes:
        return reply(200, orjson.dumps(rows))

    async with serve_bytes(scripted(answer)) as server, connect(server.url) as connector:
        assert [each.id for each in (await load(connector, OCTOBER)).complaints] == ["2"]


async def test_a_wrong_key_lists_nothing(crm: RunningAgency) -> None:
    async with connect(get_base_url(crm), "salah") as connector:
        answers = await connector.surveys([OCTOBER], call())
    assert isinstance(answers[OCTOBER], AgencyRefused)
