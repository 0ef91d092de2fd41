"""Distances on the map."""

from __future__ import annotations

from math import cos, hypot, radians

from records.regions import Coordinates, Near


def measure_metres(near: Near, point: Coordinates | None) -> float:
    """The distance of a point; infinite if there is none."""
    if point is None:
        return float("inf")
    north, east = metres_per_degree(near.point.latitude)
    return hypot((point.latitude - near.point.latitude) * north, (point.longitude - near.point.longitude) * east)


def metres_per_degree(latitude: float) -> tuple[float, float]:
    """Metres of a degree of latitude and of longitude on WGS 84, within a millimetre per metre inside a city."""
    angle = radians(latitude)
    north = 111_132.954 - 559.822 * cos(2 * angle) + 1.175 * cos(4 * angle)
    east = 111_412.84 * cos(angle) - 93.5 * cos(3 * angle) + 0.118 * cos(5 * angle)
    return north, max(east, 1.0)
