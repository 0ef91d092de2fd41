"""How much the hub can answer, measured while it is too much: which requests are let in, and at what rate.

The hub is one event loop. The honest sign that it is asked for too much is how late the loop comes to what is due
(`web/loop_lag.py`), because that is what every request waits for, at each of its steps. How long requests take, or how
many are under way, says nothing: that grows where an agency is slow, and costs the others nothing.

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

from web.load import Urgency

TARGET: Final = 0.1
"""Seconds by which the loop may be late while that is called a good answer time."""
STANDING: Final = 0.3
"""Seconds for which it has to be later than that, without a pause, before anybody is refused for it."""
_LATE_TICKS: Final = 3
"""In so many looks at least: one piece of work that takes long is not many that wait ..."""
_SEVERAL: Final = 2
"""... and so many requests must have come for each look: nor are several, one after the other."""
_NOT_MANY: Final = 16
"""This many requests that arrived within one measurement may wait for each other ..."""
_LONGER: Final = 2.0
"""... in targets, until that counts as late."""
_HELD: Final = 0.25
"""Of the target: where the delay is held while there is overload."""
_WINDOW: Final = 0.1
"""Seconds between two changes of the rate."""
_FALLING: Final = 0.9
"""The part of the last window's delay below which the delay is falling."""
_SLOWER: Final = 0.1
"""The part by which fewer are let in than are finished, for each time that the delay is what it is held at ..."""
_SLOWEST: Final = 0.3
"""... and at most."""
_FASTER: Final = (1.01, 1.05, 1.1)
"""By what more are let in, from one window to the next."""
_FASTEST: Final = 2.0
"""The same, where the processor rests: what is asked for became cheaper, or ended."""
_RESTS: Final = 0.5
"""The part of a window which the loop works at most, where it is said to rest."""
_NEAR: Final = 0.9
"""The part of the rate that was too much the last time, from which on it is followed more slowly."""
_LONG_CALM: Final = 20
"""Windows in time after which it is followed faster."""
_AHEAD: Final = 2.0
"""How far the rate may be ahead of what is finished ..."""
_BEHIND: Final = 0.6
"""... and behind the most that was finished of late, whatever makes the loop late."""
_MEMORY: Final = 0.5
"""Seconds over which what is finished is averaged."""
_LONG_MEMORY: Final = 3.0
"""Seconds over which the most that was finished is forgotten."""
_CALM: Final = 0.5
"""Seconds without a refusal after which the overload is over."""
_BURST: Final = 0.1
"""Seconds of the rate that may come at once."""
_FEWEST: Final = 5.0
"""The least rate, and the least burst."""
_DEBT: Final = 1.0
"""Seconds of the rate by which the lane may be ahead of it before it is refused itself."""
_KEPT_FREE: Final = {Urgency.ANONYMOUS: 0.6, Urgency.CLAIMED: 0.4, Urgency.SIGNED_IN: 0.2}
"""The part of the burst that must stay for those who are more urgent."""
_PATIENCE: Final = {Urgency.ANONYMOUS: 3.0, Urgency.CLAIMED: 3.5, Urgency.SIGNED_IN: 4.0, Urgency.LANE: 10.0}
"""In targets: how far behind the loop may be, in this very turn, for a request to be begun."""
_BURSTS: Final = 10.0
"""In targets: what may be begun in one turn of a loop that is in time."""
_FEW: Final = 8
"""Requests that such a loop begins from one look to the next whatever they cost: a page asks for as many at once."""
SHORTEST_PATIENCE: Final = min(_PATIENCE.values())


class _Busy(NamedTuple):
    """For how long the loop was busy, and with how many requests that began."""

    seconds: float
    requests: float

    def after(self, kept: float) -> _Busy:
        """What of it still counts."""
        return _Busy(self.seconds * kept, self.requests * kept)

    def and_(self, other: _Busy) -> _Busy:
        """Both."""
        return _Busy(self.seconds + other.seconds, self.requests + other.requests)


