"""Decisions that take a fact: who waits for it, and what becomes of them when it is there.

Only the fact's own batch is asked before a decision, once for all that wait for it in the same turn. What is decided
about is asked for after that, or never.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from engine.batch import Batch
from engine.kinds import Depends, Verdict
from engine.plan.gather import Failed, Gather
from engine.plan.underway import Underway

_UNKNOWN = object()


class Undecided(Exception):  # noqa: N818 - reads as what it is
    """The decision waits for facts."""

    def __init__(self, on: Sequence[Depends]) -> None:
        """Take what it depends on."""
        super().__init__("a decision depends on facts that are not known yet")
        self.on = on


class Facts:
    """The facts of one run."""

    __slots__ = ("_gather", "wanting")

    def __init__(self, gather: Gather) -> None:
        """Nothing is known and nothing wanted."""
        self.wanting = False
        """Whether any decision of this run had to wait: as long as none had, nobody looks for those that do."""
        self._gather = gather

    def settled(self, verdict: Verdict) -> Exception | None:
        """The refusal or None; raises `Undecided` where the fact is not known yet."""
        if type(verdict) is not Depends:
            return verdict  # type: ignore[return-value]  # of the three, the one that depends is ruled out
        fact = self._gather.known(verdict.batch, verdict.key, _UNKNOWN)
        if fact is _UNKNOWN:
            self.wanting = True
            raise Undecided((verdict,))
        return verdict.settle(fact.failure if type(fact) is Failed else fact)

    def settled_each(self, keys: Sequence[Any], verdict_of: Callable[[Any], Verdict]) -> list[Any]:
        """The keys, with the refusal in place of each that is refused; raises `Undecided` for all at once."""
        settled: list[Any] = []
        missing: list[Depends] = []
        for key in keys:
            try:
                refusal = None if isinstance(key, Exception) else self.settled(verdict_of(key))
            except Undecided as pending:
                missing += pending.on
            except Exception as fault:  # noqa: BLE001 - where nothing can be decided, that place fails alone
                settled.append(fault)
            else:
                settled.append(key if refusal is None else refusal)
        if missing:
            raise Undecided(missing)
        return settled

    def when_known(self, underway: Underway, on: Sequence[Depends], then: Callable[[], None]) -> None:
        """Let the run go on when all facts are known: each batch is asked once."""
        wanted: dict[Batch[Any, Any], dict[Hashable, None]] = {}
        for each in on:
            wanted.setdefault(each.batch, {})[each.key] = None
        left = len(wanted)

        def landed(_known: Mapping[Hashable, Any]) -> None:
            nonlocal left
            left -= 1
            underway.end(None if left else then)

        for _ in wanted:
            underway.begin()
        for batch, keys in wanted.items():
            self._gather.want(batch, None, keys, landed)
