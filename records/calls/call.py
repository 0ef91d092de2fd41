"""The context that accompanies every call to an agency."""

from __future__ import annotations

from dataclasses import field
from math import inf
from time import monotonic

from records.calls.reply_budget import ReplyBudget
from records.calls.spans import Span
from records.languages import Language
from records.record import record


@record
class Call:
    """The deadline of a call, and the request that it belongs to.

    The agency's transport turns a passed deadline into an ordinary failure (`AgencyTimeout`). At the deadline the
    engine stops waiting and answers with what is ready.
    """

    deadline: float
    """The moment after which an answer is useless, on the clock of `time.monotonic`, in seconds."""
    request_id: str
    """The request's id, for logs and for agencies that want one. Never personal."""
    span: Span | None = None
    """The span of the current work; None if tracing is off."""

    max_age: float = inf
    """The maximum age of an answer in seconds, unless the agency fails. 0 asks the agency even if an answer is
    cached."""

    language: Language = Language.INDONESIAN
    """The language of texts for the caller."""

    reply_budget: ReplyBudget = field(default_factory=ReplyBudget, compare=False, repr=False)
    """The bytes that agencies may still send for this client request, over all its calls."""

    def with_deadline(self, deadline: float, span: Span | None = None) -> Call:
        """Builds the call of one attempt: its own deadline and span, the same request and reply budget."""
        return Call(deadline=deadline, request_id=self.request_id, span=span, reply_budget=self.reply_budget)

    def remaining(self) -> float:
        """Seconds left until the deadline; 0 when it has passed."""
        return max(0.0, self.deadline - monotonic())
