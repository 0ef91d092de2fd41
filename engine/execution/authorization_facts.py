"""Decisions that need a fact: what waits for the fact, and how it continues.

Before a decision, only the fact's own batch is called, once for all decisions that wait in the same turn. The data
under decision is fetched after that, or never.
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
    """The decision waits for facts."""

    def __init__(self, missing: Sequence[FactRequest]) -> None:
        """Takes the facts that it needs."""
        super().__init__("a decision depends on facts that are not known yet")
        self.missing = missing


class AuthorizationFacts:
    """The facts of one run."""

    __slots__ = ("_gather", "has_waited")

    def __init__(self, gather: BatchScheduler) -> None:
        """Starts with no facts."""
        self.has_waited = False
        """Whether any decision of this run had to wait; until then, no code looks for waiting decisions."""
        self._gather = gather

    def decide(self, verdict: Verdict) -> Exception | None:
        """The refusal or None; raises `FactMissing` if the fact is not known yet."""
        if type(verdict) is not FactRequest:
            return verdict  # type: ignore[return-value]  # of the three, the one that depends is ruled out
        fact = self._gather.get_known(verdict.batch, verdict.key, _UNKNOWN)
        if fact is _UNKNOWN:
            self.has_waited = True
            raise FactMissing((verdict,))
        return verdict.decide(fact.failure if type(fact) is FailedAnswer else fact)

    def decide_each(self, keys: Sequence[Any], verdict_of: Callable[[Any], Verdict]) -> list[Any]:
        """The keys, with a refusal in place of each refused key; raises one `FactMissing` for all missing facts."""
        settled: list[Any] = []
        missing: list[FactRequest] = []
        for key in keys:
            try:
                refusal = None if isinstance(key, Exception) else self.decide(verdict_of(key))
            except FactMissing as pending:
                missing += pending.missing
            except Exception as fault:  # noqa: BLE001 - where nothing can be decided, that place fails alone
                settled.append(fault)
            else:
                settled.append(key if refusal is None else refusal)
        if missing:
            raise FactMissing(missing)
        return settled

    def resume_when_known(
        self, underway: PendingWork, missing: Sequence[FactRequest], resume: Callable[[], None]
    ) -> None:
        """Resume the run when all facts are known; each batch is called once."""
        wanted: dict[Batch[Any, Any], dict[Hashable, None]] = {}
        for each in missing:
            wanted.setdefault(each.batch, {})[each.key] = None
        left = len(wanted)

        def landed(_known: Mapping[Hashable, Any]) -> None:
            nonlocal left
            left -= 1
            underway.end(None if left else resume)

        for _ in wanted:
            underway.begin()
        for batch, keys in wanted.items():
            self._gather.request(batch, None, keys, landed)
