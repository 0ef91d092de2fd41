"""Declared lists over HTTP that come in pages: each ends whole, or fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from connectors.declared.driver_family import RowSource
from connectors.declared.http.paging import find_next_link
from connectors.declared.http.reads import rows_of
from connectors.declared.http.tables import HttpRowsTable, PagingTable
from connectors.declared.tables import NotDeclarableError
from connectors.drivers.http.driver import HttpDriver
from connectors.resilience.breaker import BreakerState
from records.calls.call import Call
from records.calls.failures import AgencyFailure, AgencyMalformed, AgencyRefused, AgencyUnavailable, ReplyBudgetSpent
from records.calls.reply_budget import ReplyBudget
from tests.connectors.declared.http.booths import (
    ROW,
    SITI,
    Booth,
    BoothQuery,
    build,
    change,
    open_driver,
    open_gate,
    serve,
)
from tests.connectors.declared.tables import build_source
from tests.connectors.drivers.byte_server import ReceivedRequest, Script, reply, serve_bytes
from tests.connectors.failures import make_call

Answer = Callable[[Mapping[str, str]], object]
"""From the parameters of a request to the JSON value of the reply; None for HTTP 404."""


def script_of(answer: Answer) -> Script:
    async def script(asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        given = {name: values[0] for name, values in parse_qs(urlsplit(asked.target).query).items()}
        given |= {name: str(each) for name, each in (orjson.loads(asked.body) if asked.body else {}).items()}
        value = answer(given)
        writer.write(reply(404) if value is None else reply(200, orjson.dumps(value)))

    return script


def listed(first: int, last: int) -> list[dict[str, Any]]:
    return [ROW | {"id": number} for number in range(first, last + 1)]


def list_ids(found: Sequence[Booth] | AgencyFailure) -> list[str]:
    assert not isinstance(found, AgencyFailure)
    return [each.id for each in found]


ALL = listed(1, 5)
PAGED: dict[str, tuple[dict[str, Any], dict[str, Any], Answer, int]] = {
    "offset, until an empty page": (
        {"by": "offset", "size": 2},
        {"query": {"skip": "{offset}", "take": "{size}"}},
        lambda given: {"data": ALL[int(given["skip"]) :][: int(given["take"])]},
        4,
    ),
    "offset, of a server with smaller pages": (
        {"by": "offset", "size": 100},
        {"query": {"skip": "{offset}", "take": "{size}"}},
        lambda given: {"data": ALL[int(given["skip"]) :][:3]},
        3,
    ),
    "offset, with the total": (
        {"by": "offset", "size": 2, "total": "meta.total"},
        {"query": {"skip": "{offset}", "take": "{size}"}},
        lambda given: {"data": ALL[int(given["skip"]) :][:2], "meta": {"total": "5"}},
        3,
    ),
    "offset, in a JSON body": (
        {"by": "offset", "size": 3, "total": "total"},
        {"body": {"skip": "{offset}", "take": "{size}"}},
        lambda given: {"data": ALL[int(given["skip"]) :][: int(given["take"])], "total": 5},
        2,
    ),
    "page, from 1": (
        {"by": "page"},
        {"query": {"page": "{page}"}},
        lambda given: {"data": ALL[int(given["page"]) * 2 - 2 :][:2]},
        4,
    ),
    "page, from 0, in the path": (
        {"by": "page", "first": 0, "more": "more"},
        {"path": "v1/booths/pages/{page}", "query": {"n": "{page}"}},
        lambda given: {"data": ALL[int(given["n"]) * 3 :][:3], "more": given["n"] == "0"},
        2,
    ),
    "page, with 404 after the last": (
        {"by": "page"},
        {"query": {"page": "{page}"}},
        lambda given: {"data": ALL} if given["page"] == "1" else None,
        2,
    ),
    "cursor, which the first request has not": (
        {"by": "cursor", "at": "meta.cursor"},
        {"query": {"cursor": "{cursor}", "all": "1"}},
        lambda given: (
            {"data": ALL[:2], "meta": {"cursor": "a+b/1"}}
            if "cursor" not in given
            else {"data": ALL[2:], "meta": {"cursor": None}}
            if given["cursor"] == "a+b/1"
            else None
        ),
        2,
    ),
    "cursor, in a JSON body, with a flag": (
        {"by": "cursor", "at": "cursor", "more": "has_more", "total": "total"},
        {"body": {"cursor": "{cursor}"}},
        lambda given: {"data": ALL[int(given.get("cursor", 0)) :][:3], "cursor": 3, "has_more": not given, "total": 5},
        2,
    ),
    "next": (
        {"by": "next", "at": "links.next"},
        {"query": {"page": "1"}},
        lambda given: (
            {"data": ALL[:3], "links": {"next": "?page=2"}} if given["page"] == "1" else {"data": ALL[3:], "links": {}}
        ),
        2,
    ),
}


@pytest.mark.parametrize("case", PAGED)
async def test_a_list_is_read_to_its_last_page(case: str) -> None:
    paging, call, answer, calls = PAGED[case]
    tables = change("found", rows="data", paging=paging, **call)
    async with serve(script_of(answer), tables=tables) as (connector, server):
        answers = await connector.found([BoothQuery()], make_call())
    assert list_ids(answers[BoothQuery()]) == ["1", "2", "3", "4", "5"]
    assert len(server.asked) == calls


async def test_each_key_has_its_own_pages() -> None:
    def answer(given: Mapping[str, str]) -> object:
        return {"data": ALL[int(given["skip"]) :][:3], "total": 5} if given["nik"] == SITI else {"data": [], "total": 0}

    paging = {"by": "offset", "total": "total"}
    tables = change("booths_of", form=None, body={"nik": "{key}", "skip": "{offset}"}, rows="data", paging=paging)
    async with serve(script_of(answer), tables=tables) as (connector, server):
        answers = await connector.booths_of([SITI], make_call())
    assert list_ids(answers[SITI]) == ["1", "2", "3", "4", "5"]
    assert [orjson.loads(each.body)["skip"] for each in server.asked] == [0, 3]


FAILING: dict[str, tuple[dict[str, Any], Answer, str]] = {
    "fewer rows than the total": (
        {"by": "offset", "total": "total"},
        lambda given: {"data": ALL[int(given["at"]) :], "total": 6},
        "not readable as a list of 6 rows: the pages hold 5",
    ),
    "more rows than the total": (
        {"by": "offset", "total": "total"},
        lambda _: {"data": ALL, "total": 4},
        "not readable as a list of 4 rows: the pages hold 5",
    ),
    "no total": (
        {"by": "offset", "total": "total"},
        lambda _: {"data": ALL},
        "not readable as a list with its total",
    ),
    "a total that is no number": (
        {"by": "offset", "total": "total"},
        lambda _: {"data": ALL, "total": "many"},
        "not readable as a whole number",
    ),
    "the same page again": (
        {"by": "offset"},
        lambda _: {"data": ALL},
        "not readable as a new page: the agency sent the same rows again",
    ),
    "a flag that is no flag": (
        {"by": "offset", "more": "more"},
        lambda _: {"data": ALL, "more": "perhaps"},
        "not readable as true or false",
    ),
    "an empty page before the last": (
        {"by": "offset", "more": "more"},
        lambda _: {"data": [], "more": True},
        "not readable as a page with rows: more follow",
    ),
    "a page that was announced and does not exist": (
        {"by": "offset", "more": "more"},
        lambda given: {"data": ALL, "more": True} if given["at"] == "0" else None,
        "not readable as a page that the one before announced",
    ),
    "more rows than allowed": (
        {"by": "offset"},
        lambda given: {"data": listed(int(given["at"]), int(given["at"]) + 2)},
        "a list of more than 10 rows on its pages",
    ),
    "a page with more rows than allowed": (
        {"by": "offset"},
        lambda _: {"data": listed(1, 11)},
        "not readable as a list of objects of at most 10 rows",
    ),
    "the same cursor again": (
        {"by": "cursor", "at": "cursor"},
        lambda given: {"data": listed(len(given), len(given)), "cursor": "x"},
        "not readable as a new page: the agency sent the same link or cursor again",
    ),
    "a missing cursor": (
        {"by": "cursor", "at": "cursor", "more": "more"},
        lambda _: {"data": ALL, "more": 1},
        "not readable as a link or cursor to the pages that follow",
    ),
    "a cursor that is no text": (
        {"by": "cursor", "at": "cursor"},
        lambda _: {"data": ALL, "cursor": {"a": 1}},
        "not readable as a link or cursor",
    ),
    "a link to another host": (
        {"by": "next", "at": "next"},
        lambda _: {"data": ALL, "next": "http://127.0.0.1:1/v1/booths?page=2"},
        "not readable as a link to a page at the same origin",
    ),
    "a link of another scheme": (
        {"by": "next", "at": "next"},
        lambda _: {"data": ALL, "next": "file:///etc/passwd"},
        "not readable as a link to a page at the same origin",
    ),
}


@pytest.mark.parametrize("case", FAILING)
async def test_a_list_that_is_not_whole_is_malformed(case: str) -> None:
    paging, answer, detail = FAILING[case]
    query = {"at": "{offset}"} if paging["by"] == "offset" else {"at": "{cursor}"} if paging["by"] == "cursor" else {}
    tables = change("found", rows="data", paging=paging, query=query, max_rows=10)
    async with serve(script_of(answer), tables=tables) as (connector, _):
        with pytest.raises(AgencyMalformed) as caught:
            await connector.found([BoothQuery()], make_call())
    assert caught.value.detail == detail


async def test_the_bytes_of_all_pages_count_together() -> None:
    tables = change("found", rows="data", paging={"by": "offset"}, query={"at": "{offset}"})
    call = Call(deadline=make_call().deadline, request_id="1", reply_budget=ReplyBudget(100_000))
    async with serve(
        script_of(lambda given: {"data": listed(int(given["at"]), int(given["at"]) + 49)}), tables=tables
    ) as (connector, server):
        with pytest.raises(ReplyBudgetSpent):
            await connector.found([BoothQuery()], call)
    assert 1 < len(server.asked) < 10


async def test_a_failing_page_fails_the_list_and_a_first_page_can_be_missing() -> None:
    async def script(asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(200, orjson.dumps({"data": ALL})) if asked.target.endswith("=0") else reply(503))

    tables = change("found", rows="data", paging={"by": "offset"}, query={"at": "{offset}"})
    async with serve(script, tables=tables) as (connector, _):
        with pytest.raises(AgencyUnavailable):
            await connector.found([BoothQuery()], make_call())
    async with serve(script_of(lambda _: None), tables=tables) as (connector, _):
        with pytest.raises(AgencyRefused):
            await connector.found([BoothQuery()], make_call())
    tables = change(
        "permits_of", path="v1/permits", query={"booth": "{key}", "at": "{offset}"}, paging={"by": "offset"}
    )
    async with serve(script_of(lambda _: None), tables=tables) as (connector, _):
        assert await connector.permits_of(["7"], make_call()) == {}


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a page that is not sent": (
        change("found", paging={"by": "page"}),
        "reads.found.paging: all pages would be the same: send {page}",
    ),
    "a placeholder of another way": (
        change("found", paging={"by": "page"}, query={"p": "{page}", "o": "{offset}"}),
        "reads.found.query.o: the key has no part 'offset'; write one of {search}, {size}, {page}",
    ),
    "a path with two dots": (
        change("found", paging={"by": "next", "at": "links..next"}),
        "reads.found.paging.at: 'links..next' is not a path: write names with dots, such as address.street",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_paging_that_does_not_fit_is_refused_with_its_place_and_the_fix(case: str) -> None:
    tables, message = REFUSED[case]
    with pytest.raises(NotDeclarableError) as refused:
        build(open_driver(), tables)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"by": "cursor"}, "at: name the path to the cursor in the reply"),
        ({"by": "page", "at": "next"}, 'at: it is for by = "cursor" and by = "next"; remove this line'),
    ],
)
def test_a_cursor_needs_its_path(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PagingTable.model_validate(given)


LINKS: dict[str, str | None] = {
    "": None,
    '<http://x/?page=2>; rel="next"': "http://x/?page=2",
    "<?page=2>;rel=next": "?page=2",
    '<?page=1>; rel="prev", <?page=3>; rel="next", <?page=9>; rel="last"': "?page=3",
    '<?page=3>; title="a, b"; rel="last NEXT"': "?page=3",
    '<?a=1,2&page=3>; rel="next"; type="text/html"': "?a=1,2&page=3",
    '<?page=9>; rel="last"': None,
    '<?page=9>; title="rel=next"; rel="last"': None,
    "?page=2; rel=next": None,
    "<" * 2000: None,
}


@pytest.mark.parametrize("header", LINKS)
def test_the_link_to_the_next_page_is_found_in_the_header(header: str) -> None:
    assert find_next_link(header) == LINKS[header]


async def test_links_in_the_header_are_followed() -> None:
    async def script(asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        is_first = asked.target.endswith("page=1")
        body = orjson.dumps({"data": ALL[:3] if is_first else ALL[3:]})
        writer.write(
            reply(200, body, Link='<?page=2>; rel="next", <?page=2>; rel="last"' if is_first else "<?page=1>; rel=prev")
        )

    tables = change("found", rows="data", query={"page": "1"}, paging={"by": "next"})
    async with serve(script, tables=tables) as (connector, server):
        answers = await connector.found([BoothQuery()], make_call())
    assert list_ids(answers[BoothQuery()]) == ["1", "2", "3", "4", "5"]
    assert [each.target for each in server.asked] == ["/v1/booths?page=1", "/v1/booths?page=2"]


class TestWholeLists:
    """`rows_of`, for snapshots."""

    async def test_gives_the_rows_page_by_page(self) -> None:
        _, call, answer, _ = PAGED["offset, with the total"]
        paging = PAGED["offset, with the total"][0]
        assert await read_all(answer, {"rows": "data", "paging": paging, **call}) == [ALL[:2], ALL[2:4], ALL[4:]]

    async def test_a_list_without_pages_is_one_batch(self) -> None:
        assert await read_all(lambda _: {"data": ALL}, {"rows": "data"}) == [ALL]

    async def test_more_rows_than_a_read_may_have_are_given(self) -> None:
        batches = await read_all(lambda _: [{"id": each} for each in range(9302)], {})
        assert [len(each) for each in batches] == [9302]

    async def test_a_page_that_fails_ends_the_list(self) -> None:
        gate = open_gate()
        async with serve_bytes(script_of(lambda given: {"data": ALL} if given["at"] == "0" else {})) as server:
            http = open_driver(server.url, gate)
            table = HttpRowsTable(path="v1", rows="data", query={"at": "{offset}"}, paging=PagingTable(by="offset"))
            pages = read_whole(http, table)(make_call())
            assert await anext(pages) == tuple(ALL)
            with pytest.raises(AgencyMalformed):
                await anext(pages)
            await http.close()
        assert gate.breaker_state == BreakerState.OPEN

    def test_a_key_cannot_be_in_the_request(self) -> None:
        with pytest.raises(NotDeclarableError) as refused:
            read_whole(open_driver(), HttpRowsTable(path="v1/{key}"))
        assert str(refused.value).startswith("snapshots.booths.rows.path: the key has no part 'key'")


def read_whole(http: HttpDriver, table: HttpRowsTable) -> RowSource:
    return rows_of(build_source("http", http), "snapshots.booths.rows", table, frozenset())


async def read_all(answer: Answer, table: dict[str, Any]) -> list[Sequence[Mapping[str, Any]]]:
    """The batches of a list."""
    async with serve_bytes(script_of(answer)) as server:
        http = open_driver(server.url)
        try:
            pages = read_whole(http, HttpRowsTable(**{"path": "v1/booths", **table}))
            return [list(page) async for page in pages(make_call())]
        finally:
            await http.close()
