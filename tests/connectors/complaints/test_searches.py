"""Searches of public complaints by text and order: at the sandbox, and at servers that ignore them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import orjson
import pytest

from connectors.declared.open311.complaints import Open311Complaints
from records.calls.failures import AgencyFailure, AgencyMalformed
from records.complaint_searches import MAX_RESULTS, ComplaintOrder, ComplaintSearch, FoundComplaints
from records.complaints import ComplaintQuery, ComplaintStatus
from records.identifiers import RegionCode
from sandbox.crm.complaints import CrmComplaint, build_complaint_data
from sandbox.population.city_population import build_population
from tests.connectors.drivers.byte_server import ReceivedRequest, reply, serve_bytes
from tests.connectors.open311_servers import NOW, SEARCHES, call, connect, get_base_url, row, scripted
from tests.sandbox_agencies import RunningAgency


@pytest.fixture
async def connector(crm: RunningAgency) -> AsyncIterator[Open311Complaints]:
    async with connect(get_base_url(crm), crm.secret) as connector:
        crm.reset_calls()
        yield connector


def build_search(
    text: str = "",
    order: ComplaintOrder = ComplaintOrder.NEWEST,
    **within: Any,  # noqa: ANN401 - parts of the filter
) -> ComplaintSearch:
    return ComplaintSearch(text=text, order=order, within=ComplaintQuery(first=1, **within))


async def answer(connector: Open311Complaints, search: ComplaintSearch) -> FoundComplaints | AgencyFailure:
    return (await connector.searches([search], call()))[search]


async def find(connector: Open311Complaints, search: ComplaintSearch) -> FoundComplaints:
    found = await answer(connector, search)
    assert isinstance(found, FoundComplaints), found
    return found


def list_public() -> list[CrmComplaint]:
    return [each for each in build_complaint_data(build_population()).complaints if each.public]


def contains(each: CrmComplaint, *words: str) -> bool:
    text = f"{each.number} {each.service.name} {each.description} {each.address}".casefold()
    return all(word in text for word in words)


async def test_complaints_with_all_words_are_found_newest_first(
    crm: RunningAgency, connector: Open311Complaints
) -> None:
    found = await find(connector, build_search("JALAN lubang"))
    known = [str(each.id) for each in list_public() if contains(each, "jalan", "lubang")]
    assert known
    assert [each.id for each in found.complaints] == known
    assert not found.is_cut
    assert crm.count_calls() == {SEARCHES: 1}


@pytest.mark.parametrize(
    ("order", "get_rank"),
    [
        (ComplaintOrder.OLDEST, lambda each: each.requested_at.timestamp()),
        (ComplaintOrder.LAST_CHANGED, lambda each: -each.updated_at.timestamp()),
        (ComplaintOrder.MOST_SUPPORTED, lambda each: -each.supporters),
    ],
)
async def test_complaints_come_in_the_chosen_order(
    connector: Open311Complaints, order: ComplaintOrder, get_rank: Callable[[CrmComplaint], float]
) -> None:
    found = await find(connector, build_search("sampah", order))
    known = {str(each.id): get_rank(each) for each in list_public() if contains(each, "sampah")}
    assert {each.id for each in found.complaints} == known.keys()
    assert [known[each.id] for each in found.complaints] == sorted(known.values())


async def test_a_filter_narrows_a_search(connector: Open311Complaints) -> None:
    region, states = RegionCode("31.71"), (ComplaintStatus.RESOLVED,)
    found = await find(connector, build_search("jl.", regions=(region,), statuses=states))
    known = [
        str(each.id)
        for each in list_public()
        if each.place and contains(each, "jl.") and each.kelurahan.code.startswith("31.71.") and each.state == "SELESAI"
    ]
    assert [each.id for each in found.complaints] == known


async def test_a_category_that_the_server_cannot_read_has_no_complaints_and_hides_no_others(
    crm: RunningAgency, connector: Open311Complaints
) -> None:
    assert (await find(connector, build_search(category_codes=("3.17e15",)))).complaints == ()
    assert crm.count_calls() == {SEARCHES: 1}
    only = await find(connector, build_search(category_codes=("1202",)))
    assert {each.category_code for each in only.complaints} == {"1202"}
    assert await find(connector, build_search(category_codes=("sampah", "1202"))) == only


async def test_a_word_of_a_private_complaint_finds_nothing(connector: Open311Complaints) -> None:
    private = next(each for each in build_complaint_data(build_population()).complaints if not each.public)
    assert (await find(connector, build_search(private.number))).complaints == ()


def build_rows(count: int) -> list[dict[str, object]]:
    return [
        row(number, NOW - timedelta(hours=number), visibility="PUBLIC", support_count=number)
        | {"description": f"Lubang nomor {number}", "updated_datetime": NOW.isoformat()}
        for number in range(1, count + 1)
    ]


class SearchServer:
    """Answers each page of the rows, whatever is asked for."""

    def __init__(self, rows: Sequence[dict[str, object]]) -> None:
        self.rows = rows
        self.forms: list[dict[str, list[str]]] = []

    def answer(self, asked: ReceivedRequest) -> bytes:
        form = parse_qs(asked.body.decode())
        self.forms.append(form)
        page, size = int(form["page"][0]), int(form["page_size"][0])
        return reply(200, orjson.dumps(self.rows[(page - 1) * size : page * size]))


async def test_the_text_is_in_the_form_and_not_in_the_url() -> None:
    server = SearchServer(build_rows(2))
    async with serve_bytes(scripted(server.answer)) as served, connect(served.url) as connector:
        await find(connector, build_search("Lubang nomor", ComplaintOrder.MOST_SUPPORTED))
    assert [(each.method, each.target) for each in served.asked] == [("POST", "/requests/search.json")]
    assert {name: server.forms[0][name] for name in ("q", "sort", "page", "page_size")} == {
        "q": ["Lubang nomor"],
        "sort": ["-supporters"],
        "page": ["1"],
        "page_size": ["500"],
    }


async def test_a_server_that_ignores_the_text_discloses_nothing_else() -> None:
    rows = [*build_rows(3), row(9, NOW, visibility="PRIVATE") | {"description": "Lubang nomor 2"}]
    async with serve_bytes(scripted(SearchServer(rows).answer)) as served, connect(served.url) as connector:
        found = await find(connector, build_search("nomor 2"))
    assert [each.id for each in found.complaints] == ["2"]


async def test_a_server_that_ignores_the_order_is_refused_if_its_list_is_cut() -> None:
    server = SearchServer(build_rows(30))
    async with serve_bytes(scripted(server.answer)) as served, connect(served.url, page_size=5) as connector:
        assert isinstance(await answer(connector, build_search("", ComplaintOrder.MOST_SUPPORTED)), AgencyMalformed)
        found = await find(connector, build_search(""))
    assert (len(found.complaints), found.is_cut) == (20, True)
    async with serve_bytes(scripted(server.answer)) as served, connect(served.url) as connector:
        whole = await find(connector, build_search("", ComplaintOrder.MOST_SUPPORTED))
    assert [each.support_count for each in whole.complaints] == list(range(30, 0, -1))


async def test_a_search_has_at_most_500_complaints() -> None:
    server = SearchServer(build_rows(600))
    async with serve_bytes(scripted(server.answer)) as served, connect(served.url) as connector:
        found = await find(connector, build_search("lubang"))
    assert (len(found.complaints), found.is_cut) == (MAX_RESULTS, True)
    assert len(server.forms) == 2
