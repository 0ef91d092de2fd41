"""Finds a text in the names of records, without case."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Final, Generic, TypeVar

T = TypeVar("T")

_END: Final = "\n"


class TextIndex(Generic[T]):
    """Records by the text in their names.

    All names are one text, so that a search is one pass of the interpreter's own `find`: it takes microseconds for
    thousands of names, and hardly more if nothing is found.
    """

    def __init__(self, records: Sequence[T], get_name: Callable[[T], str | None]) -> None:
        """Takes the records in the order in which they are found."""
        names = [(get_name(each) or "").casefold().replace(_END, " ") for each in records]
        self.records = records
        self._text = _END.join(names)
        self._starts = list(accumulate((len(each) + 1 for each in names[:-1]), initial=0)) if names else []

    def find(self, text: str) -> Iterator[T]:
        """The records with the text in their name, in their order; all for an empty text."""
        wanted = text.strip().casefold()
        if not wanted:
            yield from self.records
            return
        if _END in wanted:
            return
        found = self._text.find(wanted)
        while found >= 0:
            number = bisect_right(self._starts, found) - 1
            yield self.records[number]
            if number + 1 == len(self._starts):
                return
            found = self._text.find(wanted, self._starts[number + 1])
