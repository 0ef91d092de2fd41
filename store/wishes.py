"""What people said about the use of their data, as decisions need it: read with every request, never kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from records.consents import Consent, ConsentState
from records.identifiers import Nik
from records.purposes import Purpose, Scope
from records.wishes import Restriction, Wishes
from store.tables import consents, restrictions
from store.unavailable import answering


class Sealed(NamedTuple):
    """A person, and the seal by which tables know them."""

    nik: Nik
    seal: bytes


class WishTable:
    """Reads what people said."""

    def __init__(self, engine: AsyncEngine, *, patience: float = 2.0) -> None:
        """Use the hub's database; `patience` is how many seconds a request waits for it."""
        self._engine = engine
        self._patience = patience

    async def said(self, people: Sequence[Sealed], client: str | None) -> Mapping[Nik, Wishes]:
        """What each of the people said, as far as it concerns this client; raises `StateUnavailable`.

        Consents are those that are in force at this moment, by the database's clock, which all hubs share.
        """
        by_seal = {each.seal: each.nik for each in people}
        granted: dict[Nik, list[Consent]] = {}
        restricted: dict[Nik, list[Restriction]] = {}
        async with answering(self._patience), self._engine.connect() as connection:
            for row in await _restrictions(connection, list(by_seal)):
                nik = by_seal[row["subject"]]
                restricted.setdefault(nik, []).append(_restriction(nik, row))
            for row in await _consents(connection, list(by_seal), client) if client is not None else ():
                nik = by_seal[row["subject"]]
                granted.setdefault(nik, []).append(_consent(nik, row))
        return {
            each.nik: Wishes(
                consents=tuple(granted.get(each.nik, ())), restrictions=tuple(restricted.get(each.nik, ()))
            )
            for each in people
        }


async def _restrictions(connection: AsyncConnection, seals: Sequence[bytes]) -> Sequence[RowMapping]:
    wanted = select(restrictions).where(restrictions.c.subject.in_(seals), restrictions.c.ended_at.is_(None))
    return (await connection.execute(wanted.order_by(restrictions.c.since))).mappings().all()


async def _consents(connection: AsyncConnection, seals: Sequence[bytes], client: str) -> Sequence[RowMapping]:
    wanted = select(consents).where(
        consents.c.subject.in_(seals),
        consents.c.client == client,
        consents.c.revoked_at.is_(None),
        consents.c.expires_at > func.now(),
    )
    return (await connection.execute(wanted.order_by(consents.c.granted_at))).mappings().all()


def _restriction(nik: Nik, row: RowMapping) -> Restriction:
    purposes = tuple(Purpose[name] for name in row["purposes"])
    return Restriction(subject=nik, number=row["id"], purposes=purposes, since=row["since"])


def _consent(nik: Nik, row: RowMapping) -> Consent:
    return Consent(
        subject=nik,
        id=row["id"],
        client=row["client"],
        partner=row["partner"],
        scopes=tuple(Scope(value) for value in row["scopes"]),
        purpose=Purpose[row["purpose"]],
        state=ConsentState.GRANTED,
        granted_at=row["granted_at"],
        expires_at=row["expires_at"],
    )
