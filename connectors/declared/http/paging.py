"""The pages of a declared list: which page comes next, and whether the rows of all pages are whole."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from connectors.declared.column_syntax import ColumnSyntax
from connectors.declared.http.tables import PagingTable
from connectors.declared.trouble import read_code
from connectors.readers.numbers import whole_number
from connectors.readers.rows import Row
from connectors.readers.texts import text
from connectors.readers.unreadable import UnreadableError

MAX_PAGES: Final = 10_000
"""Maximum pages of one list."""
_MAX_LINK_LENGTH: Final = 4_000
_LINK: Final = re.compile(
    r'<([^<>]{1,4000})>(?:\s*;\s*(?!rel\b)\w+\*?\s*=\s*(?:"[^"<]*"|[^\s;,"<]+))*+\s*;\s*rel\s*=\s*"?([^";,<]*)'
)
"""A link and its relations, perhaps with other parameters between them. No match goes beyond the next link."""

Get = Callable[[Any], object]


class Page(NamedTuple):
    """One page of a list."""

    rows: Sequence[Row]
    reply: object
    """The whole reply."""
    link: str | None = None
    """The link to the next page in the headers."""


class Place(NamedTuple):
    """Where a page of a list begins."""

    position: Any
    rows_before: int


class Paging:
    """How one list is paged."""

    def __init__(self, place: str, table: PagingTable, columns: ColumnSyntax) -> None:
        """Compile the paths of a table. Raises `NotDeclarableError`."""
        self.by: Final = table.by
        self.is_linked: Final = table.by == "next" and table.at is None
        """Whether the link to the next page is in the headers."""
        self.first: Final = {"offset": 0, "page": table.first}.get(table.by)
        """The position of the first page."""
        self.get_next = _compile(place, "at", table.at, columns)
        self.get_more = _compile(place, "more", table.more, columns)
        self.get_total = _compile(place, "total", table.total, columns)
        self.announces: Final = self.is_linked or any(each is not None for each in (table.at, table.more, table.total))
        """Whether a page says that another one follows."""


class PageWalk:
    """One walk over the pages of a list."""

    def __init__(self, paging: Paging, place: Place | None = None) -> None:
        """Start at a place, or at the first page."""
        self._paging = paging
        self.position: Any = paging.first if place is None else place.position
        """A number, a cursor, a link or the last record; None for the first page of the last three."""
        self.count = 0 if place is None else place.rows_before
        self.total: int | None = None
        self._last_rows: Sequence[Row] = ()
        self._seen = set[str]()

    def advance(self, page: Page) -> bool:
        """Take a page, and move to the next one; False after the last. Raises `UnreadableError`."""
        paging = self._paging
        if page.rows and page.rows == self._last_rows:
            raise UnreadableError("a new page: the agency sent the same rows again")
        self._last_rows = page.rows
        self.count += len(page.rows)
        total = None if paging.get_total is None else whole_number(paging.get_total(page.reply))
        if paging.get_total is not None and total is None:
            raise UnreadableError("a list with its total")
        if self.total not in {None, total}:
            raise UnreadableError("a list that stays the same between its pages")
        self.total = total
        has_next = self._move(page, total)
        if (
            total is not None
            and paging.by != "record"
            and (self.count > total or (not has_next and self.count < total))
        ):
            raise UnreadableError(f"a list of {total} rows: the pages hold {self.count}")
        return has_next

    def end(self) -> bool:
        """Take a page that does not exist: the last one was the last. False, or raises `UnreadableError`."""
        if self._paging.announces:
            raise UnreadableError("a page that the one before announced")
        return False

    def _move(self, page: Page, total: int | None) -> bool:
        paging = self._paging
        has_more = None if paging.get_more is None else _read_flag(paging.get_more(page.reply))
        if paging.is_linked or paging.get_next is not None:
            raw = page.link if paging.get_next is None else paging.get_next(page.reply)
            following = text(raw, "a link or cursor", max_length=_MAX_LINK_LENGTH)
            if following is None and has_more:
                raise UnreadableError("a link or cursor to the pages that follow")
            if following is None or has_more is False:
                return False
            if following in self._seen:
                raise UnreadableError("a new page: the agency sent the same link or cursor again")
            self._seen.add(following)
            self.position = following
            return True
        if paging.by != "record":
            self.position += len(page.rows) if paging.by == "offset" else 1
        if has_more and not page.rows:
            raise UnreadableError("a page with rows: more follow")
        if has_more is not None:
            return has_more
        return bool(page.rows) and (total is None or self.count < total)


def find_next_link(header: str) -> str | None:
    """The link to the next page in the header `Link` (RFC 8288)."""
    return next((found[1] for found in _LINK.finditer(header) if "next" in found[2].lower().split()), None)


def _compile(place: str, name: str, path: str | None, columns: ColumnSyntax) -> Get | None:
    return None if path is None else columns.compile(f"{place}.paging.{name}", path)


def _read_flag(raw: object) -> bool:
    flag = {"true": True, "1": True, "false": False, "0": False, "": False}.get(read_code(raw).lower())
    if flag is None:
        raise UnreadableError("true or false")
    return flag
