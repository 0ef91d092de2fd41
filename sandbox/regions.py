"""Regions of Jakarta, Tangerang City and West Sumatra by their dotted Kemendagri codes, read from `data/`."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

DATA = Path(__file__).resolve().parent.parent / "data"
JAKARTA = "31"


@dataclass(frozen=True, slots=True)
class Region:
    """One region: dotted code (`31`, `31.71`, `31.71.01`, `31.71.01.1001`), published name, code of what it lies in."""

    code: str
    name: str
    parent: str | None


@dataclass(frozen=True, slots=True)
class Regions:
    """Every region by its code, one mapping a level; `population` is that of each Jakarta kelurahan in 2024."""

    provinces: Mapping[str, Region]
    regencies: Mapping[str, Region]
    districts: Mapping[str, Region]
    villages: Mapping[str, Region]
    population: Mapping[str, int]

    def lineage(self, village: str) -> tuple[Region, Region, Region, Region]:
        """Province, regency, district and village of a village code. Raises `KeyError` for a code not in the tables."""
        place = self.villages[village]
        district = self.districts[village.rpartition(".")[0]]
        regency = self.regencies[district.code.rpartition(".")[0]]
        return self.provinces[regency.code.rpartition(".")[0]], regency, district, place


@cache
def regions() -> Regions:
    """The tables of `data/regions` and the population of `data/population_per_kelurahan_2024.csv`, read once."""
    districts = _level("districts", parent="regency_code")
    villages = _level("villages", parent="district_code")
    return Regions(
        provinces=_level("provinces", parent=None),
        regencies=_level("regencies", parent="province_code"),
        districts=districts,
        villages=villages,
        population=_population(districts, villages),
    )


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from csv.DictReader(file)


def _level(name: str, *, parent: str | None) -> dict[str, Region]:
    return {
        row["code"]: Region(row["code"], row["name"], row[parent] if parent else None)
        for row in _rows(DATA / "regions" / f"{name}.csv")
    }


def _population(districts: Mapping[str, Region], villages: Mapping[str, Region]) -> dict[str, int]:
    """Population by code: the file has names only, spelt with other capitals, spaces and dashes than the tables."""
    codes = {
        (_letters(districts[village.parent].name), _letters(village.name)): code
        for code, village in villages.items()
        if village.parent is not None and code.startswith(JAKARTA)
    }
    rows = _rows(DATA / "population_per_kelurahan_2024.csv")
    return {codes[_letters(row["district"]), _letters(row["subdistrict"])]: int(row["population"]) for row in rows}


def _letters(name: str) -> str:
    return "".join(letter for letter in name.upper() if letter.isalnum())
