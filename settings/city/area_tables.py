"""The tables `[[areas]]` of a city: where its land is."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from connectors.declared.tables import ManifestTable
from records.city_areas import CityArea
from records.regions import Coordinates

Corner = tuple[
    Annotated[float, Field(ge=-90, le=90, description="degrees north")],
    Annotated[float, Field(ge=-180, le=180, description="degrees east")],
]


class AreaTable(ManifestTable):
    """A part of the city."""

    regions: tuple[Annotated[str, Field(pattern=r"^\d\d(\.\d\d){0,2}(\.\d{4})?$")], ...] = Field(
        min_length=1, description="Kemendagri codes of the regions in it"
    )
    outline: tuple[Corner, ...] = Field(
        min_length=3, max_length=1_000, description="corners around them, in their order, as `[latitude, longitude]`"
    )

    def build_area(self) -> CityArea:
        """The part with its corners as points."""
        corners = tuple(Coordinates(latitude=latitude, longitude=longitude) for latitude, longitude in self.outline)
        return CityArea(self.regions, corners)
