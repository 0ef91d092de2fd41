"""The table `[service_levels]` of a city: how long its offices may take."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Final, Literal, NamedTuple, Self

from pydantic import Field, PlainValidator, model_validator

from connectors.declared.tables import ManifestTable
from records.service_levels import ServiceLevel, ServiceLevels, ServiceTime
from records.working_time import WorkingTime

_SECONDS: Final[Mapping[str, float]] = {"min": 60.0, "h": 3_600.0, "d": 86_400.0}
_MAX_SECONDS: Final = 366 * _SECONDS["d"]


class _Limit(NamedTuple):
    amount: int
    unit: str

    def to_seconds(self, office: WorkingTime | None) -> float:
        """The limit in calendar time, or in the working time of an office."""
        if self.unit == "d" and office is not None:
            return self.amount * office.day_seconds
        return self.amount * _SECONDS[self.unit]


def _parse_limit(value: object) -> _Limit:
    found = re.fullmatch(r"([1-9]\d{0,5}) ?(min|h|d)", value) if isinstance(value, str) else None
    limit = _Limit(int(found[1]), found[2]) if found is not None else None
    if limit is None or limit.to_seconds(None) > _MAX_SECONDS:
        raise ValueError('not a limit of at most a year: write a number and min, h or d, such as "6 h"')
    return limit


Limit = Annotated[_Limit, PlainValidator(_parse_limit, json_schema_input_type=str)]


class LevelTable(ManifestTable):
    """How long an office may take for each stage of a complaint."""

    first_response: Limit | None = Field(default=None, description='until an agency takes it up, such as `"6 h"`')
    answer: Limit | None = Field(default=None, description="until an agency works on it or decides")
    resolution: Limit | None = Field(
        default=None, description="until it is closed, unless the agency names a deadline for it"
    )
    time: Literal["calendar", "working"] | None = Field(
        default=None,
        description="`calendar`, or `working` to count office hours only, where a `d` is one working day"
        "; default: `calendar`",
    )


class CategoryLevelTable(LevelTable):
    """What is different for some categories. Other keys are those of all complaints."""

    categories: tuple[str, ...] = Field(min_length=1, description="codes of the categories")


class ComplaintLevelsTable(LevelTable):
    """The service levels of complaints."""

    groups: Mapping[str, CategoryLevelTable] = Field(
        default={}, description="tables: other levels of some categories, each under a name"
    )

    @model_validator(mode="after")
    def _check_categories(self) -> Self:
        codes = Counter(code for each in self.groups.values() for code in each.categories)
        for name, each in self.groups.items():
            if double := [code for code in each.categories if codes[code] > 1]:
                raise ValueError(f"groups.{name}.categories: '{double[0]}' is named twice; name each category once")
        return self

    @property
    def needs_office(self) -> bool:
        """Whether some levels are in working time."""
        return "working" in {self.time, *(each.time for each in self.groups.values())}

    def build_levels(self, office: WorkingTime | None) -> ServiceLevels:
        """The levels in seconds."""
        by_category = {
            code: _build_level(self, each, office) for each in self.groups.values() for code in each.categories
        }
        return ServiceLevels(_build_level(self, self, office), by_category, office)


class ServiceLevelsTable(ManifestTable):
    """How long the offices of a city may take."""

    complaints: ComplaintLevelsTable = Field(
        default=ComplaintLevelsTable(), description="table: service levels of complaints"
    )


def _build_level(all_complaints: LevelTable, own: LevelTable, office: WorkingTime | None) -> ServiceLevel:
    is_working = (own.time or all_complaints.time) == "working"

    def choose(limit: _Limit | None, default: _Limit | None) -> float | None:
        chosen = limit or default
        return None if chosen is None else chosen.to_seconds(office if is_working else None)

    return ServiceLevel(
        first_response=choose(own.first_response, all_complaints.first_response),
        answer=choose(own.answer, all_complaints.answer),
        resolution=choose(own.resolution, all_complaints.resolution),
        time=ServiceTime.WORKING if is_working else ServiceTime.CALENDAR,
    )
