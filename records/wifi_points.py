"""Public Wi-Fi points."""

from __future__ import annotations

from typing import Annotated

from records.description import Doc
from records.identifiers import RegionCode
from records.record import record
from records.regions import Coordinates


@record
class WifiPoint:
    """A place with free public Wi-Fi."""

    id: Annotated[str, Doc("Identifier at the agency.")]
    name: Annotated[str, Doc("Name of the place.")]
    address: Annotated[str | None, Doc("Address of the place.")]
    coordinates: Annotated[Coordinates | None, Doc("Location on the map.")]
    provider: Annotated[str | None, Doc("Internet provider.")]
    region_code: Annotated[RegionCode | None, Doc("Dotted Kemendagri code of the kelurahan it lies in.")]
