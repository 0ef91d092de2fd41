"""The families of drivers that a manifest can name: `[wire] driver`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from pydantic import TypeAdapter

from connectors.declared.ckan.reads import build_ckan_read, check_ckan_probe, ckan_rows_of
from connectors.declared.ckan.tables import CkanReadTable, CkanRowsTable, CkanWire
from connectors.declared.column_syntax import FLAT_COLUMNS, JSON_PATHS
from connectors.declared.driver_family import DriverFamily, DriverParts, Reads
from connectors.declared.http.reads import build_http_read, rows_of
from connectors.declared.http.requests import check_http_probe
from connectors.declared.http.tables import HttpReadTable, HttpRowsTable, HttpWire
from connectors.declared.service.credentials import build_service
from connectors.declared.soap.tables import SoapWire
from connectors.declared.sql.reads import build_sql_read
from connectors.declared.sql.tables import SqlReadTable, SqlWire
from connectors.declared.tables import ReadTable
from connectors.declared.xml.paths import XML_PATHS, XML_REPLIES
from connectors.declared.xml.tables import XmlWire
from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.http.service import HttpLimits
from connectors.drivers.http.xml_body import MAX_XML_BYTES, build_xml_format
from connectors.drivers.soap.service import SoapService
from connectors.drivers.sql.driver import SqlDriver

_MAX_JSON_BYTES: Final = 4 * 1024 * 1024
"""Of one decompressed reply: parsing takes 15 ms at most (`connectors/drivers/http/json_body.py`)."""


Wire = SqlWire | HttpWire | XmlWire | CkanWire | SoapWire


def parse_reads(driver: str, given: object) -> Mapping[str, ReadTable]:
    """The tables of reads for the driver. Raises pydantic's `ValidationError`, and `ValueError`."""
    reads = DRIVER_FAMILIES[driver].reads
    if reads is None:
        if given:
            raise ValueError(f"they cannot be declared over {driver}; name a connector")
        return {}
    tables: Any = Mapping[str, reads.table]  # type: ignore[name-defined] # by the driver
    return TypeAdapter[Mapping[str, ReadTable]](tables).validate_python(given)


def _build_sql_driver(wire: SqlWire, parts: DriverParts) -> SqlDriver:
    gate, url = parts.gate, wire.url.get_secret_value()
    return SqlDriver(
        gate.agency, url, deadline=gate.deadline, pool_size=gate.max_concurrency, gate=gate, work=parts.work
    )


def _build_http_driver(wire: HttpWire | CkanWire, parts: DriverParts) -> HttpDriver:
    service = build_service(wire, parts.gate.agency)
    return HttpDriver(service, _build_limits(parts, _MAX_JSON_BYTES), gate=parts.gate, work=parts.work)


def _build_xml_driver(wire: XmlWire, parts: DriverParts) -> HttpDriver:
    service = build_service(wire, parts.gate.agency, accept="application/xml, text/xml")
    limits, body_format = _build_limits(parts, MAX_XML_BYTES), build_xml_format(wire.namespaces)
    return HttpDriver(service, limits, body_format=body_format, gate=parts.gate, work=parts.work)


def _build_soap_service(wire: SoapWire, parts: DriverParts) -> SoapService:
    service = build_service(wire, parts.gate.agency, accept="text/xml")
    return SoapService(
        http=HttpDriver(service, _build_limits(parts, MAX_XML_BYTES), work=parts.work),
        user=wire.user.get_secret_value(),
        password=wire.password.get_secret_value(),
    )


def _build_limits(parts: DriverParts, max_bytes: int) -> HttpLimits:
    return HttpLimits(deadline=parts.gate.deadline, connections=parts.gate.max_concurrency, max_bytes=max_bytes)


DRIVER_FAMILIES: Final[Mapping[str, DriverFamily]] = {
    "sql": DriverFamily(
        wire=SqlWire,
        driver=SqlDriver,
        build_driver=_build_sql_driver,
        reads=Reads(table=SqlReadTable, columns=FLAT_COLUMNS, build=build_sql_read),
    ),
    "http": DriverFamily(
        wire=HttpWire,
        driver=HttpDriver,
        build_driver=_build_http_driver,
        reads=Reads(
            table=HttpReadTable,
            columns=JSON_PATHS,
            build=build_http_read,
            check_probe=check_http_probe,
            rows=HttpRowsTable,
            rows_of=rows_of,
        ),
    ),
    "xml": DriverFamily(
        wire=XmlWire,
        driver=HttpDriver,
        build_driver=_build_xml_driver,
        reads=Reads(
            table=HttpReadTable,
            columns=XML_PATHS,
            build=partial(build_http_read, replies=XML_REPLIES),
            check_probe=check_http_probe,
            rows=HttpRowsTable,
            rows_of=partial(rows_of, replies=XML_REPLIES),
        ),
    ),
    "ckan": DriverFamily(
        wire=CkanWire,
        driver=HttpDriver,
        build_driver=_build_http_driver,
        reads=Reads(
            table=CkanReadTable,
            columns=FLAT_COLUMNS,
            build=build_ckan_read,
            check_probe=check_ckan_probe,
            rows=CkanRowsTable,
            rows_of=ckan_rows_of,
        ),
    ),
    "soap": DriverFamily(wire=SoapWire, driver=SoapService, build_driver=_build_soap_service),
}
"""By the word of the driver."""
