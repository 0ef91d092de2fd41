"""Documents that were seen before, so that they are neither parsed nor validated nor compiled again."""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from engine.document import Operation
from engine.limits import TooLarge
from engine.plan.plan import Plan

Seen = tuple[str, str | None]
"""A document's text and the operation's name. The text itself, no digest: two texts are never taken for one."""

_MEBIBYTE = 1024 * 1024
_BYTES_A_FIELD = 3_000
"""Of a plan, as measured."""
_BYTES_A_CHARACTER = 80
"""Of a parsed document, as measured on one without blanks and comments ..."""
_MOST_BYTES_PARSED = 2 * _MEBIBYTE
"""... and on one of as many tokens as are allowed: blanks and comments leave nothing behind."""
_PLANS_OF_ONE = 8
"""The plans of one operation may take one part in so many of all."""


@dataclass(slots=True)
class KeptOperation:
    """A valid operation, and its plans, or why it has none, by the values of its `@include` and `@skip` conditions."""

    operation: Operation
    conditions: tuple[str, ...]
    plans: dict[tuple[bool | None, ...], Plan | TooLarge] = field(default_factory=dict)
    bytes_parsed: int = 0
    """About how much memory the text and the parsed document take."""
    bytes_planned: int = 0
    """About how much memory the plans take."""
    shelf: Shelf | None = None
    """Where it stands; None once it is forgotten."""

    @property
    def weight(self) -> int:
        """About how much memory it takes, in bytes."""
        return self.bytes_parsed + self.bytes_planned


class Shelf:
    """Operations in the order in which they were used last, as many as there is room for."""

    def __init__(self, most: int, most_bytes: int) -> None:
        """Have room for so many, and for so much."""
        self._kept: OrderedDict[Seen, KeptOperation] = OrderedDict()
        self._most = most
        self._most_bytes = most_bytes
        self._bytes = 0

    def __len__(self) -> int:
        """How many there are."""
        return len(self._kept)

    def find(self, seen: Seen) -> KeptOperation | None:
        """The operation, which is the one used last from now on."""
        kept = self._kept.get(seen)
        if kept is not None:
            self._kept.move_to_end(seen)
        return kept

    def get(self, seen: Seen) -> KeptOperation | None:
        """The operation, for a shelf on which it does not matter what was used last."""
        return self._kept.get(seen)

    def __iter__(self) -> Iterator[Seen]:
        """What is here."""
        return iter(tuple(self._kept))

    def put(self, seen: Seen, kept: KeptOperation) -> None:
        """Add an operation."""
        self.take(seen)
        self._kept[seen] = kept
        kept.shelf = self
        self.grow(kept.weight)

    def take(self, seen: Seen) -> KeptOperation | None:
        """Take an operation away."""
        kept = self._kept.pop(seen, None)
        if kept is not None:
            kept.shelf = None
            self._bytes -= kept.weight
        return kept

    def grow(self, weight: int) -> None:
        """Note that what is here takes so much more, and forget the oldest where it is too much or too many."""
        self._bytes += weight
        while len(self._kept) > self._most or self._bytes > self._most_bytes:
            self.take(next(iter(self._kept)))


class KeptOperations:
    """Keeps operations in two shelves: what was seen once, and what was seen again; and what is pinned in a third.

    A flood of documents that are seen once each pushes out others of its kind only, never what is in use. Both are
    bounded in number and in memory: a document may be a megabyte of comments, and a plan thousands of fields. What is
    pinned is never forgotten; its number is bounded by who pins it.
    """

    def __init__(
        self,
        *,
        seen_once: int = 512,
        seen_again: int = 2048,
        bytes_once: int = 64 * _MEBIBYTE,
        bytes_again: int = 256 * _MEBIBYTE,
    ) -> None:
        """Keep at most so many of each, and at most so much."""
        self._once = Shelf(seen_once, bytes_once)
        self._again = Shelf(seen_again, bytes_again)
        self._pinned = Shelf(sys.maxsize, sys.maxsize)
        self._bytes_of_one = bytes_again // _PLANS_OF_ONE

    def find(self, seen: Seen) -> KeptOperation | None:
        """The operation, if it was seen before; from now on it counts as seen again."""
        kept = self._again.find(seen) or self._pinned.get(seen)
        if kept is None:
            kept = self._once.take(seen)
            if kept is not None:
                self._again.put(seen, kept)
        return kept

    def pin(self, seen: Seen, kept: KeptOperation) -> None:
        """Keep an operation until it is no longer among those that `keep_pinned` names."""
        self._once.take(seen)
        self._again.take(seen)
        self._pinned.put(seen, _weighed(seen, kept))

    def is_pinned(self, seen: Seen) -> bool:
        """Whether an operation is pinned."""
        return self._pinned.get(seen) is not None

    def keep_pinned(self, these: Collection[Seen]) -> None:
        """Forget every other operation that was pinned."""
        for seen in self._pinned:
            if seen not in these:
                self._pinned.take(seen)

    def add(self, seen: Seen, kept: KeptOperation) -> None:
        """Keep an operation that is seen for the first time."""
        self._once.put(seen, _weighed(seen, kept))

    def add_plan(self, kept: KeptOperation, values: tuple[bool | None, ...], plan: Plan | TooLarge) -> None:
        """Keep a plan of an operation, for these values of its conditions; its others go where they grow too many."""
        bytes_planned = len(plan.fields) * _BYTES_A_FIELD if isinstance(plan, Plan) else 0
        before = kept.bytes_planned
        if kept.plans and before + bytes_planned > self._bytes_of_one:
            kept.plans.clear()
            kept.bytes_planned = 0
        kept.plans[values] = plan
        kept.bytes_planned += bytes_planned
        if kept.shelf is not None:
            kept.shelf.grow(kept.bytes_planned - before)

    def __repr__(self) -> str:
        """How many are kept."""
        pinned = f", {len(self._pinned)} pinned" if len(self._pinned) else ""
        return f"<KeptOperations {len(self._once)} seen once, {len(self._again)} again{pinned}>"


def _weighed(seen: Seen, kept: KeptOperation) -> KeptOperation:
    text, _ = seen
    kept.bytes_parsed = sys.getsizeof(text) + min(len(text) * _BYTES_A_CHARACTER, _MOST_BYTES_PARSED)
    return kept
