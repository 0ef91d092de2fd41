"""Consents: a person's list of them, and their end. The end is one conditional update, so that there is one alone."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, func, tuple_, update
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from records.asked_consents import GivenConsent
from records.clients import ClientId
from records.consents import Consent, ConsentPage, ConsentPosition
from records.webhooks import WebhookType
from store.consent_events import By, Event, note
from store.consent_rows import consent_of, consents_with_state, given_of
from store.outbox import put
from store.tables import consents
from store.unavailable import answering
from store.wishes import Sealed

_PLACE = (consents.c.granted_at, consents.c.id)


class Ended(NamedTuple):
    """A consent that somebody wanted to end, and whether that ended it: it may have been over before."""

    row: RowMapping
    now: bool


class ConsentTable:
    """Reads and ends consents. Everything raises `StateUnavailable` where the database does not answer."""

    def __init__(self, engine: AsyncEngine, *, patience: float = 2.0) -> None:
        """Use the hub's database; `patience` is how many seconds a request waits for it."""
        self._engine = engine
        self._patience = patience

    async def page(self, person: Sealed, first: int, after: ConsentPosition | None) -> ConsentPage:
        """The next consents of a person, newest first."""
        wanted = consents_with_state().where(consents.c.subject == person.seal)
        if after is not None:
            wanted = wanted.where(tuple_(*_PLACE) < tuple_(after.at, after.id))
        wanted = wanted.order_by(*(column.desc() for column in _PLACE)).limit(first + 1)
        async with answering(self._patience), self._engine.connect() as connection:
            rows = (await connection.execute(wanted)).mappings().all()
        return ConsentPage(
            consents=tuple(consent_of(person.nik, row) for row in rows[:first]), has_more=len(rows) > first
        )

    async def revoke(self, person: Sealed, id_: str, *, request_id: str) -> tuple[Consent, bool] | None:
        """Take a consent back: the consent as it stands then, and whether this ended it. None: it is not theirs."""
        ended = await self._end(id_, consents.c.subject == person.seal, By.PERSON, request_id)
        return None if ended is None else (consent_of(person.nik, ended.row), ended.now)

    async def give_back(self, client: ClientId, id_: str, *, request_id: str) -> tuple[GivenConsent, bool] | None:
        """Give a consent back that a partner no longer needs; as `revoke`."""
        ended = await self._end(id_, consents.c.client == client, By.PARTNER, request_id)
        return None if ended is None else (given_of(ended.row), ended.now)

    async def _end(self, id_: str, whose: ColumnElement[bool], by: By, request_id: str) -> Ended | None:
        ended = (
            update(consents)
            .where(
                consents.c.id == id_,
                whose,
                consents.c.revoked_at.is_(None),
                consents.c.expires_at > func.clock_timestamp(),
            )
            .values(revoked_at=func.clock_timestamp(), revoked_by=by.value)
            .returning(consents)
        )
        async with answering(self._patience), self._engine.begin() as connection:
            row = (await connection.execute(ended)).mappings().one_or_none()
            if row is not None:
                await _tell_of_end(connection, row, by, request_id)
                return Ended(row, now=True)
            known = consents_with_state().where(consents.c.id == id_, whose)
            row = (await connection.execute(known)).mappings().one_or_none()
            return None if row is None else Ended(row, now=False)


async def _tell_of_end(connection: AsyncConnection, row: RowMapping, by: By, request_id: str) -> None:
    event = Event.REVOKED if by is By.PERSON else Event.RETURNED
    about = {"client": row["client"], "request": row["request"], "consent": row["id"]}
    await note(connection, event, by=by, request_id=request_id, **about)
    if by is By.PERSON:
        await put(connection, WebhookType.REVOKED, data=told_of(row), **about)


def told_of(row: RowMapping) -> dict[str, Any]:
    """What a webhook tells of a consent."""
    return {
        "consent": row["id"],
        "request": row["request"],
        "scopes": list(row["scopes"]),
        "purpose": row["purpose"],
        "expires_at": row["expires_at"].isoformat(),
    }
