from __future__ import annotations

import pytest

from connectors.readers.coordinates import coordinates
from records.regions import Coordinates


@pytest.mark.parametrize(
    ("latitude", "longitude", "expected"),
    [
        (-6.2, 106.8, (-6.2, 106.8)),
        ("-6.176417", "106.797579", (-6.176417, 106.797579)),
        (-6.227954864501953, 106.79846954345703, (-6.227955, 106.79847)),
        (51.43999862670898, 5.469999790191650, (51.439999, 5.47)),
        (-6, 106, (-6.0, 106.0)),
    ],
)
def test_a_point_is_read_to_six_places(latitude: object, longitude: object, expected: tuple[float, float]) -> None:
    assert coordinates(latitude, longitude) == Coordinates(latitude=expected[0], longitude=expected[1])


@pytest.mark.parametrize(
    ("latitude", "longitude"),
    [
        (None, 106.8),
        (-6.2, None),
        ("", "106.8"),
        ("-", "-"),
        (0, 0),
        ("0", "0"),
        (-6.2, 0.0),
        (-96.2, 106.8),
        (-6.2, 196.8),
        ("nan", "106.8"),
        ("-6.2", "inf"),
        (True, True),
        ([], {}),
        (10**400, 106.8),
    ],
)
def test_an_invalid_point_is_absent(latitude: object, longitude: object) -> None:
    assert coordinates(latitude, longitude) is None
