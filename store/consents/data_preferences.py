"""People's data preferences for authorization decisions: read with every request, never cached."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from records.hub.clients import ClientId
from records.hub.consenting import Consenting
from records.hub.consents import Consent
from records.hub.data_preferences import DataPreferences, Restriction
from records.hub.data_requests import DataRequestState
from records.identifiers import Nik
from records.purposes import Purpose
from store.consents.consent_rows import build_in_force_condition, to_consent
from store.database_timeout import database_timeout
from store.tables import consents, data_requests, restrictions


class SealedPerson(NamedTuple):
    """A person, and the seal that identifies them in tables."""

    nik: Nik
    seal: bytes


class DataPreferenceTable:
    """Reads people's preferences."""

    def __init__(self, engine: AsyncEngine, *, timeout: float = 2.0) -> None:
        """Takes the hub's database; `timeout` is the maximum wait for it, in seconds."""
        self._engine = engine
        self._timeout = timeout

    async def load_preferences(
        self, people: Sequence[SealedPerson], client: ClientId | None, request: str | None = None
    ) -> Mapping[Nik, DataPreferences]:
        """Returns the preferences of each person that concern this client. Raises `StateUnavailable`.

        Consents are those in force now, by the database's clock, which all hubs share. `request` is the number of the
        data request that the caller works on. It covers only the person of that request, while it is open.
        """
        by_seal = {each.seal: each.nik for each in people}
        async with database_timeout(self._timeout), self._engine.connect() as connection:
            preferences = await _load_preferences(connection, by_seal, client)
            requester = None if request is None else await _find_requester(connection, by_seal, request)
        return (
            preferences
            if requester is None
            else {nik: replace(preferences[nik], people_in_case=requester & {nik}) for nik in preferences}
        )

    async def load_consenting_people(
        self, ids: Sequence[str], client: ClientId, open_seal: Callable[[bytes], Nik]
    ) -> Mapping[str, Consenting]:
        """Returns, by consent in force, the person who gave it to this client, with all their preferences.

        `open_seal` decrypts the person's seal. Raises `StateUnavailable`.
        """
        wanted = select(consents).where(consents.c.id.in_(ids), consents.c.client == client, build_in_force_condition())
        async with database_timeout(self._timeout), self._engine.connect() as connection:
            rows = (await connection.execute(wanted)).mappings().all()
            by_seal = {row["subject"]: open_seal(row["subject"]) for row in rows}
            preferences = await _load_preferences(connection, by_seal, client) if rows else {}
        return {
            row["id"]: Consenting(
                subject=by_seal[row["subject"]],
                consent=to_consent(by_seal[row["subject"]], row),
                preferences=preferences[by_seal[row["subject"]]],
            )
            for row in rows
        }


async def _load_preferences(
    connection: AsyncConnection, by_seal: Mapping[bytes, Nik], client: ClientId | None
) -> Mapping[Nik, DataPreferences]:
    granted: dict[Nik, list[Consent]] = {}
    restricted: dict[Nik, list[Restriction]] = {}
    for row in await _load_restrictions(connection, list(by_seal)):
        nik = by_seal[row["subject"]]
        restricted.setdefault(nik, []).append(_to_restriction(nik, row))
    for row in await _load_consents(connection, list(by_seal), client) if client is not None else ():
        nik = by_seal[row["subject"]]
        granted.setdefault(nik, []).append(to_consent(nik, row))
    return {
        nik: DataPreferences(consents=tuple(granted.get(nik, ())), restrictions=tuple(restricted.get(nik, ())))
        for nik in by_seal.values()
    }


async def _find_requester(connection: AsyncConnection, by_seal: Mapping[bytes, Nik], request: str) -> frozenset[Nik]:
    """Returns the person of the open data request, if they are among the people."""
    wanted = select(data_requests.c.subject).where(
        data_requests.c.number == request,
        data_requests.c.subject.in_(list(by_seal)),
        data_requests.c.state.in_([each.name for each in DataRequestState if each.is_open]),
    )
    return frozenset(by_seal[bytes(seal)] for seal in (await connection.execute(wanted)).scalars())


async def _load_restrictions(connection: AsyncConnection, seals: Sequence[bytes]) -> Sequence[RowMapping]:
    wanted = select(restrictions).where(restrictions.c.subject.in_(seals), restrictions.c.ended_at.is_(None))
    return (await connection.execute(wanted.order_by(restrictions.c.since))).mappings().all()


async def _load_consents(connection: AsyncConnection, seals: Sequence[bytes], client: ClientId) -> Sequence[RowMapping]:
    wanted = select(consents).where(
        consents.c.subject.in_(seals),
        consents.c.client == client,
        build_in_force_condition(),
    )
    return (await connection.execute(wanted.order_by(consents.c.granted_at))).mappings().all()


def _to_restriction(nik: Nik, row: RowMapping) -> Restriction:
    purposes = tuple(Purpose[name] for name in row["purposes"])
    return Restriction(subject=nik, number=row["id"], purposes=purposes, since=row["since"])
