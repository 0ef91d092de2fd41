"""What a manifest cannot declare of snapshots: each is refused at the start, with its place and the fix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import pytest
from pydantic import ValidationError

from connectors.declared.connector import build_declared_connector
from connectors.declared.domain_reads import list_reads
from connectors.declared.driver_families import DRIVER_FAMILIES, parse_snapshots
from connectors.declared.driver_family import DriverParts, HubValues
from connectors.declared.files.tables import FilesWire
from connectors.declared.snapshot.protection import CopyProtection
from connectors.declared.tables import NotDeclarableError
from connectors.drivers.files.driver import FilesDriver
from connectors.drivers.long_work import LongWork
from records.calls.answers import Answers
from records.calls.call import Call
from records.identifiers import Nik, RegionCode
from records.record import record
from tests.connectors.declared.snapshot.enterprises import build_protection
from tests.connectors.declared.snapshot.points import (
    ROWS,
    TABLES,
    HotSpots,
    build_gate,
    build_points,
    change_rows,
    change_snapshot,
    parse_tables,
)


def change_read(name: str, **keys: Any) -> Mapping[str, Any]:  # noqa: ANN401 - keys of a table
    """The tables with another read."""
    return {**TABLES, "reads": {**TABLES["reads"], name: {"snapshot": "points", **keys}}}


SNAPSHOT = TABLES["snapshots"]["points"]
WITH_KEY = {**TABLES["records"]["HotSpot"], "name": "{key}"}
LISTS = {"near": "coordinates", "search": "name"}
WRONG: Sequence[tuple[Mapping[str, Any], str]] = [
    (change_read("hot_spots"), 'reads.hot_spots: name the field that equals the key: key = "id"'),
    (change_read("hot_spots", key="nomor"), "reads.hot_spots: the answer would not depend on 'key'"),
    (change_read("hot_spots", key="users"), "reads.hot_spots: 'key' has another type than the field 'users'"),
    (change_read("hot_spots", key={"code": "id"}), "reads.hot_spots.key: the key has no part 'code'; it has key"),
    (change_read("hot_spots", key="id", search="name"), "reads.hot_spots.search: the domain's key has no part"),
    (
        change_read("hot_spot_lists", near="coordinates"),
        "reads.hot_spot_lists: the answer would not depend on 'search': declare search",
    ),
    (
        change_read("hot_spot_lists", **{**LISTS, "search": "coordinates"}),
        "snapshots.points: the record HotSpot has no text or number 'coordinates'",
    ),
    (
        change_read("hot_spot_lists", **{**LISTS, "near": "address"}),
        "snapshots.points: the record HotSpot has no point on the map 'address'",
    ),
    (
        {**TABLES, "snapshots": {"areas": SNAPSHOT}},
        "reads.hot_spots.snapshot: no snapshot has this name; declared: areas",
    ),
    (
        {**TABLES, "snapshots": {"points": SNAPSHOT, "areas": SNAPSHOT}},
        "snapshots.areas: no read is answered from it; remove the table",
    ),
    (change_snapshot(id="nomor"), "snapshots.points: the record HotSpot has no text or number 'nomor'"),
    (change_rows(header=["id", "nama"]), "snapshots.points.rows.header: it does not name the column 'alamat'"),
    (change_rows(columns={"id": [1, 4]}), "snapshots.points.rows.columns: it does not name the column 'alamat'"),
    (change_rows(file="wifi.csv", date_format="%Y"), "snapshots.points.rows.date_format: the name has no {date}"),
    (
        {**TABLES, "records": {"HotSpot": WITH_KEY}},
        "snapshots.points: HotSpot takes {key}, but rows of a snapshot belong to no key",
    ),
]


@pytest.mark.parametrize(("given", "problem"), WRONG, ids=[problem[:60] for _, problem in WRONG])
def test_a_snapshot_that_cannot_answer_its_reads_is_refused(
    tmp_path: Path, given: Mapping[str, Any], problem: str
) -> None:
    with pytest.raises(NotDeclarableError) as refused:
        build_points(tmp_path, given)
    assert str(refused.value).startswith(problem)


def test_without_a_folder_no_snapshot_starts(tmp_path: Path) -> None:
    driver = FilesDriver(tmp_path, None, gate=build_gate())
    with pytest.raises(NotDeclarableError, match="nowhere to keep it: set SIMPUL_SNAPSHOT_FOLDER"):
        build_declared_connector(HotSpots, parse_tables(), driver, agency="wifi")


@record
class SnapshotResident:
    id: str
    owner: Nik
    name: str
    region_code: RegionCode


@record
class ResidentQuery:
    search: str = ""
    owner: Nik | None = None


class ResidentLists(Protocol):
    async def resident_lists(
        self, queries: Sequence[ResidentQuery], call: Call
    ) -> Answers[ResidentQuery, Sequence[SnapshotResident]]:
        """Residents by text."""


class ResidentsIn(Protocol):
    async def residents_in(
        self, regions: Sequence[RegionCode], call: Call
    ) -> Answers[RegionCode, Sequence[SnapshotResident]]:
        """Residents by region."""


class ResidentsOf(Protocol):
    async def residents_of(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Sequence[SnapshotResident]]:
        """Residents by person."""


PEOPLE = {"max_age": "1 d", "remove_after": "3 d", "rows": {"file": "warga.csv"}}
FOREVER = {"max_age": "1 d", "rows": {"file": "warga.csv"}}
SEALED = "SnapshotResident is personal, so its copy is sealed and found by one key only"


@pytest.mark.parametrize(
    ("domain", "read", "snapshot", "problem"),
    [
        (
            ResidentLists,
            {"search": "name"},
            PEOPLE,
            f"reads.resident_lists.search: {SEALED}: remove the line; let the agency search",
        ),
        (
            ResidentLists,
            {"near": "place"},
            PEOPLE,
            f"reads.resident_lists.near: {SEALED}: remove the line; let the agency search",
        ),
        (
            ResidentLists,
            {},
            PEOPLE,
            f"reads.resident_lists: {SEALED}, and this read takes a query: declare a read that asks the agency",
        ),
        (
            ResidentsIn,
            {"key": "region_code"},
            PEOPLE,
            f"reads.residents_in: {SEALED}, not by the regions around it: declare a read that asks the agency",
        ),
        (
            ResidentsOf,
            {"key": "owner"},
            FOREVER,
            (
                "snapshots.people: SnapshotResident is personal: say when its copy must be gone, as in"
                ' remove_after = "7 d"'
            ),
        ),
    ],
)
def test_what_a_sealed_copy_cannot_do_is_refused(
    tmp_path: Path, domain: type[Any], read: Mapping[str, Any], snapshot: Mapping[str, Any], problem: str
) -> None:
    with pytest.raises(NotDeclarableError) as refused:
        build_people(tmp_path, domain, read, snapshot, build_protection())
    assert str(refused.value) == problem


def test_personal_data_is_not_copied_where_there_is_no_key_to_seal_it(tmp_path: Path) -> None:
    with pytest.raises(NotDeclarableError, match="is personal, and there is no key to seal it here"):
        build_people(tmp_path, ResidentsOf, {"key": "owner"}, PEOPLE, None)


@pytest.mark.parametrize("remove_after", ["12 h", "93 d"])
def test_data_is_removed_after_it_is_overdue_and_within_a_quarter(remove_after: str) -> None:
    with pytest.raises(ValidationError, match="write a duration between max_age and 92 d"):
        parse_snapshots("files", {"people": {**PEOPLE, "remove_after": remove_after}})


def build_people(
    folder: Path,
    domain: type[Any],
    read: Mapping[str, Any],
    snapshot: Mapping[str, Any],
    protection: CopyProtection | None,
) -> None:
    """Build a connector of residents from a file."""
    [name] = list_reads(domain)
    given = {
        "snapshots": {"people": snapshot},
        "reads": {name: {"snapshot": "people", **read}},
        "records": {"SnapshotResident": {"id": "id", "owner": "nik", "name": "nama", "region_code": "kode"}},
    }
    hub = HubValues(snapshot_folder=folder, copy_protection=protection)
    driver = FilesDriver(folder, None, gate=build_gate())
    build_declared_connector(domain, parse_tables("files", given), driver, agency="x", hub=hub)


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ({"file": "../etc/passwd"}, "write the name of a file, without a folder"),
        ({"file": "wifi_{date}_{date}.csv"}, "write the name of a file, without a folder"),
        ({"file": "wifi_{tanggal}.csv"}, "write the name of a file, without a folder"),
        ({**ROWS, "encoding": "utf-9"}, "not an encoding: write utf-8, latin-1 or windows-1252"),
        ({**ROWS, "encoding": "base64"}, "not an encoding: write utf-8, latin-1 or windows-1252"),
        ({**ROWS, "date_format": "%Q"}, "not the format of a date"),
        ({**ROWS, "delimiter": ";;"}, "String should match pattern"),
        ({**ROWS, "header": False}, "header: name the columns in their order"),
        ({**ROWS, "columns": {}}, "columns: name at least one"),
        ({**ROWS, "columns": {"id": [8, 1]}}, "columns: the first position of a column lies after its last"),
        ({**ROWS, "checksum": "crc32"}, "Input should be 'sha256' or 'md5'"),
        ({**ROWS, "trailer": {"marker": "T"}}, "say what it holds: count, or sum"),
        ({**ROWS, "trailer": {"marker": "T", "count": [1, 3]}}, "trailer: write its places as the number of a field"),
        ({**ROWS, "folder": "/etc"}, "Extra inputs are not permitted"),
    ],
)
def test_rows_that_no_file_can_have_are_refused(rows: Mapping[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError) as refused:
        parse_snapshots("files", {"points": {"max_age": "2 d", "rows": rows}})
    [found] = refused.value.errors(include_input=False, include_url=False)
    assert found["msg"].removeprefix("Value error, ").startswith(problem)


@pytest.mark.parametrize(
    ("wire", "problem"),
    [
        ({"url": "file://srv/drops"}, "name the folder from the root: file:///srv/drops/wifi"),
        ({"url": "file:///srv/../etc"}, "name the folder from the root: file:///srv/drops/wifi"),
        ({"url": "file:///srv/drops", "credential": {"headers": {"X-Key": "k"}}}, "a folder takes no credential"),
        ({"url": "http://169.254.169.254/drops"}, "internal address"),
        ({"url": "ftp://drops.example"}, "is not an HTTP address"),
    ],
)
def test_an_address_that_is_not_safe_is_refused(wire: Mapping[str, Any], problem: str) -> None:
    table = FilesWire.model_validate({"driver": "files", **wire})
    with pytest.raises(ValueError, match=problem):
        DRIVER_FAMILIES["files"].build_driver(table, DriverParts(gate=build_gate(), work=LongWork(), city=Path()))
