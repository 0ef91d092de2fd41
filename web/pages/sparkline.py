"""The last hour of an agency as a small picture: a bar for each minute, and a mark where calls failed. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log10
from typing import Final

from telemetry.metrics.health import CallSummary

WIDTH: Final = 360
HEIGHT: Final = 96
_BAR: Final = 4
_STEP: Final = 6
_TOP: Final = 12
"""Above the bars: place for the marks of failures."""
_MIN_SECONDS: Final = 0.001
_MAX_SECONDS: Final = 20.0
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


def build_sparkline(points: Sequence[CallSummary | None]) -> Sparkline:
    """The picture of minutes, oldest first."""
    bars = [
        Bar(
            at * _STEP + 1,
            _scale_y(point.median or _MIN_SECONDS),
            _scale_y(point.p95 or _MIN_SECONDS),
            failed=point.failed > 0,
        )
        for at, point in enumerate(points)
        if point is not None
    ]
    return Sparkline(bars, [(each, _scale_y(each)) for each in LINES])


def _scale_y(seconds: float) -> float:
    share = log10(min(max(seconds, _MIN_SECONDS), _MAX_SECONDS) / _MIN_SECONDS) / log10(_MAX_SECONDS / _MIN_SECONDS)
    return round(HEIGHT - max(1.0, share * (HEIGHT - _TOP)), 1)
