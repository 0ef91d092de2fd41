"""Reads the access ledger, newest first: one person's visible entries, or a search."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, and_, case, func, or_, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncEngine

from records.hub.access_history import (
    ALL_ENTRIES,
    CITIZEN_KIND,
    HOUSEHOLD_TYPES,
    READERS_BY_CALLER_KIND,
    READERS_BY_LEGAL_BASIS,
    AccessLogFilters,
    AccessReader,
)
from records.hub.ledger_entries import SEARCH_FILTERS, AccessPosition, AccessSearch, LedgerPage, StoredLedgerEntry
from store.ledger.ledger_rows import to_stored_ledger_entry
from store.tables import access_chains, access_entries, operation_clients

_ORDER = (access_entries.c.at, access_entries.c.chain, access_entries.c.sequence)


class AccessHistory:
    """Reads entries."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def load_page(
        self, subject: bytes, first: int, after: AccessPosition | None, filters: AccessLogFilters = ALL_ENTRIES
    ) -> LedgerPage:
        """Returns the next matching entries about one person, without those that the person may not see yet."""
        matching = and_(_build_visible_condition(subject), *_build_filter_conditions(filters))
        return await self._load_page(matching, first, after)

    async def load_client_names(self, clients: Collection[str | None]) -> Mapping[str | None, str]:
        """Returns the names of clients that have one in their contract."""
        if not clients:
            return {}
        columns = operation_clients.c
        wanted = select(columns.client, columns.name).where(columns.client.in_(clients), columns.name.is_not(None))
        async with self._engine.connect() as connection:
            return {row.client: row.name for row in await connection.execute(wanted)}

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


def _build_filter_conditions(filters: AccessLogFilters) -> Sequence[ColumnElement[bool]]:
    columns = access_entries.c
    conditions: list[ColumnElement[bool]] = []
    if filters.readers:
        conditions.append(_build_reader_kind().in_([each.value for each in filters.readers]))
    if filters.start is not None:
        conditions.append(columns.at >= filters.start)
    if filters.end is not None:
        conditions.append(columns.at <= filters.end)
    if filters.purpose is not None:
        conditions.append(columns.purpose == filters.purpose)
    return conditions


def _build_reader_kind() -> ColumnElement[str]:
    """`classify_reader` in SQL."""
    columns = access_entries.c
    # Fields are separated by spaces.
    is_card = columns.fields.startswith(HOUSEHOLD_TYPES) | columns.fields.contains(f" {HOUSEHOLD_TYPES}")
    return case(
        (columns.caller == columns.subject, AccessReader.YOURSELF.value),
        *((columns.legal_basis == basis, reader.value) for basis, reader in READERS_BY_LEGAL_BASIS.items()),
        (and_(columns.caller_kind == CITIZEN_KIND, is_card), AccessReader.HOUSEHOLD_MEMBER.value),
        (columns.caller_kind.in_(READERS_BY_CALLER_KIND), columns.caller_kind),
        else_=AccessReader.UNKNOWN.value,
    )


def _build_visible_condition(subject: bytes) -> ColumnElement[bool]:
    hidden = access_entries.c.hidden_until
    return and_(access_entries.c.subject == subject, or_(hidden.is_(None), hidden <= datetime.now(UTC)))