class Capacity:
    """Says who is let in. Asks nobody for the time."""

    def __init__(self, *, target: float = TARGET) -> None:
        """Know nothing yet. `target` is in seconds."""
        self.target = target
        self.lag = 0.0
        """Seconds by which the loop was late at the last look."""
        self.finished = 0
        """Requests that were let in and are done, since the beginning."""
        self.begun = 0
        """Requests that were let in, since the beginning."""
        self._begun_at_tick = 0
        self._cost = 0.0
        """Seconds of the loop that a request takes, of late."""
        self._finished_at_tick = 0
        self._usual = self._longest = _Busy(0.0, 0.0)
        """What the loop was busy with of late; the longest piece is apart."""
        self._ticked_at = 0.0
        self.rate = inf
        """Requests a second that are let in; all where it is infinite."""
        self._good_at = inf
        """The last look at which the loop was in time; infinite before the first."""
        self._finished_at_good = self._begun_at_good = 0
        self._late_ticks = 0
        self._done = 0.0
        """Requests a second that are done, of late."""
        self._room = 0.0
        """How many may be let in at once; below 0 where the lane is ahead."""
        self._room_at = 0.0
        self._window_at = 0.0
        self._finished_at_window = 0
        self._least_lag = inf
        self._refused_in_window = False
        self._refused_at = 0.0
        self._calm_windows = 0
        self._worked = self._worked_at_window = 0.0
        self._lag_before = 0.0
        self._best = 0.0
        """The most requests a second that were done."""
        self._ceiling = inf
        """The rate at which the loop was late the last time."""

    @property
    def overloaded(self) -> bool:
        """Whether requests are let in at a rate."""
        return self.rate != inf

    def take(self, urgency: Urgency, now: float, *, behind: float) -> bool:
        """Let a request in, or not. `behind` is by how many seconds this very turn of the loop is late already."""
        patience = _PATIENCE[urgency] * self.target
        few = self._late_ticks <= 1 and self.begun < self._begun_at_tick + _FEW
        let_in = few or (behind <= patience and self.begun < self.enough(patience))
        if let_in and (self.rate == inf or self._has_room(urgency, now)):
            self.begun += 1
            return True
        self._refused_in_window = True
        self._refused_at = now
        return False

    def enough(self, patience: float) -> float:
        """How many will have been let in when as much is begun in this turn as `patience` has seconds.

        Of a loop that was in time a moment ago more is expected: what comes at once may be equal, and run once.
        """
        seconds = patience if self._late_ticks > 1 else _BURSTS * self.target
        return self._begun_at_tick + seconds / self._cost if self._cost else inf

    def _has_room(self, urgency: Urgency, now: float) -> bool:
        burst = max(self.rate * _BURST, _FEWEST)
        self._room = min(burst, self._room + (now - self._room_at) * self.rate)
        self._room_at = now
        least = -_DEBT * self.rate if urgency is Urgency.LANE else _KEPT_FREE[urgency] * burst
        if self._room - 1 < least:
            return False
        self._room -= 1
        return True

    def begin(self, now: float, worked: float) -> None:
        """Start measuring, after a time without measurements.

        The work of the loop in between is not the cost of a request, and its delay then says nothing about now.
        """
        self.lag, self._cost = 0.0, 0.0
        self._usual = self._longest = _Busy(0.0, 0.0)
        self._worked, self._ticked_at = worked, now
        self._begun_at_tick, self._finished_at_tick = self.begun, self.finished
        self._in_time(now)
        if now - self._refused_at >= _CALM:
            self.rate = inf
        self._begin_window(now)

    def tick(self, now: float, lag: float, worked: float) -> None:
        """Take note that the loop came so late to what was due, having used `worked` seconds of processor so far."""
        self.lag = lag
        few = self.begun - self._begun_at_tick <= _NOT_MANY
        self._reckon(now, max(worked - self._worked, lag))
        self._worked = worked
        self._least_lag = min(self._least_lag, lag)
        if lag <= self.target * (_LONGER if few else 1.0) or self._good_at == inf:
            self._in_time(now)
        else:
            self._late_ticks += 1
        if self.rate == inf:
            stood = now - self._good_at
            several = self.begun - self._begun_at_good >= _SEVERAL * self._late_ticks
            if self._late_ticks >= _LATE_TICKS and stood >= STANDING and several:
                self._done = (self.finished - self._finished_at_good) / stood
                self.rate = max(self._done, _FEWEST)
                self._best = self._done
                self._room, self._room_at, self._refused_at = 0.0, now, now
                self._calm_windows, self._lag_before, self._ceiling = 0, lag, inf
                self._begin_window(now)
        elif now - self._window_at >= _WINDOW:
            self._adjust(now)

    def _in_time(self, now: float) -> None:
        self._good_at, self._late_ticks = now, 0
        self._finished_at_good, self._begun_at_good = self.finished, self.begun

    def _reckon(self, now: float, busy: float) -> None:
        """What a request costs: how long the loop was busy while there were any, by how many were let in.

        Without the longest piece: the loop does more than requests, and once is no sign of what they cost.
        """
        kept = exp(self._ticked_at - now)
        self._usual, self._longest = self._usual.after(kept), self._longest.after(kept)
        if self.begun > self._finished_at_tick:  # else none was under way
            piece = _Busy(busy, self.begun - self._begun_at_tick)
            if piece.seconds > self._longest.seconds:
                piece, self._longest = self._longest, piece
            self._usual = self._usual.and_(piece)
        usual = self._usual
        self._cost = usual.seconds / usual.requests if usual.requests >= 1 else 0.0
        self._begun_at_tick, self._finished_at_tick, self._ticked_at = self.begun, self.finished, now

    def _adjust(self, now: float) -> None:
        """Follow what is finished: slower where the loop is late and stays so, faster where it is in time."""
        lasted = now - self._window_at
        of_window = (self.finished - self._finished_at_window) / lasted
        self._done += (of_window - self._done) * (1 - exp(-lasted / _MEMORY))
        self._best = max(self._done, self._best * exp(-lasted / _LONG_MEMORY))
        held, lag = _HELD * self.target, self._least_lag
        if lag > held:
            self._calm_windows = 0
            if lag > _FALLING * self._lag_before:  # else what waits is being worked off already
                self._ceiling = self.rate
                self.rate = min(self.rate, self._done) * (1 - min(_SLOWER * lag / held, _SLOWEST))
        elif self._refused_in_window:
            self._calm_windows += 1
            rests = self._worked - self._worked_at_window < _RESTS * lasted
            by = _FASTEST if rests else self._faster()
            self.rate = max(self.rate, min(self.rate * by, _AHEAD * max(self._done, of_window)))
        self.rate = max(self.rate, _BEHIND * self._best, _FEWEST)
        self._lag_before = lag
        if now - self._refused_at >= _CALM and lag <= held:
            self.rate = inf
        self._begin_window(now)

    def _faster(self) -> float:
        """By how much more may be let in: little where it was too much before, more the longer it is not."""
        was_not_too_much = self.rate <= _NEAR * self._ceiling
        return _FASTER[was_not_too_much + (self._calm_windows >= _LONG_CALM)]

    def _begin_window(self, now: float) -> None:
        self._window_at, self._finished_at_window, self._worked_at_window = now, self.finished, self._worked
        self._least_lag, self._refused_in_window = inf, False

    def __repr__(self) -> str:
        """The measures."""
        return f"<Capacity lag {self.lag * 1000:.0f} ms, " + (f"{self.rate:.0f}/s>" if self.overloaded else "no limit>")
