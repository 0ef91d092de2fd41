"""Points on the map."""

from __future__ import annotations

from auth.policy.rules import Rule
from records.places import Coordinates
from schema.declarations.publishing import publishes


@publishes(Coordinates, rule=Rule.PUBLIC, shows=("latitude", "longitude"))
class CoordinatesType:
    """The published `Coordinates`."""
