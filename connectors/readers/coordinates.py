"""Reads map coordinates in agencies' formats."""

from __future__ import annotations

from records.regions import Coordinates

_FARTHEST_NORTH, _FARTHEST_EAST = 90, 180
_DECIMALS = 6
"""Decimal places, about ten centimetres on the ground."""


def coordinates(latitude: object, longitude: object) -> Coordinates | None:
    """Reads a point (WGS 84) from two numbers or texts; None if either is missing, 0, invalid or out of range.

    Numbers that passed through single precision (51.43999862670898) are rounded back to six places (51.439999).
    """
    north, east = _degrees(latitude), _degrees(longitude)
    if not (0 < abs(north) <= _FARTHEST_NORTH and 0 < abs(east) <= _FARTHEST_EAST):
        return None
    return Coordinates(latitude=round(north, _DECIMALS), longitude=round(east, _DECIMALS))


def _degrees(raw: object) -> float:
    """Reads degrees; 0 stands for a missing value, because neither the equator nor Greenwich crosses the city."""
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        return 0.0
    try:
        return float(raw)
    except (ValueError, OverflowError):
        return 0.0
