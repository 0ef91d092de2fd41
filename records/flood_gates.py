"""Flood gates and their water levels."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from records.description import DescribedEnum, Doc
from records.record import record
from records.regions import Coordinates, Near


class FloodAlert(DescribedEnum):
    """The alert level of a flood gate: from Siaga IV, the lowest, to Siaga I."""

    NORMAL = "siaga 4", "Normal (Siaga IV)."
    WATCH = "siaga 3", "Watch: the water rises (Siaga III)."
    WARNING = "siaga 2", "Warning: floods are likely (Siaga II)."
    DISASTER = "siaga 1", "Disaster: floods (Siaga I)."


@record
class FloodGate:
    """A flood gate or gauge with its last water level."""

    id: Annotated[str, Doc("Identifier at the agency.")]
    name: Annotated[str, Doc("Name of the gate.")]
    location: Annotated[str | None, Doc("Where it is, in words.")]
    coordinates: Annotated[Coordinates | None, Doc("Location on the map.")]
    water_level: Annotated[int | None, Doc("Last water level in centimetres.")]
    alert: Annotated[FloodAlert | None, Doc("Alert level of the last water level.")]
    measured_at: Annotated[datetime | None, Doc("When the water level was measured.")]


@record
class FloodGateQuery:
    """A page of flood gates, ordered by identifier; near a point, the nearest first."""

    search: str = ""
    near: Near | None = None
    first: int = 20
    after: str | None = None
