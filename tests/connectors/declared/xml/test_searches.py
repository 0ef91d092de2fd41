"""Searches over XML, which are those over HTTP with names of elements."""

from __future__ import annotations

from typing import Any

from connectors.declared.connector import build_declared_connector
from records.identifiers import RegionCode
from tests.connectors.declared.hotspots import open_driver
from tests.connectors.declared.http.report_agency import (
    FILTERS,
    ORDER,
    RECORD,
    ReportPosition,
    ReportQuery,
    Reports,
    build_rows,
)
from tests.connectors.declared.tables import parse_tables
from tests.connectors.drivers.byte_server import reply, serve_bytes
from tests.connectors.failures import make_call

TABLES: dict[str, Any] = {
    "reads": {
        "pages": {"path": "all.xml", "rows": "L.R", "search": "title", "filters": FILTERS, "order": ORDER},
        "reports": {"path": "all.xml", "rows": "L.R", "key": "no"},
    },
    "records": {"Report": RECORD},
    "probe": {"read": "reports", "key": "R001"},
}


async def test_the_records_of_a_document_are_selected_by_the_hub_in_pages() -> None:
    rows = ("".join(f"<{name}>{value}</{name}>" for name, value in row.items()) for row in build_rows(8))
    document = f"<L>{''.join(f'<R>{each}</R>' for each in rows)}</L>"
    async with serve_bytes(reply(200, document.encode(), Content_Type="text/xml")) as server:
        driver = open_driver({"driver": "xml", "url": server.url})
        connector = build_declared_connector(Reports, parse_tables("xml", TABLES), driver, agency="kios")
        first = ReportQuery(first=2, regions=(RegionCode("31.71"),), search="jalan")
        page = (await connector.pages([first], make_call()))[first]
        assert ([each.id for each in page.reports], page.has_more) == (["R007", "R005"], True)
        after = ReportPosition(reported_at=page.reports[1].reported_at, id="R005")
        second = ReportQuery(first=2, regions=(RegionCode("31.71"),), search="jalan", after=after)
        page = (await connector.pages([second], make_call()))[second]
        assert ([each.id for each in page.reports], page.has_more) == (["R003", "R001"], False)
        await driver.close()
