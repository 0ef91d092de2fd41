"""A strict GeoReport v2 server, which has nothing beyond the standard: its requests are all found, and stay private
unless the manifest says otherwise."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.declared.open311.complaints import Open311Complaints
from records.calls.failures import AgencyFailure, AgencyMalformed, AgencyRefused
from records.clocks import CITY_TIME_ZONE
from records.complaint_surveys import ComplaintSurvey, SurveyedComplaints
from records.complaints import (
    CategoryQuery,
    Complaint,
    ComplaintCategory,
    ComplaintPage,
    ComplaintPosition,
    ComplaintQuery,
    ComplaintStatus,
    ComplaintVisibility,
)
from records.identifiers import Nik
from records.regions import Coordinates
from tests.connectors.declared.open311.manifests import Links, connect_to, parse_wire
from tests.connectors.drivers.byte_server import ByteServer
from tests.connectors.failures import make_call
from tests.connectors.open311_servers import parameters
from tests.sandbox.open311.georeport_server import GeoReportServer, build_request, build_year

NOW = datetime(2026, 11, 29, 12, tzinfo=CITY_TIME_ZONE)
SITI, BUDI = Nik("3171014506909001"), Nik("3171021708889002")
YEAR = build_year(NOW)
EVERY_ID = [str(each["service_request_id"]) for each in YEAR]


@asynccontextmanager
async def serve(
    habit: Mapping[str, Any] | None = None,
    *,
    records: dict[str, Any] | None = None,
    links: Links | None = None,
    max_batch_size: int | None = None,
    **wire: Any,  # noqa: ANN401 - keys of `[wire]`
) -> AsyncIterator[tuple[Open311Complaints, ByteServer]]:
    """A strict server with a habit, and the connector of a manifest for it."""
    strict = replace(GeoReportServer(rows=YEAR, now=NOW), **(habit or {}))
    async with strict.served() as server:
        table = parse_wire(f"{server.url}/v2", **wire)
        async with connect_to(table, NOW, records=records, links=links, max_batch_size=max_batch_size) as lapor:
            yield lapor, server


async def load_page(connector: Open311Complaints, query: ComplaintQuery) -> ComplaintPage:
    page = (await connector.pages([query], make_call()))[query]
    assert isinstance(page, ComplaintPage), page
    return page


async def walk(connector: Open311Complaints, query: ComplaintQuery) -> list[str]:
    """The ids of all pages, one after the other."""
    found: list[str] = []
    while True:
        page = await load_page(connector, query)
        found += [each.id for each in page.complaints]
        if not page.has_more:
            return found
        last = page.complaints[-1]
        query = replace(query, after=ComplaintPosition(reported_at=last.reported_at, id=last.id))


class TestTheListOfAStrictServer:
    @pytest.mark.parametrize("form", ["json", "xml"])
    @pytest.mark.parametrize(
        "habit",
        [
            {},
            {"long_spans": "clipped", "unknown_arguments": "ignored"},
            {"oldest_first": False},
            {"most_rows": 20},
            {"most_rows": 20, "oldest_first": False},
            {"empty_status": 404},
        ],
        ids=repr,
    )
    @pytest.mark.parametrize("first", [7, 500])
    async def test_all_120_requests_of_a_year_are_found(self, first: int, habit: Mapping[str, Any], form: str) -> None:
        keys = {"max_rows": habit.get("most_rows", 1_000), "empty_is_not_found": "empty_status" in habit}
        async with serve(habit, format=form, **keys) as (lapor, _):
            assert await walk(lapor, ComplaintQuery(first=first)) == EVERY_ID

    async def test_a_list_costs_a_call_for_each_period_until_it_is_full(self) -> None:
        async with serve() as (lapor, server):
            assert len((await load_page(lapor, ComplaintQuery(first=20))).complaints) == 20
            assert len(server.asked) == 1
            assert len((await load_page(lapor, ComplaintQuery(first=100))).complaints) == 100

        assert len(server.asked) == 1 + 4
        assert [sorted(parameters(asked)) for asked in server.asked[1:3]] == [
            ["jurisdiction_id", "start_date"],
            ["end_date", "jurisdiction_id", "start_date"],
        ]

    async def test_requests_older_than_the_declared_history_are_left_out(self) -> None:
        async with serve(history_days=180) as (lapor, server):
            assert await walk(lapor, ComplaintQuery(first=500)) == EVERY_ID[:60]
        assert len(server.asked) == 3

    async def test_a_cut_list_is_asked_for_again_in_shorter_periods(self) -> None:
        rows = [build_request(number, NOW - timedelta(minutes=number)) for number in range(1, 41)]
        async with serve({"rows": rows, "most_rows": 10}, max_rows=10) as (lapor, server):
            page = await load_page(lapor, ComplaintQuery(first=5))
            calls = len(server.asked)
            again = await load_page(lapor, ComplaintQuery(first=5))
        assert [each.id for each in page.complaints] == ["00001", "00002", "00003", "00004", "00005"]
        assert again == page
        assert (calls, len(server.asked) - calls) == (14, 7)

    async def test_more_requests_of_one_second_than_a_list_holds_are_malformed(self) -> None:
        rows = [build_request(number, NOW - timedelta(days=1)) for number in range(1, 6)]
        query = ComplaintQuery(first=2)
        async with serve({"rows": rows, "most_rows": 3}, max_rows=3) as (lapor, server):
            assert isinstance((await lapor.pages([query], make_call()))[query], AgencyMalformed)
        assert len(server.asked) <= 24

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            (ComplaintQuery(first=500, statuses=(ComplaintStatus.RESOLVED,)), EVERY_ID[::2]),
            (ComplaintQuery(first=500, statuses=(ComplaintStatus.WAITING,)), EVERY_ID[1::2]),
            (ComplaintQuery(first=500, statuses=(ComplaintStatus.IN_PROGRESS,)), []),
            (ComplaintQuery(first=500, statuses=(ComplaintStatus.REJECTED, ComplaintStatus.WAITING)), EVERY_ID[1::2]),
            (ComplaintQuery(first=500, category_codes=("001",)), EVERY_ID[2::3]),
            (ComplaintQuery(first=500, category_codes=("001", "099")), EVERY_ID[2::3]),
            (ComplaintQuery(first=500, reported_from=NOW - timedelta(days=150)), EVERY_ID[:50]),
            (ComplaintQuery(first=500, reported_until=NOW - timedelta(days=150)), EVERY_ID[50:]),
            (ComplaintQuery(first=500, reported_until=NOW + timedelta(days=900)), EVERY_ID),
            (ComplaintQuery(first=500, reported_until=NOW - timedelta(days=900)), []),
            (
                ComplaintQuery(
                    first=500, after=ComplaintPosition(reported_at=datetime.max.replace(tzinfo=UTC, hour=0), id="1")
                ),
                EVERY_ID,
            ),
            (ComplaintQuery(first=500, after=ComplaintPosition(reported_at=NOW - timedelta(days=900), id="1")), []),
        ],
        ids=range(12),
    )
    async def test_filters_need_no_argument_beyond_the_standard(
        self, query: ComplaintQuery, expected: Sequence[str]
    ) -> None:
        async with serve() as (lapor, _):
            assert await walk(lapor, query) == expected

    async def test_a_missing_jurisdiction_is_refused_and_is_no_empty_list(self) -> None:
        query = ComplaintQuery(first=5)
        async with serve(jurisdiction_id="elsewhere.example") as (lapor, _):
            assert isinstance((await lapor.pages([query], make_call()))[query], AgencyRefused)
            with pytest.raises(AgencyRefused):
                await lapor.probe(make_call())


class TestTheRequestsOfAStrictServer:
    @pytest.mark.parametrize("form", ["json", "xml"])
    async def test_a_request_is_read_from_the_attributes_of_the_standard(self, form: str) -> None:
        async with serve(format=form) as (lapor, _):
            found = (await lapor.complaints(["00003", "00004"], make_call()))["00003"]

        assert found == Complaint(
            id="00003",
            number="00003",
            reporter=None,
            is_public=True,
            category_code="001",
            category_name="Potholes",
            description="Report <3> & more",
            status=ComplaintStatus.RESOLVED,
            visibility=ComplaintVisibility.PUBLIC,
            responsible_agency="Department of Streets",
            address="3 Main Street",
            coordinates=Coordinates(latitude=-6.2, longitude=106.8),
            reported_at=datetime(2026, 11, 23, 10, tzinfo=CITY_TIME_ZONE),
            updated_at=datetime(2026, 11, 23, 16, tzinfo=CITY_TIME_ZONE),
            due_at=datetime(2026, 11, 26, 10, tzinfo=CITY_TIME_ZONE),
            resolved_at=datetime(2026, 11, 23, 16, tzinfo=CITY_TIME_ZONE),
            read_at=NOW,
        )

    @pytest.mark.parametrize("form", ["json", "xml"])
    @pytest.mark.parametrize(("most", "calls"), [(None, 1), (50, 3), (1, 121)])
    async def test_requests_come_by_id_in_batches(self, most: int | None, calls: int, form: str) -> None:
        async with serve(format=form, max_batch_size=most) as (lapor, server):
            answers = await lapor.complaints([*EVERY_ID, "99999"], make_call())

        assert list(answers) == EVERY_ID
        assert len(server.asked) == calls
        paths = {asked.target.partition("?")[0] for asked in server.asked}
        assert (f"/v2/requests/00001.{form}" in paths) == (most == 1)

    @pytest.mark.parametrize("form", ["json", "xml"])
    async def test_categories_are_the_services(self, form: str) -> None:
        async with serve(format=form) as (lapor, _):
            found = await lapor.categories(["001", "7"], make_call())
            listed = await lapor.category_lists([CategoryQuery(search="LITTER")], make_call())

        assert list(found.values()) == [
            ComplaintCategory(
                code="001",
                name="Potholes",
                description="Reports about potholes.",
                group="street",
                keywords=("lorem", "ipsum", "dolor"),
            )
        ]
        [litter] = listed.values()
        assert not isinstance(litter, AgencyFailure)
        assert [each.code for each in litter] == ["002"]

    async def test_the_reporter_follows_from_the_link_table(self) -> None:
        async with serve(links=Links({SITI: ["00100", "00002", "99999"]})) as (lapor, _):
            answers = await lapor.complaints_of([SITI, BUDI], make_call())

        assert list(answers) == [SITI]
        mine = answers[SITI]
        assert not isinstance(mine, AgencyFailure)
        assert [(each.id, each.reporter) for each in mine] == [("00002", SITI), ("00100", SITI)]

    @pytest.mark.parametrize("form", ["json", "xml"])
    async def test_a_token_gives_the_id_of_its_request_once_there_is_one(self, form: str) -> None:
        tokens = ["t-1", "t-2", "t-3", "a/b", SITI]
        async with serve({"tokens": {"t-1": "00007", "t-2": None}}, format=form) as (lapor, server):
            assert await lapor.find_request_ids(tokens, make_call()) == {"t-1": "00007"}
        assert len(server.asked) == 3

    async def test_a_request_with_a_token_alone_is_left_out(self) -> None:
        pending = build_request(200, NOW) | {"token": "t-2"}
        del pending["service_request_id"]
        async with serve({"rows": [pending, *YEAR]}) as (lapor, _):
            assert await walk(lapor, ComplaintQuery(first=500)) == EVERY_ID


class TestVisibility:
    async def test_requests_of_a_private_server_are_in_no_list_and_private_by_id(self) -> None:
        async with serve(visibility="private", public_fields=None) as (lapor, server):
            assert await load_page(lapor, ComplaintQuery(first=5)) == ComplaintPage(complaints=(), has_more=False)
            assert server.asked == []
            [found] = (await lapor.complaints(["00003"], make_call())).values()

        assert isinstance(found, Complaint)
        assert (found.is_public, found.visibility) == (False, ComplaintVisibility.PRIVATE)
        assert (found.description, found.address) == ("Report <3> & more", "3 Main Street")

    async def test_a_public_request_hides_what_the_manifest_does_not_name(self) -> None:
        async with serve(public_fields=["coordinates"]) as (lapor, _):
            [found] = (await lapor.complaints(["00003"], make_call())).values()
            page = await load_page(lapor, ComplaintQuery(first=1))

        for each in (found, *page.complaints):
            assert isinstance(each, Complaint)
            assert each.is_public
            assert (each.description, each.address, each.photos, each.events) == (None, None, (), ())
            assert each.coordinates == Coordinates(latitude=-6.2, longitude=106.8)

    @pytest.mark.parametrize(
        ("mark", "is_public"), [("yes", True), ("YES", True), ("no", False), ("?", False), ("", False), (None, False)]
    )
    async def test_of_marked_requests_only_a_known_word_means_public(self, mark: object, is_public: bool) -> None:  # noqa: FBT001 - a row
        rows = [build_request(1, NOW - timedelta(days=1), extended={"shared": mark})]
        records = {"Complaint": {"is_public": {"from": "extended.shared", "values": {"yes": True}, "unknown": False}}}
        async with serve({"rows": rows}, records=records, visibility="by_request") as (lapor, _):
            [found] = (await lapor.complaints(["00001"], make_call())).values()
            listed = await walk(lapor, ComplaintQuery(first=5))

        assert isinstance(found, Complaint)
        assert (found.is_public, listed) == (is_public, ["00001"] if is_public else [])


class TestSurveysOfAStrictServer:
    async def load(self, connector: Open311Complaints, survey: ComplaintSurvey) -> SurveyedComplaints:
        answer = (await connector.surveys([survey], make_call()))[survey]
        assert isinstance(answer, SurveyedComplaints), answer
        return answer

    async def test_all_public_complaints_of_the_year_are_listed_and_no_others_are_promised(self) -> None:
        async with serve() as (connector, _):
            found = await self.load(connector, ComplaintSurvey(reported_from=NOW - timedelta(days=365)))
        assert sorted(each.id for each in found.complaints) == sorted(EVERY_ID)
        assert (found.includes_private, found.is_cut) == (False, False)

    async def test_the_open_ones_are_those_that_are_not_closed(self) -> None:
        async with serve() as (connector, _):
            found = await self.load(connector, ComplaintSurvey(is_open=True))
        known = [str(each["service_request_id"]) for each in YEAR if each["status"] == "open"]
        assert sorted(each.id for each in found.complaints) == sorted(known)
        assert 0 < len(known) < len(EVERY_ID)

    async def test_a_server_of_private_requests_lists_none(self) -> None:
        async with serve(visibility="private", public_fields=None) as (connector, server):
            found = await self.load(connector, ComplaintSurvey(is_open=True))
        assert found == SurveyedComplaints(complaints=(), includes_private=False, is_cut=False)
        assert server.asked == []
