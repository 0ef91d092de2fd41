"""A real file of the city's open data, and a file behind an HTTP address."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from connectors.declared.connector import build_declared_connector
from connectors.declared.driver_families import DRIVER_FAMILIES
from connectors.declared.driver_family import DriverParts, HubValues
from connectors.declared.files.tables import FilesWire
from connectors.declared.snapshot.process import Build
from connectors.drivers.files.driver import FilesDriver
from connectors.drivers.long_work import LongWork
from records.calls.answers import Answers
from records.calls.call import Call
from records.record import record
from tests.connectors.declared.snapshot.points import (
    HEADER,
    MONAS,
    POINTS,
    HotSpots,
    Loading,
    build_gate,
    change_rows,
    parse_tables,
)
from tests.connectors.drivers.byte_server import ReceivedRequest, reply, serve_bytes
from tests.connectors.failures import make_call

POPULATION = Path(__file__).parents[4] / "data" / "population_per_kelurahan_2024.csv"


@record
class VillagePopulation:
    city: str
    district: str
    village: str
    year: int
    people: int


@record
class VillageQuery:
    search: str = ""
    city: str | None = None
    first: int = 10
    after: str | None = None


class Villages(Protocol):
    async def villages(
        self, queries: Sequence[VillageQuery], call: Call
    ) -> Answers[VillageQuery, Sequence[VillagePopulation]]:
        """Villages by name."""


VILLAGES = {
    "snapshots": {
        "villages": {
            "max_age": "730 d",
            "min_rows": 267,
            "id": ["city", "district", "village"],
            "rows": {"file": POPULATION.name},
        }
    },
    "reads": {"villages": {"snapshot": "villages", "search": ["village", "district"]}},
    "records": {
        "VillagePopulation": {
            "city": "city",
            "district": {"from": "district", "read": "ordinary_case"},
            "village": {"from": "subdistrict", "read": "ordinary_case"},
            "year": "year",
            "people": "population",
        }
    },
}


async def test_the_population_of_all_kelurahan_is_loaded_with_its_byte_order_mark(
    tmp_path: Path, build_in_process: Build
) -> None:
    file = Path(shutil.copy(POPULATION, tmp_path))
    os.utime(file, (time.time() - 3600,) * 2)
    driver = FilesDriver(tmp_path, None, gate=build_gate())
    connector = build_declared_connector(
        Villages, parse_tables("files", VILLAGES), driver, agency="bps", hub=HubValues(snapshot_folder=tmp_path / "s")
    )
    loading = Loading(connector, build_in_process)
    assert await loading.load() == ""
    assert loading.snapshot.open_current().facts.rows == 267
    grogol, west = VillageQuery(search="grogol"), VillageQuery(city="Jakarta Barat", first=3)
    page = VillageQuery(city="Jakarta Barat", first=3, after='["Jakarta Barat", "Cengkareng", "Cengkareng Timur"]')
    found = await connector.villages([grogol, west, page], make_call())
    names = {query: [each.village for each in villages] for query, villages in found.items()}
    assert (
        VillagePopulation(
            city="Jakarta Barat", district="Cengkareng", village="Cengkareng Barat", year=2024, people=82755
        )
        in found[west]
    )
    assert "Grogol" in names[grogol]
    assert names[west] == ["Cengkareng Barat", "Cengkareng Timur", "Duri Kosambi"]
    assert names[page] == ["Duri Kosambi", "Kapuk", "Kedaung Kali Angke"]
    loading.snapshot.close()


class FileServer:
    """Files by their address."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.modified = "Sun, 01 Nov 2026 03:00:00 GMT"

    async def answer(self, asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        found = self.files.get(asked.target)
        writer.write(reply(404) if found is None else reply(200, found, Last_Modified=self.modified))


def build_remote(url: str, folder: Path, given: Mapping[str, Any]) -> Loading:
    wire = FilesWire.model_validate({"driver": "files", "url": url, "credential": {"headers": {"X-Key": "k"}}})
    parts = DriverParts(gate=build_gate(), work=LongWork(), city=folder)
    driver = DRIVER_FAMILIES["files"].build_driver(wire, parts)
    hub = HubValues(snapshot_folder=folder)
    return Loading(build_declared_connector(HotSpots, parse_tables("files", given), driver, agency="wifi", hub=hub))


async def test_a_file_behind_an_address_is_loaded_with_its_checksum_and_its_date(tmp_path: Path) -> None:
    server = FileServer()
    async with serve_bytes(server.answer) as running:
        loading = build_remote(f"{running.url}/drops", tmp_path, change_rows(file="wifi.csv", checksum="sha256"))
        assert await loading.load() == "HTTP 404 for the file wifi.csv"
        server.files["/drops/wifi.csv"] = POINTS.encode()
        assert await loading.load() == "HTTP 404 for the file wifi.csv.sha256"
        digest = hashlib.sha256(POINTS.encode()).hexdigest()
        server.files["/drops/wifi.csv.sha256"] = f"{digest}  wifi.csv\n".encode()
        assert await loading.load() == ""
        assert running.asked[-1].headers["x-key"] == "k"
        facts = loading.snapshot.open_current().facts
        assert (facts.rows, facts.as_of.isoformat()) == (3, "2026-11-01T03:00:00+00:00")
        assert await loading.load() == ""
        assert loading.published == ["wifi"]  # it did not change
        server.files["/drops/wifi.csv"] = (HEADER + MONAS).encode()
        assert await loading.load() == "wifi.csv: the sha256 checksum does not match, so the file is damaged or cut"
        assert sorted(await loading.connector.hot_spots(["1", "2"], make_call())) == ["1", "2"]
    loading.snapshot.close()
