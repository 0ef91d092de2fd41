"""Searches of an open data portal: values of columns are sent as filters, and the hub selects by the rest."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from connectors.declared.connector import DeclaredConnector, build_declared_connector
from connectors.declared.tables import NotDeclarableError
from connectors.drivers.http.driver import HttpDriver
from records.identifiers import RegionCode
from tests.connectors.declared.ckan.portal import Portal
from tests.connectors.declared.hotspots import open_driver
from tests.connectors.declared.http.report_agency import (
    FILTERS,
    ORDER,
    RECORD,
    START,
    ReportPage,
    ReportPosition,
    ReportQuery,
    Reports,
    State,
    build_rows,
)
from tests.connectors.declared.tables import parse_tables
from tests.connectors.drivers.byte_server import serve_bytes
from tests.connectors.failures import make_call

SEARCH: dict[str, Any] = {"resource": "r1", "size": 4, "search": "title", "filters": FILTERS, "order": ORDER}


def build(driver: HttpDriver, **changes: object) -> DeclaredConnector:
    tables = {
        "reads": {"pages": SEARCH | changes, "reports": {"resource": "r1", "key": "no"}},
        "records": {"Report": RECORD},
        "probe": {"read": "reports", "key": "R001"},
    }
    return build_declared_connector(Reports, parse_tables("ckan", tables), driver, agency="kios")


@asynccontextmanager
async def connect(**changes: object) -> AsyncIterator[tuple[DeclaredConnector, Portal]]:
    portal = Portal("r1", [{"_id": number, **each} for number, each in enumerate(reversed(build_rows(10)), start=1)])
    async with serve_bytes(portal.answer) as server:
        driver = open_driver({"driver": "ckan", "url": server.url})
        try:
            yield build(driver, **changes), portal
        finally:
            await driver.close()


async def ask(connector: DeclaredConnector, query: ReportQuery) -> ReportPage:
    page = (await connector.pages([query], make_call()))[query]
    assert isinstance(page, ReportPage), page
    return page


async def test_values_are_filters_of_the_portal_and_pages_are_sorted_there() -> None:
    async with connect() as (connector, portal):
        page = await ask(connector, ReportQuery(first=2, states=(State.NEW,), titles=("Jalan 1", "Jalan 3", "Jalan 4")))
        assert ([each.id for each in page.reports], page.has_more, page.total) == (["R004", "R003"], True, 3)
        assert portal.calls == [
            {
                "resource_id": "r1",
                "limit": 4,
                "offset": 0,
                "sort": "at desc, no desc",
                "filters": {"state": ["B", "P"], "title": ["Jalan 1", "Jalan 3", "Jalan 4"]},
                "fields": ["area", "at", "lat", "lng", "no", "state", "title"],
            }
        ]


async def test_regions_moments_and_texts_are_selected_by_the_hub() -> None:
    async with connect() as (connector, portal):
        query = ReportQuery(
            first=5, regions=(RegionCode("31.74"),), reported_from=START + timedelta(hours=2), search="jalan"
        )
        page = await ask(connector, query)
        assert ([each.id for each in page.reports], page.total) == (["R008", "R006", "R004"], None)
        assert [each["filters"] for each in portal.calls] == [{}, {}, {}]


@pytest.mark.parametrize("sorts", [True, False])
async def test_a_page_begins_after_a_record(*, sorts: bool) -> None:
    async with connect(sorts=sorts) as (connector, portal):
        after = ReportPosition(reported_at=START + timedelta(hours=2), id="R005")
        page = await ask(connector, ReportQuery(first=2, after=after))
        assert [each.id for each in page.reports] == ["R004", "R003"]
        assert {each["sort"] for each in portal.calls} == {"at desc, no desc" if sorts else "_id"}


def test_a_filter_by_a_column_with_a_fixed_value_is_refused() -> None:
    where: Mapping[str, str] = {"state": "B"}
    with pytest.raises(NotDeclarableError) as refused:
        build(open_driver({"driver": "ckan"}), where=where)
    assert str(refused.value) == "reads.pages.where.state: callers select by this column; remove it here, or there"
