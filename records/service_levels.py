"""Service levels of complaints: how long offices may take for each stage, and the clocks that follow for a complaint.

The deadline for the resolution is the agency's own, if it names one, and else the city's. All other deadlines are the
city's. Fields, lists and measures use these clocks and no others.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Annotated, Final

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
_CLOSED: Final = frozenset({ComplaintStatus.RESOLVED, ComplaintStatus.REJECTED})
_DONE_BY: Final[Mapping[ServiceStage, Collection[ComplaintStatus]]] = {
    ServiceStage.FIRST_RESPONSE: frozenset(ComplaintStatus) - {ComplaintStatus.WAITING, ComplaintStatus.WITHDRAWN},
    ServiceStage.ANSWER: _CLOSED | {ComplaintStatus.IN_PROGRESS},
}
"""The states that end a stage, by the first step with one of them."""


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
        level = self._get_level(complaint)
        limits = {
            stage: limit
            for stage, limit in zip(STAGES, level.limits, strict=True)
            if limit is not None and is_stage_known(complaint, stage)
        }
        due_at = complaint.due_at
        if due_at is not None:
            limits.pop(ServiceStage.RESOLUTION, None)
        dues = dict(zip(limits, self._add(complaint.reported_at, level, [*limits.values()]), strict=True))
        if due_at is not None:
            dues[ServiceStage.RESOLUTION] = due_at
        return tuple(self._build_clock(complaint, stage, due, level.time) for stage, due in dues.items())

    def _build_clock(self, complaint: Complaint, stage: ServiceStage, due: datetime, time: ServiceTime) -> ServiceClock:
        met = find_met(complaint, stage)
        end = complaint.read_at if met is None else met
        late = None if end <= due else round(self.measure(due, end, time) / _SECONDS_PER_HOUR, 1)
        return ServiceClock(stage=stage, due_at=due, met_at=met, breached_by=late, time=time)

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


def find_met(complaint: Complaint, stage: ServiceStage) -> datetime | None:
    """When a stage was done; None if it is not done, or unknown."""
    if stage is ServiceStage.RESOLUTION:
        return complaint.resolved_at
    return next((each.at for each in complaint.events if each.status in _DONE_BY[stage]), None)


def is_stage_known(complaint: Complaint, stage: ServiceStage) -> bool:
    """Whether the complaint shows when a stage was done, or that it still has to be done."""
    if stage is ServiceStage.RESOLUTION or find_met(complaint, stage) is not None:
        return True
    is_over = complaint.status in {None, ComplaintStatus.WITHDRAWN} or complaint.status in _DONE_BY[stage]
    return bool(complaint.events) and not is_over


def find_next_clock(clocks: Sequence[ServiceClock]) -> ServiceClock | None:
    """The clock that runs out, or ran out, first among those of stages that are not done."""
    return min((each for each in clocks if each.met_at is None), key=lambda each: each.due_at, default=None)
