"""Load shedding: past what it can answer the hub refuses early, rather than be slow for all.

When that is, and at what rate requests are let in then, stands in `web/admission/adaptive_capacity.py`; who is refused
last, in `web/admission/emergency_lane.py`. Here is what the ways of a request ask. While the hub keeps up, that is one
comparison.
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
"""What `Retry-After` says, in turn: those who are refused together do not come back together."""


class TokenLookup(Protocol):
    """What is known of tokens without a look at their signature."""

    def find_recent_caller(self, authorization: str, certificate: str | None, /) -> Caller | None:
        """Whom the value of `Authorization` proved a moment ago, with this certificate's thumbprint."""

    def parse_unverified_claims(self, authorization: str, /) -> UnverifiedClaims | None:
        """Who it says it is for. Nothing of it is proven."""


class NoTokenLookup:
    """Knows no token."""

    def find_recent_caller(self, authorization: str, certificate: str | None, /) -> None:
        """None is known."""

    def parse_unverified_claims(self, authorization: str, /) -> None:
        """None is parsed."""


_NO_TOKENS: Final = NoTokenLookup()


class RequestPriority(NamedTuple):
    """What can be told of who asks before anything costly is done."""

    urgency: Urgency
    claims_lane: bool = False
    """Whether it brings a token that says that it is of the lane, and was not proven lately."""


class LoadShedder:
    """The door of one process. Used from one event loop."""

    def __init__(
        self,
        *,
        max_lag: float,
        lane: EmergencyLane = EmergencyLane(),  # noqa: B008 - a tuple, which nobody can change
        tokens: TokenLookup = _NO_TOKENS,
        clock: Callable[[], float] = monotonic,
        cpu_clock: Callable[[], float] = thread_time,
    ) -> None:
        """Take how many seconds the loop may be late, 0 for any number: then nobody is ever refused."""
        self.lane = lane
        self.in_flight = 0
        """Requests that were let in and are not done."""
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

    @property
    def is_enabled(self) -> bool:
        """Whether anybody can be refused at all."""
        return not self._is_disabled

    @property
    def load(self) -> LoadSnapshot:
        """How much this process is asked for at the moment."""
        capacity = self._capacity
        return LoadSnapshot(
            lag=capacity.lag if self._lag_monitor.is_running else 0.0,
            in_flight=self.in_flight,
            limit=capacity.rate if capacity.is_overloaded else None,
            refused=dict(self._refused),
        )

    def enter(self, now: float, *, is_surplus: bool = False) -> bool:
        """Count a request in. Where this is False, it has to be asked for whether it is let in (`admit`).

        So has every one that came over a `is_surplus` connection. Each request that entered has to leave.
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

    def leave(self, *, was_admitted: bool = True) -> None:
        """Count a request out: as finished, if it was let in at all."""
        self.in_flight -= 1
        self._capacity.finished += was_admitted

    def admit(self, urgency: Urgency) -> bool:
        """Whether a request is let in. Where it is not, it is to be refused by what `build_overload_error` gives."""
        now = self._clock()
        return self._capacity.admit(urgency, now, turn_lag=now - self._lag_monitor.due)

    def count_refusal(self, urgency: Urgency = Urgency.ANONYMOUS) -> None:
        """Count a request that was refused; of one that nobody looked at, nothing is known but that."""
        self._refused[urgency] += 1

    def build_overload_error(self, urgency: Urgency) -> HttpError:
        """The refusal of a request that is not let in."""
        self.count_refusal(urgency)
        seconds = next(self._retry_after)
        return HttpError(
            HttpErrorCode.OVERLOADED,
            "The hub is asked for more than it can answer at the moment, and did not begin with this request."
            f" Try again in {seconds} s.",
            headers={"Retry-After": f"{seconds}"},
        )

    def get_priority(self, authorization: str | None, certificate: str | None = None) -> RequestPriority:
        """How urgent a request is, as far as its `Authorization` can tell at no cost."""
        if authorization is None:
            return RequestPriority(Urgency.ANONYMOUS)
        caller = self._tokens.find_recent_caller(authorization, certificate)
        if caller is not None:
            return RequestPriority(self.get_verified_urgency(caller))
        claims = self._tokens.parse_unverified_claims(authorization) if self.lane.has_callers else None
        return RequestPriority(Urgency.CLAIMED, claims_lane=claims is not None and self.lane.includes(*claims))

    def get_verified_urgency(self, caller: Caller) -> Urgency:
        """How urgent the requests are of somebody who was proven."""
        return Urgency.LANE if self.lane.includes(caller.kind, caller.client) else Urgency.SIGNED_IN

    def record_lag(self, now: float, lag: float) -> None:
        """Take note that the loop came so many seconds late to what was due."""
        self._capacity.record_tick(now, lag, self._cpu_clock())
        self._update_fast_path()

    def _start_monitor(self) -> bool:
        """Whether requests are let in without a question; begins to look at the loop where nobody does."""
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
        """Whether nothing else is under way, nor came just before in this turn of the loop.

        A single request is admitted, however late the loop is: no other request waits. If other programs use the
        processor, a refusal would help no request. A request that never waits ends before the next one begins, so many
        seem to be alone in one turn; only the first of them is.
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
        """How it is."""
        return "<Shedding, off>" if self._is_disabled else f"<Shedding {self.in_flight} in flight, {self._capacity!r}>"
