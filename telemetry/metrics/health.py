"""The health of each agency for people, derived from metrics without a call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from math import inf
from typing import Final

from records.histogram import SECONDS
from telemetry.metrics.metric_values import MetricValues
from telemetry.metrics.minutes import HISTORY_MINUTES, AgencyMinute, estimate_quantile, select_last_hour

_RECENT_MINUTES: Final = 5
"""Minutes that determine the current health."""
_SHAKY_SHARE: Final = 0.05
"""The share of failed calls from which an agency counts as shaky."""


class HealthState(Enum):
    """The health of an agency."""

    UP = "up"
    """It answers."""
    SHAKY = "shaky"
    """Some of its calls fail, or some of the hub's processes do not call it."""
    DOWN = "down"
    """It does not answer; with a breaker, the hub tries at intervals."""
    CLOSED = "closed"
    """It is closed at this hour, as agreed, and not called."""
    SPENT = "spent"
    """Its agreed daily quota is used up."""
    QUIET = "quiet"
    """It had no recent calls."""


@dataclass(frozen=True, slots=True)
class CallSummary:
    """A period with calls; durations in seconds."""

    calls: int
    failed: int
    median: float | None
    p95: float | None
    """The 95th percentile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyHealth:
    """The health of one agency."""

    name: str
    health: HealthState
    breaker: str | None
    """The worst state among the hub's processes: `open`, `half-open`, `closed`; None without a breaker."""
    minutes: Sequence[CallSummary | None]
    """The last hour, oldest first; None for minutes without a call."""
    hour: CallSummary | None
    """The whole hour; None without a call."""
    cache_hit_share: float | None
    """The share of lookups in the last hour that hit the cache; None without a lookup."""
    stale: int
    """Answers of the last hour that replaced a failure."""
    quota: int | None
    quota_left: int | None
    last_answer: float | None
    """In seconds since 1970-01-01 UTC; None before the first answer."""
    data_from: float | None
    """The date of its oldest snapshot, in seconds since 1970-01-01 UTC, 0 without data; None without snapshots."""


def build_agency_health(agencies: Sequence[str], numbers: MetricValues, now: float) -> Sequence[AgencyHealth]:
    """Builds the health of the agencies at a moment, in seconds since 1970-01-01 UTC."""
    last = select_last_hour(numbers.minutes, now)
    return [_build_one(agency, [each for each in last if each.agency == agency], numbers, now) for agency in agencies]


def _build_one(agency: str, minutes: Sequence[AgencyMinute], numbers: MetricValues, now: float) -> AgencyHealth:
    newest = int(now // 60)
    by_number = {each.number: each for each in minutes}
    whole = AgencyMinute(newest, agency)
    for each in minutes:
        whole.add(each)
    left, quota = (numbers.get_value(f"simpul_agency_{name}", agency) for name in ("quota_left", "quota"))
    breakers = {
        state: numbers.get_value("simpul_agency_breaker_state", agency, state) or 0.0
        for state in ("open", "half-open", "closed")
    }
    health = _choose_state(
        [each for each in minutes if each.number > newest - _RECENT_MINUTES],
        breakers,
        is_closed=bool(numbers.get_value("simpul_agency_closed", agency)),
        is_spent=left is not None and left <= 0,
    )
    dates, ages = (
        numbers.get_all(f"simpul_snapshot_{name}", agency) for name in ("data_timestamp_seconds", "max_age_seconds")
    )
    return AgencyHealth(
        name=agency,
        health=_judge_copies(health, dates, ages, now) if dates else health,
        breaker=next((state for state, processes in breakers.items() if processes), None),
        minutes=[
            None if (minute := by_number.get(number)) is None else _summarize(minute)
            for number in range(newest - HISTORY_MINUTES + 1, newest + 1)
        ],
        hour=_summarize(whole),
        cache_hit_share=whole.hits / whole.looked if whole.looked else None,
        stale=whole.stale,
        quota=None if quota is None else int(quota),
        quota_left=None if left is None else max(0, int(left)),
        last_answer=numbers.get_value("simpul_agency_last_answer_timestamp_seconds", agency),
        data_from=min(dates.values()) if dates else None,
    )


def _choose_state(
    recent: Sequence[AgencyMinute], breakers: dict[str, float], *, is_closed: bool, is_spent: bool
) -> HealthState:
    answered, failed = sum(each.answered for each in recent), sum(each.failed for each in recent)
    if is_closed:
        return HealthState.CLOSED
    if is_spent:
        return HealthState.SPENT
    if broken := breakers["open"] + breakers["half-open"]:
        return HealthState.SHAKY if breakers["closed"] >= broken else HealthState.DOWN
    if not answered:
        return HealthState.DOWN if failed else HealthState.QUIET
    return HealthState.SHAKY if failed >= _SHAKY_SHARE * (answered + failed) else HealthState.UP


def _judge_copies(
    health: HealthState, dates: Mapping[str, float], max_ages: Mapping[str, float], now: float
) -> HealthState:
    """The health of an agency with snapshots, whose copies answer while it is not called."""
    if not all(dates.values()):
        return HealthState.DOWN
    if any(now - date > max_ages.get(name, inf) for name, date in dates.items()):
        return HealthState.SHAKY
    return HealthState.UP if health is HealthState.QUIET else health


def _summarize(minute: AgencyMinute) -> CallSummary | None:
    """Summarizes a minute; None without a call."""
    calls = minute.answered + minute.failed
    if not calls:
        return None
    return CallSummary(
        calls=calls,
        failed=minute.failed,
        median=estimate_quantile(0.5, minute.durations, SECONDS),
        p95=estimate_quantile(0.95, minute.durations, SECONDS),
    )
