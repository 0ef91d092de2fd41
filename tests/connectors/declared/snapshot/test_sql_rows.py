"""Snapshots of a database: its rows, page by page."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from connectors.declared.connector import DeclaredConnector, build_declared_connector
from connectors.declared.driver_family import HubValues
from connectors.declared.snapshot.process import BuildProcesses
from connectors.declared.tables import NotDeclarableError
from connectors.drivers.sql.driver import SqlDriver
from records.identifiers import RegionCode
from tests.connectors.declared.snapshot.points import TABLES, HotSpots, Loading, build_gate, parse_tables
from tests.connectors.failures import make_call

STATEMENT = "SELECT t.id, t.nama, t.alamat, t.kode, t.lat, t.lon, t.kapasitas FROM titik t WHERE t.aktif = 1"
POINT = ("Titik", None, "31.71.01.1001", -6.2, 106.8, 5, 1)


def write_points(path: Path, rows: Mapping[Any, tuple[Any, ...]], kind: str = "INTEGER PRIMARY KEY") -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("DROP TABLE IF EXISTS titik")
        columns = f"id {kind}, nama TEXT, alamat TEXT, kode TEXT, lat REAL, lon REAL, kapasitas INTEGER, aktif INTEGER"
        database.execute(f"CREATE TABLE titik ({columns})")
        database.executemany(
            "INSERT INTO titik VALUES (?, ?, ?, ?, ?, ?, ?, ?)", [(id_, *row) for id_, row in rows.items()]
        )


def build_points(folder: Path, statement: str = STATEMENT, **rows: Any) -> DeclaredConnector:  # noqa: ANN401 - values of a table
    driver = SqlDriver("wifi", f"sqlite:///{folder / 'wifi.sqlite3'}", deadline=5, pool_size=1, gate=build_gate())
    snapshot = {"every": "1 h", "max_age": "2 d", "rows": {"statement": statement, **rows}}
    tables = parse_tables("sql", {**TABLES, "snapshots": {"points": snapshot}})
    return build_declared_connector(
        HotSpots, tables, driver, agency="wifi", hub=HubValues(snapshot_folder=folder / "snapshots")
    )


async def test_all_pages_of_a_statement_are_loaded(tmp_path: Path) -> None:
    write_points(tmp_path / "wifi.sqlite3", {3 * number: POINT for number in range(2_500)} | {1: (*POINT[:-1], 0)})
    loading = Loading(build_points(tmp_path))
    assert await loading.load() == ""
    assert loading.snapshot.open_current().facts.rows == 2_500
    assert sorted(await loading.connector.hot_spots(["1", "0", "7497", "7500"], make_call())) == ["0", "7497"]
    [found] = (await loading.connector.hot_spots_in([RegionCode("31.71")], make_call())).values()
    assert not isinstance(found, Exception)
    assert len(found) == 2_500
    loading.snapshot.close()


async def test_a_source_that_does_not_answer_costs_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    processes = BuildProcesses()
    loading = Loading(build_points(tmp_path), processes.build)
    started: list[str] = []
    with monkeypatch.context() as patched:
        patched.setattr(asyncio, "create_subprocess_exec", lambda program, *_, **__: started.append(program))
        problem = await loading.load()
    assert (problem != "", started) == (True, [])
    write_points(tmp_path / "wifi.sqlite3", {1: POINT, 2: POINT})
    assert await loading.load() == ""
    assert loading.snapshot.open_current().facts.rows == 2
    loading.snapshot.close()
    await processes.__aexit__()


async def test_pages_also_begin_after_texts(tmp_path: Path) -> None:
    write_points(tmp_path / "wifi.sqlite3", {f"W{number}": POINT for number in range(1_500)}, "TEXT PRIMARY KEY")
    loading = Loading(build_points(tmp_path))
    assert await loading.load() == ""
    assert loading.snapshot.open_current().facts.rows == 1_500
    loading.snapshot.close()


async def test_a_row_that_cannot_be_read_is_named_by_its_number(tmp_path: Path) -> None:
    write_points(tmp_path / "wifi.sqlite3", {1: POINT, 2: ("Titik", None, "rahasia", 0.0, 0.0, 5, 1)})
    assert await Loading(build_points(tmp_path)).load() == (
        "snapshots.points.rows, row 2: column 'kode': not readable as a Kemendagri region code (HotSpot.region_code)"
    )


async def test_a_column_that_does_not_tell_rows_apart_ends_the_load(tmp_path: Path) -> None:
    write_points(tmp_path / "wifi.sqlite3", dict.fromkeys(range(1_500), POINT))
    assert await Loading(build_points(tmp_path, id="kapasitas")).load() == (
        "the column 'kapasitas' does not tell rows apart, so there are no pages"
    )


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        (STATEMENT.replace("t.kapasitas ", "t.kap "), "the statement does not select the column 'kapasitas'"),
        (f"{STATEMENT} AND t.id IN :keys", "the statement uses ['keys']; write none"),
        (f"{STATEMENT} LIMIT 5", "the hub writes the limit"),
        ("DELETE FROM titik", "the statement is not allowed: it is no SELECT"),
    ],
)
def test_a_statement_that_cannot_be_paged_is_refused(tmp_path: Path, statement: str, problem: str) -> None:
    with pytest.raises(NotDeclarableError) as refused:
        build_points(tmp_path, statement)
    assert str(refused.value).startswith(f"snapshots.points.rows.statement: {problem}")
