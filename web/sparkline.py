"""The last hour of an agency as a small picture: a bar for each minute, and a mark where calls failed. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log10
from typing import Final

from telemetry.metrics.health import Point

WIDTH: Final = 360
HEIGHT: Final = 96
_BAR: Final = 4
_STEP: Final = 6
_TOP: Final = 12
"""Above the bars: place for the marks of failures."""
_LEAST: Final = 0.001
_MOST: Final = 20.0
LINES: Final = (0.01, 0.1, 1.0, 10.0)
"""Seconds at which there are lines across. The scale is logarithmic, and the same for every agency."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One minute. Places and heights in units of the picture, y from the top."""

    x: int
    median_y: float
    slow_y: float
    failed: bool


@dataclass(frozen=True, slots=True)
class Sparkline:
    """The picture."""

    bars: Sequence[Bar]
    lines: Sequence[tuple[float, float]]
    """Lines across: seconds, and y."""
    width: int = WIDTH
    height: int = HEIGHT
    bar: int = _BAR


def sparkline(points: Sequence[Point | None]) -> Sparkline:
    """The picture of minutes, oldest first."""
    bars = [
        Bar(at * _STEP + 1, _y(point.median or _LEAST), _y(point.slow or _LEAST), failed=point.failed > 0)
        for at, point in enumerate(points)
        if point is not None
    ]
    return Sparkline(bars, [(each, _y(each)) for each in LINES])


def _y(seconds: float) -> float:
    share = log10(min(max(seconds, _LEAST), _MOST) / _LEAST) / log10(_MOST / _LEAST)
    return round(HEIGHT - max(1.0, share * (HEIGHT - _TOP)), 1)
