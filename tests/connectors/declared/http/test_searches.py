"""Declared searches over HTTP: filters, pages in every form of paging, and agencies that answer something else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from connectors.declared.connector import DeclaredConnector
from connectors.declared.tables import NotDeclarableError
from records.calls.answers import CountedList
from records.calls.failures import AgencyFailure, AgencyMalformed
from records.identifiers import RegionCode
from records.regions import Coordinates, Near, PlaceQuery
from tests.connectors.declared.http.booths import open_driver
from tests.connectors.declared.http.report_agency import (
    FILTERS,
    RECORD,
    SENT,
    START,
    ReportAgency,
    ReportPage,
    ReportPlaces,
    ReportPosition,
    ReportQuery,
    State,
    build_connector,
    build_rows,
    connect,
    serve_reports,
)
from tests.connectors.failures import make_call

PAGINGS: dict[str, dict[str, Any]] = {
    "offset": {},
    "page": {"query": SENT | {"page": "{page}"}, "paging": {"by": "page", "size": 3, "total": "total"}},
    "cursor": {"query": SENT | {"cursor": "{cursor}"}, "paging": {"by": "cursor", "size": 3, "at": "next"}},
    "link": {"query": SENT, "paging": {"by": "next", "size": 3}},
    "record": {
        "query": SENT | {"after_at": "{after_reported_at}", "after_no": "{after_id}"},
        "paging": {"by": "record", "size": 3, "more": "more"},
    },
    "record, in a JSON body": {
        "query": None,
        "body": {"area": "{regions}", "n": "{size}", "after_at": "{after_reported_at}", "after_no": "{after_id}"},
        "paging": {"by": "record", "size": 3, "more": "more"},
    },
    "all in one reply": {"query": None, "paging": None},
}


async def ask(connector: DeclaredConnector, query: ReportQuery) -> ReportPage:
    page = (await connector.pages([query], make_call()))[query]
    assert isinstance(page, ReportPage), page
    return page


async def fail(agency: ReportAgency, query: ReportQuery, changes: Mapping[str, Any]) -> str:
    """The reason of a malformed answer."""
    async with connect(agency, changes) as connector:
        answer = (await connector.pages([query], make_call()))[query]
    assert isinstance(answer, AgencyMalformed), answer
    return answer.detail or ""


async def list_pages(connector: DeclaredConnector, query: ReportQuery) -> list[list[str]]:
    """The ids of all pages, each asked after the last record of the one before."""
    found = []
    while True:
        page = await ask(connector, query)
        found.append([each.id for each in page.reports])
        if not page.has_more:
            return found
        last = page.reports[-1]
        query = replace(query, after=ReportPosition(reported_at=last.reported_at, id=last.id))


@pytest.mark.parametrize("name", PAGINGS)
@pytest.mark.parametrize("first", [1, 2, 3, 4, 20])
async def test_pages_of_any_size_hold_each_record_once(name: str, first: int) -> None:
    async with serve_reports() as agency, connect(agency, PAGINGS[name]) as connector:
        pages = await list_pages(connector, ReportQuery(first=first))
        assert [each for page in pages for each in page] == [f"R{number:03}" for number in reversed(range(10))]
        assert {len(page) for page in pages[:-1]} <= {first}


@pytest.mark.parametrize("name", PAGINGS)
async def test_a_page_is_found_without_the_memory_of_the_one_before(name: str) -> None:
    """Another worker of the hub answers it, or this one started again."""
    async with serve_reports() as agency, connect(agency, PAGINGS[name]) as connector:
        after = ReportPosition(reported_at=START + timedelta(hours=2), id="R005")
        page = await ask(connector, ReportQuery(first=2, after=after))
        assert [each.id for each in page.reports] == ["R004", "R003"]


async def test_the_next_page_is_asked_for_where_the_last_one_was() -> None:
    async with serve_reports(30) as agency, connect(agency, {"max_pages": 2}) as connector:
        pages = await list_pages(connector, ReportQuery(first=2))
        assert len(pages) == 15
        skipped = [int(each["skip"]) for each in agency.asked]
        assert (skipped[:5], skipped[-1]) == ([0, 0, 3, 3, 6], 27)
        assert skipped.count(0) == 2


async def test_each_filter_is_sent_in_the_words_of_the_agency() -> None:
    async with serve_reports() as agency, connect(agency, {}) as connector:
        query = ReportQuery(
            first=5,
            states=(State.NEW,),
            regions=(RegionCode("31.71"), RegionCode("31.74")),
            titles=("Jalan 4", "Jalan 9", "Jalan 2"),
            reported_from=START + timedelta(hours=2),
        )
        assert [each.id for each in (await ask(connector, query)).reports] == ["R009", "R004"]
        assert agency.asked == [
            {
                "state": "B,P",
                "area": "31.71,31.74",
                "title": "Jalan 4,Jalan 9,Jalan 2",
                "since": "2026-11-01T02:00:00+00:00",
                "skip": "0",
                "n": "3",
            }
        ]


async def test_filters_that_are_not_given_are_not_sent() -> None:
    async with serve_reports() as agency, connect(agency, {}) as connector:
        await ask(connector, ReportQuery(first=2))
        assert agency.asked == [{"skip": "0", "n": "3"}]


async def test_a_value_that_the_agency_cannot_have_costs_no_call() -> None:
    async with serve_reports() as agency, connect(agency, {"key_pattern": {"titles": "Jalan [0-9]+"}}) as connector:
        page = await ask(connector, ReportQuery(first=2, titles=("Gang 3",)))
        assert (page, agency.asked) == (ReportPage(reports=(), has_more=False), [])


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (ReportQuery(first=9, states=(State.DONE,)), ["R008", "R005", "R002"]),
        (ReportQuery(first=9, regions=(RegionCode("31.71.06"),)), ["R009", "R007", "R005", "R003", "R001"]),
        (ReportQuery(first=9, regions=(RegionCode("31.7"),)), []),
        (ReportQuery(first=9, titles=("Jalan 1",)), ["R001"]),
        (ReportQuery(first=9, reported_from=START + timedelta(hours=4)), ["R009", "R008"]),
        (ReportQuery(first=9, search=" JALAN 7"), ["R007"]),
        (ReportQuery(first=9, search="7", states=(State.DONE,)), []),
    ],
)
async def test_the_hub_applies_what_the_agency_cannot(query: ReportQuery, expected: list[str]) -> None:
    changes = {"query": {"skip": "{offset}", "n": "{size}"}}
    async with serve_reports() as agency, connect(agency, changes) as connector:
        page = await ask(connector, query)
        assert [each.id for each in page.reports] == expected
        assert {name for each in agency.asked for name in each} == {"skip", "n"}


async def test_pages_of_records_that_the_hub_selects_are_whole() -> None:
    changes = {"query": {"skip": "{offset}", "n": "{size}"}}
    async with serve_reports(30) as agency, connect(agency, changes) as connector:
        pages = await list_pages(connector, ReportQuery(first=2, states=(State.DONE,)))
        assert [each for page in pages for each in page] == [f"R{number:03}" for number in range(29, 0, -3)]


async def test_the_total_is_that_of_the_agency_if_it_selects_all() -> None:
    async with serve_reports() as agency, connect(agency, {}) as connector:
        assert (await ask(connector, ReportQuery(first=1))).total == 10
        assert (await ask(connector, ReportQuery(first=1, states=(State.DONE,)))).total == 3
        assert (await ask(connector, ReportQuery(first=1, search="7"))).total is None


@pytest.mark.parametrize("parameter", ["state", "area", "title", "since"])
async def test_an_agency_that_ignores_a_parameter_is_malformed(parameter: str) -> None:
    async with serve_reports() as agency:
        wanted = {"title": "Jalan 8", "state": "S", "area": "31.74.01.1001", "at": "2026-11-01T04:00:00Z"}
        others = {"state": "B", "area": "31.71.06.1003", "title": "Gang 8", "since": "2026-10-30T01:00:00Z"}
        changes = [{}, *({"at" if name == "since" else name: value} for name, value in others.items())]
        agency.rows = [
            {**wanted, **each, "no": f"R{number}"} for number, each in zip(range(9, 0, -1), changes, strict=False)
        ]
        query = ReportQuery(
            first=5,
            states=(State.DONE,),
            regions=(RegionCode("31.74"),),
            titles=("Jalan 8", "Jalan 5"),
            reported_from=START + timedelta(hours=3),
        )
        async with connect(agency, {}) as connector:
            assert [each.id for each in (await ask(connector, query)).reports] == ["R9"]
        agency.ignored = {parameter}
        assert await fail(agency, query, {}) == "a row that the search did not ask for"


async def test_rows_just_outside_a_bound_are_left_out() -> None:
    """The agency knows days only, or includes a bound that the domain does not."""
    async with serve_reports() as agency, connect(agency, {}) as connector:
        agency.ignored = {"since"}
        page = await ask(connector, ReportQuery(first=9, reported_from=START + timedelta(hours=4)))
        assert ([each.id for each in page.reports], page.total) == (["R009", "R008"], None)


async def test_a_region_is_sent_as_the_words_of_all_regions_inside_it() -> None:
    values = {"GMB": "31.71.01.1001", "MTG": "31.71.06.1001", "TBT": "31.74.01.1001"}
    async with serve_reports() as agency:
        agency.rows = [dict(each, area=word) for each, word in zip(agency.rows, values, strict=False)]
        area = {"region_code": {"from": "area", "values": values}}
        async with connect(agency, {}, record=RECORD | area) as connector:
            page = await ask(connector, ReportQuery(first=9, regions=(RegionCode("31.71"),)))
            assert [each.region_code for each in page.reports] == ["31.71.01.1001", "31.71.06.1001"]
            assert [each["area"] for each in agency.asked] == ["GMB,MTG"]


async def test_an_agency_that_ignores_the_searched_text_is_malformed() -> None:
    changes = {"query": SENT | {"skip": "{offset}", "q": "{search}"}}
    async with serve_reports() as agency:
        async with connect(agency, changes) as connector:
            page = await ask(connector, ReportQuery(first=5, search="jalan 7"))
            assert [each.id for each in page.reports] == ["R007"]
        agency.ignored = {"q"}
        assert (
            await fail(agency, ReportQuery(first=5, search="jalan 7"), changes)
            == "a row that the search did not ask for"
        )


async def test_an_agency_that_repeats_a_row_over_pages_is_malformed() -> None:
    async with serve_reports() as agency:
        agency.repeats_rows = True
        assert await fail(agency, ReportQuery(first=5), {}) == "rows out of order, or one twice"


async def test_an_agency_that_sorts_otherwise_is_malformed() -> None:
    async with serve_reports() as agency:
        agency.rows.reverse()
        assert await fail(agency, ReportQuery(first=5), {}) == "rows out of order, or one twice"


@pytest.mark.parametrize("name", ["cursor", "link"])
async def test_a_cursor_without_an_end_is_malformed_after_the_declared_pages(name: str) -> None:
    async with serve_reports() as agency:
        agency.is_endless = True
        changes = PAGINGS[name] | {"max_pages": 4}
        assert await fail(agency, ReportQuery(first=5), changes) == "a search that reads more than 4 pages"
        assert len(agency.asked) == 4


async def test_more_rows_than_the_bound_are_malformed() -> None:
    changes = {"query": {"skip": "{offset}", "n": "{size}"}, "max_rows": 8}
    async with serve_reports() as agency:
        detail = await fail(agency, ReportQuery(first=5, search="nothing has it"), changes)
        assert detail == "a search that reads more than 8 rows"


@pytest.mark.parametrize("name", PAGINGS)
async def test_rows_that_come_or_go_between_two_pages_are_neither_twice_nor_missing(name: str) -> None:
    async with serve_reports() as agency, connect(agency, PAGINGS[name]) as connector:
        first = await ask(connector, ReportQuery(first=4))
        assert [each.id for each in first.reports] == ["R009", "R008", "R007", "R006"]
        query = ReportQuery(first=4, after=ReportPosition(reported_at=first.reports[3].reported_at, id="R006"))
        agency.rows = build_rows(14)  # four newer ones
        assert [each.id for each in (await ask(connector, query)).reports] == ["R005", "R004", "R003", "R002"]
        del agency.rows[:9]  # what was on the first page, and one more
        assert [each.id for each in (await ask(connector, query)).reports] == ["R004", "R003", "R002", "R001"]


async def test_a_list_that_changes_while_it_is_read_is_malformed() -> None:
    async with serve_reports() as agency:
        rows = agency.rows

        class Shrinking(list[dict[str, Any]]):
            """One row less at each request."""

            def __iter__(self) -> Any:  # noqa: ANN401 - an iterator
                return iter(rows[len(agency.asked) - 1 :])

        agency.rows = Shrinking()
        assert (
            await fail(agency, ReportQuery(first=9), {})
            == "not readable as a list that stays the same between its pages"
        )


async def test_places_are_sorted_by_the_hub_and_the_nearest_come_first() -> None:
    async with serve_reports() as agency, connect(agency, {}, ReportPlaces) as connector:

        async def find(query: PlaceQuery) -> list[str]:
            return [each.id for each in (await connector.places([query], make_call()))[query]]

        assert await find(PlaceQuery(first=3)) == ["R000", "R001", "R002"]
        assert await find(PlaceQuery(first=3, after="R002")) == ["R003", "R004", "R005"]
        assert await find(PlaceQuery(first=9, region_code=RegionCode("31.74"), after="R003")) == [
            "R004",
            "R006",
            "R008",
        ]
        near = Near(point=Coordinates(latitude=-6.1962, longitude=106.8), metres=250)
        assert await find(PlaceQuery(first=9, near=near)) == ["R004", "R003", "R005", "R002", "R006"]
        assert await find(PlaceQuery(first=2, near=near, search="jalan")) == ["R004", "R003"]


async def test_a_page_of_a_list_has_the_total_of_the_agency_if_it_selects_all() -> None:
    async with serve_reports() as agency, connect(agency, {}, ReportPlaces) as connector:

        async def count(query: PlaceQuery) -> int | None:
            found = (await connector.places([query], make_call()))[query]
            return found.total if isinstance(found, CountedList) else None

        assert await count(PlaceQuery(first=3)) == 10
        assert await count(PlaceQuery(first=3, after="R002")) == 10
        assert await count(PlaceQuery(first=3, search="jalan")) is None
        near = Near(point=Coordinates(latitude=-6.1962, longitude=106.8), metres=250)
        assert await count(PlaceQuery(first=9, near=near)) is None


async def test_without_a_reply_the_search_fails() -> None:
    async with serve_reports() as agency:
        pass
    async with connect(agency, {}) as connector:
        query = ReportQuery(first=2)
        assert isinstance((await connector.pages([query], make_call()))[query], AgencyFailure)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"filters": {k: v for k, v in FILTERS.items() if k != "regions"}, "query": {"skip": "{offset}"}},
            (
                "reads.pages: the answer would not depend on 'regions': send {regions}, or write filters ="
                ' { regions = "field" }'
            ),
        ),
        (
            {"filters": {k: v for k, v in FILTERS.items() if k != "regions"}},
            (
                "reads.pages: the agency could ignore 'regions': name the field that shows it: filters ="
                ' { regions = "field" }'
            ),
        ),
        (
            {"filters": FILTERS | {"colour": "title"}},
            (
                "reads.pages.filters.colour: the query has no such part; it has states, regions, titles,"
                " reported_from, search"
            ),
        ),
        (
            {"filters": FILTERS | {"states": "title"}},
            "reads.pages.filters.states: 'states' has another type than the field 'title'",
        ),
        (
            {"filters": FILTERS | {"states": "colour"}},
            "reads.pages.filters.states: the record Report has no field 'colour'",
        ),
        (
            {"order": ["id"]},
            'reads.pages.order: name each part of a position, as in order = ["id desc", "reported_at desc"]',
        ),
        (
            {"search": "state"},
            "reads.pages.filters.search: a text is looked for in a field with a text; name another field",
        ),
        (
            {"path": "reports/{states}"},
            "reads.pages.path: callers can leave out 'states', which a path cannot: send it elsewhere",
        ),
        ({"key": "no"}, "reads.pages.key: a search takes queries, not keys; remove this line"),
        (
            {"paging": {"by": "record", "more": "more"}, "query": SENT},
            "reads.pages.paging: all pages would be the same: send {after_reported_at}",
        ),
    ],
)
def test_a_search_that_does_not_fit_is_refused_at_the_start(changes: Mapping[str, Any], problem: str) -> None:
    with pytest.raises(NotDeclarableError) as refused:
        build_connector(open_driver(), changes)
    assert str(refused.value) == problem
