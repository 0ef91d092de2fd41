"""Regions and their codes, from the hub's own reference tables in `data/`, without any agency call."""

from __future__ import annotations

import csv
import logging
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from connectors.readers.names import to_ordinary_case
from records.calls.answers import Answers
from records.calls.call import Call
from records.identifiers import RegionCode
from records.regions import CodeSystem, Region, RegionLevel, RegionQuery, SystemCode
from records.search.text_index import TextIndex

_FILES = {
    RegionLevel.PROVINCE: ("provinces.csv", None),
    RegionLevel.REGENCY: ("regencies.csv", "province_code"),
    RegionLevel.DISTRICT: ("districts.csv", "regency_code"),
    RegionLevel.VILLAGE: ("villages.csv", "district_code"),
}
_KEMENDAGRI_SOURCE = "Kemendagri codes as in idn-area-data 3.1.2 (ODbL 1.0)"
_UNKNOWN = {
    CodeSystem.BPS: "The hub holds sourced BPS codes for the province and the cities of Jakarta only.",
    CodeSystem.PBB: "The tax office publishes no list of its region codes; a NOP carries them.",
}
_MOST_UNKNOWN: Final = 1_000
"""Maximum unknown districts that are logged; Indonesia has about 7,300."""
_log = logging.getLogger("simpul.agencies")


class UnknownDistricts:
    """Logs each district that is in no table once: a former one, or a mistake."""

    def __init__(self, knows_region: Callable[[str], bool]) -> None:
        """`knows_region` returns whether a region code is in the tables."""
        self._knows_region = knows_region
        self._logged: set[str] = set()

    def check(self, district: RegionCode) -> None:
        """Log a district of issue of a family card, if it is unknown."""
        if not self._knows_region(district) and district not in self._logged and len(self._logged) < _MOST_UNKNOWN:
            self._logged.add(district)
            _log.warning("The number of a family card names the unknown district %s. The card is used", district)


class RegionTables:
    """The regions of the reference tables, all in memory."""

    def __init__(self, data: Path) -> None:
        """Read the tables in the folder. Raises `OSError` if one is missing, and `KeyError` if it has other columns."""
        sourced = _sourced_codes(data / "region_codes.csv")
        read = sorted(_read(data / "regions", sourced), key=lambda region: region.code)
        self._by_code = {region.code: region for region in read}
        self._by_name = TextIndex(tuple(self._by_code.values()), lambda region: region.name)
        self._by_address = {
            (each.system, each.code): region
            for region in self._by_code.values()
            for each in region.codes
            if each.code is not None
        }
        self._inside: dict[RegionCode, list[Region]] = {}
        for region in self._by_code.values():
            if region.parent_code is not None:
                self._inside.setdefault(region.parent_code, []).append(region)

    def knows(self, code: str) -> bool:
        """Whether the tables have a region with this Kemendagri code."""
        return code in self._by_code

    async def regions(self, codes: Sequence[RegionCode], call: Call) -> Answers[RegionCode, Region]:  # noqa: ARG002 - there is no call
        """Regions by Kemendagri code."""
        return {code: self._by_code[code] for code in codes if code in self._by_code}

    async def regions_called(
        self,
        addresses: Sequence[tuple[CodeSystem, str]],
        call: Call,  # noqa: ARG002 - there is no call
    ) -> Answers[tuple[CodeSystem, str], Region]:
        """Regions by their code in a code system; only codes with a source."""
        return {address: self._by_address[address] for address in addresses if address in self._by_address}

    async def inside(self, codes: Sequence[RegionCode], call: Call) -> Answers[RegionCode, Sequence[Region]]:  # noqa: ARG002 - there is no call
        """The regions of the next level inside each region, ordered by code."""
        return {code: self._inside.get(code, ()) for code in codes}

    async def region_lists(
        self,
        queries: Sequence[RegionQuery],
        call: Call,  # noqa: ARG002 - there is no call
    ) -> Answers[RegionQuery, Sequence[Region]]:
        """Regions by name, level and enclosing region, ordered by code."""
        return {query: self._matching(query) for query in queries}

    def _matching(self, query: RegionQuery) -> Sequence[Region]:
        found = (
            region
            for region in self._by_name.find(query.search)
            if query.level in (None, region.level)
            and (query.inside is None or region.code.startswith(f"{query.inside}."))
        )
        return list(islice(found, query.first))


def _sourced_codes(path: Path) -> dict[str, list[SystemCode]]:
    sourced: dict[str, list[SystemCode]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            code = SystemCode(
                system=CodeSystem(row["system"]), code=row["code"], source=row["source"], unknown_because=None
            )
            sourced.setdefault(row["kemendagri"], []).append(code)
    return sourced


def _read(folder: Path, sourced: dict[str, list[SystemCode]]) -> Iterator[Region]:
    for level, (name, parent_column) in _FILES.items():
        with (folder / name).open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                yield Region(
                    code=RegionCode(row["code"]),
                    level=level,
                    name=to_ordinary_case(row["name"]),
                    parent_code=RegionCode(row[parent_column]) if parent_column else None,
                    codes=_codes(row["code"], sourced.get(row["code"], [])),
                )


def _codes(kemendagri: str, sourced: Sequence[SystemCode]) -> tuple[SystemCode, ...]:
    own = SystemCode(system=CodeSystem.KEMENDAGRI, code=kemendagri, source=_KEMENDAGRI_SOURCE, unknown_because=None)
    known = {each.system for each in sourced}
    unknown = (
        SystemCode(system=system, code=None, source=None, unknown_because=reason)
        for system, reason in _UNKNOWN.items()
        if system not in known
    )
    return (own, *sourced, *unknown)
