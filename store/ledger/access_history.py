"""Reads the access ledger, newest first: one person's visible entries, or a search."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, and_, func, or_, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncEngine

from records.hub.ledger_entries import SEARCH_FILTERS, AccessPosition, AccessSearch, LedgerPage, StoredLedgerEntry
from store.ledger.ledger_rows import to_stored_ledger_entry
from store.tables import access_chains, access_entries

_ORDER = (access_entries.c.at, access_entries.c.chain, access_entries.c.sequence)


class AccessHistory:
    """Reads entries."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def load_page(self, subject: bytes, first: int, after: AccessPosition | None) -> LedgerPage:
        """Returns the next entries about one person, without those that the person may not see yet."""
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
        """Returns the next entries that match, including those that their person may not see yet."""
        return await self._load_page(build_search_condition(search), first, after)

    async def load_range(
        self, subject: bytes, start: datetime | None, end: datetime | None, *, offset: int, limit: int
    ) -> tuple[int, Sequence[StoredLedgerEntry]]:
        """Returns the number of a person's visible entries in a period, and a range of them."""
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
        """Returns the start of the oldest chain; None before the first start."""
        async with self._engine.connect() as connection:
            begun: datetime | None = (await connection.execute(select(func.min(access_chains.c.started_at)))).scalar()
        return begun


def build_search_condition(search: AccessSearch) -> ColumnElement[bool]:
    """Builds the condition of a search."""
    columns = access_entries.c
    wanted = [columns[name] == value for name in SEARCH_FILTERS if (value := getattr(search, name)) is not None]
    wanted += [columns.subject == subject for subject in search.subjects]
    if search.start is not None:
        wanted.append(columns.at >= search.start)
    if search.end is not None:
        wanted.append(columns.at <= search.end)
    return and_(true(), *wanted)


def _build_visible_condition(subject: bytes) -> ColumnElement[bool]:
    hidden = access_entries.c.hidden_until
    return and_(access_entries.c.subject == subject, or_(hidden.is_(None), hidden <= datetime.now(UTC)))
