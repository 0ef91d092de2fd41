"""The terms of an agency (deadlines, rates, hours, breaker): the table `[terms]` of its manifest.

Omitted keys keep their defaults: no breaker, no retries, no rate.
"""

from __future__ import annotations

import re
from datetime import date, time, timedelta, timezone, tzinfo
from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from connectors.resilience.breaker import BreakerTerms
from connectors.resilience.closed_hours import ClosedTo, ClosedWindow, MonthDay
from records.clocks import CITY_TIME_ZONE

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_ZONES: Final = {
    "Asia/Jakarta": CITY_TIME_ZONE,
    "Asia/Makassar": timezone(timedelta(hours=8), "WITA"),
    "Asia/Jayapura": timezone(timedelta(hours=9), "WIT"),
}
"""Indonesia's time zones, which have no summer time: they need no database of the machine."""
_LEAP_YEAR: Final = 2024
_CLOCK: Final = re.compile(r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?|24:00")


def _parse_time(value: object) -> object:
    if isinstance(value, time):
        return value
    if not isinstance(value, str) or not _CLOCK.fullmatch(value):
        raise ValueError('write a time as "23:00"')
    return time.min if value == "24:00" else time.fromisoformat(value)


def _parse_month_day(value: object) -> object:
    month, _, day = value.partition("-") if isinstance(value, str) else ("", "", "")
    try:
        found = date(_LEAP_YEAR, int(month), int(day))
    except ValueError:
        raise ValueError('write a day of the year as month and day: "01-13"') from None
    return found.month, found.day


def check_zone(name: str) -> str:
    """The name itself; raises ValueError if it names no time zone."""
    get_time_zone(name)
    return name


def get_time_zone(name: str) -> tzinfo:
    """The time zone of a name; raises ValueError where this machine knows none."""
    if name in _ZONES:
        return _ZONES[name]
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"'{name}' is not a time zone; write it as \"Asia/Jakarta\"") from None


Clock = Annotated[
    time, BeforeValidator(_parse_time), WithJsonSchema({"type": "string", "pattern": f"^({_CLOCK.pattern})$"})
]
DayOfYear = Annotated[
    MonthDay,
    BeforeValidator(_parse_month_day),
    WithJsonSchema({"type": "string", "pattern": r"^(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$"}),
]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, populate_by_name=True)


class ClosedEntry(_Table):
    """A time in which the agency is closed."""

    start: Clock = Field(default=time.min, alias="from", description='start, `"23:00"`')
    until: Clock = Field(default=time.min, description="end; if not later than `from`, on the next day")
    weekdays: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = Field(
        default=(), description='days of the week on which it begins, `["sat", "sun"]`; default: every day'
    )
    first_day: DayOfYear | None = Field(
        default=None, description='first day of a yearly period, `"01-03"`; with `last_day`'
    )
    last_day: DayOfYear | None = Field(default=None, description="last day of the period, included")
    to: ClosedTo = Field(default=ClosedTo.EVERYTHING, description="`everything`, or `writes`: reads are still allowed")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.first_day is None) != (self.last_day is None):
            raise ValueError("first_day and last_day belong together; give both")
        if self.start == self.until and not self.weekdays and self.first_day is None:
            raise ValueError("it is always closed; say when: from and until, weekdays, or first_day and last_day")
        return self

    @property
    def as_window(self) -> ClosedWindow:
        """The entry as the gate uses it."""
        return ClosedWindow(
            start=self.start,
            end=self.until,
            weekdays=frozenset(_DAYS.index(each) for each in self.weekdays),
            first_day=self.first_day,
            last_day=self.last_day,
            closed_to=self.to,
        )


class BreakerEntry(_Table):
    """When a breaker opens, and for how long."""

    failures: int = Field(
        default=5,
        ge=1,
        le=1000,
        description="failed calls within `within` seconds from which it opens, on condition of `share` or `unanswered`",
    )
    share: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="opens if they are at least this share of the calls that ended in that time ...",
    )
    unanswered: float = Field(
        default=2.0, ge=0.1, le=600, description="... or if no call was answered for this number of seconds"
    )
    within: float = Field(default=30.0, ge=1, le=600, description="seconds of the observed window")
    pause: float = Field(default=0.3, ge=0.1, le=600, description="seconds between two probes; see below")
    longest_pause: float = Field(
        default=10.0, ge=0.1, le=3600, description="maximum pause, and longest `Retry-After` that is followed"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.longest_pause < self.pause:
            raise ValueError(f"longest_pause is {self.longest_pause:g}, less than pause, {self.pause:g}")
        return self

    @property
    def as_terms(self) -> BreakerTerms:
        """The terms as the breaker uses them."""
        return BreakerTerms(**self.model_dump())


class AgencyTerms(_Table):
    """How one agency may be asked. None: the default of the driver."""

    deadline: float | None = Field(
        default=None,
        gt=0,
        le=60,
        description="maximum seconds of one call, with the wait for a permit and retries; default:"
        " `SIMPUL_AGENCY_TIMEOUT`",
    )
    max_concurrency: int | None = Field(
        default=None,
        ge=1,
        le=256,
        description="concurrent calls, in this process; default: 8 to a database, 32 over HTTP",
    )
    sessions: int | None = Field(
        default=None,
        ge=1,
        le=10_000,
        description="connections to its database, of all workers of all hubs together; each process has its share",
    )
    waiting: int | None = Field(
        default=None,
        ge=0,
        le=10_000,
        description="calls that may wait for a permit; more are refused immediately; default: unlimited",
    )
    rate: float | None = Field(
        default=None, gt=0, le=10_000, description="calls a second; further calls wait; default: unlimited"
    )
    burst: int | None = Field(
        default=None, ge=1, le=10_000, description="calls in a burst, within `rate`; default: `rate`, rounded up"
    )
    daily_quota: int | None = Field(default=None, ge=1, description="calls a day, in the agency's time zone")
    max_batch_size: int | None = Field(
        default=None,
        ge=1,
        le=100_000,
        description="keys in one call; more need several calls; default: all; over Open311: 500",
    )
    retries: int = Field(default=0, ge=0, le=5, description="retries of a failed read")
    retry_share: float = Field(
        default=0.1, gt=0, le=1, description="maximum share of retries and hedges among all calls"
    )
    hedge: bool = Field(default=False, description="whether a GET is sent again after the 95th percentile of latency")
    zone: Annotated[str, AfterValidator(check_zone)] = Field(
        default="Asia/Jakarta", description="the agency's time zone"
    )
    breaker: BreakerEntry | None = Field(default=None, description="table: the circuit breaker")
    closed: tuple[ClosedEntry, ...] = Field(
        default=(), max_length=50, description="tables: when the agency is closed; default: never"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.burst is not None and self.rate is None:
            raise ValueError("burst is given without rate; say how many calls a second")
        return self

    def with_defaults(self, **defaults: Any) -> AgencyTerms:  # noqa: ANN401 - values of the fields
        """Return these terms with defaults for missing values."""
        return self.model_copy(update={name: value for name, value in defaults.items() if getattr(self, name) is None})
