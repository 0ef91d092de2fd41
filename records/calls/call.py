"""What travels with every call to an agency."""

from __future__ import annotations

from dataclasses import field
from math import inf
from time import monotonic

from records.calls.reply_budget import ReplyBudget
from records.calls.spans import Span
from records.record import record


@record
class Call:
    """Until when the caller waits, and which request it belongs to.

    Deadlines end inside an agency's transport, as ordinary failures (`AgencyTimeout`). What is still not there at the
    deadline is given up by the engine: the answer holds what is ready.
    """

    deadline: float
    """The moment after which no answer helps, on the clock of `time.monotonic`, in seconds."""
    request_id: str
    """The request's id, for logs and for agencies that want one. Never personal."""
    span: Span | None = None
    """What is being done, as traces tell of it; None where nobody collects any."""

    max_age: float = inf
    """How many seconds ago an agency may have said what is used, unless it fails; 0 where everything is asked anew."""

    reply_budget: ReplyBudget = field(default_factory=ReplyBudget, compare=False, repr=False)
    """How much agencies may still send for this client request, over all calls that belong to it."""

    def with_deadline(self, deadline: float, span: Span | None = None) -> Call:
        """One attempt for this call: its own deadline and span, the same request and the same budget."""
        return Call(deadline=deadline, request_id=self.request_id, span=span, reply_budget=self.reply_budget)

    def remaining(self) -> float:
        """Seconds left until the deadline; 0 when it has passed."""
        return max(0.0, self.deadline - monotonic())
