"""Loads the facts that access decisions need, and resumes the run when they are known.

Until then, only the batch of the fact is called, once for all decisions of the same turn of the event loop. The data
that the decision protects is loaded afterwards, or never.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from engine.batch import Batch
from engine.execution.batch_scheduler import BatchScheduler, FailedAnswer
from engine.execution.pending_work import PendingWork
from engine.field_kinds import FactRequest, Verdict

_UNKNOWN = object()


class FactMissing(Exception):  # noqa: N818 - reads as what it is
    """The decision needs facts that are not known yet."""

    def __init__(self, missing: Sequence[FactRequest]) -> None:
        """Takes the missing facts."""
        super().__init__("a decision depends on facts that are not known yet")
        self.missing = missing


class AuthorizationFacts:
    """The facts of one run."""

    __slots__ = ("_scheduler", "has_waited", "when_needed")

    def __init__(self, scheduler: BatchScheduler) -> None:
        """Starts with no facts."""
        self.has_waited = False
        """Whether any decision of this run had to wait; until then, no code looks for waiting decisions."""
        self.when_needed: Callable[[], None] | None = None
        """Called before the first fact is loaded."""
        self._scheduler = scheduler

    def decide(self, verdict: Verdict) -> Exception | None:
        """The refusal or None; raises `FactMissing` if the fact is not known yet."""
        if type(verdict) is not FactRequest:
            return verdict  # type: ignore[return-value]  # a refusal or None
        fact = self._scheduler.get_known(verdict.batch, verdict.key, _UNKNOWN)
        if fact is _UNKNOWN:
            if not self.has_waited and self.when_needed is not None:
                self.when_needed()
            self.has_waited = True
            raise FactMissing((verdict,))
        return verdict.decide(fact.failure if type(fact) is FailedAnswer else fact)

    def decide_each(self, keys: Sequence[Any], verdict_of: Callable[[Any], Verdict]) -> list[Any]:
        """The keys, with a refusal in place of each refused key; raises one `FactMissing` for all missing facts."""
        decided: list[Any] = []
        missing: list[FactRequest] = []
        for key in keys:
            try:
                refusal = None if isinstance(key, Exception) else self.decide(verdict_of(key))
            except FactMissing as pending:
                missing += pending.missing
            except Exception as fault:  # noqa: BLE001 - a decision that fails is the error of its key
                decided.append(fault)
            else:
                decided.append(key if refusal is None else refusal)
        if missing:
            raise FactMissing(missing)
        return decided

    def resume_when_known(
        self, pending_work: PendingWork, missing: Sequence[FactRequest], resume: Callable[[], None]
    ) -> None:
        """Call `resume` when all facts are known; each batch is called once."""
        wanted: dict[Batch[Any, Any], dict[Hashable, None]] = {}
        for each in missing:
            wanted.setdefault(each.batch, {})[each.key] = None
        left = len(wanted)

        def receive(_known: Mapping[Hashable, Any]) -> None:
            nonlocal left
            left -= 1
            pending_work.end(None if left else resume)

        # Count all batches before the first request: a known fact is received immediately, and the count must not drop
        # to zero before the last one.
        for _ in wanted:
            pending_work.begin()
        for batch, keys in wanted.items():
            self._scheduler.request(batch, None, keys, receive)
