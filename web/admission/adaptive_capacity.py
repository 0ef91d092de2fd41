"""How much the hub can answer, measured while it is too much: which requests are let in, and at what rate.

The hub is one event loop. The honest sign that it is asked for too much is how late the loop comes to what is due
(`web/admission/loop_lag.py`), because that is what every request waits for, at each of its steps. How long requests
take, or how many are under way, says nothing: that grows where an agency is slow, and costs the others nothing.

Three ideas of others are put together here. Late once is a burst, and bursts pass: only a delay that stands, the least
of a while, means overload (CoDel, RFC 8289). What waits too long to begin is refused, so that even a burst stays
bounded ("Fail at Scale", ACM Queue 13(8), 2015). And while there is overload, as many are let in as are finished, a
little more while the loop is in time and fewer while it is late (DAGOR, SoCC 2018, which like this looks at the time
until work begins; the rate of what is finished is BBR's), the less urgent classes first to be refused.

Sans-IO: moments come from outside, in seconds of one clock that is never set back.
"""

from __future__ import annotations

from math import exp, inf
from typing import Final, NamedTuple

from web.admission.load import Urgency

TARGET: Final = 0.1
"""Seconds by which the loop may be late while that is called a good answer time."""
SUSTAINED_SECONDS: Final = 0.3
"""Seconds for which it has to be later than that, without a pause, before anybody is refused for it."""
_LATE_TICKS: Final = 3
"""In so many looks at least: one piece of work that takes long is not many that wait ..."""
_MIN_REQUESTS_PER_TICK: Final = 2
"""... and so many requests must have come for each look: nor are several, one after the other."""
_FEW_REQUESTS: Final = 16
"""This many requests that arrived within one measurement may wait for each other ..."""
_FEW_REQUESTS_FACTOR: Final = 2.0
"""... in targets, until that counts as late."""
_SETPOINT: Final = 0.25
"""Of the target: where the delay is held while there is overload."""
_WINDOW: Final = 0.1
"""Seconds between two changes of the rate."""
_FALLING: Final = 0.9
"""The part of the last window's delay below which the delay is falling."""
_DECREASE_STEP: Final = 0.1
"""The part by which fewer are let in than are finished, for each time that the delay is what it is held at ..."""
_MAX_DECREASE: Final = 0.3
"""... and at most."""
_INCREASES: Final = (1.01, 1.05, 1.1)
"""By what more are let in, from one window to the next."""
_IDLE_INCREASE: Final = 2.0
"""The same, where the processor rests: what is asked for became cheaper, or ended."""
_IDLE_SHARE: Final = 0.5
"""The part of a window which the loop works at most, where it is said to rest."""
_NEAR_CEILING: Final = 0.9
"""The part of the rate that was too much the last time, from which on it is followed more slowly."""
_CALM_WINDOWS: Final = 20
"""Windows in time after which it is followed faster."""
_MAX_LEAD: Final = 2.0
"""How far the rate may be ahead of what is finished ..."""
_MIN_SHARE_OF_BEST: Final = 0.6
"""... and behind the most that was finished of late, whatever makes the loop late."""
_AVERAGE_SECONDS: Final = 0.5
"""Seconds over which what is finished is averaged."""
_BEST_DECAY_SECONDS: Final = 3.0
"""Seconds over which the most that was finished is forgotten."""
_CALM_SECONDS: Final = 0.5
"""Seconds without a refusal after which the overload is over."""
_BURST_SECONDS: Final = 0.1
"""Seconds of the rate that may come at once."""
_MIN_RATE: Final = 5.0
"""The least rate, and the least burst."""
_LANE_DEBT_SECONDS: Final = 1.0
"""Seconds of the rate by which the lane may be ahead of it before it is refused itself."""
_RESERVED_BURST: Final = {Urgency.ANONYMOUS: 0.6, Urgency.CLAIMED: 0.4, Urgency.SIGNED_IN: 0.2}
"""The part of the burst that must stay for those who are more urgent."""
_MAX_LAG: Final = {Urgency.ANONYMOUS: 3.0, Urgency.CLAIMED: 3.5, Urgency.SIGNED_IN: 4.0, Urgency.LANE: 10.0}
"""In targets: how far behind the loop may be, in this very turn, for a request to be begun."""
_TURN_BUDGET: Final = 10.0
"""In targets: what may be begun in one turn of a loop that is in time."""
_FREE_PER_TICK: Final = 8
"""Requests that such a loop begins from one look to the next whatever they cost: a page asks for as many at once."""
SMALLEST_MAX_LAG: Final = min(_MAX_LAG.values())


