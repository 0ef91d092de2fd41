"""Checks that the rows of an agency's reply belong to the requested keys."""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from typing import Final, TypeVar

from connectors.resilience.call_counters import CallCounters
from records.calls.failures import AgencyMalformed

K = TypeVar("K", bound=str)
R = TypeVar("R")

_LEADING_NUMBER: Final = re.compile(r"[0-9]+")
_MAX_KEY_LENGTH: Final = 200
_log = logging.getLogger("simpul.agencies")


class RowCheck:
    """Groups the rows of one agency by key, and rejects rows of other keys.

    A row that was not requested means that the reply belongs to another call, or that the agency ignored the condition.
    Then none of its rows can be trusted. Each mismatch is counted, and logged without the value.
    """

    def __init__(self, agency: str, counts: CallCounters) -> None:
        """`counts` are the counters of the agency's gate."""
        self.agency = agency
        self._counts = counts

    def require_requested(self, keys: Iterable[str | None], requested: Collection[str]) -> None:
        """Raise `AgencyMalformed` if a row has a key that was not requested, or no key.

        Call it inside the gate, where such a reply counts against the agency. `group_by_key` finds keys in other forms.
        """
        requested_set = frozenset(requested)
        keys_by_loose_form: dict[str, list[str]] | None = None
        for key in keys:
            if key in requested_set:
                continue
            if keys_by_loose_form is None:
                keys_by_loose_form = _group_by_loose_form(requested_set)
            if key is None or _to_loose_form(key) not in keys_by_loose_form:
                raise self.record_mismatch("a row for a key that was not requested")

    def group_by_key(
        self,
        rows: Iterable[R],
        requested: Collection[K],
        *,
        key_of: Callable[[R], str | None],
        id_of: Callable[[R], Hashable],
    ) -> Mapping[K, Sequence[R] | AgencyMalformed]:
        """The rows of each key, in their order; keys without rows are absent.

        `id_of` gives the identity of a row, which the agency may list only once: two equal rows count as one. If they
        differ, or belong to two keys, these keys get `AgencyMalformed`. So does a key whose row holds it in another
        form (blanks, case, `12abc` for 12), because databases treat such forms as equal.

        Raises `AgencyMalformed` if a row has a key that was not requested, or no key.
        """
        groups: dict[str, list[R]] = {key: [] for key in requested}
        keys_by_loose_form: dict[str, list[K]] | None = None
        seen: dict[Hashable, tuple[str, R]] = {}
        failed: dict[str, AgencyMalformed] = {}
        for row in rows:
            key = key_of(row)
            if key is None or (group := groups.get(key)) is None:
                if keys_by_loose_form is None:  # once for all rows: there may be thousands
                    keys_by_loose_form = _group_by_loose_form(requested)
                candidates = (
                    keys_by_loose_form.get(_to_loose_form(key), [])
                    if key is not None and len(key) <= _MAX_KEY_LENGTH
                    else []
                )
                if not candidates:
                    raise self.record_mismatch("a row for a key that was not requested")
                if any(each not in failed for each in candidates):
                    failed |= dict.fromkeys(candidates, self.record_mismatch("a row holds its key in another form"))
                continue
            identity = id_of(row)
            if (previous := seen.get(identity)) is None:
                seen[identity] = key, row
                group.append(row)
            elif previous != (key, row) and not (key in failed and previous[0] in failed):
                failed[key] = failed[previous[0]] = self.record_mismatch(
                    "one record is listed twice, with different contents"
                )
        return {key: failed.get(key) or groups[key] for key in requested if key in failed or groups[key]}

    def record_mismatch(self, detail: str) -> AgencyMalformed:
        """Log and count a reply that does not match its request, and return the failure. `detail` holds no values."""
        self._counts.mismatches += 1
        _log.warning("The reply of the agency '%s' does not match its request: %s", self.agency, detail)
        return AgencyMalformed(self.agency, detail)


def _group_by_loose_form(requested: Iterable[K]) -> dict[str, list[K]]:
    """The keys by the form in which a lenient database compares them."""
    found: dict[str, list[K]] = {}
    for each in requested:
        found.setdefault(_to_loose_form(each), []).append(each)
    return found


def _to_loose_form(key: str) -> str:
    """The form in which the most lenient database compares: no case, no outer blanks, only a leading number."""
    plain = unicodedata.normalize("NFKC", key).strip().casefold()
    number = _LEADING_NUMBER.match(plain)
    return plain if number is None else number[0].lstrip("0")
