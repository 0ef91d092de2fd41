"""The health of agencies, derived from metrics."""

from __future__ import annotations

import pytest

from records.histogram import SECONDS, Histogram
from telemetry.metrics.health import AgencyHealth, CallSummary, HealthState, build_agency_health
from telemetry.metrics.metric_values import MetricValues
from telemetry.metrics.minutes import AgencyMinute

NOW = 29_900_000 * 60.0 + 30
MINUTE = int(NOW // 60)


def count_durations(*seconds: float) -> list[int]:
    histogram = Histogram(SECONDS)
    for each in seconds:
        histogram.add(each)
    return histogram.counts


def build_minute(ago: int, *, answered: int = 0, failed: int = 0) -> AgencyMinute:
    return AgencyMinute(MINUTE - ago, "pbb", answered, failed, durations=count_durations(*[0.02] * (answered + failed)))


def build_health(*minutes: AgencyMinute, **values: float) -> AgencyHealth:
    """The health of one agency; values by metric, and by state for breakers."""
    numbers = MetricValues(minutes=list(minutes))
    for name, value in values.items():
        if name in {"open", "half_open", "closed"}:
            numbers.set_value("simpul_agency_breaker_state", value, "pbb", name.replace("_", "-"))
        else:
            numbers.set_value(f"simpul_agency_{name}", value, "pbb")
    [found] = build_agency_health(["pbb"], numbers, NOW)
    return found


@pytest.mark.parametrize(
    ("answered", "failed", "health"),
    [
        (0, 0, HealthState.QUIET),
        (100, 0, HealthState.UP),
        (96, 4, HealthState.UP),
        (95, 5, HealthState.SHAKY),
        (0, 1, HealthState.DOWN),
    ],
)
def test_the_health_of_an_agency_follows_its_calls_of_the_last_five_minutes(
    answered: int, failed: int, health: HealthState
) -> None:
    assert build_health(build_minute(0, answered=answered, failed=failed)).health is health
    assert build_health(build_minute(4, answered=answered, failed=failed)).health is health
    assert build_health(build_minute(5, answered=answered, failed=failed)).health is HealthState.QUIET


@pytest.mark.parametrize("state", ["open", "half_open"])
def test_an_agency_with_an_open_breaker_is_down(state: str) -> None:
    found = build_health(build_minute(0, answered=100), **{state: 2, "closed": 0})
    assert (found.health, found.breaker) == (HealthState.DOWN, state.replace("_", "-"))


def test_an_agency_that_half_of_the_processes_call_is_shaky() -> None:
    found = build_health(build_minute(0, answered=100), open=1, closed=1)
    assert (found.health, found.breaker) == (HealthState.SHAKY, "open")


def test_an_agency_without_a_breaker_has_no_breaker_state() -> None:
    assert build_health().breaker is None


def test_an_agency_in_its_closing_hours_is_closed_and_not_down() -> None:
    numbers = MetricValues(minutes=[build_minute(0, failed=9)])
    numbers.set_value("simpul_agency_closed", 1, "pbb")
    assert build_agency_health(["pbb"], numbers, NOW)[0].health is HealthState.CLOSED


def test_a_spent_quota_is_reported_and_never_negative() -> None:
    found = build_health(quota=10, quota_left=-2)
    assert (found.health, found.quota_left, found.quota) == (HealthState.SPENT, 0, 10)


def test_the_hour_has_sixty_minutes_with_the_newest_last() -> None:
    found = build_health(
        build_minute(0, answered=2), build_minute(59, answered=3, failed=1), build_minute(60, answered=100)
    )
    assert len(found.minutes) == 60
    first, *between, last = found.minutes
    assert first == CallSummary(calls=4, failed=1, median=0.0175, p95=0.02425)
    assert last == CallSummary(calls=2, failed=0, median=0.0175, p95=0.02425)
    assert set(between) == {None}
    assert found.hour == CallSummary(calls=6, failed=1, median=0.0175, p95=0.02425)


def test_cache_hits_and_stale_answers_are_those_of_the_last_hour() -> None:
    found = build_health(
        AgencyMinute(MINUTE, "pbb", hits=3, looked=4, stale=2),
        AgencyMinute(MINUTE - 1, "pbb", hits=0, looked=4, stale=1),
        AgencyMinute(MINUTE - 60, "pbb", hits=100, looked=100, stale=100),
    )
    assert (found.cache_hit_share, found.stale) == (0.375, 3)


def test_an_agency_without_calls_has_no_figures() -> None:
    found = build_health()
    assert (found.hour, found.cache_hit_share, found.stale, found.last_answer) == (None, None, 0, None)


@pytest.mark.parametrize(
    ("dates", "health"),
    [
        ({"points": NOW - 3_600}, HealthState.UP),
        ({"points": NOW - 7_201}, HealthState.SHAKY),
        ({"points": 0.0}, HealthState.DOWN),
        ({"points": NOW - 3_600, "areas": NOW - 7_201}, HealthState.SHAKY),
    ],
)
def test_an_agency_with_snapshots_answers_while_it_is_not_called(dates: dict[str, float], health: HealthState) -> None:
    numbers = MetricValues()
    for name, date in dates.items():
        numbers.set_value("simpul_snapshot_data_timestamp_seconds", date, "wifi", name)
        numbers.set_value("simpul_snapshot_max_age_seconds", 7_200.0, "wifi", name)
    [wifi, pbb] = build_agency_health(["wifi", "pbb"], numbers, NOW)
    assert (wifi.health, wifi.data_from) == (health, min(dates.values()))
    assert (pbb.health, pbb.data_from) == (HealthState.QUIET, None)


def test_an_agency_with_snapshots_whose_calls_fail_is_down() -> None:
    numbers = MetricValues(minutes=[build_minute(0, failed=9)])
    numbers.set_value("simpul_snapshot_data_timestamp_seconds", NOW, "pbb", "points")
    assert build_agency_health(["pbb"], numbers, NOW)[0].health is HealthState.DOWN
