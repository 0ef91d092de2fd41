"""Load shedding: beyond its capacity the hub refuses requests early, instead of being slow for all.

`web/admission/adaptive_capacity.py` detects overload and sets the rate of admitted requests;
`web/admission/emergency_lane.py` decides which requests are refused last. This module is the interface for the stages
of a request. Without overload, it costs one comparison.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import cycle
from math import inf
from time import monotonic, thread_time
from typing import Final, NamedTuple, Protocol

from auth.caller import Caller
from auth.tokens.unverified_claims import UnverifiedClaims
from web.admission.adaptive_capacity import SMALLEST_MAX_LAG, AdaptiveCapacity
from web.admission.emergency_lane import EmergencyLane
from web.admission.load import LoadSnapshot, Urgency
from web.admission.loop_lag import LoopLagMonitor
from web.http_errors import HttpError, HttpErrorCode

_RETRY_AFTER_SECONDS: Final = (4, 1, 7, 3, 8, 2, 6, 5)
"""Values of `Retry-After`, in turn, so that requests that are refused together do not come back together."""


class TokenLookup(Protocol):
    """Reads tokens without a check of their signature."""

    def find_recent_caller(self, authorization: str, certificate: str | None, /) -> Caller | None:
        """The caller that this value of `Authorization` proved recently, with this certificate's thumbprint."""

    def parse_unverified_claims(self, authorization: str, /) -> UnverifiedClaims | None:
        """The claims of the token. Nothing of them is proven."""


class NoTokenLookup:
    """Knows no token."""

    def find_recent_caller(self, authorization: str, certificate: str | None, /) -> None:
        """No caller is known."""

    def parse_unverified_claims(self, authorization: str, /) -> None:
        """No token is parsed."""


_NO_TOKENS: Final = NoTokenLookup()


class RequestPriority(NamedTuple):
    """What a request shows of its caller before any expensive step."""

    urgency: Urgency
    claims_lane: bool = False
    """Whether its token claims the emergency lane, and was not verified recently."""


