"""Adaptive capacity: detects overload of the event loop, and decides which requests are admitted and at what rate.

The hub is one event loop. The reliable sign of overload is the lag of the loop (`web/admission/loop_lag.py`), because
every request waits for it at each of its steps. The duration of requests, or their number in flight, is no such sign:
both grow when an agency is slow, and that costs other requests nothing.

The controller combines three known ideas:

- A single delay is a burst, and bursts pass. Overload is a delay that persists: the minimum over an interval (CoDel,
  RFC 8289).
- A request that would wait too long to begin is refused, so that even a burst has a bound ("Fail at Scale", ACM Queue
  13(8), 2015).
- During overload, the admission rate follows the rate of finished requests: slightly above it while the loop is on
  time, below it while the loop is late. The less urgent classes are refused first (DAGOR, SoCC 2018, which also
  measures the time until work begins). Following the delivery rate is BBR's idea.

No input or output: callers pass the time, in seconds of one monotonic clock.
"""

from __future__ import annotations

from math import exp, inf
from typing import Final, NamedTuple

from web.admission.load import Urgency

TARGET: Final = 0.1
"""Seconds of loop lag that still give good response times."""
SUSTAINED_SECONDS: Final = 0.3
"""Seconds for which the lag must stay above the target, without a break, before requests are refused."""
_LATE_TICKS: Final = 3
"""Minimum number of consecutive late ticks for overload: a single long piece of work makes one tick late."""
_MIN_REQUESTS_PER_TICK: Final = 2
"""Minimum number of admitted requests per late tick for overload: a few slow requests make the loop late, too."""
_FEW_REQUESTS: Final = 16
"""A tick with at most this number of new requests may be later: such requests delay only each other."""
_FEW_REQUESTS_FACTOR: Final = 2.0
"""The lag, in targets, from which such a tick counts as late."""
_SETPOINT: Final = 0.25
"""The lag that the controller aims at during overload, as a share of the target."""
_WINDOW: Final = 0.1
"""Seconds between two changes of the rate."""
_FALLING: Final = 0.9
"""The lag counts as falling if it is below this share of the previous window's lag."""
_DECREASE_STEP: Final = 0.1
"""The share by which the rate falls below the finish rate, for each multiple of the setpoint that the lag reaches."""
_MAX_DECREASE: Final = 0.3
"""Maximum share by which the rate falls below the finish rate."""
_INCREASES: Final = (1.01, 1.05, 1.1)
"""Growth factors of the rate per window, from the slowest to the fastest."""
_IDLE_INCREASE: Final = 2.0
"""The growth factor while the processor is mostly idle, because requests became cheaper or stopped."""
_IDLE_SHARE: Final = 0.5
"""The processor is mostly idle if it works for less than this share of a window."""
_NEAR_CEILING: Final = 0.9
"""From this share of the last rate that was too high, the rate grows more slowly."""
_CALM_WINDOWS: Final = 20
"""Number of consecutive windows on time after which the rate grows faster."""
_MAX_RATE_OVER_FINISH_RATE: Final = 2.0
"""The maximum of the rate, as a multiple of the finish rate."""
_MIN_SHARE_OF_BEST: Final = 0.6
"""The minimum of the rate, as a share of the best recent finish rate, even if the loop is late."""
_AVERAGE_SECONDS: Final = 0.5
"""Time constant of the average finish rate, in seconds."""
_BEST_DECAY_SECONDS: Final = 3.0
"""Time constant of the decay of the best finish rate, in seconds."""
_CALM_SECONDS: Final = 0.5
"""Seconds without a refusal after which the overload is over."""
_BURST_SECONDS: Final = 0.1
"""Capacity of the token bucket, in seconds of the rate."""
_MIN_RATE: Final = 5.0
"""Minimum rate in requests per second, and minimum capacity of the token bucket in requests."""
_LANE_DEBT_SECONDS: Final = 1.0
"""How far the emergency lane may overdraw the token bucket, in seconds of the rate, before it is refused too."""
_RESERVED_TOKENS: Final = {Urgency.ANONYMOUS: 0.6, Urgency.CLAIMED: 0.4, Urgency.SIGNED_IN: 0.2}
"""The share of the token bucket that a class must leave to more urgent classes."""
_MAX_LAG: Final = {Urgency.ANONYMOUS: 3.0, Urgency.CLAIMED: 3.5, Urgency.SIGNED_IN: 4.0, Urgency.LANE: 10.0}
"""The maximum lag of the current loop turn, in targets, at which a request of the class may begin."""
_TURN_BUDGET: Final = 10.0
"""Work that may begin in one turn of a loop that was on time, in targets."""
_FREE_PER_TICK: Final = 8
"""Requests per tick that a loop on time admits at any cost: a web page sends about as many concurrently."""
SMALLEST_MAX_LAG: Final = min(_MAX_LAG.values())


