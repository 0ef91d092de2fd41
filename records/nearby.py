"""Places of all kinds near a point, or inside a region."""

from __future__ import annotations

from math import inf
from typing import Annotated, Any

from records.description import Doc
from records.identifiers import RegionCode
from records.record import record
from records.regions import Coordinates, Near
from records.transit import WheelchairAccess


@record
class NearbyPlace:
    """A place of any kind."""

    kind: str
    """The word for its kind, such as `WIFI_POINT`."""
    id: str
    name: Annotated[str | None, Doc("Name of the place; null for a kind without names, such as complaints.")]
    address: Annotated[str | None, Doc("Address of the place.")]
    coordinates: Annotated[Coordinates | None, Doc("Location on the map.")]
    distance_metres: Annotated[int | None, Doc("Distance from the point; null in the list of a region.")]
    wheelchair: Annotated[
        WheelchairAccess | None, Doc("Whether people in wheelchairs can use it; null where its agency does not say.")
    ]
    record: Any
    """The record of its domain."""
    order: tuple[int, str, str]
    """Its place in the list: distance in centimetres, kind and identifier."""


@record
class NearbyPosition:
    """A cursor: directly after the place with this order."""

    order: tuple[int, str, str]
    depth: int
    """Places on the pages before."""


@record
class NearbyQuery:
    """A page of places, the nearest first; of a region, by kind and identifier."""

    near: Near | None
    region_code: RegionCode | None
    kinds: tuple[str, ...]
    """All kinds, if there is none."""
    first: int
    after: NearbyPosition | None = None

    @property
    def metres(self) -> float:
        """The largest distance from the point."""
        return inf if self.near is None else self.near.metres

    def covers(self, region_code: RegionCode | None) -> bool:
        """Whether a place of a region belongs to the list."""
        return self.region_code is None or f"{region_code or ''}.".startswith(f"{self.region_code}.")

    @property
    def depth(self) -> int:
        """Places on the pages before."""
        return 0 if self.after is None else self.after.depth


@record
class NearbyPage:
    """One page of places, and whether more follow."""

    places: tuple[NearbyPlace, ...]
    has_more: bool
