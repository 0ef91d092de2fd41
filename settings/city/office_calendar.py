"""The table `[office]` of a city: when its offices are open."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date, time
from functools import partial
from itertools import pairwise
from typing import Annotated, Final, Self

from holidays import HolidayBase, country_holidays, list_supported_countries
from pydantic import Field, PlainValidator, model_validator

from connectors.declared.tables import ManifestTable
from connectors.resilience.agency_terms import get_time_zone
from records.working_time import WorkingTime

_OPENING: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")
_PUBLIC: Final = "public"


def _parse_opening(value: object) -> tuple[time, time]:
    found = _OPENING.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError('not an opening: write start and end, such as "07:30-12:00"')
    start, end = time(int(found[1]), int(found[2])), time(int(found[3]), int(found[4]))
    if end <= start:
        raise ValueError("an opening ends after it starts, on the same day")
    return start, end


Opening = Annotated[tuple[time, time], PlainValidator(_parse_opening, json_schema_input_type=str)]
"""Start and end on one day, written as `"07:30-12:00"`."""


class WeekTable(ManifestTable):
    """The openings of each weekday; two of them have a pause between them."""

    monday: tuple[Opening, ...] = Field(default=(), description='openings of a day, such as `["07:30-12:00"]`')
    tuesday: tuple[Opening, ...] = Field(default=(), description="as for `monday`")
    wednesday: tuple[Opening, ...] = Field(default=(), description="as for `monday`")
    thursday: tuple[Opening, ...] = Field(default=(), description="as for `monday`")
    friday: tuple[Opening, ...] = Field(default=(), description="as for `monday`")
    saturday: tuple[Opening, ...] = Field(default=(), description="as for `monday`")
    sunday: tuple[Opening, ...] = Field(default=(), description="as for `monday`")

    @model_validator(mode="after")
    def _check_days(self) -> Self:
        for name, openings in self:
            if any(later[0] < earlier[1] for earlier, later in pairwise(openings)):
                raise ValueError(f"{name}: an opening starts before the one before it ends; write them in order")
        if not any(openings for _, openings in self):
            raise ValueError('monday: the office is never open; write openings, such as ["07:30-12:00", "13:00-16:00"]')
        return self


class OfficeTable(ManifestTable):
    """When the offices of a city are open."""

    country: str = Field(description='country of the holidays, in two letters (ISO 3166-1): `"ID"`')
    subdivision: str | None = Field(default=None, description="part of the country with other holidays (ISO 3166-2)")
    holidays: frozenset[str] = Field(
        default=frozenset({_PUBLIC}),
        description='kinds of holidays in the library `holidays`, such as `["public", "government"]`; '
        "default: `public`",
    )
    days_off: frozenset[date] = Field(default=frozenset(), description="more days off, as dates")
    hours: WeekTable = Field(description="table: openings of each weekday, in the city's time zone")

    @model_validator(mode="after")
    def _check_holidays(self) -> Self:
        known = list_supported_countries()
        if self.country not in known:
            raise ValueError("country: there are no holidays of this country; write its two letters, such as ID")
        if self.subdivision is not None and self.subdivision not in known[self.country]:
            parts = ", ".join(known[self.country]) or "none: remove this key"
            raise ValueError(f"subdivision: it has no other holidays; parts that have: {parts}")
        kinds = country_holidays(self.country).supported_categories
        if unknown := sorted(self.holidays - set(kinds)):
            raise ValueError(
                f"holidays: '{unknown[0]}' is no kind of holidays of the country; write {', '.join(kinds)}"
            )
        return self

    def build_working_time(self, time_zone: str) -> WorkingTime:
        """The working time of the offices."""
        week = [openings for _, openings in self.hours]
        return WorkingTime(week, partial(_list_days_off, self), get_time_zone(time_zone))


def _list_days_off(office: OfficeTable, year: int) -> Collection[date]:
    found: HolidayBase = country_holidays(
        office.country, subdiv=office.subdivision, years=year, categories=tuple(office.holidays)
    )
    return {*found, *office.days_off}
