"""Service levels of complaints: how long offices may take for each stage, and the clocks that follow for a complaint.

The deadline for the resolution is the agency's own, if it names one, and else the city's. All other deadlines are the
city's. Fields, lists and measures use these clocks and no others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Annotated, Final, NamedTuple

from records.complaints import Complaint, ComplaintStatus
from records.description import DescribedEnum, Doc
from records.record import record
from records.working_time import WorkingTime


class ServiceStage(DescribedEnum):
    """What an office must do in time with a complaint."""

    FIRST_RESPONSE = "FIRST_RESPONSE", "An agency takes it up: its first state after `WAITING`."
    ANSWER = "ANSWER", "An agency acts on it or decides: `IN_PROGRESS`, `RESOLVED` or `REJECTED`."
    RESOLUTION = "RESOLUTION", "It is closed: `RESOLVED` or `REJECTED`, or `WITHDRAWN` by its reporter."


class ServiceTime(DescribedEnum):
    """The time in which a service level is counted."""

    CALENDAR = "CALENDAR", "All hours count."
    WORKING = "WORKING", "Office hours count, in the city's time zone, without holidays."


@record
class ServiceLevel:
    """How long an office may take for each stage of a complaint, in seconds of its time; None sets no limit."""

    first_response: float | None = None
    answer: float | None = None
    resolution: float | None = None
    time: ServiceTime = ServiceTime.CALENDAR

    @property
    def limits(self) -> Sequence[float | None]:
        """The limit of each stage."""
        return self.first_response, self.answer, self.resolution


@record
class ServiceClock:
    """The deadline of one stage of a complaint, and whether it was met."""

    stage: Annotated[ServiceStage, Doc("What must be done.")]
    due_at: Annotated[datetime, Doc("When it must be done at the latest.")]
    met_at: Annotated[datetime | None, Doc("When it was done; null if it is not done yet.")]
    breached_by: Annotated[
        float | None,
        Doc("Hours by which it missed, or has missed so far, its deadline, in its `time`; null while it is in time."),
    ]
    time: Annotated[ServiceTime, Doc("The time in which it is counted.")]


STAGES: Final = tuple(ServiceStage)
_SECONDS_PER_HOUR: Final = 3_600
# Tuples, because a look-up of an enum in a set costs more than one in a few members.
_ANSWERED: Final = (ComplaintStatus.IN_PROGRESS, ComplaintStatus.RESOLVED, ComplaintStatus.REJECTED)
_TAKEN_UP: Final = (ComplaintStatus.COORDINATION, ComplaintStatus.DISPOSITION, *_ANSWERED)
"""The states that end a stage, by the first step with one of them."""


class StageEnd(NamedTuple):
    """The end of a stage of a complaint."""

    is_known: bool
    """Whether the complaint shows when it was done, or that it still has to be done."""
    met_at: datetime | None


class ServiceLevels:
    """The service levels of a city. The levels of a category replace those of all complaints."""

    def __init__(
        self,
        level: ServiceLevel | None = None,
        by_category: Mapping[str, ServiceLevel] = MappingProxyType({}),
        office: WorkingTime | None = None,
    ) -> None:
        """Levels in working time need the office's. Raises ValueError without it."""
        self._level = level or ServiceLevel()
        self._by_category = by_category
        self._office = office
        if office is None and any(each.time is ServiceTime.WORKING for each in (self._level, *by_category.values())):
            raise ValueError("service levels in working time need office hours")

    def find_due(self, complaint: Complaint) -> datetime | None:
        """The deadline for the resolution: the agency's own, or else the city's."""
        level = self._get_level(complaint)
        if complaint.due_at is not None or level.resolution is None:
            return complaint.due_at
        return self._add(complaint.reported_at, level, [level.resolution])[0]

    def build_clocks(self, complaint: Complaint) -> tuple[ServiceClock, ...]:
        """The clocks of a complaint, in the order of the stages, as of the moment at which it was read.

        A stage without a deadline has no clock. Neither has one whose end cannot be known: an agency that lists no
        steps does not say when it took a complaint up.
        """
        level, due_at = self._get_level(complaint), complaint.due_at
        limits = level.limits if due_at is None else (*level.limits[:-1], None)
        wanted = [
            (stage, limit, end.met_at)
            for stage, limit, end in zip(STAGES, limits, find_ends(complaint), strict=True)
            if limit is not None and end.is_known
        ]
        dues = self._add(complaint.reported_at, level, [limit for _, limit, _ in wanted])
        clocks = [
            self._build_clock(complaint, stage, due, met_at, level.time)
            for (stage, _, met_at), due in zip(wanted, dues, strict=True)
        ]
        if due_at is not None:
            clocks.append(
                self._build_clock(complaint, ServiceStage.RESOLUTION, due_at, complaint.resolved_at, level.time)
            )
        return tuple(clocks)

    def _build_clock(
        self, complaint: Complaint, stage: ServiceStage, due: datetime, met_at: datetime | None, time: ServiceTime
    ) -> ServiceClock:
        end = complaint.read_at if met_at is None else met_at
        late = None if end <= due else round(self.measure(due, end, time) / _SECONDS_PER_HOUR, 1)
        return ServiceClock(stage=stage, due_at=due, met_at=met_at, breached_by=late, time=time)

    def measure(self, start: datetime, end: datetime, time: ServiceTime) -> float:
        """The seconds between two moments."""
        if time is ServiceTime.WORKING and self._office is not None:
            return self._office.measure(start, end)
        return (end - start).total_seconds()

    def _add(self, start: datetime, level: ServiceLevel, seconds: Sequence[float]) -> Sequence[datetime]:
        if level.time is ServiceTime.WORKING and self._office is not None and seconds:
            return self._office.add(start, seconds)
        return [start + timedelta(seconds=each) for each in seconds]

    def _get_level(self, complaint: Complaint) -> ServiceLevel:
        return self._by_category.get(complaint.category_code or "", self._level)


NO_SERVICE_LEVELS: Final = ServiceLevels()
"""A city that sets none: only the agency's own deadlines count."""


def find_ends(complaint: Complaint) -> Sequence[StageEnd]:
    """The end of each stage. What is withdrawn, or lists no steps, does not show when it was taken up or answered."""
    status = complaint.status
    is_silent = not complaint.events or status is None or status is ComplaintStatus.WITHDRAWN
    found = []
    for states in (_TAKEN_UP, _ANSWERED):
        met_at = next((each.at for each in complaint.events if each.status in states), None)
        found.append(StageEnd(met_at is not None or not (is_silent or status in states), met_at))
    return *found, StageEnd(is_known=True, met_at=complaint.resolved_at)


def find_next_clock(clocks: Sequence[ServiceClock]) -> ServiceClock | None:
    """The clock that runs out, or ran out, first among those of stages that are not done."""
    return min((each for each in clocks if each.met_at is None), key=lambda each: each.due_at, default=None)
