"""The terms of each agency (deadlines, rates, hours, breaker), read from the operator's file.

The file is TOML, or JSON of the same shape, with a table per agency (`docs/operators/agency-terms.md`). Omitted keys
keep their defaults: no breaker, no retries, the rate of the settings.
"""

from __future__ import annotations

import re
from datetime import date, time, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from connectors.resilience.breaker import BreakerTerms
from connectors.resilience.closed_hours import ClosedTo, ClosedWindow, MonthDay
from records.clocks import CITY_TIME_ZONE
from records.config_file import read_config_file

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


def _check_zone(name: str) -> str:
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


Clock = Annotated[time, BeforeValidator(_parse_time)]
DayOfYear = Annotated[MonthDay, BeforeValidator(_parse_month_day)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, populate_by_name=True)


class ClosedEntry(_Table):
    """A time in which the agency is closed."""

    start: Clock = Field(default=time.min, alias="from", description='start, `"23:00"`')
    until: Clock = Field(default=time.min, description="end; if not later than `from`, on the next day")
    weekdays: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = Field(
        default=(), description='days of the week on which it begins, `["sat", "sun"]`; empty: every day'
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
    pause: float = Field(default=5.0, ge=0.1, le=600, description="seconds until one call, the probe, is admitted")
    longest_pause: float = Field(
        default=60.0, ge=0.1, le=3600, description="maximum pause; each failed probe doubles the pause"
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
    """How one agency may be asked. None: as it is without a file."""

    deadline: float | None = Field(
        default=None, gt=0, le=60, description="maximum seconds of one call, with the wait for a permit and retries"
    )
    max_concurrency: int | None = Field(default=None, ge=1, le=256, description="concurrent calls, in this process")
    waiting: int | None = Field(
        default=None,
        ge=0,
        le=10_000,
        description="calls that may wait for a permit; more are refused immediately",
    )
    rate: float | None = Field(default=None, gt=0, le=10_000, description="calls a second; further calls wait")
    burst: int | None = Field(default=None, ge=1, le=10_000, description="calls in a burst, within `rate`")
    daily_quota: int | None = Field(default=None, ge=1, description="calls a day, in the agency's time zone")
    max_batch_size: int | None = Field(
        default=None, ge=1, le=100_000, description="keys in one call; more need several calls"
    )
    retries: int = Field(default=0, ge=0, le=5, description="retries of a failed read")
    retry_share: float = Field(
        default=0.1, gt=0, le=1, description="maximum share of retries and hedges among all calls"
    )
    hedge: bool = Field(default=False, description="whether a GET is sent again after the 95th percentile of latency")
    zone: Annotated[str, AfterValidator(_check_zone)] = Field(
        default="Asia/Jakarta", description="the agency's time zone"
    )
    breaker: BreakerEntry | None = Field(default=None, description="table: the circuit breaker")
    closed: tuple[ClosedEntry, ...] = Field(default=(), max_length=50, description="tables: when the agency is closed")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.burst is not None and self.rate is None:
            raise ValueError("burst is given without rate; say how many calls a second")
        return self

    def with_defaults(self, **defaults: Any) -> AgencyTerms:  # noqa: ANN401 - values of the fields
        """Return these terms with defaults for missing values."""
        return self.model_copy(update={name: value for name, value in defaults.items() if getattr(self, name) is None})


class AgencyTermsFile(_Table):
    """The file: a table for each agency with its own terms."""

    dukcapil: AgencyTerms = AgencyTerms()
    jakpreneur: AgencyTerms = AgencyTerms()
    pbb: AgencyTerms = AgencyTerms()
    crm: AgencyTerms = AgencyTerms()
    pangan: AgencyTerms = AgencyTerms()

    @model_validator(mode="after")
    def _to_some_effect(self) -> Self:
        for agency in ("pbb", "pangan"):
            if getattr(self, agency).max_batch_size is not None:
                raise ValueError(f"{agency}, max_batch_size: the agency takes one key per call; remove this line")
        for agency in ("dukcapil", "jakpreneur", "pbb"):
            if getattr(self, agency).hedge:
                raise ValueError(f"{agency}, hedge: the agency is not called by GET; remove this line")
        return self


def load_agency_terms(path: Path) -> AgencyTermsFile:
    """Load the terms from a file. Raises ValueError with the file, the agency, the key and the fault."""
    given = read_config_file(path, "the file of agencies")
    try:
        return AgencyTermsFile.model_validate(given)
    except ValidationError as error:
        raise ValueError(f"the file of agencies '{path}': {_describe_errors(error)}") from None


def _describe_errors(error: ValidationError) -> str:
    """Describe faults with their places: `pbb, closed 2, from: write a time as "23:00"`; entries count from 1."""
    lines = []
    for each in error.errors(include_input=False, include_url=False):
        words: list[str] = []
        for part in each["loc"]:
            if isinstance(part, int) and words:
                words[-1] += f" {part + 1}"
            else:
                words.append(str(part))
        place = f"{', '.join(words)}: " if words else ""
        lines.append(f"{place}{each['msg'].removeprefix('Value error, ')}")
    return "; ".join(lines)
