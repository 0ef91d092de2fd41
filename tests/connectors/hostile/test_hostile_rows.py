"""Databases whose valid rows are expensive for a connector: they are read in slices."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import pytest

from connectors.drivers.sql.driver import MAX_ROWS, SqlDriver
from records.calls.failures import AgencyFailure
from records.identifiers import Nik
from records.population import Household, Identity
from tests.connectors.city_agencies import build_dukcapil, build_jakpreneur
from tests.connectors.drivers.rows_database import RowsDatabase
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


Ask = Callable[[], Awaitable[object]]


def _prepare_owner(driver: SqlDriver) -> Ask:
    connector = build_jakpreneur(driver)

    async def ask() -> object:
        return (await connector.msmes_of(NIKS[:1], make_call()))[NIKS[0]]

    return ask


def _prepare_households(driver: SqlDriver) -> Ask:
    connector = build_dukcapil(driver)

    async def ask() -> object:
        found = await connector.households(NIKS, make_call())
        assert {type(each) for each in found.values()} == {Household}
        return found

    return ask


def _prepare_identities(driver: SqlDriver) -> Ask:
    connector = build_dukcapil(driver)

    async def ask() -> object:
        return await connector.load_facets(NIKS, frozenset({Identity}), make_call())

    return ask


@pytest.mark.parametrize(
    ("rows", "prepare", "scheme"),
    [
        ([{**UMKM, "id": each} for each in range(MAX_ROWS)], _prepare_owner, "mariadb"),
        ([person(each) for each in range(MAX_ROWS)], _prepare_households, "postgresql"),
        ([person(each) for each in range(MAX_ROWS)], _prepare_identities, "postgresql"),
    ],
    ids=["enterprises of one owner", "households", "identities"],
)
async def test_the_maximum_of_rows_and_name_lengths_does_not_stop_the_loop(
    rows: Sequence[Mapping[str, object]], prepare: Callable[[SqlDriver], Ask], scheme: str
) -> None:
    driver = RowsDatabase(rows, scheme=scheme)
    ask = prepare(driver)  # before the measurement: a hub builds its connectors at the start
    found: list[object] = []

    async def attack() -> None:
        found[:] = await asyncio.gather(ask(), ask())

    assert await longest_turn(attack) < STALL
    assert not [each for each in found if isinstance(each, AgencyFailure)]
    await driver.close()
