"""Reading the access ledger, newest first: of one person without what they may not be told yet, or by a search."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, and_, func, or_, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncEngine

from records.hub.ledger_entries import AccessPosition, AccessSearch, LedgerPage, StoredLedgerEntry
from store.ledger.ledger_rows import to_stored_ledger_entry
from store.tables import access_chains, access_entries

_ORDER = (access_entries.c.at, access_entries.c.chain, access_entries.c.sequence)


class AccessHistory:
    """Reads entries by the pseudonym of whom they are about."""

    def __init__(self, engine: AsyncEngine) -> None:
        """Use the hub's database."""
        self._engine = engine

    async def load_page(self, subject: bytes, first: int, after: AccessPosition | None) -> LedgerPage:
        """The next entries about one person."""
        return await self._load_page(_build_visible_condition(subject), first, after)

    async def _load_page(self, condition: ColumnElement[bool], first: int, after: AccessPosition | None) -> LedgerPage:
        wanted = select(access_entries).where(condition)
        if after is not None:
            wanted = wanted.where(tuple_(*_ORDER) < tuple_(after.at, after.chain, after.sequence))
        wanted = wanted.order_by(*(column.desc() for column in _ORDER)).limit(first + 1)
        async with self._engine.connect() as connection:
            rows = (await connection.execute(wanted)).mappings().all()
        return LedgerPage(
            entries=tuple(map(to_stored_ledger_entry, map(dict, rows[:first]))), has_more=len(rows) > first
        )

    async def search(self, search: AccessSearch, first: int, after: AccessPosition | None) -> LedgerPage:
        """The next entries that are looked for, whether or not their person may be told of them yet."""
        return await self._load_page(build_search_condition(search), first, after)

    async def load_range(
        self, subject: bytes, start: datetime | None, end: datetime | None, *, offset: int, limit: int
    ) -> tuple[int, Sequence[StoredLedgerEntry]]:
        """How many entries there are about one person in a time, and some of them."""
        shown = _build_visible_condition(subject)
        if start is not None:
            shown = and_(shown, access_entries.c.at >= start)
        if end is not None:
            shown = and_(shown, access_entries.c.at <= end)
        some = select(access_entries).where(shown).order_by(*(column.desc() for column in _ORDER))
        async with self._engine.connect() as connection:
            count = (
                await connection.execute(select(func.count()).select_from(access_entries).where(shown))
            ).scalar_one()
            rows = (await connection.execute(some.offset(offset).limit(limit))).mappings().all()
        return count, [to_stored_ledger_entry(dict(row)) for row in rows]

    async def load_start(self) -> datetime | None:
        """The moment since which entries are kept; None before the first start."""
        async with self._engine.connect() as connection:
            begun: datetime | None = (await connection.execute(select(func.min(access_chains.c.started_at)))).scalar()
        return begun


_SEARCH_COLUMNS = ("caller", "caller_kind", "agency", "client", "purpose", "case", "operation", "request_id")
"""Columns of which a search may name the value."""


def build_search_condition(search: AccessSearch) -> ColumnElement[bool]:
    """The entries that are looked for."""
    columns = access_entries.c
    wanted = [columns[name] == value for name in _SEARCH_COLUMNS if (value := getattr(search, name)) is not None]
    wanted += [columns.subject == subject for subject in search.subjects]
    if search.start is not None:
        wanted.append(columns.at >= search.start)
    if search.end is not None:
        wanted.append(columns.at <= search.end)
    return and_(true(), *wanted)


def _build_visible_condition(subject: bytes) -> ColumnElement[bool]:
    hidden = access_entries.c.hidden_until
    return and_(access_entries.c.subject == subject, or_(hidden.is_(None), hidden <= datetime.now(UTC)))
