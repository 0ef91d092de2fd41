"""Parks and child-friendly public spaces (RPTRA)."""

from __future__ import annotations

from typing import Annotated

from records.description import DescribedEnum, Doc
from records.identifiers import RegionCode
from records.record import record
from records.regions import Coordinates


class ParkKind(DescribedEnum):
    """The kind of a park."""

    RPTRA = "rptra", "Child-friendly integrated public space (RPTRA)."
    CITY_PARK = "taman kota", "City park (taman kota)."
    NEIGHBOURHOOD_PARK = "taman lingkungan", "Neighbourhood park (taman lingkungan)."
    FOREST = "hutan kota", "City forest (hutan kota)."


@record
class Park:
    """A park, city forest or child-friendly public space."""

    id: Annotated[str, Doc("Identifier at the agency.")]
    name: Annotated[str, Doc("Name of the park.")]
    kind: Annotated[ParkKind | None, Doc("Kind of park.")]
    address: Annotated[str | None, Doc("Address of the park.")]
    area: Annotated[int | None, Doc("Area in square metres.")]
    facilities: Annotated[tuple[str, ...], Doc("What it has, such as `perpustakaan`, in the agency's words.")]
    is_step_free: Annotated[bool | None, Doc("Whether it can be used without steps, as with a wheelchair.")]
    coordinates: Annotated[Coordinates | None, Doc("Location on the map.")]
    region_code: Annotated[RegionCode | None, Doc("Dotted Kemendagri code of the kelurahan it lies in.")]
