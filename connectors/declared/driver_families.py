"""The families of drivers that a manifest can name: `[wire] driver`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import TypeAdapter

from connectors.declared.column_syntax import FLAT_COLUMNS, JSON_PATHS
from connectors.declared.driver_family import Driver, DriverFamily, DriverParts, Reads
from connectors.declared.http.reads import build_http_read, rows_of
from connectors.declared.http.requests import check_http_probe
from connectors.declared.http.tables import HttpReadTable, HttpRowsTable, HttpWire
from connectors.declared.service.credentials import build_service
from connectors.declared.soap.reads import build_soap_read
from connectors.declared.soap.requests import check_soap_probe
from connectors.declared.soap.tables import SoapReadTable, SoapWire
from connectors.declared.soap.wire import build_soap_driver
from connectors.declared.sql.reads import build_sql_read
from connectors.declared.sql.tables import SqlReadTable, SqlWire
from connectors.declared.tables import ReadTable
from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.http.service import HttpLimits
from connectors.drivers.http.xml_body import MAX_XML_BYTES
from connectors.drivers.soap.driver import SoapDriver
from connectors.drivers.sql.driver import SqlDriver

_MAX_JSON_BYTES: Final = 4 * 1024 * 1024
"""Of one decompressed reply: parsing takes 15 ms at most (`connectors/drivers/http/json_body.py`)."""


Wire = SqlWire | HttpWire | SoapWire


def find_family(driver: Driver) -> DriverFamily:
    """The family of a driver."""
    return next(each for each in DRIVER_FAMILIES.values() if isinstance(driver, each.driver))


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


def _build_http_driver(wire: HttpWire, parts: DriverParts) -> HttpDriver:
    service = build_service(wire, parts.gate.agency)
    return HttpDriver(service, _build_limits(parts, _MAX_JSON_BYTES), gate=parts.gate, work=parts.work)


def _build_soap_driver(wire: SoapWire, parts: DriverParts) -> SoapDriver:
    accept = "text/xml" if wire.version == "1.1" else "application/soap+xml, text/xml"
    service = build_service(wire, parts.gate.agency, accept=accept)
    return build_soap_driver(wire, HttpDriver(service, _build_limits(parts, MAX_XML_BYTES), work=parts.work), parts)


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
    "soap": DriverFamily(
        wire=SoapWire,
        driver=SoapDriver,
        build_driver=_build_soap_driver,
        reads=Reads(
            table=SoapReadTable,
            columns=JSON_PATHS,
            build=build_soap_read,
            check_probe=check_soap_probe,
        ),
    ),
}
"""By the word of the driver."""
