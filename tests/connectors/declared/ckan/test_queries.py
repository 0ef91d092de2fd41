"""Reads of an open data portal whose key has parts: each part is a filter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import pytest

from connectors.declared.connector import build_declared_connector
from connectors.declared.tables import NotDeclarableError
from records.calls.answers import Answers
from records.calls.call import Call
from records.record import record
from tests.connectors.declared.ckan.portal import Portal
from tests.connectors.declared.hotspots import open_driver
from tests.connectors.declared.tables import parse_tables
from tests.connectors.drivers.byte_server import serve_bytes
from tests.connectors.failures import make_call


@record
class HotspotCountQuery:
    region: str
    year: int


@record
class HotspotCount:
    region: str
    count: int


class HotspotCounts(Protocol):
    """A domain that no agency has."""

    async def latest(self, regions: Sequence[str], call: Call) -> Answers[str, HotspotCount]:
        """The number of points in a region."""

    async def counts(
        self, queries: Sequence[HotspotCountQuery], call: Call
    ) -> Answers[HotspotCountQuery, HotspotCount]:
        """The number of points in a region, by year."""


TABLES: dict[str, Any] = {
    "reads": {
        "latest": {"resource": "r1", "where": {"tahun": 2026}, "key": "wilayah"},
        "counts": {"resource": "r1", "key": {"region": "wilayah", "year": "tahun"}},
    },
    "records": {"HotspotCount": {"region": "wilayah", "count": "jumlah"}},
    "probe": {"read": "latest", "key": "31"},
}


async def test_each_query_is_a_call_with_a_filter_for_each_part() -> None:
    rows = [{"_id": year, "wilayah": "31.71", "tahun": year, "jumlah": str(year - 2000)} for year in (2024, 2025)]
    portal = Portal("r1", rows)
    first, second = HotspotCountQuery(region="31.71", year=2025), HotspotCountQuery(region="31.72", year=2025)
    async with serve_bytes(portal.answer) as server:
        driver = open_driver({"driver": "ckan", "url": server.url})
        connector = build_declared_connector(HotspotCounts, parse_tables("ckan", TABLES), driver, agency="wifi")
        answers = await connector.counts([first, second], make_call())
        await driver.close()
    assert answers == {first: HotspotCount(region="31.71", count=25)}
    assert sorted((each["filters"] for each in portal.calls), key=str) == [  # they run at the same time
        {"wilayah": "31.71", "tahun": 2025},
        {"wilayah": "31.72", "tahun": 2025},
    ]
    assert portal.calls[0]["fields"] == ["jumlah", "tahun", "wilayah"]


@pytest.mark.parametrize(
    "key",
    ["wilayah", {"region": "wilayah"}, {"region": "wilayah", "year": "tahun", "month": "bulan"}],
)
def test_a_key_that_does_not_fit_is_refused_with_its_place(key: object) -> None:
    tables = TABLES | {"reads": TABLES["reads"] | {"counts": {"resource": "r1", "key": key}}}
    with pytest.raises(NotDeclarableError) as refused:
        build_declared_connector(
            HotspotCounts, parse_tables("ckan", tables), open_driver({"driver": "ckan"}), agency="w"
        )
    assert str(refused.value) == (
        'reads.counts.key: name a column of each part: { region = "column", year = "column" }'
    )
