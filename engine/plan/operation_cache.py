"""Caches operations, so that a known document is not parsed, validated, planned or compiled again."""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Collection, Hashable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from engine.document.limits import TooLarge
from engine.document.parsing import ValidatedOperation
from engine.plan.plan import Plan
from records.calls.subject_reads import hash_document

DocumentKey = tuple[str, str | None]
"""A document's text and the operation's name. Not a digest, so two texts are never confused."""

_MEBIBYTE = 1024 * 1024
_BYTES_PER_FIELD = 3_000
"""Memory of a plan, as measured."""
_BYTES_PER_CHARACTER = 80
"""Memory of a parsed document, as measured on one without blanks and comments ..."""
_MAX_BYTES_PARSED = 2 * _MEBIBYTE
"""... and on one with the maximum number of tokens: blanks and comments take no memory once parsed."""
_PLAN_MEMORY_DIVISOR = 8
"""The plans of one operation may take this fraction of the memory for all."""


class SharedOperation(NamedTuple):
    """An operation without variables whose answer is the same for all callers: what it needs besides the answer."""

    key: Hashable | None
    """The key of its answers; None if neither runs nor answers are shared."""
    points: int
    """The estimated cost."""
    coordinates: frozenset[str]
    """The schema coordinates of its fields."""


@dataclass(slots=True)
class CachedOperation:
    """A valid operation with its plans (or refusals) by the values of its `@include` and `@skip` conditions."""

    operation: ValidatedOperation
    conditions: tuple[str, ...]
    plans: dict[tuple[bool | None, ...], Plan | TooLarge] = field(default_factory=dict)
    bytes_parsed: int = 0
    """Estimated memory of the text and the parsed document."""
    bytes_planned: int = 0
    """Estimated memory of the plans."""
    cache: LruCache | None = None
    """The cache that holds it; None once it is evicted."""
    shared: SharedOperation | None = None
    """What its equal requests share; None before the first one, and for any other operation."""
    document_hash: bytes | None = None
    """The hash of its text, for the ledger; None before the first answer with reads."""

    @property
    def weight(self) -> int:
        """Estimated memory in bytes."""
        return self.bytes_parsed + self.bytes_planned

    def hash_document(self, text: str) -> bytes:
        """The hash of its text, which is given. Computed once: under load it takes 3 to 6 µs, 1 % of a request."""
        if self.document_hash is None:
            self.document_hash = hash_document(text)
        return self.document_hash


class LruCache:
    """Operations in the order of their last use; evicts the oldest."""

    def __init__(self, max_count: int, max_bytes: int) -> None:
        """Takes the maximum number of operations, and of bytes."""
        self._operations: OrderedDict[DocumentKey, CachedOperation] = OrderedDict()
        self._most = max_count
        self._most_bytes = max_bytes
        self._bytes = 0

    def __len__(self) -> int:
        """The number of operations."""
        return len(self._operations)

    def find(self, key: DocumentKey) -> CachedOperation | None:
        """The operation, which becomes the last one used."""
        kept = self._operations.get(key)
        if kept is not None:
            self._operations.move_to_end(key)
        return kept

    def get(self, key: DocumentKey) -> CachedOperation | None:
        """The operation, without a change of the order."""
        return self._operations.get(key)

    def __iter__(self) -> Iterator[DocumentKey]:
        """The keys, as a copy."""
        return iter(tuple(self._operations))

    def put(self, key: DocumentKey, operation: CachedOperation) -> None:
        """Add an operation; evicts others if there is no room."""
        self.pop(key)
        self._operations[key] = operation
        operation.cache = self
        self.add_weight(operation.weight)

    def pop(self, key: DocumentKey) -> CachedOperation | None:
        """Remove and return an operation."""
        kept = self._operations.pop(key, None)
        if kept is not None:
            kept.cache = None
            self._bytes -= kept.weight
        return kept

    def add_weight(self, weight: int) -> None:
        """Add bytes to the estimate, and evict the oldest operations beyond the bounds."""
        self._bytes += weight
        while len(self._operations) > self._most or self._bytes > self._most_bytes:
            self.pop(next(iter(self._operations)))


class OperationCache:
    """Three caches: operations seen once, operations seen again, and pinned operations.

    A flood of documents that are each seen once evicts only others of its kind, never those in use. Both caches are
    bounded in number and memory: a document may be a megabyte of comments, and a plan may have thousands of fields.
    Pinned operations are never evicted; the registry that pins them bounds their number.
    """

    def __init__(
        self,
        *,
        seen_once: int = 512,
        seen_again: int = 2048,
        bytes_once: int = 64 * _MEBIBYTE,
        bytes_again: int = 256 * _MEBIBYTE,
    ) -> None:
        """Takes the maximum number and bytes of operations seen once and seen again."""
        self._once = LruCache(seen_once, bytes_once)
        self._again = LruCache(seen_again, bytes_again)
        self._pinned = LruCache(sys.maxsize, sys.maxsize)
        self._max_plan_bytes = bytes_again // _PLAN_MEMORY_DIVISOR

    def find(self, key: DocumentKey) -> CachedOperation | None:
        """The operation, if it was seen before; it counts as seen again from now on."""
        kept = self._again.find(key) or self._pinned.get(key)
        if kept is None:
            kept = self._once.pop(key)
            if kept is not None:
                self._again.put(key, kept)
        return kept

    def pin(self, key: DocumentKey, operation: CachedOperation) -> None:
        """Keep an operation until `keep_pinned` no longer names it."""
        self._once.pop(key)
        self._again.pop(key)
        self._pinned.put(key, _with_weight(key, operation))

    def is_pinned(self, key: DocumentKey) -> bool:
        """Whether an operation is pinned."""
        return self._pinned.get(key) is not None

    def keep_pinned(self, these: Collection[DocumentKey]) -> None:
        """Remove all other pinned operations."""
        for seen in self._pinned:
            if seen not in these:
                self._pinned.pop(seen)

    def add(self, key: DocumentKey, operation: CachedOperation) -> None:
        """Add an operation that is seen for the first time."""
        self._once.put(key, _with_weight(key, operation))

    def add_plan(self, operation: CachedOperation, values: tuple[bool | None, ...], plan: Plan | TooLarge) -> None:
        """Add a plan for these values of the conditions; drops the operation's other plans if they grow too large."""
        bytes_planned = len(plan.fields) * _BYTES_PER_FIELD if isinstance(plan, Plan) else 0
        before = operation.bytes_planned
        if operation.plans and before + bytes_planned > self._max_plan_bytes:
            operation.plans.clear()
            operation.shared = None
            operation.bytes_planned = 0
        operation.plans[values] = plan
        operation.bytes_planned += bytes_planned
        if operation.cache is not None:
            operation.cache.add_weight(operation.bytes_planned - before)

    def __repr__(self) -> str:
        """The numbers of operations."""
        pinned = f", {len(self._pinned)} pinned" if len(self._pinned) else ""
        return f"<OperationCache {len(self._once)} seen once, {len(self._again)} again{pinned}>"


def _with_weight(key: DocumentKey, operation: CachedOperation) -> CachedOperation:
    text, _ = key
    operation.bytes_parsed = sys.getsizeof(text) + min(len(text) * _BYTES_PER_CHARACTER, _MAX_BYTES_PARSED)
    return operation
