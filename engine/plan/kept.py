"""Documents that were seen before, so that they are neither parsed nor validated nor compiled again."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from engine.document import Operation
from engine.plan.plan import Plan
from engine.plan.tree import NotPlannable

Seen = tuple[str, str | None]
"""A document's text and the operation's name. The text itself, no digest: two texts are never taken for one."""


@dataclass(slots=True)
class KeptOperation:
    """A valid operation, and its plans by the values of its `@include` and `@skip` conditions."""

    operation: Operation
    conditions: tuple[str, ...]
    plans: dict[tuple[bool, ...], Plan | NotPlannable] = field(default_factory=dict)


class KeptOperations:
    """Keeps operations in two shelves: what was seen once, and what was seen again.

    A flood of documents that are seen once each pushes out others of its kind only, never what is in use.
    """

    def __init__(self, *, seen_once: int = 512, seen_again: int = 2048) -> None:
        """Keep at most so many of each."""
        self._once: OrderedDict[Seen, KeptOperation] = OrderedDict()
        self._again: OrderedDict[Seen, KeptOperation] = OrderedDict()
        self._most_once = seen_once
        self._most_again = seen_again

    def find(self, seen: Seen) -> KeptOperation | None:
        """The operation, if it was seen before; from now on it counts as seen again."""
        kept = self._again.get(seen)
        if kept is not None:
            self._again.move_to_end(seen)
            return kept
        kept = self._once.pop(seen, None)
        if kept is not None:
            self._again[seen] = kept
            if len(self._again) > self._most_again:
                self._again.popitem(last=False)
        return kept

    def add(self, seen: Seen, kept: KeptOperation) -> None:
        """Keep an operation that is seen for the first time."""
        self._once[seen] = kept
        if len(self._once) > self._most_once:
            self._once.popitem(last=False)

    def __repr__(self) -> str:
        """How many are kept."""
        return f"<KeptOperations {len(self._once)} seen once, {len(self._again)} again>"
