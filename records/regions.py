"""The regions of the country and the codes that different agencies give them."""

from __future__ import annotations

from typing import Annotated

from records.description import DescribedEnum, Doc
from records.identifiers import RegionCode
from records.record import record


class RegionLevel(DescribedEnum):
    """The four levels of regions."""

    PROVINCE = "province", "Province (provinsi)."
    REGENCY = "regency", "City or regency (kota, kabupaten)."
    DISTRICT = "district", "District (kecamatan)."
    VILLAGE = "village", "Urban or rural village (kelurahan, desa)."


class CodeSystem(DescribedEnum):
    """Who gives codes to regions. Without its system a code means nothing: `3171` is two different cities."""

    KEMENDAGRI = "kemendagri", "Ministry of Home Affairs; dotted, like `31.71.01.1001`. The graph's own codes."
    BPS = "bps", "Statistics Indonesia; digits only, like `3173`."
    PBB = "pbb", "The property tax office; the first ten digits of a NOP. Not known for any region."


@record
class SystemCode:
    """What one code system calls a region, or why the hub does not know."""

    system: Annotated[CodeSystem, Doc("Who gives the code.")]
    code: Annotated[str | None, Doc("The code, in the system's own form; none where no source is known.")]
    source: Annotated[str | None, Doc("Where the code was taken from.")]
    unknown_because: Annotated[str | None, Doc("Why there is no code, where there is none. Codes are never derived.")]


@record
class Region:
    """A province, city, district or kelurahan."""

    code: Annotated[RegionCode, Doc("Dotted Kemendagri code, like `31.71.01.1001`.")]
    level: Annotated[RegionLevel, Doc("Which of the four levels it is.")]
    name: Annotated[str, Doc("Name of the region, in ordinary capitalisation.")]
    parent_code: Annotated[RegionCode | None, Doc("Code of the region it lies in; none for a province.")]
    codes: Annotated[tuple[SystemCode, ...], Doc("What each code system calls it.")]


@record
class RegionQuery:
    """A search for regions by name, level and enclosing region."""

    search: str = ""
    level: RegionLevel | None = None
    inside: RegionCode | None = None
    first: int = 50
