"""Rows that belong together: the answer of a key is made of all rows of its group, such as a family card."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from connectors.batching.row_check import RowCheck
from records.calls.failures import AgencyMalformed

K = TypeVar("K", bound=str)
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class RowGroups(Generic[K, R]):
    """The groups of the requested keys, and the rows of each group."""

    groups: Mapping[Hashable, Sequence[R]]
    by_key: Mapping[K, Hashable | AgencyMalformed]
    """The group of each requested key that has one; a key in two groups is a failure."""


@dataclass(frozen=True, slots=True)
class RowGrouping(Generic[R]):
    """How the rows of an agency fall into groups."""

    check: RowCheck
    key_of: Callable[[R], str]
    group_of: Callable[[R], Hashable]
    is_group: Callable[[Hashable], bool]
    """Whether a value is one of a group; rows with another one belong to no group."""

    def require_requested(self, rows: Iterable[R], requested: Collection[str]) -> None:
        """Raise `AgencyMalformed` if a row is of a group without a requested key.

        Call it inside the gate, where such a reply counts against the agency.
        """
        requested_set = frozenset(requested)
        own, strange = set[Hashable](), set[Hashable]()
        for row in rows:
            group = self.group_of(row)
            if self.key_of(row) in requested_set:
                own.add(group)
            else:
                strange.add(group)
        if strange - own or not all(map(self.is_group, strange)):
            raise self.check.record_mismatch("a row of a group without a requested key")

    def group_rows(self, rows: Iterable[R], requested: Sequence[K]) -> RowGroups[K, R]:
        """The groups of the requested keys; keys without a group are absent."""
        groups: defaultdict[Hashable, list[R]] = defaultdict(list)
        groups_of: dict[str, dict[Hashable, None]] = {key: {} for key in requested}
        for row in rows:
            group = self.group_of(row)
            groups[group].append(row)
            if (own := groups_of.get(self.key_of(row))) is not None:
                own[group] = None
        real = {group: found for group, found in groups.items() if self.is_group(group)}
        by_key: dict[K, Hashable | AgencyMalformed] = {}
        for key in requested:
            own = groups_of[key]
            if len(own) > 1:
                by_key[key] = self.check.record_mismatch("the rows of one key are in two groups")
            elif own.keys() & real.keys():
                (by_key[key],) = own
        return RowGroups(real, by_key)
