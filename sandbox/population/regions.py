"""Regions of Jakarta, Tangerang City and West Sumatra by their dotted Kemendagri codes, read from `data/`."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

DATA = Path(__file__).resolve().parents[2] / "data"
JAKARTA = "31"


@dataclass(frozen=True, slots=True)
class SandboxRegion:
    """One region: dotted code (`31`, `31.71`, `31.71.01`, `31.71.01.1001`), published name, code of its parent."""

    code: str
    name: str
    parent: str | None


class RegionLineage(NamedTuple):
    """A village with its district, regency and province."""

    province: SandboxRegion
    regency: SandboxRegion
    district: SandboxRegion
    village: SandboxRegion


@dataclass(frozen=True, slots=True)
class RegionData:
    """Every region by code, one mapping per level; `population` is that of each Jakarta kelurahan in 2024."""

    provinces: Mapping[str, SandboxRegion]
    regencies: Mapping[str, SandboxRegion]
    districts: Mapping[str, SandboxRegion]
    villages: Mapping[str, SandboxRegion]
    population: Mapping[str, int]

    def find_lineage(self, village: str) -> RegionLineage:
        """Province, regency, district and village of a village code. Raises `KeyError` for a code not in the tables."""
        place = self.villages[village]
        district = self.districts[village.rpartition(".")[0]]
        regency = self.regencies[district.code.rpartition(".")[0]]
        return RegionLineage(self.provinces[regency.code.rpartition(".")[0]], regency, district, place)


@cache
def load_regions() -> RegionData:
    """The tables of `data/regions` and the population of `data/population_per_kelurahan_2024.csv`, read once."""
    districts = _read_level("districts", parent="regency_code")
    villages = _read_level("villages", parent="district_code")
    return RegionData(
        provinces=_read_level("provinces", parent=None),
        regencies=_read_level("regencies", parent="province_code"),
        districts=districts,
        villages=villages,
        population=_read_population(districts, villages),
    )


def _read_rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from csv.DictReader(file)


def _read_level(name: str, *, parent: str | None) -> dict[str, SandboxRegion]:
    return {
        row["code"]: SandboxRegion(row["code"], row["name"], row[parent] if parent else None)
        for row in _read_rows(DATA / "regions" / f"{name}.csv")
    }


def _read_population(districts: Mapping[str, SandboxRegion], villages: Mapping[str, SandboxRegion]) -> dict[str, int]:
    """Population by code: the file has only names, which differ from the tables in capitals, spaces and dashes."""
    codes = {
        (_normalize_name(districts[village.parent].name), _normalize_name(village.name)): code
        for code, village in villages.items()
        if village.parent is not None and code.startswith(JAKARTA)
    }
    rows = _read_rows(DATA / "population_per_kelurahan_2024.csv")
    return {
        codes[_normalize_name(row["district"]), _normalize_name(row["subdistrict"])]: int(row["population"])
        for row in rows
    }


def _normalize_name(name: str) -> str:
    return "".join(letter for letter in name.upper() if letter.isalnum())
