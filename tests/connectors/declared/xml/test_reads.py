"""Declared reads over HTTP with XML: what is made of elements, attributes, lists and namespaces."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest

from connectors.declared.http.reads import rows_of
from connectors.declared.http.tables import HttpRowsTable, PagingTable
from connectors.declared.tables import NotDeclarableError
from connectors.declared.xml.paths import XML_REPLIES
from connectors.resilience.breaker import BreakerState
from records.calls.failures import AgencyFailure, AgencyMalformed, AgencyRefused
from records.identifiers import RegionCode
from records.regions import Coordinates
from tests.connectors.declared.hotspots import (
    GAMBIR,
    SENEN,
    Hotspot,
    HotspotQuery,
    build,
    list_names,
    open_driver,
    open_gate,
    serve,
)
from tests.connectors.declared.tables import build_source
from tests.connectors.drivers.byte_server import ReceivedRequest, reply, serve_bytes
from tests.connectors.failures import make_call

TABLES: dict[str, Any] = {
    "wire": {"driver": "xml", "namespaces": {"geo": "http://www.w3.org/2003/01/geo/wgs84_pos#"}},
    "reads": {
        "hotspots": {"path": "v1/points/{key}.xml", "rows": "point", "key": "@id", "key_type": "number"},
        "hotspots_in": {
            "path": "v1/regions.xml",
            "query": {"code": "{keys}"},
            "key_pattern": "[0-9.]+",
            "rows": "regions.region[].points.point",
            "key": "^.@code",
            "id": "@id",
        },
        "found": {"path": "v1/points.xml", "rows": "points.point", "search": "name", "id": "@id"},
    },
    "records": {
        "Hotspot": {
            "id": "@id",
            "name": "name",
            "region_code": "place.region",
            "coordinates": {"from": ["geo:lat", "geo:long"]},
            "capacity": "limits.limit[@of=users].#text",
        }
    },
    "probe": {"read": "hotspots", "key": "1"},
}
GEO = 'xmlns:g="http://www.w3.org/2003/01/geo/wgs84_pos#"'


def point(number: int, code: str = GAMBIR, *, more: str = "") -> str:
    return (
        f'<point id="{number}"><name lang="id">RPTRA {number}</name><place><region>{code}</region></place>'
        f"<g:lat>-6.17</g:lat><g:long>106.82</g:long>"
        f'<limits><limit of="mbit">20</limit><limit of="users">50</limit></limits>{more}</point>'
    )


def document(inner: str, root: str = "points") -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?><!-- {root} --><{root} {GEO} xmlns="http://wifi.example">{inner}</{root}>'.encode()


def regions(**points: str) -> bytes:
    inner = "".join(f'<region code="{code}"><points>{each}</points></region>' for code, each in points.items())
    return document(inner, "regions")


def hotspot(number: int, code: RegionCode = GAMBIR) -> Hotspot:
    return Hotspot(
        id=str(number),
        name=f"RPTRA {number}",
        region_code=code,
        coordinates=Coordinates(latitude=-6.17, longitude=106.82),
        capacity=50,
    )


class TestXmlReads:
    async def test_one_record_is_the_root(self) -> None:
        body = point(7).replace("<point ", f"<point {GEO} ").encode()
        async with serve(reply(200, body), TABLES) as (connector, server):
            assert await connector.hotspots(["7"], make_call()) == {"7": hotspot(7)}
        [asked] = server.asked
        assert (asked.target, asked.headers["accept"]) == ("/v1/points/7.xml", "application/xml, text/xml")

    @pytest.mark.parametrize("count", [0, 1, 2])
    async def test_a_list_has_any_number_of_elements(self, count: int) -> None:
        body = document("".join(point(number) for number in range(count)))
        async with serve(reply(200, body), TABLES) as (connector, _):
            answers = await connector.found([HotspotQuery()], make_call())
        assert answers == {HotspotQuery(): tuple(hotspot(number) for number in range(count))}

    async def test_rows_within_rows_take_the_key_of_the_outer_element(self) -> None:
        body = regions(**{GAMBIR: point(1) + point(2), SENEN: point(3, SENEN), "31.71.01.1003": ""})
        async with serve(reply(200, body), TABLES) as (connector, server):
            answers = await connector.hotspots_in([GAMBIR, SENEN, "31.71.01.1003"], make_call())
        assert answers == {GAMBIR: (hotspot(1), hotspot(2)), SENEN: (hotspot(3, SENEN),)}
        assert server.asked[0].target == f"/v1/regions.xml?code={GAMBIR},{SENEN},31.71.01.1003"

    async def test_a_missing_element_and_an_empty_one_have_no_value(self) -> None:
        body = document(
            f'<point id="1"><name>RPTRA</name><place/><limits/></point><point {GEO} id="2"><name>x</name></point>'
        )
        async with serve(reply(200, body), TABLES) as (connector, _):
            found = (await connector.found([HotspotQuery()], make_call()))[HotspotQuery()]
        assert found == (
            Hotspot(id="1", name="RPTRA", region_code=None, coordinates=None),
            Hotspot(id="2", name="x", region_code=None, coordinates=None),
        )

    async def test_a_latin_1_document_and_escaped_texts_are_read(self) -> None:
        body = '<points><point id="1"><name>Kébon &amp; <![CDATA[<Kopi>]]></name></point></points>'.encode("latin-1")
        async with serve(reply(200, body), TABLES) as (connector, _):
            answers = await connector.found([HotspotQuery()], make_call())
            assert list_names(answers[HotspotQuery()]) == ["Kébon & <Kopi>"]

    async def test_an_entry_of_repeated_elements_is_chosen_by_number(self) -> None:
        tables = TABLES | {"records": {"Hotspot": {**TABLES["records"]["Hotspot"], "name": "name.0"}}}
        for names in ("<name>a</name>", '<name lang="id">a</name><name>b</name>'):
            body = document(f'<point id="1">{names}</point>')
            async with serve(reply(200, body), tables) as (connector, _):
                answers = await connector.found([HotspotQuery()], make_call())
            assert list_names(answers[HotspotQuery()]) == ["a"]

    async def test_pages_are_followed(self) -> None:
        async def script(asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
            number = int(asked.target[-1])
            link = f"<next href='?page={number + 1}'/>" if number < 3 else ""
            writer.write(reply(200, document(point(number) + link)))

        paging = {"by": "next", "at": "points.next.@href"}
        reads = TABLES["reads"] | {"found": {**TABLES["reads"]["found"], "query": {"page": "1"}, "paging": paging}}
        async with serve(script, TABLES | {"reads": reads}) as (connector, _):
            answers = await connector.found([HotspotQuery()], make_call())
        assert answers[HotspotQuery()] == (hotspot(1), hotspot(2), hotspot(3))

    async def test_a_result_code_decides_before_the_rows(self) -> None:
        trouble = {"code": "points.status", "success": "OK", "refused": "DENIED"}
        body = document("<status at='now'>DENIED</status>")
        async with serve(reply(200, body), TABLES | {"trouble": trouble}) as (connector, _):
            with pytest.raises(AgencyRefused):
                await connector.found([HotspotQuery()], make_call())


UNREADABLE: dict[str, tuple[str, str]] = {
    "a repeated element": ("<name>a</name><name>b</name>", "not readable as a text (Hotspot.name)"),
    "an element with elements": ("<name><a/></name>", "not readable as a text (Hotspot.name)"),
    "no name": ("", "not readable as a text (Hotspot.name)"),
    "two entries of one kind": (
        '<name>a</name><limits><limit of="users">1</limit><limit of="users">2</limit></limits>',
        "not readable as a list with one such entry (Hotspot.capacity)",
    ),
    "a step into a repeated element": (
        "<name>a</name><place><region>31</region></place><place/>",
        "not readable as one element (Hotspot.region_code)",
    ),
}


class TestXmlFailures:
    @pytest.mark.parametrize("case", UNREADABLE)
    async def test_a_row_that_cannot_be_read_names_its_field(self, case: str) -> None:
        inner, detail = UNREADABLE[case]
        gate = open_gate()
        async with serve(reply(200, document(f'<point id="1">{inner}</point>')), TABLES, gate) as (connector, _):
            with pytest.raises(AgencyMalformed) as caught:
                await connector.found([HotspotQuery()], make_call())
        assert (caught.value.detail, gate.breaker_state) == (detail, BreakerState.CLOSED)

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{}",
            b"<html><body>Under maintenance</body></html>",
            b"<points><point id='1'>",
            b"<!DOCTYPE points [<!ENTITY x 'y'>]><points/>",
            b"<points>" + b"<point/>" * 1001 + b"</points>",
            b"<points>" + b"<a><b/></a>" * 20_000 + b"</points>",
        ],
        ids=["empty", "JSON", "another root", "cut", "a type definition", "1,001 rows", "40,000 elements"],
    )
    async def test_a_reply_without_the_list_is_malformed_and_counts_at_the_breaker(self, body: bytes) -> None:
        gate = open_gate()
        async with serve(reply(200, body), TABLES, gate) as (connector, _):
            with pytest.raises(AgencyMalformed):
                await connector.found([HotspotQuery()], make_call())
        assert gate.breaker_state is BreakerState.OPEN

    async def test_a_row_of_another_key_is_malformed(self) -> None:
        body = point(8).replace("<point ", f"<point {GEO} ").encode()
        async with serve(reply(200, body), TABLES) as (connector, _):
            answer = (await connector.hotspots(["7"], make_call()))["7"]
        assert isinstance(answer, AgencyFailure)
        assert answer.detail == "a row for a key that was not requested"


async def test_all_rows_are_given_page_by_page() -> None:
    async def script(asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        at = int(asked.target.rpartition("=")[2])
        writer.write(reply(200, document("".join(point(number) for number in range(at, min(at + 2, 5))))))

    async with serve_bytes(script) as server:
        driver = open_driver({"driver": "xml", "url": server.url})
        source = build_source("xml", driver)
        rows = partial(rows_of, replies=XML_REPLIES)
        table = HttpRowsTable(path="v1", query={"at": "{offset}"}, rows="points.point", paging=PagingTable(by="offset"))
        pages = [[each["@id"] for each in page] async for page in rows(source, "rows", table, frozenset())(make_call())]
        await driver.close()
    assert pages == [["0", "1"], ["2", "3"], ["4"], []]


def test_a_path_with_an_open_bracket_is_refused_with_its_place() -> None:
    tables = TABLES | {"records": {"Hotspot": {**TABLES["records"]["Hotspot"], "name": "name[lang=id"}}}
    with pytest.raises(NotDeclarableError) as refused:
        build(open_driver({"driver": "xml"}), tables)
    assert str(refused.value).startswith("records.Hotspot.name: 'name[lang=id' is not a path")
