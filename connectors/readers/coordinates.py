"""Points on the map in the forms agencies write them."""

from __future__ import annotations

from records.places import Coordinates

_FARTHEST_NORTH, _FARTHEST_EAST = 90, 180
_DECIMALS = 6
"""Places after the point that are kept: some ten centimetres on the ground."""


def coordinates(latitude: object, longitude: object) -> Coordinates | None:
    """A point (WGS 84) from two numbers or texts; none where either is missing, 0, no number or not on the globe.

    Numbers that passed through single precision (51.43999862670898) are rounded back to six places (51.439999).
    """
    north, east = _degrees(latitude), _degrees(longitude)
    if not (0 < abs(north) <= _FARTHEST_NORTH and 0 < abs(east) <= _FARTHEST_EAST):
        return None
    return Coordinates(latitude=round(north, _DECIMALS), longitude=round(east, _DECIMALS))


def _degrees(raw: object) -> float:
    """Degrees, or 0 where there are none: neither the equator nor Greenwich crosses the city."""
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        return 0.0
    try:
        return float(raw)
    except (ValueError, OverflowError):
        return 0.0
