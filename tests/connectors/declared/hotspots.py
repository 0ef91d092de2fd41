"""A domain that no agency has: points with public Wi-Fi."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

from connectors.declared.connector import DeclaredConnector, build_declared_connector
from connectors.declared.driver_families import DRIVER_FAMILIES
from connectors.declared.driver_family import DriverParts
from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.long_work import LongWork
from connectors.resilience.agency_terms import AgencyTerms, BreakerEntry
from connectors.resilience.gate import Gate
from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.failures import AgencyFailure
from records.identifiers import RegionCode
from records.record import record
from records.regions import Coordinates
from settings.city.folder import DEFAULT_CITY
from tests.connectors.declared.tables import parse_tables
from tests.connectors.drivers.byte_server import ByteServer, Script, serve_bytes

GAMBIR, SENEN = RegionCode("31.71.01.1001"), RegionCode("31.71.04.1002")


@record
class Hotspot:
    id: str
    name: str
    region_code: RegionCode | None
    coordinates: Coordinates | None
    capacity: int | None = None


@record
class HotspotQuery:
    search: str = ""


class Hotspots(Protocol):
    """Points with public Wi-Fi."""

    async def hotspots(self, ids: Sequence[str], call: Call) -> Answers[str, Hotspot]:
        """Points by identifier."""

    async def hotspots_in(self, codes: Sequence[RegionCode], call: Call) -> Answers[RegionCode, Sequence[Hotspot]]:
        """The points of each region."""

    async def found(self, queries: Sequence[HotspotQuery], call: Call) -> Answers[HotspotQuery, Sequence[Hotspot]]:
        """Points by name."""


def open_gate() -> Gate:
    """A gate whose breaker opens at the first failure."""
    return Gate("wifi", AgencyTerms(deadline=5, max_concurrency=4, breaker=BreakerEntry(failures=1, pause=10)))


def open_driver(wire: Mapping[str, Any], gate: Gate | None = None) -> HttpDriver:
    """The driver of a table `[wire]`."""
    family = DRIVER_FAMILIES[wire["driver"]]
    table = family.wire.model_validate({"url": "http://127.0.0.1:9", **wire})
    driver = family.build_driver(table, DriverParts(gate=gate or open_gate(), work=LongWork(), city=DEFAULT_CITY))
    assert isinstance(driver, HttpDriver)
    return driver


def build(driver: HttpDriver, tables: Mapping[str, Any]) -> DeclaredConnector:
    """The connector of a manifest's tables."""
    given = {name: each for name, each in tables.items() if name != "wire"}
    return build_declared_connector(Hotspots, parse_tables(tables["wire"]["driver"], given), driver, agency="wifi")


def list_names(found: Sequence[Hotspot] | AgencyFailure) -> list[str]:
    """The names of points."""
    assert not isinstance(found, AgencyFailure)
    return [each.name for each in found]


@asynccontextmanager
async def serve(
    script: Script | bytes, tables: Mapping[str, Any], gate: Gate | None = None
) -> AsyncIterator[tuple[DeclaredConnector, ByteServer]]:
    """The connector of a manifest's tables, and the server that it calls."""
    async with serve_bytes(script) as server:
        driver = open_driver({**tables["wire"], "url": server.url}, gate)
        try:
            yield build(driver, tables), server
        finally:
            await driver.close()
