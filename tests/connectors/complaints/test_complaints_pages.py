from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest

from connectors.declared.open311.complaints import Open311Complaints
from records.calls.answers import Answers
from records.calls.failures import AgencyMalformed
from records.clocks import CITY_TIME_ZONE
from records.complaints import Complaint, ComplaintPage, ComplaintPosition, ComplaintQuery, ComplaintStatus
from records.identifiers import RegionCode
from tests.connectors.drivers.byte_server import reply, serve_bytes
from tests.connectors.open311_servers import LISTS, ListingServer, call, connect, get_base_url, ids, parameters, row
from tests.sandbox.agency_requests import ask_open311
from tests.sandbox_agencies import RunningAgency

NOON = datetime(2026, 10, 31, 12, tzinfo=CITY_TIME_ZONE)


@pytest.fixture
async def connector(crm: RunningAgency) -> AsyncIterator[Open311Complaints]:
    async with connect(get_base_url(crm), crm.secret) as connector:
        crm.reset_calls()
        yield connector


class TestThePublicList:
    async def test_the_pages_are_the_agencys_list_one_call_each(
        self, crm: RunningAgency, connector: Open311Complaints
    ) -> None:
        expected = [str(each["service_request_id"]) for each in public_list(crm)]
        crm.reset_calls()

        found, pages = await walk(connector, ComplaintQuery(first=40))

        assert [each.id for each in found] == expected
        assert all(each.is_public and each.reporter is None for each in found)
        assert crm.count_calls() == {LISTS: pages}

    async def test_the_agency_filters_by_state_and_region(
        self, crm: RunningAgency, connector: Open311Complaints
    ) -> None:
        rows = public_list(crm, "&code_status=SELESAI,DITOLAK&region=31.74,31.75.01&extensions=true")
        expected = [str(each["service_request_id"]) for each in rows]
        query = ComplaintQuery(
            first=500,
            statuses=(ComplaintStatus.RESOLVED, ComplaintStatus.REJECTED),
            regions=(RegionCode("31.74"), RegionCode("31.75.01")),
        )
        crm.reset_calls()

        page = shown(await connector.pages([query], call()))

        assert ids(page.complaints) == expected
        assert len(expected) > 10
        assert not page.has_more
        assert {each.status for each in page.complaints} <= {ComplaintStatus.RESOLVED, ComplaintStatus.REJECTED}
        assert crm.count_calls() == {LISTS: 1}

    async def test_the_agency_filters_by_category_and_period(
        self, crm: RunningAgency, connector: Open311Complaints
    ) -> None:
        since, until = datetime(2026, 6, 1, tzinfo=CITY_TIME_ZONE), datetime(2026, 10, 1, tzinfo=CITY_TIME_ZONE)
        listed = public_list(crm, "&service_code=1101,1202")
        within = [each for each in listed if since <= datetime.fromisoformat(each["requested_datetime"]) < until]
        query = ComplaintQuery(first=50, category_codes=("1101", "1202"), reported_from=since, reported_until=until)

        page = shown(await connector.pages([query], call()))

        assert ids(page.complaints) == [str(each["service_request_id"]) for each in within]
        assert 1 < len(within) < len(listed)
        assert {each.category_code for each in page.complaints} == {"1101", "1202"}

    async def test_an_invalid_category_matches_nothing(self, connector: Open311Complaints) -> None:
        none = ComplaintQuery(first=5, category_codes=("sampah",))
        mixed = ComplaintQuery(first=5, category_codes=("sampah", "1202"))

        answers = await connector.pages([none, mixed], call())

        assert answers[none] == ComplaintPage(complaints=(), has_more=False)
        page = answers[mixed]
        assert isinstance(page, ComplaintPage)
        assert [each.category_code for each in page.complaints] == ["1202"] * 5

    async def test_different_queries_run_concurrently(self, crm: RunningAgency, connector: Open311Complaints) -> None:
        queries = [ComplaintQuery(first=number) for number in range(1, 6)]

        answers = await connector.pages(queries, call())

        lengths = [len(page.complaints) for page in answers.values() if isinstance(page, ComplaintPage)]
        assert lengths == [1, 2, 3, 4, 5]
        assert crm.count_calls() == {LISTS: 5}

    async def test_new_complaints_do_not_shift_the_pages(self) -> None:
        listing = ListingServer([row(id_, NOON - timedelta(minutes=id_), visibility="PUBLIC") for id_ in range(1, 31)])
        async with listing.served() as server, connect(server.url) as connector:
            first = shown(await connector.pages([ComplaintQuery(first=10)], call()))
            listing.rows[:0] = [row(99, NOON + timedelta(hours=1), visibility="PUBLIC")]
            second = shown(await connector.pages([ComplaintQuery(first=10, after=position(first))], call()))

        assert ids(first.complaints) == [str(id_) for id_ in range(1, 11)]
        assert ids(second.complaints) == [str(id_) for id_ in range(11, 21)]

    @pytest.mark.parametrize("end_is_within", [True, False])
    @pytest.mark.parametrize("first", [1, 2, 3, 7])
    async def test_complaints_of_one_second_come_once_in_any_server_order(
        self,
        first: int,
        end_is_within: bool,  # noqa: FBT001 - a row
    ) -> None:
        moments = [
            NOON,
            *[NOON - timedelta(seconds=1)] * 5,
            NOON - timedelta(seconds=2),
            *[NOON - timedelta(days=9)] * 4,
        ]
        listing = ListingServer(
            [row(id_, moment, visibility="PUBLIC") for id_, moment in enumerate(moments, start=8)],
            end_is_within=end_is_within,
        )
        async with listing.served() as server, connect(server.url, page_size=8) as connector:
            found, _ = await walk(connector, ComplaintQuery(first=first))

        assert [each.id for each in found] == ["8", "13", "12", "11", "10", "9", "14", "18", "17", "16", "15"]

    async def test_a_page_is_refilled_after_private_rows(self) -> None:
        rows = [
            row(id_, NOON - timedelta(minutes=id_), visibility="PUBLIC" if id_ % 20 == 0 else "PRIVATE")
            for id_ in range(1, 101)
        ]
        listing = ListingServer(rows)
        async with listing.served() as server, connect(server.url, page_size=50) as connector:
            page = shown(await connector.pages([ComplaintQuery(first=3)], call()))

        assert (ids(page.complaints), page.has_more) == (["20", "40", "60"], True)
        assert [parameters(asked).get("page_size") for asked in server.asked] == ["13", "50", "50"]

    async def test_an_unreadable_row_does_not_block_the_list(self) -> None:
        rows = [row(id_, NOON - timedelta(minutes=id_), visibility="PUBLIC") for id_ in range(1, 4)]
        rows[1]["updated_datetime"] = "kemarin"
        async with serve_bytes(reply(200, orjson.dumps(rows))) as server, connect(server.url) as connector:
            assert ids(shown(await connector.pages([ComplaintQuery(first=5)], call())).complaints) == ["1", "3"]

    async def test_a_list_without_progress_is_malformed(self) -> None:
        rows = [row(id_, NOON, visibility="PUBLIC") for id_ in range(1, 51)]
        async with (
            serve_bytes(reply(200, orjson.dumps(rows))) as server,
            connect(server.url, page_size=50) as connector,
        ):
            query = ComplaintQuery(first=5)
            assert isinstance((await connector.pages([query], call()))[query], AgencyMalformed)
        assert len(server.asked) == 2

    async def test_filters_that_a_server_ignores_are_applied_by_the_hub(self) -> None:
        rows = [
            row(1, NOON, visibility="PUBLIC", status_code="PROSES", kelurahan="31.71.01.1001"),
            row(2, NOON, visibility="PUBLIC", status_code="SELESAI", kelurahan="31.71.01.1001"),
            row(3, NOON, visibility="PUBLIC", status_code="PROSES", kelurahan="31.74.01.1001"),
        ]
        query = ComplaintQuery(first=9, statuses=(ComplaintStatus.IN_PROGRESS,), regions=(RegionCode("31.71"),))
        async with serve_bytes(reply(200, orjson.dumps(rows))) as server, connect(server.url) as connector:
            assert ids(shown(await connector.pages([query], call())).complaints) == ["1"]

        assert parameters(server.asked[0]) == {
            "extensions": "true",
            "start_date": "2002-03-12T00:00:00+07:00",
            "region": "31.71",
            "code_status": "PROSES",
            "status": "open",
            "page_size": "19",
        }


def shown(answers: Answers[ComplaintQuery, ComplaintPage]) -> ComplaintPage:
    (answer,) = answers.values()
    assert isinstance(answer, ComplaintPage), answer
    return answer


def public_list(crm: RunningAgency, parameters: str = "") -> list[dict[str, Any]]:
    """The rows of the agency's whole public list, loaded without the connector."""
    rows = ask_open311(crm, f"requests.json?start_date=2025-01-01T00:00:00%2B07:00&page_size=500{parameters}").json
    assert len(rows) < 500
    return [row for row in rows if "service_request_id" in row]


async def walk(connector: Open311Complaints, query: ComplaintQuery) -> tuple[list[Complaint], int]:
    """Every page of a list, one after the other: the complaints and how many pages there were."""
    found: list[Complaint] = []
    for number in range(1, 100):
        page = shown(await connector.pages([query], call()))
        assert len(page.complaints) == query.first or not page.has_more
        found += page.complaints
        if not page.has_more:
            return found, number
        query = ComplaintQuery(first=query.first, after=position(page))
    raise AssertionError("the list does not end")


def position(page: ComplaintPage) -> ComplaintPosition:
    last = page.complaints[-1]
    return ComplaintPosition(reported_at=last.reported_at, id=last.id)
