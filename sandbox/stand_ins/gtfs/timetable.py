"""The timetable of a stand-in of GTFS: its zip, and the trips that run at a moment.

The samples are the files of GTFS Schedule. `{start}`, `{end}` and `{holiday}` in them are dates around the city's day.
"""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Final, NamedTuple

from sandbox.agency import CannotStartError
from sandbox.clock import WIB
from sandbox.stand_ins.sources import StandInSource

_FIRST_DAY, _LAST_DAY, _HOLIDAY = -60, 420, 3
"""Days from the city's day; wide enough for a city whose data is of another day than the clock."""
_ZIP_DATE: Final = (2026, 1, 1, 0, 0, 0)
Row = Mapping[str, str]


class TimedStop(NamedTuple):
    """A stop of a trip: seconds after its start."""

    stop: str
    sequence: int
    seconds: int


@dataclass(frozen=True)
class Run:
    """A trip that runs at a moment."""

    trip: Row
    day: date
    start: str
    """The time of its start, which repeated trips need."""
    is_repeated: bool
    seconds: float
    """Since its start by the timetable."""
    calls: Sequence[TimedStop]

    @property
    def delay(self) -> int:
        """Seconds, the same for all moments of the run: from a minute early to four minutes late."""
        name = f"{self.trip['trip_id']} {self.day} {self.start}"
        return int(hashlib.sha256(name.encode()).hexdigest()[:4], 16) % 300 - 60


class SampleTimetable:
    """The timetable in the samples. Raises `CannotStartError` for samples that are none."""

    def __init__(self, source: StandInSource, today: date) -> None:
        days = {"start": _FIRST_DAY, "end": _LAST_DAY, "holiday": _HOLIDAY}
        dates = {name: f"{today + timedelta(days=each):%Y%m%d}" for name, each in days.items()}
        self._texts = {
            path.name: _fill(path.read_text(encoding="utf-8"), dates)
            for path in source.list_files()
            if path.suffix == ".txt"
        }
        if "stop_times.txt" not in self._texts:
            raise CannotStartError(f"{source.samples} has no stop_times.txt.")
        self.stops = {each["stop_id"]: each for each in self._read("stops.txt")}

    @cached_property
    def zip(self) -> bytes:
        """The feed, with a byte order mark and Windows line breaks in some files, as publishers write them."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for number, (name, text) in enumerate(sorted(self._texts.items())):
                content = text.replace("\n", "\r\n") if number % 2 else f"\ufeff{text}"
                archive.writestr(zipfile.ZipInfo(name, _ZIP_DATE), content.encode(), zipfile.ZIP_DEFLATED)
        return packed.getvalue()

    def list_runs(self, now: datetime) -> Iterator[Run]:
        """The trips that run at a moment, also those that began on the day before."""
        for back in (1, 0):
            day = now.astimezone(WIB).date() - timedelta(days=back)
            seconds = (now - datetime(day.year, day.month, day.day, tzinfo=WIB)).total_seconds()
            for trip in self._read("trips.txt"):
                calls = self._calls[trip["trip_id"]]
                if not self._runs_on(trip["service_id"], day):
                    continue
                for start, is_repeated in self._list_starts(trip["trip_id"]):
                    if 0 <= seconds - start <= calls[-1].seconds:
                        text = f"{start // 3600:02}:{start // 60 % 60:02}:{start % 60:02}"
                        yield Run(trip, day, text, is_repeated, seconds - start, calls)

    @cached_property
    def _calls(self) -> Mapping[str, Sequence[TimedStop]]:
        rows = defaultdict(list)
        for each in self._read("stop_times.txt"):
            rows[each["trip_id"]].append(each)
        return {trip: _estimate(each) for trip, each in rows.items()}

    @cached_property
    def _starts(self) -> Mapping[str, int]:
        rows = {each["trip_id"]: each for each in reversed(self._read("stop_times.txt"))}
        return {trip: _parse_time(each["departure_time"]) for trip, each in rows.items()}

    def _list_starts(self, trip: str) -> Iterator[tuple[int, bool]]:
        repeated = [each for each in self._read("frequencies.txt") if each["trip_id"] == trip]
        for each in repeated:
            ends = _parse_time(each["end_time"])
            yield from (
                (start, True) for start in range(_parse_time(each["start_time"]), ends, int(each["headway_secs"]))
            )
        if not repeated:
            yield self._starts[trip], False

    def _runs_on(self, service: str, day: date) -> bool:
        for each in self._read("calendar_dates.txt"):
            if each["service_id"] == service and each["date"] == f"{day:%Y%m%d}":
                return each["exception_type"] == "1"
        weekday = f"{day:%A}".lower()
        return any(
            each["service_id"] == service and each[weekday] == "1" and each["start_date"] <= f"{day:%Y%m%d}"
            for each in self._read("calendar.txt")
        )

    def _read(self, name: str) -> Sequence[Row]:
        if name not in self._rows:
            self._rows[name] = list(csv.DictReader(io.StringIO(self._texts.get(name, ""))))
        return self._rows[name]

    @cached_property
    def _rows(self) -> dict[str, Sequence[Row]]:
        return {}


def _fill(text: str, dates: Mapping[str, str]) -> str:
    for name, each in dates.items():
        text = text.replace(f"{{{name}}}", each)
    return text


def _parse_time(text: str) -> int:
    hours, minutes, seconds = map(int, text.split(":"))
    return hours * 3600 + minutes * 60 + seconds


def _estimate(rows: Sequence[Row]) -> Sequence[TimedStop]:
    """The calls of a trip; times that the samples leave out lie in equal steps between the others."""
    timed = [number for number, each in enumerate(rows) if each["departure_time"]]
    start = _parse_time(rows[0]["departure_time"])
    calls = []
    for number, each in enumerate(rows):
        before = max(index for index in timed if index <= number)
        after = min(index for index in timed if index >= number)
        first, last = (_parse_time(rows[index]["departure_time"]) for index in (before, after))
        share = (number - before) / (after - before) if after > before else 0
        calls.append(
            TimedStop(each["stop_id"], int(each["stop_sequence"]), round(first + (last - first) * share) - start)
        )
    return calls
