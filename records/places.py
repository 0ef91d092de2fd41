"""Points on the map."""

from __future__ import annotations

from typing import Annotated

from records.description import Doc
from records.record import record


@record
class Coordinates:
    """A point on the map (WGS 84)."""

    latitude: Annotated[float, Doc("Degrees north; negative south of the equator, like all of Jakarta.")]
    longitude: Annotated[float, Doc("Degrees east.")]