class _BusyTime(NamedTuple):
    """Busy time of the loop, and the number of requests that began in it."""

    seconds: float
    requests: float

    def decay(self, factor: float) -> _BusyTime:
        """An older value, weighted by the factor."""
        return _BusyTime(self.seconds * factor, self.requests * factor)

    def add(self, other: _BusyTime) -> _BusyTime:
        """The sum of both."""
        return _BusyTime(self.seconds + other.seconds, self.requests + other.requests)


class AdaptiveCapacity:
    """The overload controller of one event loop."""

    def __init__(self, *, target: float = TARGET) -> None:
        """Takes the target of the loop lag, in seconds."""
        self.target = target
        self.lag = 0.0
        """Loop lag at the last tick, in seconds."""
        self.finished = 0
        """Admitted requests that have finished, since the start. `LoadShedder` counts them."""
        self.admitted = 0
        """Admitted requests, since the start."""
        self._admitted_at_tick = 0
        self._cost = 0.0
        """Recent estimate of the loop time per request, in seconds; 0 without an estimate."""
        self._finished_at_tick = 0
        self._usual_busy_time = self._longest_busy_time = _BusyTime(0.0, 0.0)
        """Recent busy time of the loop. The longest tick is kept apart; see `_estimate_cost`."""
        self._ticked_at = 0.0
        self.rate = inf
        """The admission rate in requests per second; infinite without overload."""
        self._on_time_at = inf
        """The time of the last tick on time; infinite before the first."""
        self._finished_on_time = self._admitted_on_time = 0
        self._late_ticks = 0
        self._finish_rate = 0.0
        """Average rate of finished requests per second."""
        self._tokens = 0.0
        """The tokens in the bucket; below 0 while the emergency lane overdraws it."""
        self._tokens_at = 0.0
        self._window_at = 0.0
        self._finished_at_window = 0
        self._min_lag = inf
        self._refused_in_window = False
        self._refused_at = 0.0
        self._calm_windows = 0
        self._cpu_seconds = self._cpu_seconds_at_window = 0.0
        self._lag_before = 0.0
        self._best_finish_rate = 0.0
        """The best recent `_finish_rate`, which decays."""
        self._ceiling = inf
        """The last rate at which the loop was late."""

    @property
    def is_overloaded(self) -> bool:
        """Whether requests are admitted at a limited rate."""
        return self.rate != inf

    def admit(self, urgency: Urgency, now: float, *, turn_lag: float) -> bool:
        """Admit a request or refuse it. `turn_lag` is the lag of the current loop turn, in seconds."""
        # 1. Bound bursts: the work that begins in this turn must not delay the request itself beyond its class's bound.
        max_lag = _MAX_LAG[urgency] * self.target
        is_among_first = self._late_ticks <= 1 and self.admitted < self._admitted_at_tick + _FREE_PER_TICK
        is_admitted = is_among_first or (turn_lag <= max_lag and self.admitted < self.get_admission_bound(max_lag))
        # 2. During overload, also take a token of the admission rate.
        if is_admitted and (self.rate == inf or self._take_token(urgency, now)):
            self.admitted += 1
            return True
        # 3. Record the refusal: the rate grows only while requests are refused, and overload ends without them.
        self._refused_in_window = True
        self._refused_at = now
        return False

    def get_admission_bound(self, max_lag: float) -> float:
        """The value of `admitted` at which the work begun since the last tick takes `max_lag` seconds.

        A loop that was on time gets a larger budget: concurrent requests may be equal, and equal requests run once.
        """
        seconds = max_lag if self._late_ticks > 1 else _TURN_BUDGET * self.target
        return self._admitted_at_tick + seconds / self._cost if self._cost else inf

    def _take_token(self, urgency: Urgency, now: float) -> bool:
        """Take a token from the bucket, which refills at the rate; False if too few are left for the class."""
        bucket_size = max(self.rate * _BURST_SECONDS, _MIN_RATE)
        self._tokens = min(bucket_size, self._tokens + (now - self._tokens_at) * self.rate)
        self._tokens_at = now
        min_tokens = (
            -_LANE_DEBT_SECONDS * self.rate if urgency is Urgency.LANE else _RESERVED_TOKENS[urgency] * bucket_size
        )
        if self._tokens - 1 < min_tokens:
            return False
        self._tokens -= 1
        return True

    def start_measuring(self, now: float, cpu_seconds: float) -> None:
        """Start measuring after an idle time: work and lag of the loop before it say nothing about requests now."""
        self.lag, self._cost = 0.0, 0.0
        self._usual_busy_time = self._longest_busy_time = _BusyTime(0.0, 0.0)
        self._cpu_seconds, self._ticked_at = cpu_seconds, now
        self._admitted_at_tick, self._finished_at_tick = self.admitted, self.finished
        self._mark_on_time(now)
        if now - self._refused_at >= _CALM_SECONDS:
            self.rate = inf
        self._begin_window(now)

    def record_tick(self, now: float, loop_lag: float, cpu_seconds: float, *, in_queue: float = 0.0) -> None:
        """Record the loop's lag and its processor time since the start, and adjust the rate.

        All values are seconds. Requests are late by the lag, and by their wait in a queue.
        """
        # 1. Measure: the cost of a request, and the minimum lag of the window.
        self.lag = lag = loop_lag + in_queue
        has_few_requests = self.admitted - self._admitted_at_tick <= _FEW_REQUESTS
        self._estimate_cost(now, max(cpu_seconds - self._cpu_seconds, loop_lag))
        self._cpu_seconds = cpu_seconds
        self._min_lag = min(self._min_lag, lag)
        # 2. Count late ticks in a row. The first tick has no predecessor, so it counts as on time.
        if lag <= self.target * (_FEW_REQUESTS_FACTOR if has_few_requests else 1.0) or self._on_time_at == inf:
            self._mark_on_time(now)
        else:
            self._late_ticks += 1
        # 3. Without overload: start limiting when the loop was late for long, with many requests waiting. The first
        #    rate is the measured rate of finished requests, from an empty bucket.
        if self.rate == inf:
            late_for = now - self._on_time_at
            has_enough_requests = self.admitted - self._admitted_on_time >= _MIN_REQUESTS_PER_TICK * self._late_ticks
            if self._late_ticks >= _LATE_TICKS and late_for >= SUSTAINED_SECONDS and has_enough_requests:
                self._finish_rate = (self.finished - self._finished_on_time) / late_for
                self.rate = max(self._finish_rate, _MIN_RATE)
                self._best_finish_rate = self._finish_rate
                self._tokens, self._tokens_at, self._refused_at = 0.0, now, now
                self._calm_windows, self._lag_before, self._ceiling = 0, lag, inf
                self._begin_window(now)
        # 4. During overload: adjust the rate once per window.
        elif now - self._window_at >= _WINDOW:
            self._adjust_rate(now)

    def _mark_on_time(self, now: float) -> None:
        self._on_time_at, self._late_ticks = now, 0
        self._finished_on_time, self._admitted_on_time = self.finished, self.admitted

    def _estimate_cost(self, now: float, busy_seconds: float) -> None:
        """Estimate the loop time per request: recent busy time divided by the requests that began in it.

        The longest tick is left out, because the loop has other work than requests. Older ticks fade with a time
        constant of 1 s.
        """
        decay = exp(self._ticked_at - now)
        self._usual_busy_time, self._longest_busy_time = (
            self._usual_busy_time.decay(decay),
            self._longest_busy_time.decay(decay),
        )
        if self.admitted > self._finished_at_tick:  # else no request was in flight since the last tick
            last_tick = _BusyTime(busy_seconds, self.admitted - self._admitted_at_tick)
            if last_tick.seconds > self._longest_busy_time.seconds:
                last_tick, self._longest_busy_time = self._longest_busy_time, last_tick
            self._usual_busy_time = self._usual_busy_time.add(last_tick)
        usual = self._usual_busy_time
        self._cost = usual.seconds / usual.requests if usual.requests >= 1 else 0.0
        self._admitted_at_tick, self._finished_at_tick, self._ticked_at = self.admitted, self.finished, now

    def _adjust_rate(self, now: float) -> None:
        """Set the rate for the next window: lower while the loop stays late, higher while it is on time."""
        # 1. Measure the rate of finished requests: of this window, as an average, and the best recent average.
        window_seconds = now - self._window_at
        window_rate = (self.finished - self._finished_at_window) / window_seconds
        self._finish_rate += (window_rate - self._finish_rate) * (1 - exp(-window_seconds / _AVERAGE_SECONDS))
        self._best_finish_rate = max(
            self._finish_rate, self._best_finish_rate * exp(-window_seconds / _BEST_DECAY_SECONDS)
        )
        setpoint, lag = _SETPOINT * self.target, self._min_lag
        # 2. Late even at the best moment of the window: admit fewer than finish, unless the queue is shrinking already.
        if lag > setpoint:
            self._calm_windows = 0
            if lag > _FALLING * self._lag_before:
                self._ceiling = self.rate
                self.rate = min(self.rate, self._finish_rate) * (
                    1 - min(_DECREASE_STEP * lag / setpoint, _MAX_DECREASE)
                )
        # 3. On time, with refused requests: admit more, but not far more than finish.
        elif self._refused_in_window:
            self._calm_windows += 1
            is_mostly_idle = self._cpu_seconds - self._cpu_seconds_at_window < _IDLE_SHARE * window_seconds
            factor = _IDLE_INCREASE if is_mostly_idle else self._get_increase()
            self.rate = max(
                self.rate, min(self.rate * factor, _MAX_RATE_OVER_FINISH_RATE * max(self._finish_rate, window_rate))
            )
        # 4. Keep the rate above its minimum: a lag that other programs cause must not starve the hub.
        self.rate = max(self.rate, _MIN_SHARE_OF_BEST * self._best_finish_rate, _MIN_RATE)
        # 5. End the overload when the loop is on time and no request was refused for a while.
        self._lag_before = lag
        if now - self._refused_at >= _CALM_SECONDS and lag <= setpoint:
            self.rate = inf
        self._begin_window(now)

    def _get_increase(self) -> float:
        """The growth factor: slow near the last rate that was too high, faster after a long time without lag."""
        is_below_ceiling = self.rate <= _NEAR_CEILING * self._ceiling
        return _INCREASES[is_below_ceiling + (self._calm_windows >= _CALM_WINDOWS)]

    def _begin_window(self, now: float) -> None:
        self._window_at, self._finished_at_window, self._cpu_seconds_at_window = now, self.finished, self._cpu_seconds
        self._min_lag, self._refused_in_window = inf, False

    def __repr__(self) -> str:
        """Lag and rate."""
        return f"<AdaptiveCapacity lag {self.lag * 1000:.0f} ms, " + (
            f"{self.rate:.0f}/s>" if self.is_overloaded else "no limit>"
        )
