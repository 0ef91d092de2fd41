"""Documents that were seen before, so that they are neither parsed nor validated nor compiled again."""

from __future__ import annotations

import sys
from collections import OrderedDict
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

    @property
    def weight(self) -> int:
        """About how much memory it takes, in bytes."""
        return self.bytes_parsed + self.bytes_planned


class KeptOperations:
    """Keeps operations in two shelves: what was seen once, and what was seen again.

    A flood of documents that are seen once each pushes out others of its kind only, never what is in use. Both are
    bounded in number and in memory: a document may be a megabyte of comments, and a plan thousands of fields.
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
        self._once: OrderedDict[Seen, KeptOperation] = OrderedDict()
        self._again: OrderedDict[Seen, KeptOperation] = OrderedDict()
        self._most_once = seen_once
        self._most_again = seen_again
        self._bytes_once = bytes_once
        self._bytes_again = bytes_again

    def find(self, seen: Seen) -> KeptOperation | None:
        """The operation, if it was seen before; from now on it counts as seen again."""
        kept = self._again.get(seen)
        if kept is not None:
            self._again.move_to_end(seen)
            return kept
        kept = self._once.pop(seen, None)
        if kept is not None:
            self._again[seen] = kept
            self._trim()
        return kept

    def add(self, seen: Seen, kept: KeptOperation) -> None:
        """Keep an operation that is seen for the first time."""
        text, _ = seen
        kept.bytes_parsed = sys.getsizeof(text) + min(len(text) * _BYTES_A_CHARACTER, _MOST_BYTES_PARSED)
        self._once[seen] = kept
        self._trim()

    def add_plan(self, kept: KeptOperation, values: tuple[bool | None, ...], plan: Plan | TooLarge) -> None:
        """Keep a plan of an operation, for these values of its conditions; its others go where they grow too many."""
        bytes_planned = len(plan.fields) * _BYTES_A_FIELD if isinstance(plan, Plan) else 0
        if kept.plans and kept.bytes_planned + bytes_planned > self._bytes_again // _PLANS_OF_ONE:
            kept.plans.clear()
            kept.bytes_planned = 0
        kept.plans[values] = plan
        kept.bytes_planned += bytes_planned
        self._trim()

    def _trim(self) -> None:
        """Forget the oldest where there are too many, or too much. Only new documents and new plans come here."""
        for shelf, most, most_bytes in (
            (self._once, self._most_once, self._bytes_once),
            (self._again, self._most_again, self._bytes_again),
        ):
            weight = sum(each.weight for each in shelf.values())
            while len(shelf) > most or weight > most_bytes:
                _, forgotten = shelf.popitem(last=False)
                weight -= forgotten.weight

    def __repr__(self) -> str:
        """How many are kept."""
        return f"<KeptOperations {len(self._once)} seen once, {len(self._again)} again>"
