"""Requests for consent: asked by partners, opened and answered by one person each.

Who opens a request first is the person it is about, by one conditional update; who answers it holds its row until the
answer is committed. So of two that come at once, one is late.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from secrets import token_hex
from typing import NamedTuple

from sqlalchemy import ColumnElement, func, insert, select, update
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from records.asked_consents import Answer, AskedConsent, Evidence, Outcome, WantedConsent
from records.clients import ClientId
from records.consents import Consent
from records.purposes import Scope
from records.webhooks import WebhookType
from store.consent_events import By, Event, note
from store.consent_rows import asked_of, consent_of, consents_with_state, given_of
from store.consents import told_of
from store.operations import contract_of, readable_by
from store.outbox import put
from store.tables import consent_requests, consents
from store.unavailable import answering
from store.wishes import Sealed

MOST_WAITING = 10_000
"""Requests of one client that wait for their answers."""
_WAITS: ColumnElement[bool] = consent_requests.c.answer.is_(None) & (
    consent_requests.c.answer_by > func.clock_timestamp()
)


class NoSuchRequest(Exception):  # noqa: N818 - reads as what it is
    """There is none that this person may answer; why, is nobody's business."""


class AnsweredOtherwise(Exception):  # noqa: N818 - reads as what it is
    """The person answered before, and said something else."""


class NotAskedFor(Exception):  # noqa: N818 - reads as what it is
    """The person would grant what nobody asked for."""


class TooManyWaiting(Exception):  # noqa: N818 - reads as what it is
    """The partner asks faster than people answer."""


class Opened(NamedTuple):
    """A request that a person opened."""

    request: AskedConsent
    reads: frozenset[str] | None
    """What the partner's registered operations read; None where it may run any operation."""


