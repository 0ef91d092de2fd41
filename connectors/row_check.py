"""Whether the rows of an agency's reply are about the keys that it was asked for."""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from typing import Final, TypeVar

from connectors.policies.observed import Counts
from records.failures import AgencyMalformed

K = TypeVar("K", bound=str)
R = TypeVar("R")

_LEADING_NUMBER: Final = re.compile(r"[0-9]+")
_LONGEST_KEY: Final = 200
_log = logging.getLogger("simpul.agencies")


class RowCheck:
    """Sorts the rows of one agency by the keys they are about, and stops rows about anything else.

    A row that nobody asked for means that the reply is not the answer to the question: it belongs to another call, or
    the agency ignored the condition. None of its rows can be trusted then. Each mismatch is logged without the value,
    and counted.
    """

    def __init__(self, agency: str, counts: Counts) -> None:
        """`counts` is where the agency's gate counts."""
        self.agency = agency
        self._counts = counts

    def require_asked(self, keys: Iterable[str | None], asked: Collection[str]) -> None:
        """Raise `AgencyMalformed` where a row is about a key that was not asked for, or about none.

        For inside the gate, where such a reply counts against the agency; the keys in other forms come out later.
        """
        wanted = frozenset(asked)
        loosely: dict[str, list[str]] | None = None
        for key in keys:
            if key in wanted:
                continue
            if loosely is None:
                loosely = _by_loose_form(wanted)
            if key is None or _loosely(key) not in loosely:
                raise self.mismatch("a row for a key that was not requested")

    def group_by_key(
        self,
        rows: Iterable[R],
        asked: Collection[K],
        *,
        key_of: Callable[[R], str | None],
        id_of: Callable[[R], Hashable],
    ) -> Mapping[K, Sequence[R] | AgencyMalformed]:
        """The rows of each key, in their order; keys without rows are absent.

        `id_of` gives what a row stands for, which the agency can list once only: two equal rows count as one. Where
        they differ, or belong to two keys, these keys are answered with `AgencyMalformed`; so is a key whose row
        holds it in another form (blanks, case, `12abc` for 12), which databases take for the same.

        Raises `AgencyMalformed` where a row is about a key that was not asked for, or about none.
        """
        groups: dict[str, list[R]] = {key: [] for key in asked}
        loosely: dict[str, list[K]] | None = None
        seen: dict[Hashable, tuple[str, R]] = {}
        failed: dict[str, AgencyMalformed] = {}
        for row in rows:
            key = key_of(row)
            if key is None or (group := groups.get(key)) is None:
                if loosely is None:  # once for all rows: there may be thousands
                    loosely = _by_loose_form(asked)
                meant = loosely.get(_loosely(key), []) if key is not None and len(key) <= _LONGEST_KEY else []
                if not meant:
                    raise self.mismatch("a row for a key that was not requested")
                if any(each not in failed for each in meant):
                    failed |= dict.fromkeys(meant, self.mismatch("a row holds its key in another form"))
                continue
            identity = id_of(row)
            if (before := seen.get(identity)) is None:
                seen[identity] = key, row
                group.append(row)
            elif before != (key, row) and not (key in failed and before[0] in failed):
                failed[key] = failed[before[0]] = self.mismatch("one record is listed twice, in two forms")
        return {key: failed.get(key) or groups[key] for key in asked if key in failed or groups[key]}

    def mismatch(self, seen: str) -> AgencyMalformed:
        """Log and count that a reply does not fit its question; gives the failure. `seen` holds no values."""
        self._counts.mismatches += 1
        _log.warning("The reply of the agency '%s' does not match its request: %s", self.agency, seen)
        return AgencyMalformed(self.agency, seen)


def _by_loose_form(asked: Iterable[K]) -> dict[str, list[K]]:
    """The keys by what a lenient database takes them for."""
    found: dict[str, list[K]] = {}
    for each in asked:
        found.setdefault(_loosely(each), []).append(each)
    return found


def _loosely(key: str) -> str:
    """As the most lenient database compares: no case, no blanks around, and of a text the number it begins with."""
    plain = unicodedata.normalize("NFKC", key).strip().casefold()
    number = _LEADING_NUMBER.match(plain)
    return plain if number is None else number[0].lstrip("0")
