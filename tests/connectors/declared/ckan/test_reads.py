"""Declared reads of an open data portal (CKAN)."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from connectors.declared.ckan.reads import ckan_rows_of
from connectors.declared.ckan.tables import CkanRowsTable
from connectors.declared.tables import NotDeclarableError
from connectors.resilience.breaker import BreakerState
from records.calls.failures import AgencyFailure, AgencyMalformed, AgencyRefused
from records.identifiers import RegionCode
from records.regions import Coordinates
from tests.connectors.declared.ckan.portal import Portal
from tests.connectors.declared.hotspots import (
    GAMBIR,
    SENEN,
    Hotspot,
    HotspotQuery,
    build,
    open_driver,
    open_gate,
    serve,
)
from tests.connectors.declared.tables import build_source
from tests.connectors.drivers.byte_server import reply, serve_bytes
from tests.connectors.failures import make_call

RESOURCE = "5f1c9a2e-0d3b-4c5e-9a37-1b2c3d4e5f60"
TABLES: dict[str, Any] = {
    "wire": {"driver": "ckan"},
    "reads": {
        "hotspots": {"resource": RESOURCE, "key": "No. Titik", "key_type": "number"},
        "hotspots_in": {"resource": RESOURCE, "key": "kode_kelurahan"},
        "found": {"resource": RESOURCE, "search": "name"},
    },
    "records": {
        "Hotspot": {
            "id": "No. Titik",
            "name": "nama_lokasi",
            "region_code": "kode_kelurahan",
            "coordinates": {"from": ["lat", "lon"]},
            "capacity": "kapasitas",
        }
    },
    "probe": {"read": "hotspots", "key": "1"},
}
POINT = {"lat": "-6.17", "lon": "106.82"}


def row(number: int, code: str = GAMBIR, **more: object) -> dict[str, Any]:
    return {
        "_id": number,
        "No. Titik": number,
        "nama_lokasi": f"RPTRA {number}",
        "kode_kelurahan": code,
        **POINT,
        "kapasitas": "50",
        **more,
    }


def hotspot(number: int, code: RegionCode = GAMBIR) -> Hotspot:
    return Hotspot(
        id=str(number),
        name=f"RPTRA {number}",
        region_code=code,
        coordinates=Coordinates(latitude=-6.17, longitude=106.82),
        capacity=50,
    )


def change(read: str, **changes: object) -> dict[str, Any]:
    return TABLES | {"reads": TABLES["reads"] | {read: TABLES["reads"][read] | changes}}


class TestCkanReads:
    async def test_a_call_filters_by_all_keys_and_asks_for_the_columns_that_are_used(self) -> None:
        portal = Portal(RESOURCE, [row(1), row(2), row(3)])
        async with serve(portal.answer, TABLES) as (connector, _):
            answers = await connector.hotspots(["1", "3", "4", "x"], make_call())
        assert answers == {"1": hotspot(1), "3": hotspot(3)}
        assert portal.calls == [
            {
                "resource_id": RESOURCE,
                "filters": {"No. Titik": [1, 3, 4]},
                "fields": ["No. Titik", "_id", "kapasitas", "kode_kelurahan", "lat", "lon", "nama_lokasi"],
                "limit": 1000,
                "offset": 0,
                "sort": "_id",
            }
        ]

    async def test_rows_are_grouped_by_key_over_all_pages(self) -> None:
        portal = Portal(RESOURCE, [row(1), row(2, SENEN), row(3), row(4, "31.71.01.1003"), row(5)], rows_max=2)
        async with serve(portal.answer, TABLES) as (connector, _):
            answers = await connector.hotspots_in([GAMBIR, SENEN], make_call())
        assert answers == {GAMBIR: (hotspot(1), hotspot(3), hotspot(5)), SENEN: (hotspot(2, SENEN),)}
        assert [each["offset"] for each in portal.calls] == [0, 2]

    async def test_filters_of_the_manifest_hold_for_every_call(self) -> None:
        portal = Portal(RESOURCE, [row(1), row(2, lat="0"), row(3)])
        tables = change("hotspots_in", where={"_id": [1, 2], "lat": "-6.17"})
        async with serve(portal.answer, tables) as (connector, _):
            answers = await connector.hotspots_in([GAMBIR], make_call())
        assert answers == {GAMBIR: (hotspot(1),)}
        assert portal.calls[0]["filters"] == {"_id": [1, 2], "lat": "-6.17", "kode_kelurahan": [GAMBIR]}

    async def test_a_search_reads_the_whole_resource(self) -> None:
        portal = Portal(RESOURCE, [row(number) for number in range(1, 13)])
        async with serve(portal.answer, change("found", size=5)) as (connector, _):
            answers = await connector.found([HotspotQuery(search="rptra 1"), HotspotQuery(search="x")], make_call())
        assert answers == {
            HotspotQuery(search="rptra 1"): (hotspot(1), hotspot(10), hotspot(11), hotspot(12)),
            HotspotQuery(search="x"): (),
        }
        assert [(each["offset"], each["limit"]) for each in portal.calls] == [(0, 5), (5, 5), (10, 5)]

    async def test_a_resource_with_too_many_rows_is_malformed(self) -> None:
        portal = Portal(RESOURCE, [row(number) for number in range(1, 1202)])
        async with serve(portal.answer, TABLES) as (connector, _):
            with pytest.raises(AgencyMalformed) as caught:
                await connector.found([HotspotQuery()], make_call())
        assert caught.value.detail == "a list of more than 1000 rows on its pages"

    async def test_rows_of_another_key_are_refused_inside_the_gate(self) -> None:
        result = {"records": [row(1), row(2)], "total": 2}
        gate = open_gate()
        async with serve(reply(200, orjson.dumps({"success": True, "result": result})), TABLES, gate) as (connector, _):
            with pytest.raises(AgencyMalformed):
                await connector.hotspots(["1"], make_call())
        assert (gate.counts.mismatches, gate.breaker_state) == (1, BreakerState.OPEN)

    async def test_a_row_that_cannot_be_read_fails_for_its_key(self) -> None:
        portal = Portal(RESOURCE, [row(1), row(2, kapasitas="banyak")])
        async with serve(portal.answer, TABLES) as (connector, _):
            answers = await connector.hotspots(["1", "2"], make_call())
        assert answers["1"] == hotspot(1)
        assert answers["2"].detail == "not readable as a whole number (Hotspot.capacity)"


class TestCkanFailures:
    async def test_a_resource_that_does_not_exist_is_a_refusal(self) -> None:
        gate = open_gate()
        async with serve(Portal(RESOURCE, [row(1)]).answer, change("hotspots", resource="nope"), gate) as (
            connector,
            _,
        ):
            with pytest.raises(AgencyRefused) as caught:
                await connector.hotspots(["1"], make_call())
        assert (caught.value.detail, gate.breaker_state) == ("HTTP 404", BreakerState.CLOSED)

    async def test_a_column_that_vanished_is_malformed(self) -> None:
        gate = open_gate()
        rows = [{name: each for name, each in row(1).items() if name != "kapasitas"}]
        async with serve(Portal(RESOURCE, rows).answer, TABLES, gate) as (connector, _):
            with pytest.raises(AgencyMalformed) as caught:
                await connector.hotspots(["1"], make_call())
        assert (caught.value.detail, gate.breaker_state) == ("HTTP 409", BreakerState.OPEN)

    @pytest.mark.parametrize(
        ("status", "body", "expected", "detail"),
        [
            (
                200,
                {"success": False, "error": {"__type": "Authorization Error"}},
                AgencyMalformed,
                "the answer has no success",
            ),
            (
                200,
                {"success": True, "result": {"records": [row(1)]}},
                AgencyMalformed,
                "not readable as a list with its total",
            ),
            (
                200,
                {"success": True, "result": {"records": [], "total": 1}},
                AgencyMalformed,
                "not readable as a list of 1 rows: the pages hold 0",
            ),
            (
                200,
                {"success": True, "result": {"records": None, "total": 0}},
                AgencyMalformed,
                "not readable as a list of objects",
            ),
            (403, {"success": False}, AgencyRefused, "HTTP 403"),
            (400, {"success": False}, AgencyMalformed, "HTTP 400"),
        ],
    )
    async def test_a_reply_that_is_no_answer_fails(
        self, status: int, body: object, expected: type[AgencyFailure], detail: str
    ) -> None:
        async with serve(reply(status, orjson.dumps(body)), TABLES) as (connector, _):
            with pytest.raises(expected) as caught:
                await connector.hotspots(["1"], make_call())
        assert caught.value.detail == detail

    async def test_a_column_that_a_row_lacks_is_named(self) -> None:
        rows = [{name: each for name, each in row(1).items() if name != "kapasitas"}]
        body = {"success": True, "result": {"records": rows, "total": 1}}
        async with serve(reply(200, orjson.dumps(body)), TABLES) as (connector, _):
            answers = await connector.hotspots(["1"], make_call())
        assert answers["1"].detail == "not readable as Hotspot.capacity: the reply has no column 'kapasitas'"


async def test_a_whole_resource_is_given_page_by_page() -> None:
    portal = Portal(RESOURCE, [row(number) for number in range(1, 9303)], rows_max=4000)
    async with serve_bytes(portal.answer) as server:
        driver = open_driver({"driver": "ckan", "url": server.url})
        table = CkanRowsTable(resource=RESOURCE, size=5000, where={"kode_kelurahan": (GAMBIR, SENEN)})
        pages = [
            len(each)
            async for each in ckan_rows_of(build_source("ckan", driver), "rows", table, frozenset({"lat"}))(make_call())
        ]
        await driver.close()
    assert pages == [4000, 4000, 1302]
    assert [(each["offset"], each["limit"], each["fields"]) for each in portal.calls] == [
        (0, 5000, ["_id", "lat"]),
        (4000, 5000, ["_id", "lat"]),
        (8000, 5000, ["_id", "lat"]),
    ]


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        (
            change("hotspots", search="name"),
            "reads.hotspots: name the column of the key in `key`, or the field of a `search`",
        ),
        (change("found", search=None), "reads.found: name the column of the key in `key`, or the field of a `search`"),
        (
            change("found", search=None, key="x"),
            'reads.found.key: name a column of each part: { search = "column" }',
        ),
        (change("found", search="capacity"), "reads.found.search: the record Hotspot has no text 'capacity'"),
        (
            TABLES | {"probe": {"read": "hotspots", "key": "x"}},
            "probe.key: the read hotspots would not send it; see its key_pattern",
        ),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused_with_its_place(tables: dict[str, Any], message: str) -> None:
    with pytest.raises(NotDeclarableError) as refused:
        build(open_driver({"driver": "ckan"}), tables)
    assert str(refused.value) == message
