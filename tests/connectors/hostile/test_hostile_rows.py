"""Databases whose valid rows are expensive for a connector: they are read in slices."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from connectors.drivers.sql.driver import MAX_ROWS, SqlDriver
from connectors.population import PopulationRegister
from records.calls.failures import AgencyFailure
from records.identifiers import Nik
from records.population import Household, Identity
from tests.connectors.city_agencies import build_jakpreneur
from tests.connectors.failures import make_call
from tests.connectors.hostile.loop_probe import STALL, longest_turn

NIKS = tuple(Nik(f"31710101019{each:05}") for each in range(MAX_ROWS))
LONG = "A/" * 249
UMKM: Mapping[str, object] = {
    "id": 0, "nik": NIKS[0], "nib": None, "nama_usaha": LONG, "kbli": None, "kode_kec": None, "tahap": None,
    "grade": None, "omzet_bulanan": None, "tgl_daftar": None, "telp": None, "alamat": LONG,
}  # fmt: skip


def person(place: int) -> dict[str, object]:
    return {
        "nik": NIKS[place],
        "no_kk": f"31710101019{place // 5 + 1:05}",
        "nama_lgkp": LONG[:400],
        "jenis_klmin": "P",
        "tmpt_lhr": LONG,
        "tgl_lhr": "1990-01-01",
        "stat_hbkel": "KEPALA KELUARGA" if place % 5 == 0 else "ANAK",
        "nik_kepala": None,
    }


class RowsDatabase(SqlDriver):
    """A database that answers every statement with the same rows."""

    def __init__(self, rows: Sequence[Mapping[str, object]], path: Path) -> None:
        super().__init__("dukcapil", f"sqlite:///{path}", deadline=10, pool_size=1)
        self._answer = rows

    async def rows(self, *_: Any, **__: Any) -> Sequence[Mapping[str, object]]:  # noqa: ANN401 - whatever is asked
        return self._answer


async def _owner(driver: SqlDriver) -> object:
    return (await build_jakpreneur(driver).msmes_of(NIKS[:1], make_call()))[NIKS[0]]


async def _households(driver: SqlDriver) -> object:
    found = await PopulationRegister(driver).households(NIKS, make_call())
    assert {type(each) for each in found.values()} == {Household}
    return found


async def _identities(driver: SqlDriver) -> object:
    return await PopulationRegister(driver).load_facets(NIKS, frozenset({Identity}), make_call())


@pytest.mark.parametrize(
    ("rows", "ask"),
    [
        ([{**UMKM, "id": each} for each in range(MAX_ROWS)], _owner),
        ([person(each) for each in range(MAX_ROWS)], _households),
        ([person(each) for each in range(MAX_ROWS)], _identities),
    ],
    ids=["enterprises of one owner", "households", "identities"],
)
async def test_the_maximum_of_rows_and_name_lengths_does_not_stop_the_loop(
    rows: Sequence[Mapping[str, object]], ask: Callable[[SqlDriver], Any], tmp_path: Path
) -> None:
    path = tmp_path / "none.db"
    with closing(sqlite3.connect(path)):
        driver = RowsDatabase(rows, path)
    found: list[object] = []

    async def attack() -> None:
        found[:] = await asyncio.gather(ask(driver), ask(driver))

    assert await longest_turn(attack) < STALL
    assert not [each for each in found if isinstance(each, AgencyFailure)]
    await driver.close()
