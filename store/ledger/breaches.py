"""Breaches: opened, listed and closed; and the affected people, from the access ledger."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from records.hub.breaches import AffectedPerson, Breach, ReaderCount
from records.hub.ledger_entries import SEARCH_FILTERS, AccessSearch
from store.ledger.access_history import build_search_condition
from store.tables import access_entries, breaches, purge_receipts

_LOCK = 7_305_136
"""PostgreSQL's advisory lock for assigning a breach number."""


class UnknownBreach(LookupError):  # noqa: N818 - reads as what it is
    """There is no breach, or no open breach, with this name."""


class Breaches:
    """The breaches of the hub."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def open(self, what: str, search: AccessSearch, *, known_since: datetime, by: str) -> Breach:
        """Opens a breach. Its period starts at `known_since`, and entries in its window are not purged."""
        values = {name: getattr(search, name) for name in SEARCH_FILTERS}
        async with self._engine.begin() as connection:
            await connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
            now: datetime = (await connection.execute(select(func.now()))).scalar_one()
            of_year = select(func.count()).where(breaches.c.name.like(f"B-{now.year}-%"))
            name = f"B-{now.year}-{(await connection.execute(of_year)).scalar_one() + 1:04}"
            row = insert(breaches).values(
                name=name,
                opened_at=now,
                opened_by=by,
                known_since=known_since,
                what=what,
                starts_at=search.start,
                ends_at=search.end,
                **values,
            )
            return _to_breach((await connection.execute(row.returning(breaches))).mappings().one())

    async def list_all(self) -> Sequence[Breach]:
        """Returns all breaches, the oldest first."""
        async with self._engine.connect() as connection:
            rows = (await connection.execute(select(breaches).order_by("known_since", "name"))).mappings().all()
        return [_to_breach(row) for row in rows]

    async def get(self, name: str) -> Breach:
        """Returns the breach with this name. Raises `UnknownBreach`."""
        async with self._engine.connect() as connection:
            row = (await connection.execute(select(breaches).where(breaches.c.name == name))).mappings().first()
        if row is None:
            raise UnknownBreach(f"there is no breach {name!r}")
        return _to_breach(row)

    async def close(self, name: str, *, by: str) -> Breach:
        """Closes a breach, after all notifications. Raises `UnknownBreach` if no breach with this name is open."""
        ended = (
            breaches.update()
            .where(breaches.c.name == name, breaches.c.closed_at.is_(None))
            .values(closed_at=func.now(), closed_by=by)
            .returning(breaches)
        )
        async with self._engine.begin() as connection:
            row = (await connection.execute(ended)).mappings().first()
        if row is None:
            raise UnknownBreach(f"there is no open breach {name!r}")
        return _to_breach(row)

    async def iterate_affected(self, breach: Breach) -> AsyncIterator[AffectedPerson]:
        """Yields the affected people, and what was read about each; unidentified people are one group at the end."""
        columns = access_entries.c
        of_each = (
            select(
                columns.subject,
                func.count().label("reads"),
                func.min(columns.at).label("first"),
                func.max(columns.at).label("last"),
                func.array_agg(columns.fields.distinct()).label("fields"),
                func.array_agg(columns.classification.distinct()).label("classes"),
                func.array_agg(columns.agencies.distinct()).label("agencies"),
                func.max(columns.hidden_until).filter(columns.hidden_until > func.now()).label("hidden_until"),
            )
            .where(build_search_condition(breach.search))
            .group_by(columns.subject)
            .order_by(columns.subject)
        )
        async with self._engine.connect() as connection:
            async for row in await connection.stream(of_each):
                yield AffectedPerson(
                    subject=None if row.subject is None else bytes(row.subject),
                    reads=row.reads,
                    first=row.first,
                    last=row.last,
                    fields=_split_words(row.fields),
                    classes=_split_words(row.classes),
                    agencies=_split_words(row.agencies),
                    hidden_until=row.hidden_until,
                )

    async def count_reads_by_reader(self, breach: Breach) -> Sequence[ReaderCount]:
        """Counts reads by kind of caller, agency and application."""
        columns = access_entries.c
        of = (columns.caller_kind, columns.agency, columns.client)
        wanted = select(*of, func.count()).where(build_search_condition(breach.search)).group_by(*of).order_by(*of)
        async with self._engine.connect() as connection:
            return [ReaderCount(*row) for row in await connection.execute(wanted)]

    async def count_purges_in_window(self, breach: Breach) -> int:
        """Counts the purge receipts of entries that may have been in the window."""
        receipts = purge_receipts.c
        wanted = select(func.count()).where(
            receipts.name == "ledger", receipts.oldest <= breach.search.end, receipts.newest >= breach.search.start
        )
        async with self._engine.connect() as connection:
            return (await connection.execute(wanted)).scalar_one()


def _to_breach(row: Mapping[Any, Any]) -> Breach:
    values = {name: row[name] for name in SEARCH_FILTERS}
    return Breach(
        name=row["name"],
        what=row["what"],
        search=AccessSearch(start=row["starts_at"], end=row["ends_at"], **values),
        opened_at=row["opened_at"],
        opened_by=row["opened_by"],
        known_since=row["known_since"],
        closed_at=row["closed_at"],
        closed_by=row["closed_by"],
    )


def _split_words(texts: Sequence[str | None]) -> tuple[str, ...]:
    return tuple(sorted({word for text in texts for word in (text or "").split()}))
