"""Documents that were seen before, so that they are neither parsed nor validated nor compiled again."""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from engine.document.limits import TooLarge
from engine.document.parsing import ValidatedOperation
from engine.plan.plan import Plan

DocumentKey = tuple[str, str | None]
"""A document's text and the operation's name. The text itself, no digest: two texts are never taken for one."""

_MEBIBYTE = 1024 * 1024
_BYTES_PER_FIELD = 3_000
"""Of a plan, as measured."""
_BYTES_PER_CHARACTER = 80
"""Of a parsed document, as measured on one without blanks and comments ..."""
_MAX_BYTES_PARSED = 2 * _MEBIBYTE
"""... and on one of as many tokens as are allowed: blanks and comments leave nothing behind."""
_PLAN_MEMORY_DIVISOR = 8
"""The plans of one operation may take one part in so many of all."""


@dataclass(slots=True)
class CachedOperation:
    """A valid operation, and its plans, or why it has none, by the values of its `@include` and `@skip` conditions."""

    operation: ValidatedOperation
    conditions: tuple[str, ...]
    plans: dict[tuple[bool | None, ...], Plan | TooLarge] = field(default_factory=dict)
    bytes_parsed: int = 0
    """About how much memory the text and the parsed document take."""
    bytes_planned: int = 0
    """About how much memory the plans take."""
    cache: LruCache | None = None
    """Where it stands; None once it is forgotten."""

    @property
    def weight(self) -> int:
        """About how much memory it takes, in bytes."""
        return self.bytes_parsed + self.bytes_planned


class LruCache:
    """Operations in the order in which they were used last, as many as there is room for."""

    def __init__(self, max_count: int, max_bytes: int) -> None:
        """Have room for so many, and for so much."""
        self._operations: OrderedDict[DocumentKey, CachedOperation] = OrderedDict()
        self._most = max_count
        self._most_bytes = max_bytes
        self._bytes = 0

    def __len__(self) -> int:
        """How many there are."""
        return len(self._operations)

    def find(self, key: DocumentKey) -> CachedOperation | None:
        """The operation, which is the one used last from now on."""
        kept = self._operations.get(key)
        if kept is not None:
            self._operations.move_to_end(key)
        return kept

    def get(self, key: DocumentKey) -> CachedOperation | None:
        """The operation, for a shelf on which it does not matter what was used last."""
        return self._operations.get(key)

    def __iter__(self) -> Iterator[DocumentKey]:
        """What is here."""
        return iter(tuple(self._operations))

    def put(self, key: DocumentKey, operation: CachedOperation) -> None:
        """Add an operation."""
        self.pop(key)
        self._operations[key] = operation
        operation.cache = self
        self.add_weight(operation.weight)

    def pop(self, key: DocumentKey) -> CachedOperation | None:
        """Take an operation away."""
        kept = self._operations.pop(key, None)
        if kept is not None:
            kept.cache = None
            self._bytes -= kept.weight
        return kept

    def add_weight(self, weight: int) -> None:
        """Note that what is here takes so much more, and forget the oldest where it is too much or too many."""
        self._bytes += weight
        while len(self._operations) > self._most or self._bytes > self._most_bytes:
            self.pop(next(iter(self._operations)))


class OperationCache:
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
        self._once = LruCache(seen_once, bytes_once)
        self._again = LruCache(seen_again, bytes_again)
        self._pinned = LruCache(sys.maxsize, sys.maxsize)
        self._max_plan_bytes = bytes_again // _PLAN_MEMORY_DIVISOR

    def find(self, key: DocumentKey) -> CachedOperation | None:
        """The operation, if it was seen before; from now on it counts as seen again."""
        kept = self._again.find(key) or self._pinned.get(key)
        if kept is None:
            kept = self._once.pop(key)
            if kept is not None:
                self._again.put(key, kept)
        return kept

    def pin(self, key: DocumentKey, operation: CachedOperation) -> None:
        """Keep an operation until it is no longer among those that `keep_pinned` names."""
        self._once.pop(key)
        self._again.pop(key)
        self._pinned.put(key, _with_weight(key, operation))

    def is_pinned(self, key: DocumentKey) -> bool:
        """Whether an operation is pinned."""
        return self._pinned.get(key) is not None

    def keep_pinned(self, these: Collection[DocumentKey]) -> None:
        """Forget every other operation that was pinned."""
        for seen in self._pinned:
            if seen not in these:
                self._pinned.pop(seen)

    def add(self, key: DocumentKey, operation: CachedOperation) -> None:
        """Keep an operation that is seen for the first time."""
        self._once.put(key, _with_weight(key, operation))

    def add_plan(self, operation: CachedOperation, values: tuple[bool | None, ...], plan: Plan | TooLarge) -> None:
        """Keep a plan of an operation, for these values of its conditions; its others go where they grow too many."""
        bytes_planned = len(plan.fields) * _BYTES_PER_FIELD if isinstance(plan, Plan) else 0
        before = operation.bytes_planned
        if operation.plans and before + bytes_planned > self._max_plan_bytes:
            operation.plans.clear()
            operation.bytes_planned = 0
        operation.plans[values] = plan
        operation.bytes_planned += bytes_planned
        if operation.cache is not None:
            operation.cache.add_weight(operation.bytes_planned - before)

    def __repr__(self) -> str:
        """How many are kept."""
        pinned = f", {len(self._pinned)} pinned" if len(self._pinned) else ""
        return f"<KeptOperations {len(self._once)} seen once, {len(self._again)} again{pinned}>"


def _with_weight(key: DocumentKey, operation: CachedOperation) -> CachedOperation:
    text, _ = key
    operation.bytes_parsed = sys.getsizeof(text) + min(len(text) * _BYTES_PER_CHARACTER, _MAX_BYTES_PARSED)
    return operation
