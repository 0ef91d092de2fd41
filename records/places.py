"""Points on the map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from records.description import Doc


@dataclass(frozen=True, slots=True, kw_only=True)
class Coordinates:
    """A point on the map (WGS 84)."""

    latitude: Annotated[float, Doc("Degrees north; negative south of the equator, as all of Jakarta is.")]
    longitude: Annotated[float, Doc("Degrees east.")]