class LoadShedder:
    """The admission control of one process. Used from one event loop."""

    def __init__(
        self,
        *,
        max_lag: float,
        lane: EmergencyLane = EmergencyLane(),  # noqa: B008 - an immutable tuple
        tokens: TokenLookup = _NO_TOKENS,
        clock: Callable[[], float] = monotonic,
        cpu_clock: Callable[[], float] = thread_time,
    ) -> None:
        """Takes the maximum lag of the event loop in seconds; 0 turns load shedding off."""
        self.lane = lane
        self.in_flight = 0
        """Admitted requests that are not finished."""
        self._refused = dict.fromkeys(Urgency, 0)
        self._tokens = tokens
        self._clock = clock
        self._cpu_clock = cpu_clock
        self._capacity = AdaptiveCapacity(target=max_lag or inf)
        self._lag_monitor = LoopLagMonitor(self.record_lag, lambda: self.in_flight, clock=clock)
        self._max_lag = SMALLEST_MAX_LAG * max_lag
        self._is_disabled = not max_lag
        self._fast_path_until = inf if self._is_disabled else -inf
        self._fast_path_bound = inf
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turn_has_request = False
        self._retry_after = cycle(_RETRY_AFTER_SECONDS)
        self._get_wait: Callable[[float], float] = _wait_for_nothing

    @property
    def is_enabled(self) -> bool:
        """Whether load shedding is on."""
        return not self._is_disabled

    @property
    def load(self) -> LoadSnapshot:
        """The current load of this process."""
        capacity = self._capacity
        return LoadSnapshot(
            lag=capacity.lag if self._lag_monitor.is_running else 0.0,
            in_flight=self.in_flight,
            limit=capacity.rate if capacity.is_overloaded else None,
            refused=dict(self._refused),
        )

    def add_queue(self, get_wait: Callable[[float], float]) -> None:
        """Requests also wait in a queue of the application: `get_wait` returns for how long the next one waited."""
        self._get_wait = get_wait

    def enter(self, now: float, *, is_surplus: bool = False) -> bool:
        """Count a request in. If this returns False, call `admit` for it.

        Call `admit` also for every request on a surplus connection (`is_surplus`). Each entered request has to leave.
        """
        self.in_flight += 1
        if is_surplus:
            return False
        capacity = self._capacity
        if (
            (now < self._fast_path_until and capacity.admitted < self._fast_path_bound)
            or self._start_monitor()
            or self._is_only_request()
        ):
            capacity.admitted += 1
            return True
        return False

    def leave(self, requests: int = 1, *, was_admitted: bool = True) -> None:
        """Count requests out; they count as finished if they were admitted."""
        self.in_flight -= requests
        if was_admitted:
            self._capacity.finished += requests

    def admit(self, urgency: Urgency) -> bool:
        """Whether a request is admitted. If not, refuse it with `build_overload_error`."""
        now = self._clock()
        return self._capacity.admit(urgency, now, turn_lag=now - self._lag_monitor.due + self._get_wait(now))

    def count_refusal(self, urgency: Urgency = Urgency.ANONYMOUS) -> None:
        """Count a refused request, as an anonymous one if its caller is unknown."""
        self._refused[urgency] += 1

    def build_overload_error(self, urgency: Urgency) -> HttpError:
        """The refusal of a request that is not admitted."""
        self.count_refusal(urgency)
        seconds = next(self._retry_after)
        return HttpError(
            HttpErrorCode.OVERLOADED,
            f"The hub is overloaded and did not start this request. Try again in {seconds} s.",
            headers={"Retry-After": f"{seconds}"},
        )

    def get_priority(self, authorization: str | None, certificate: str | None = None) -> RequestPriority:
        """The priority of a request, as far as its `Authorization` shows it without cost."""
        if authorization is None:
            return RequestPriority(Urgency.ANONYMOUS)
        caller = self._tokens.find_recent_caller(authorization, certificate)
        if caller is not None:
            return RequestPriority(self.get_verified_urgency(caller))
        claims = self._tokens.parse_unverified_claims(authorization) if self.lane.has_callers else None
        return RequestPriority(Urgency.CLAIMED, claims_lane=claims is not None and self.lane.includes(*claims))

    def get_verified_urgency(self, caller: Caller) -> Urgency:
        """The urgency of a verified caller's requests."""
        return Urgency.LANE if self.lane.includes(caller.kind, caller.client) else Urgency.SIGNED_IN

    def record_lag(self, now: float, lag: float) -> None:
        """Record the lag of the event loop, in seconds. Requests that wait in the queue are as late as by the loop."""
        self._capacity.record_tick(now, lag, self._cpu_clock(), in_queue=self._get_wait(now))
        self._update_fast_path()

    def _start_monitor(self) -> bool:
        """Whether requests are admitted without a check; starts the lag monitor if it is not running."""
        loop = asyncio.get_running_loop()
        if not self._lag_monitor.is_running or self._loop is not loop:
            self._lag_monitor.stop()
            self._loop = loop
            self._capacity.start_measuring(self._clock(), self._cpu_clock())
            self._lag_monitor.start()
            self._update_fast_path()
            return not self._capacity.is_overloaded
        return False

    def _is_only_request(self) -> bool:
        """Whether no other request is pending, or came just before in this turn of the loop.

        A single request is admitted, however late the loop is: no other request waits. If other programs use the
        processor, a refusal would help no request. A request that never waits ends before the next one begins, so
        several can seem to be alone in one turn; only the first of them is.
        """
        if self.in_flight > 1 or self._turn_has_request:
            return False
        self._turn_has_request = True
        asyncio.get_running_loop().call_soon(self._end_turn)
        return True

    def _end_turn(self) -> None:
        self._turn_has_request = False

    def _update_fast_path(self) -> None:
        must_ask = self._capacity.is_overloaded or not self._lag_monitor.is_running
        self._fast_path_until = -inf if must_ask else self._lag_monitor.due + self._max_lag
        self._fast_path_bound = self._capacity.get_admission_bound(self._max_lag)

    def __repr__(self) -> str:
        """Requests in flight, and capacity."""
        return (
            "<LoadShedder, off>"
            if self._is_disabled
            else f"<LoadShedder {self.in_flight} in flight, {self._capacity!r}>"
        )


def _wait_for_nothing(_now: float) -> float:
    """Without a queue, requests wait for the event loop only."""
    return 0.0
