"""Points on the map in a kelurahan, in the same neighbourhood for every agency."""

from random import Random

from sandbox.population.seeded_random import seeded_random

_CENTRES = {
    "31.01": (-5.75, 106.55),
    "31.71": (-6.19, 106.83),
    "31.72": (-6.13, 106.87),
    "31.73": (-6.17, 106.75),
    "31.74": (-6.28, 106.81),
    "31.75": (-6.24, 106.90),
}
"""Approximate centre (latitude, longitude) of each city; kelurahan are placed around it, because we have no shapes."""


def draw_point(kelurahan: str, draws: Random) -> tuple[float, float]:
    """Latitude and longitude in degrees of a point in a Jakarta kelurahan (dotted code), within some 400 m."""
    neighbourhood = seeded_random("place", kelurahan)
    latitude, longitude = (
        middle + neighbourhood.uniform(-0.04, 0.04) + draws.uniform(-0.004, 0.004) for middle in _CENTRES[kelurahan[:5]]
    )
    return latitude, longitude