class _BusyTime(NamedTuple):
    """For how long the loop was busy, and with how many requests that began."""

    seconds: float
    requests: float

    def decay(self, factor: float) -> _BusyTime:
        """What of it still counts."""
        return _BusyTime(self.seconds * factor, self.requests * factor)

    def add(self, other: _BusyTime) -> _BusyTime:
        """Both."""
        return _BusyTime(self.seconds + other.seconds, self.requests + other.requests)


class AdaptiveCapacity:
    """Says who is let in. Asks nobody for the time."""

    def __init__(self, *, target: float = TARGET) -> None:
        """Know nothing yet. `target` is in seconds."""
        self.target = target
        self.lag = 0.0
        """Seconds by which the loop was late at the last look."""
        self.finished = 0
        """Requests that were let in and are done, since the beginning."""
        self.admitted = 0
        """Requests that were let in, since the beginning."""
        self._admitted_at_tick = 0
        self._cost = 0.0
        """Seconds of the loop that a request takes, of late."""
        self._finished_at_tick = 0
        self._usual_busy_time = self._longest_busy_time = _BusyTime(0.0, 0.0)
        """What the loop was busy with of late; the longest piece is apart."""
        self._ticked_at = 0.0
        self.rate = inf
        """Requests a second that are let in; all where it is infinite."""
        self._good_at = inf
        """The last look at which the loop was in time; infinite before the first."""
        self._finished_at_good = self._admitted_at_good = 0
        self._late_ticks = 0
        self._finish_rate = 0.0
        """Requests a second that are done, of late."""
        self._burst_left = 0.0
        """How many may be let in at once; below 0 where the lane is ahead."""
        self._burst_at = 0.0
        self._window_at = 0.0
        self._finished_at_window = 0
        self._least_lag = inf
        self._refused_in_window = False
        self._refused_at = 0.0
        self._calm_windows = 0
        self._cpu_seconds = self._cpu_seconds_at_window = 0.0
        self._lag_before = 0.0
        self._best_finish_rate = 0.0
        """The most requests a second that were done."""
        self._ceiling = inf
        """The rate at which the loop was late the last time."""

    @property
    def is_overloaded(self) -> bool:
        """Whether requests are let in at a rate."""
        return self.rate != inf

    def admit(self, urgency: Urgency, now: float, *, turn_lag: float) -> bool:
        """Let a request in, or not. `turn_lag` is by how many seconds this very turn of the loop is late already."""
        max_lag = _MAX_LAG[urgency] * self.target
        is_among_first = self._late_ticks <= 1 and self.admitted < self._admitted_at_tick + _FREE_PER_TICK
        is_admitted = is_among_first or (turn_lag <= max_lag and self.admitted < self.get_admission_bound(max_lag))
        if is_admitted and (self.rate == inf or self._take_burst(urgency, now)):
            self.admitted += 1
            return True
        self._refused_in_window = True
        self._refused_at = now
        return False

    def get_admission_bound(self, max_lag: float) -> float:
        """How many will have been let in when as much is begun in this turn as `max_lag` has seconds.

        Of a loop that was in time a moment ago more is expected: what comes at once may be equal, and run once.
        """
        seconds = max_lag if self._late_ticks > 1 else _TURN_BUDGET * self.target
        return self._admitted_at_tick + seconds / self._cost if self._cost else inf

    def _take_burst(self, urgency: Urgency, now: float) -> bool:
        burst = max(self.rate * _BURST_SECONDS, _MIN_RATE)
        self._burst_left = min(burst, self._burst_left + (now - self._burst_at) * self.rate)
        self._burst_at = now
        least = -_LANE_DEBT_SECONDS * self.rate if urgency is Urgency.LANE else _RESERVED_BURST[urgency] * burst
        if self._burst_left - 1 < least:
            return False
        self._burst_left -= 1
        return True

    def start_measuring(self, now: float, cpu_seconds: float) -> None:
        """Start measuring, after a time without measurements.

        The work of the loop in between is not the cost of a request, and its delay then says nothing about now.
        """
        self.lag, self._cost = 0.0, 0.0
        self._usual_busy_time = self._longest_busy_time = _BusyTime(0.0, 0.0)
        self._cpu_seconds, self._ticked_at = cpu_seconds, now
        self._admitted_at_tick, self._finished_at_tick = self.admitted, self.finished
        self._mark_on_time(now)
        if now - self._refused_at >= _CALM_SECONDS:
            self.rate = inf
        self._begin_window(now)

    def record_tick(self, now: float, lag: float, cpu_seconds: float) -> None:
        """Take note that the loop came so late to what was due, having used `cpu_seconds` of the processor so far."""
        self.lag = lag
        few = self.admitted - self._admitted_at_tick <= _FEW_REQUESTS
        self._estimate_cost(now, max(cpu_seconds - self._cpu_seconds, lag))
        self._cpu_seconds = cpu_seconds
        self._least_lag = min(self._least_lag, lag)
        if lag <= self.target * (_FEW_REQUESTS_FACTOR if few else 1.0) or self._good_at == inf:
            self._mark_on_time(now)
        else:
            self._late_ticks += 1
        if self.rate == inf:
            late_for = now - self._good_at
            several = self.admitted - self._admitted_at_good >= _MIN_REQUESTS_PER_TICK * self._late_ticks
            if self._late_ticks >= _LATE_TICKS and late_for >= SUSTAINED_SECONDS and several:
                self._finish_rate = (self.finished - self._finished_at_good) / late_for
                self.rate = max(self._finish_rate, _MIN_RATE)
                self._best_finish_rate = self._finish_rate
                self._burst_left, self._burst_at, self._refused_at = 0.0, now, now
                self._calm_windows, self._lag_before, self._ceiling = 0, lag, inf
                self._begin_window(now)
        elif now - self._window_at >= _WINDOW:
            self._adjust_rate(now)

    def _mark_on_time(self, now: float) -> None:
        self._good_at, self._late_ticks = now, 0
        self._finished_at_good, self._admitted_at_good = self.finished, self.admitted

    def _estimate_cost(self, now: float, busy_seconds: float) -> None:
        """What a request costs: how long the loop was busy while there were any, by how many were let in.

        Without the longest piece: the loop does more than requests, and once is no sign of what they cost.
        """
        decay = exp(self._ticked_at - now)
        self._usual_busy_time, self._longest_busy_time = (
            self._usual_busy_time.decay(decay),
            self._longest_busy_time.decay(decay),
        )
        if self.admitted > self._finished_at_tick:  # else none was under way
            piece = _BusyTime(busy_seconds, self.admitted - self._admitted_at_tick)
            if piece.seconds > self._longest_busy_time.seconds:
                piece, self._longest_busy_time = self._longest_busy_time, piece
            self._usual_busy_time = self._usual_busy_time.add(piece)
        usual = self._usual_busy_time
        self._cost = usual.seconds / usual.requests if usual.requests >= 1 else 0.0
        self._admitted_at_tick, self._finished_at_tick, self._ticked_at = self.admitted, self.finished, now

    def _adjust_rate(self, now: float) -> None:
        """Follow what is finished: slower where the loop is late and stays so, faster where it is in time."""
        lasted = now - self._window_at
        window_rate = (self.finished - self._finished_at_window) / lasted
        self._finish_rate += (window_rate - self._finish_rate) * (1 - exp(-lasted / _AVERAGE_SECONDS))
        self._best_finish_rate = max(self._finish_rate, self._best_finish_rate * exp(-lasted / _BEST_DECAY_SECONDS))
        setpoint, lag = _SETPOINT * self.target, self._least_lag
        if lag > setpoint:
            self._calm_windows = 0
            if lag > _FALLING * self._lag_before:  # else what waits is being worked off already
                self._ceiling = self.rate
                self.rate = min(self.rate, self._finish_rate) * (
                    1 - min(_DECREASE_STEP * lag / setpoint, _MAX_DECREASE)
                )
        elif self._refused_in_window:
            self._calm_windows += 1
            is_mostly_idle = self._cpu_seconds - self._cpu_seconds_at_window < _IDLE_SHARE * lasted
            factor = _IDLE_INCREASE if is_mostly_idle else self._get_increase()
            self.rate = max(self.rate, min(self.rate * factor, _MAX_LEAD * max(self._finish_rate, window_rate)))
        self.rate = max(self.rate, _MIN_SHARE_OF_BEST * self._best_finish_rate, _MIN_RATE)
        self._lag_before = lag
        if now - self._refused_at >= _CALM_SECONDS and lag <= setpoint:
            self.rate = inf
        self._begin_window(now)

    def _get_increase(self) -> float:
        """By how much more may be let in: little where it was too much before, more the longer it is not."""
        was_not_too_much = self.rate <= _NEAR_CEILING * self._ceiling
        return _INCREASES[was_not_too_much + (self._calm_windows >= _CALM_WINDOWS)]

    def _begin_window(self, now: float) -> None:
        self._window_at, self._finished_at_window, self._cpu_seconds_at_window = now, self.finished, self._cpu_seconds
        self._least_lag, self._refused_in_window = inf, False

    def __repr__(self) -> str:
        """The measures."""
        return f"<Capacity lag {self.lag * 1000:.0f} ms, " + (
            f"{self.rate:.0f}/s>" if self.is_overloaded else "no limit>"
        )
