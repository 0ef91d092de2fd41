"""Load shedding: past what it can answer the hub refuses early, rather than be slow for all.

When that is, and at what rate requests are let in then, stands in `web/capacity.py`; who is refused last, in
`web/emergency_lane.py`. Here is what the ways of a request ask. While the hub keeps up, that is one comparison.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import cycle
from math import inf
from time import monotonic, thread_time
from typing import Final, NamedTuple, Protocol

from auth.caller import Caller
from auth.claimed import Claimed
from web.capacity import SHORTEST_PATIENCE, Capacity
from web.emergency_lane import EmergencyLane
from web.load import Load, Urgency
from web.loop_lag import LoopLag
from web.refusals import Code, Refusal

_SECONDS: Final = (4, 1, 7, 3, 8, 2, 6, 5)
"""What `Retry-After` says, in turn: those who are refused together do not come back together."""


class Tokens(Protocol):
    """What is known of tokens without a look at their signature."""

    def lately(self, authorization: str, certificate: str | None, /) -> Caller | None:
        """Whom the value of `Authorization` proved a moment ago, with this certificate's thumbprint."""

    def claimed(self, authorization: str, /) -> Claimed | None:
        """Who it says it is for. Nothing of it is proven."""


class Standing(NamedTuple):
    """What can be told of who asks before anything costly is done."""

    urgency: Urgency
    says_lane: bool = False
    """Whether it brings a token that says that it is of the lane, and was not proven lately."""


class Shedding:
    """The door of one process. Used from one event loop."""

    def __init__(
        self,
        *,
        after: float,
        lane: EmergencyLane = EmergencyLane(),  # noqa: B008 - a tuple, which nobody can change
        tokens: Tokens | None = None,
        clock: Callable[[], float] = monotonic,
        worked: Callable[[], float] = thread_time,
    ) -> None:
        """Take how many seconds the loop may be late, 0 for any number: then nobody is ever refused."""
        self.lane = lane
        self.in_flight = 0
        """Requests that were let in and are not done."""
        self._refused = dict.fromkeys(Urgency, 0)
        self._tokens = tokens
        self._clock = clock
        self._worked = worked
        self._capacity = Capacity(target=after or inf)
        self._lag = LoopLag(self.looked, lambda: self.in_flight, clock=clock)
        self._patience = SHORTEST_PATIENCE * after
        self._never = not after
        self._fine_until = inf if self._never else -inf
        self._enough = inf
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turn_has_one = False
        self._seconds = cycle(_SECONDS)

    @property
    def sheds(self) -> bool:
        """Whether anybody can be refused at all."""
        return not self._never

    @property
    def load(self) -> Load:
        """How much this process is asked for at the moment."""
        capacity = self._capacity
        return Load(
            lag=capacity.lag if self._lag.watching else 0.0,
            in_flight=self.in_flight,
            limit=capacity.rate if capacity.overloaded else None,
            refused=dict(self._refused),
        )

    def enter(self, now: float, *, surplus: bool = False) -> bool:
        """Count a request in. Where this is False, it has to be asked for whether it is let in (`let_in`).

        So has every one that came over a `surplus` connection. Each request that entered has to leave.
        """
        self.in_flight += 1
        if surplus:
            return False
        capacity = self._capacity
        if (now < self._fine_until and capacity.begun < self._enough) or self._keeps_up() or self._is_alone():
            capacity.begun += 1
            return True
        return False

    def leave(self, *, let_in: bool = True) -> None:
        """Count a request out: as finished, if it was let in at all."""
        self.in_flight -= 1
        self._capacity.finished += let_in

    def let_in(self, urgency: Urgency) -> bool:
        """Whether a request is let in. Where it is not, it is to be refused by what `turn_away` gives."""
        now = self._clock()
        return self._capacity.take(urgency, now, behind=now - self._lag.due)

    def turned_away(self, urgency: Urgency = Urgency.ANONYMOUS) -> None:
        """Count a request that was refused; of one that nobody looked at, nothing is known but that."""
        self._refused[urgency] += 1

    def turn_away(self, urgency: Urgency) -> Refusal:
        """The refusal of a request that is not let in."""
        self.turned_away(urgency)
        seconds = next(self._seconds)
        return Refusal(
            Code.OVERLOADED,
            "The hub is asked for more than it can answer at the moment, and did not begin with this request."
            f" Try again in {seconds} s.",
            headers={"Retry-After": f"{seconds}"},
        )

    def standing(self, authorization: str | None, certificate: str | None = None) -> Standing:
        """How urgent a request is, as far as its `Authorization` can tell at no cost."""
        if authorization is None:
            return Standing(Urgency.ANONYMOUS)
        if self._tokens is None:
            return Standing(Urgency.CLAIMED)
        caller = self._tokens.lately(authorization, certificate)
        if caller is not None:
            return Standing(self.proven(caller))
        claimed = self._tokens.claimed(authorization) if self.lane.names_callers else None
        return Standing(Urgency.CLAIMED, says_lane=claimed is not None and self.lane.holds(*claimed))

    def proven(self, caller: Caller) -> Urgency:
        """How urgent the requests are of somebody who was proven."""
        return Urgency.LANE if self.lane.holds(caller.kind, caller.client) else Urgency.SIGNED_IN

    def looked(self, now: float, lag: float) -> None:
        """Take note that the loop came so many seconds late to what was due."""
        self._capacity.tick(now, lag, self._worked())
        self._fine()

    def _keeps_up(self) -> bool:
        """Whether requests are let in without a question; begins to look at the loop where nobody does."""
        loop = asyncio.get_running_loop()
        if not self._lag.watching or self._loop is not loop:
            self._lag.stop()
            self._loop = loop
            self._capacity.begin(self._clock(), self._worked())
            self._lag.watch()
            self._fine()
            return not self._capacity.overloaded
        return False

    def _is_alone(self) -> bool:
        """Whether nothing else is under way, nor came just before in this turn of the loop.

        A single request is admitted, however late the loop is: no other request waits. If other programs use the
        processor, a refusal would help no request. A request that never waits ends before the next one begins, so many
        seem to be alone in one turn; only the first of them is.
        """
        if self.in_flight > 1 or self._turn_has_one:
            return False
        self._turn_has_one = True
        asyncio.get_running_loop().call_soon(self._turn_is_over)
        return True

    def _turn_is_over(self) -> None:
        self._turn_has_one = False

    def _fine(self) -> None:
        asks = self._capacity.overloaded or not self._lag.watching
        self._fine_until = -inf if asks else self._lag.due + self._patience
        self._enough = self._capacity.enough(self._patience)

    def __repr__(self) -> str:
        """How it is."""
        return "<Shedding, off>" if self._never else f"<Shedding {self.in_flight} in flight, {self._capacity!r}>"
