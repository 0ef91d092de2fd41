"""The regions of the country, the codes that different agencies give them, and points on the map."""

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
    """A system of region codes. A code has no meaning without its system: `3171` is two different cities."""

    KEMENDAGRI = "kemendagri", "Ministry of Home Affairs: dotted, such as `31.71.01.1001`. The graph uses these codes."
    BPS = "bps", "Statistics Indonesia: digits only, such as `3173`."
    PBB = "pbb", "Property tax office: the first ten digits of a NOP. Not known for any region."


@record
class SystemCode:
    """A region's code in one code system, or why it is unknown."""

    system: Annotated[CodeSystem, Doc("The code system.")]
    code: Annotated[str | None, Doc("The code, in the system's own form; null if no source is known.")]
    source: Annotated[str | None, Doc("The source of the code.")]
    unknown_because: Annotated[str | None, Doc("Why there is no code; null if there is one. Codes are never derived.")]


@record
class Region:
    """A province, city, district or kelurahan."""

    code: Annotated[RegionCode, Doc("Dotted Kemendagri code, such as `31.71.01.1001`.")]
    level: Annotated[RegionLevel, Doc("Its level.")]
    name: Annotated[str, Doc("Name of the region, in ordinary capitalisation.")]
    parent_code: Annotated[RegionCode | None, Doc("Code of the enclosing region; null for a province.")]
    codes: Annotated[tuple[SystemCode, ...], Doc("Its code in each code system.")]


@record
class RegionQuery:
    """A search for regions by name, level and enclosing region."""

    search: str = ""
    level: RegionLevel | None = None
    inside: RegionCode | None = None
    first: int = 50


@record
class Coordinates:
    """A point on the map (WGS 84)."""

    latitude: Annotated[float, Doc("Degrees north; negative south of the equator, like all of Jakarta.")]
    longitude: Annotated[float, Doc("Degrees east.")]


@record
class Near:
    """The part of the map around a point."""

    point: Annotated[Coordinates, Doc("The point.")]
    metres: Annotated[int, Doc("Distance from the point.")]


@record
class PlaceQuery:
    """A page of places, ordered by identifier; near a point, the nearest first."""

    search: str = ""
    near: Near | None = None
    region_code: RegionCode | None = None
    first: int = 20
    after: str | None = None
