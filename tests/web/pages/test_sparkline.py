"""The last hour of an agency as a small chart."""

from __future__ import annotations

from itertools import pairwise

from telemetry.metrics.health import CallSummary
from web.pages.status_page import HEIGHT, WIDTH, Bar, build_sparkline


def test_each_minute_with_calls_is_a_bar_at_its_position() -> None:
    point = CallSummary(calls=1, failed=0, median=0.001, p95=0.001)
    bars = build_sparkline([point, None, *[None] * 57, point]).bars
    assert [each.x for each in bars] == [1, 355]
    assert 355 + build_sparkline([]).bar <= WIDTH


def test_the_scale_is_logarithmic() -> None:
    lines = build_sparkline([]).lines
    assert [seconds for seconds, _ in lines] == [0.01, 0.1, 1.0, 10.0]
    steps = {round(lower - upper, 0) for (_, lower), (_, upper) in pairwise(lines)}
    assert len(steps) == 1
    [bar] = build_sparkline([CallSummary(calls=1, failed=0, median=0.1, p95=1.0)]).bars
    assert (bar.median_y, bar.slow_y) == (lines[1][1], lines[2][1])


def test_bars_stay_visible_and_within_the_chart() -> None:
    [short, long] = build_sparkline(
        [CallSummary(calls=1, failed=0, median=0.0, p95=0.0), CallSummary(calls=1, failed=0, median=99.0, p95=99.0)]
    ).bars
    assert short == Bar(1, HEIGHT - 1.0, HEIGHT - 1.0, failed=False)
    assert 0 < long.slow_y == long.median_y < 20


def test_a_minute_with_failures_has_a_mark_even_without_durations() -> None:
    [bar] = build_sparkline([CallSummary(calls=3, failed=3, median=None, p95=None)]).bars
    assert bar == Bar(1, HEIGHT - 1.0, HEIGHT - 1.0, failed=True)
