"""The reference tables of regions, and the ambiguous code 3171."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from connectors.regions import RegionTables
from records.calls.call import Call
from records.identifiers import RegionCode
from records.regions import CodeSystem, Region, RegionLevel, RegionQuery, SystemCode

DATA = Path(__file__).parents[2] / "data"
CALL = Call(deadline=1e12, request_id="r")
BPS_SOURCE = "Master File Desa of BPS, as reproduced in public lists of provinces and regencies"
NO_BPS = "The hub holds sourced BPS codes for the province and the cities of Jakarta only."
NO_PBB = "The tax office publishes no list of its region codes; a NOP carries them."


@pytest.fixture(scope="module")
def tables() -> RegionTables:
    return RegionTables(DATA)


async def called(tables: RegionTables, system: CodeSystem, code: str) -> Region | None:
    answer = (await tables.regions_called([(system, code)], CALL)).get((system, code))
    assert answer is None or isinstance(answer, Region)
    return answer


async def listed(tables: RegionTables, query: RegionQuery) -> list[Region]:
    answer = (await tables.region_lists([query], CALL))[query]
    assert not isinstance(answer, Exception)
    return list(answer)


@pytest.mark.parametrize(
    ("code", "level", "name", "parent"),
    [
        ("31", RegionLevel.PROVINCE, "DKI Jakarta", None),
        ("31.71", RegionLevel.REGENCY, "Kota Administrasi Jakarta Pusat", "31"),
        ("31.71.01", RegionLevel.DISTRICT, "Gambir", "31.71"),
        ("31.71.01.1001", RegionLevel.VILLAGE, "Gambir", "31.71.01"),
        ("36.71", RegionLevel.REGENCY, "Kota Tangerang", "36"),
    ],
)
async def test_a_region_by_its_code(
    tables: RegionTables, code: str, level: RegionLevel, name: str, parent: str | None
) -> None:
    found = (await tables.regions([RegionCode(code)], CALL))[RegionCode(code)]
    assert isinstance(found, Region)
    assert (found.code, found.level, found.name, found.parent_code) == (code, level, name, parent)


async def test_unknown_codes_are_absent(tables: RegionTables) -> None:
    codes = [RegionCode(code) for code in ("99", "31.99", "3171", "", "31.71.01.9999")]
    assert await tables.regions(codes, CALL) == {}
    assert await tables.regions([], CALL) == {}


async def test_3171_is_one_city_to_bps_and_another_to_kemendagri(tables: RegionTables) -> None:
    of_bps = await called(tables, CodeSystem.BPS, "3171")
    of_kemendagri = await called(tables, CodeSystem.KEMENDAGRI, "31.71")
    assert of_bps is not None
    assert of_kemendagri is not None
    assert (of_bps.code, of_bps.name) == ("31.74", "Kota Administrasi Jakarta Selatan")
    assert (of_kemendagri.code, of_kemendagri.name) == ("31.71", "Kota Administrasi Jakarta Pusat")


@pytest.mark.parametrize(
    ("system", "code"),
    [
        (CodeSystem.KEMENDAGRI, "3171"),
        (CodeSystem.KEMENDAGRI, "3173"),
        (CodeSystem.BPS, "31.71"),
        (CodeSystem.BPS, "3171010"),
        (CodeSystem.PBB, "3171"),
        (CodeSystem.PBB, "31.71"),
    ],
)
async def test_a_code_unknown_to_its_system_is_absent(tables: RegionTables, system: CodeSystem, code: str) -> None:
    assert await called(tables, system, code) is None


@pytest.mark.parametrize(
    ("bps", "kemendagri"),
    [
        ("31", "31"),
        ("3101", "31.01"),
        ("3171", "31.74"),
        ("3172", "31.75"),
        ("3173", "31.71"),
        ("3174", "31.73"),
        ("3175", "31.72"),
    ],
)
async def test_the_bps_codes_of_jakarta(tables: RegionTables, bps: str, kemendagri: str) -> None:
    found = await called(tables, CodeSystem.BPS, bps)
    assert found is not None
    assert found.code == kemendagri


async def test_a_code_has_its_source_or_a_reason_why_there_is_none(tables: RegionTables) -> None:
    city = await called(tables, CodeSystem.KEMENDAGRI, "31.74")
    village = await called(tables, CodeSystem.KEMENDAGRI, "31.71.01.1001")
    assert city is not None
    assert village is not None
    own = "Kemendagri codes as in idn-area-data 3.1.2 (ODbL 1.0)"
    assert city.codes == (
        SystemCode(system=CodeSystem.KEMENDAGRI, code="31.74", source=own, unknown_because=None),
        SystemCode(system=CodeSystem.BPS, code="3171", source=BPS_SOURCE, unknown_because=None),
        SystemCode(system=CodeSystem.PBB, code=None, source=None, unknown_because=NO_PBB),
    )
    assert village.codes[1:] == (
        SystemCode(system=CodeSystem.BPS, code=None, source=None, unknown_because=NO_BPS),
        SystemCode(system=CodeSystem.PBB, code=None, source=None, unknown_because=NO_PBB),
    )


async def test_every_region_has_one_entry_per_system_and_no_derived_code(tables: RegionTables) -> None:
    sourced = {(row["system"], row["code"]) for row in rows("region_codes.csv")}
    everything = [region for level in RegionLevel for region in await listed(tables, _all(level))]
    assert len(everything) == 1_636 + 236 + 26 + 3
    for region in everything:
        assert [each.system for each in region.codes] == list(CodeSystem)
        for each in region.codes:
            assert (each.code is None) == (each.source is None) == (each.unknown_because is not None)
            if each.system is not CodeSystem.KEMENDAGRI and each.code is not None:
                assert (each.system.value, each.code) in sourced


def _all(level: RegionLevel) -> RegionQuery:
    return RegionQuery(level=level, first=10_000)


def rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_table_of_codes_names_regions_that_exist_and_no_code_twice() -> None:
    known = {row["code"] for row in rows("regions/provinces.csv") + rows("regions/regencies.csv")}
    codes = rows("region_codes.csv")
    assert {row["kemendagri"] for row in codes} <= known
    assert len({(row["system"], row["code"]) for row in codes}) == len(codes)
    assert all(row["source"] for row in codes)


async def test_regions_inside_are_those_of_the_next_level_ordered_by_code(tables: RegionTables) -> None:
    answers = await tables.inside([RegionCode("31"), RegionCode("31.71.01.1001"), RegionCode("99")], CALL)
    cities = answers[RegionCode("31")]
    assert not isinstance(cities, Exception)
    assert [city.code for city in cities] == ["31.01", "31.71", "31.72", "31.73", "31.74", "31.75"]
    assert list(answers[RegionCode("31.71.01.1001")]) == []  # type: ignore[arg-type]  # no failure
    assert list(answers[RegionCode("99")]) == []  # type: ignore[arg-type]  # no failure


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        (RegionQuery(search="menteng", level=RegionLevel.DISTRICT), ["31.71.06"]),
        (RegionQuery(search="MENTENG", inside=RegionCode("31.71")), ["31.71.06", "31.71.06.1001"]),
        (RegionQuery(search="gambir", inside=RegionCode("31"), first=1), ["31.71.01"]),
        (RegionQuery(search="gambir", inside=RegionCode("31.71.01")), ["31.71.01.1001"]),
        (RegionQuery(level=RegionLevel.PROVINCE), ["13", "31", "36"]),
        (RegionQuery(level=RegionLevel.PROVINCE, inside=RegionCode("31")), []),
        (RegionQuery(search="nowhere at all"), []),
        (RegionQuery(inside=RegionCode("3")), []),
    ],
)
async def test_regions_by_name_level_and_enclosing_region(
    tables: RegionTables, query: RegionQuery, codes: list[str]
) -> None:
    assert [region.code for region in await listed(tables, query)] == codes


async def test_lists_are_ordered_by_code_and_limited(tables: RegionTables) -> None:
    found = [region.code for region in await listed(tables, RegionQuery(inside=RegionCode("31"), first=100))]
    assert len(found) == 100
    assert found == sorted(found)
    assert found[:4] == ["31.01", "31.01.01", "31.01.01.1001", "31.01.01.1002"]


async def test_every_parent_exists(tables: RegionTables) -> None:
    parents = {
        region.parent_code
        for level in RegionLevel
        for region in await listed(tables, _all(level))
        if region.parent_code is not None
    }
    assert set(await tables.regions(sorted(parents), CALL)) == parents


def test_a_missing_table_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"region_codes\.csv"):
        RegionTables(tmp_path)
