"""The connector that a manifest of an Open311 server gives."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from connectors.declared.driver_families import DRIVER_FAMILIES
from connectors.declared.driver_family import DriverParts
from connectors.declared.open311.complaints import ComplaintLinks, Open311Complaints
from connectors.declared.open311.tables import Open311Wire
from connectors.declared.tables import RecordTable
from connectors.drivers.long_work import LongWork
from connectors.resilience.agency_terms import AgencyTerms
from connectors.resilience.gate import Gate
from records.identifiers import Nik
from tests.sandbox.open311.georeport_server import JURISDICTION

PUBLIC = {"visibility": "public", "public_fields": ["description", "address", "coordinates", "photos", "events"]}


class Links:
    """The hub's record of reporters."""

    def __init__(self, links: Mapping[Nik, Sequence[str]]) -> None:
        self._links = links

    async def requests_of(self, niks: Sequence[Nik]) -> Mapping[Nik, Sequence[str]]:
        return {nik: self._links[nik] for nik in niks if nik in self._links}


def parse_wire(url: str = "http://127.0.0.1:9", **keys: Any) -> Open311Wire:  # noqa: ANN401 - TOML
    """The table `[wire]` with the least keys, and changes."""
    given = {"driver": "open311", "url": url, "jurisdiction_id": JURISDICTION, **PUBLIC, **keys}
    return Open311Wire.model_validate(given)


def parse_records(records: Mapping[str, Any]) -> Mapping[str, RecordTable]:
    """The tables `[records]`."""
    return TypeAdapter[Mapping[str, RecordTable]](Mapping[str, RecordTable]).validate_python(records)


@asynccontextmanager
async def connect_to(
    wire: Open311Wire,
    now: datetime,
    *,
    records: Mapping[str, Any] | None = None,
    links: ComplaintLinks | None = None,
    max_batch_size: int | None = None,
) -> AsyncIterator[Open311Complaints]:
    """The connector, from driver to gate, as the hub builds it; `now` is the time of the hub."""
    gate = Gate("lapor", AgencyTerms(deadline=5.0, max_concurrency=8))
    service = DRIVER_FAMILIES["open311"].build_driver(wire, DriverParts(gate=gate, work=LongWork(), city=Path()))
    try:
        yield Open311Complaints(
            service,  # type: ignore[arg-type]  # the driver of this family
            parse_records(records or {}),
            links or Links({}),
            max_batch_size=max_batch_size,
            now=lambda: now,
        )
    finally:
        await service.close()