class ConsentRequestTable:
    """Keeps requests. Everything raises `StateUnavailable` where the database does not answer."""

    def __init__(self, engine: AsyncEngine, *, patience: float = 2.0) -> None:
        """Use the hub's database; `patience` is how many seconds a request waits for it."""
        self._engine = engine
        self._patience = patience

    async def ask(
        self, client: ClientId, partner: str, wanted: WantedConsent, *, answer_within: timedelta, request_id: str
    ) -> AskedConsent:
        """Keep a request; raises `TooManyWaiting`."""
        row = {
            "id": token_hex(16),
            "client": client,
            "partner": partner,
            "scopes": [each.value for each in wanted.scopes],
            "purpose": wanted.purpose.name,
            "days": wanted.days,
            "redirect_uri": wanted.redirect_uri,
            "state": wanted.state,
            "answer_by": func.now() + answer_within,
        }
        waiting = select(func.count()).select_from(consent_requests).where(consent_requests.c.client == client, _WAITS)
        async with answering(self._patience), self._engine.begin() as connection:
            if (await connection.execute(waiting)).scalar_one() >= MOST_WAITING:
                raise TooManyWaiting
            asked = insert(consent_requests).values(row).returning(consent_requests)
            kept = asked_of((await connection.execute(asked)).mappings().one())
            detail = {"scopes": row["scopes"], "purpose": row["purpose"], "days": wanted.days}
            await note(
                connection,
                Event.ASKED,
                client=client,
                by=By.PARTNER,
                request=kept.id,
                request_id=request_id,
                detail=detail,
            )
        return kept

    async def outcome(self, client: ClientId, id_: str) -> Outcome | None:
        """What became of a partner's own request; None where it asked none such."""
        wanted = select(consent_requests).where(consent_requests.c.id == id_, consent_requests.c.client == client)
        async with answering(self._patience), self._engine.connect() as connection:
            row = (await connection.execute(wanted)).mappings().one_or_none()
            if row is None:
                return None
            given = None if row["consent"] is None else await _consent(connection, row["consent"])
        return Outcome(request=asked_of(row), consent=None if given is None else given_of(given))

    async def open(self, person: Sealed, ids: Sequence[str], *, request_id: str) -> Sequence[Opened]:
        """Those of the requests that wait for this person's answer. Whoever opens one first is who has to answer it."""
        binds = (
            update(consent_requests)
            .where(consent_requests.c.id.in_(ids), consent_requests.c.subject.is_(None), _WAITS)
            .values(subject=person.seal, opened_at=func.clock_timestamp())
            .returning(consent_requests.c.id, consent_requests.c.client)
        )
        own = select(consent_requests).where(
            consent_requests.c.id.in_(ids), consent_requests.c.subject == person.seal, _WAITS
        )
        async with answering(self._patience), self._engine.begin() as connection:
            for id_, client in (await connection.execute(binds)).all():
                await note(connection, Event.OPENED, client=client, by=By.PERSON, request=id_, request_id=request_id)
            rows = (await connection.execute(own)).mappings().all()
            reads = {client: await _reads(connection, client) for client in {row["client"] for row in rows}}
        return [Opened(asked_of(row), reads[row["client"]]) for row in rows]

    async def grant(
        self, person: Sealed, id_: str, scopes: Collection[Scope], evidence: Callable[[AskedConsent], Evidence]
    ) -> tuple[AskedConsent, Consent]:
        """Say yes; to say the same again changes nothing.

        `evidence` makes of the request what proves the consent. Raises `NoSuchRequest`, `AnsweredOtherwise` and
        `NotAskedFor`.
        """
        wanted = {each.value for each in scopes}
        async with answering(self._patience), self._engine.begin() as connection:
            row = await self._to_answer(connection, person, id_)
            if row["answer"] == Answer.GRANTED:
                consent = await _consent(connection, row["consent"])
                if set(consent["scopes"]) != wanted:
                    raise AnsweredOtherwise
                return asked_of(row), consent_of(person.nik, consent)
            if row["answer"] is not None:
                raise AnsweredOtherwise
            if not wanted or not wanted <= set(row["scopes"]):
                raise NotAskedFor
            proof = evidence(asked_of(row))
            granted = [each for each in row["scopes"] if each in wanted]
            consent = await _keep(connection, row, granted, proof)
            await _answer(connection, row, Answer.GRANTED, consent["id"])
            about = {"client": row["client"], "request": id_, "consent": consent["id"]}
            detail = {"scopes": granted}
            await note(connection, Event.GRANTED, by=By.PERSON, request_id=proof.request_id, detail=detail, **about)
            await put(connection, WebhookType.GRANTED, data=told_of(consent), **about)
        return asked_of(row), consent_of(person.nik, consent)

    async def refuse(self, person: Sealed, id_: str, *, request_id: str) -> AskedConsent:
        """Say no; to say it again changes nothing. Raises `NoSuchRequest` and `AnsweredOtherwise`."""
        async with answering(self._patience), self._engine.begin() as connection:
            row = await self._to_answer(connection, person, id_)
            if row["answer"] == Answer.GRANTED:
                raise AnsweredOtherwise
            if row["answer"] is None:
                await _answer(connection, row, Answer.REFUSED, None)
                about = {"client": row["client"], "request": id_}
                await note(connection, Event.REFUSED, by=By.PERSON, request_id=request_id, **about)
                await put(connection, WebhookType.REFUSED, data={"request": id_}, **about)
        return asked_of(row)

    async def _to_answer(self, connection: AsyncConnection, person: Sealed, id_: str) -> RowMapping:
        """The person's own request, held until the transaction ends; raises `NoSuchRequest`."""
        own = select(consent_requests).where(
            consent_requests.c.id == id_,
            consent_requests.c.subject == person.seal,
            consent_requests.c.closed_at.is_(None),
        )
        row = (await connection.execute(own.with_for_update())).mappings().one_or_none()
        if row is None or row["answer"] == Answer.EXPIRED:
            raise NoSuchRequest
        in_time = select(row["answer_by"] > func.clock_timestamp())
        if row["answer"] is None and not (await connection.execute(in_time)).scalar_one():
            raise NoSuchRequest
        return row


async def _reads(connection: AsyncConnection, client: ClientId) -> frozenset[str] | None:
    contract = await contract_of(connection, client)
    return frozenset() if contract is None else await readable_by(connection, contract)


async def _consent(connection: AsyncConnection, id_: str) -> RowMapping:
    row: RowMapping = (await connection.execute(consents_with_state().where(consents.c.id == id_))).mappings().one()
    return row


async def _keep(connection: AsyncConnection, request: RowMapping, scopes: Sequence[str], proof: Evidence) -> RowMapping:
    row = {
        "id": token_hex(16),
        "subject": request["subject"],
        "client": request["client"],
        "partner": request["partner"],
        "scopes": list(scopes),
        "purpose": request["purpose"],
        "granted_at": func.now(),
        "expires_at": func.now() + timedelta(days=request["days"]),
        "request": request["id"],
        "assurance": proof.assurance,
        "text_version": proof.version,
        "text_hash": proof.hash,
        "texts": dict(proof.texts),
        "answered_in": proof.request_id,
    }
    kept: RowMapping = (await connection.execute(insert(consents).values(row).returning(consents))).mappings().one()
    return kept


async def _answer(connection: AsyncConnection, row: RowMapping, answer: Answer, consent: str | None) -> None:
    answered = update(consent_requests).where(consent_requests.c.id == row["id"], consent_requests.c.answer.is_(None))
    await connection.execute(answered.values(answer=answer.value, answered_at=func.clock_timestamp(), consent=consent))
