"""Consent requests: created by partners, each opened and answered by one person.

The first person who opens a request becomes its subject, by one conditional update. An answer locks the row until it is
committed. So of two concurrent calls, only one succeeds.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from secrets import token_hex
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, func, insert, select, update
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from records.hub.clients import ClientId
from records.hub.consents import Consent
from records.hub.partner_consents import (
    ConsentEvidence,
    ConsentRequestAnswer,
    ConsentRequestOutcome,
    NewConsentRequest,
    PartnerConsentRequest,
)
from records.hub.webhooks import WebhookType
from records.purposes import Scope
from store.consents.consent_events import ConsentActor, ConsentEventType, NewConsentEvent, record_consent_event
from store.consents.consent_rows import (
    select_consents_with_state,
    to_consent,
    to_partner_consent,
    to_partner_consent_request,
)
from store.consents.consent_table import to_webhook_data
from store.consents.data_preferences import SealedPerson
from store.consents.webhook_outbox import enqueue_webhook
from store.database_timeout import database_timeout
from store.operations.operation_registry import load_contract, load_readable_fields
from store.tables import consent_requests, consents

MAX_WAITING = 10_000
"""Maximum number of unanswered requests of one client."""
_IS_WAITING: ColumnElement[bool] = consent_requests.c.answer.is_(None) & (
    consent_requests.c.answer_by > func.clock_timestamp()
)


class UnknownConsentRequest(Exception):  # noqa: N818 - reads as what it is
    """There is no such request that this person may answer. The error does not tell why."""


class ConsentAlreadyAnswered(Exception):  # noqa: N818 - reads as what it is
    """The person has already given a different answer."""


class ScopeNotRequested(Exception):  # noqa: N818 - reads as what it is
    """The person granted a scope that the partner did not request."""


class WrongConsentSubject(Exception):  # noqa: N818 - reads as what it is
    """A consent about a child answers a request about the person, or the other way round."""


class TooManyConsentRequests(Exception):  # noqa: N818 - reads as what it is
    """The partner has too many unanswered requests."""


class OpenedConsentRequest(NamedTuple):
    """A request that a person opened."""

    request: PartnerConsentRequest
    readable_fields: frozenset[str] | None
    """Schema coordinates that the partner's registered operations read; None if it may run any operation."""


class ConsentRequestTable:
    """Stores requests. Every method raises `StateUnavailable` if the database does not answer."""

    def __init__(self, engine: AsyncEngine, *, timeout: float = 2.0) -> None:
        """Takes the hub's database; `timeout` is the maximum wait for it, in seconds."""
        self._engine = engine
        self._timeout = timeout

    async def create(
        self, client: ClientId, partner: str, wanted: NewConsentRequest, *, answer_within: timedelta, request_id: str
    ) -> PartnerConsentRequest:
        """Stores a request. Raises `TooManyConsentRequests`."""
        row = {
            "id": token_hex(16),
            "client": client,
            "partner": partner,
            "scopes": [each.value for each in wanted.scopes],
            "purpose": wanted.purpose.name,
            "days": wanted.days,
            "redirect_uri": wanted.redirect_uri,
            "state": wanted.state,
            "is_about_child": wanted.is_about_child,
            "answer_by": func.now() + answer_within,
        }
        waiting = (
            select(func.count()).select_from(consent_requests).where(consent_requests.c.client == client, _IS_WAITING)
        )
        async with database_timeout(self._timeout), self._engine.begin() as connection:
            if (await connection.execute(waiting)).scalar_one() >= MAX_WAITING:
                raise TooManyConsentRequests
            asked = insert(consent_requests).values(row).returning(consent_requests)
            kept = to_partner_consent_request((await connection.execute(asked)).mappings().one())
            detail = {"scopes": row["scopes"], "purpose": row["purpose"], "days": wanted.days}
            await record_consent_event(
                connection,
                NewConsentEvent(
                    ConsentEventType.ASKED,
                    client=client,
                    by=ConsentActor.PARTNER,
                    request=kept.id,
                    request_id=request_id,
                    detail=detail,
                ),
            )
        return kept

    async def load_outcome(self, client: ClientId, id_: str) -> ConsentRequestOutcome | None:
        """Returns the outcome of a partner's own request; None if the partner has no such request."""
        wanted = select(consent_requests).where(consent_requests.c.id == id_, consent_requests.c.client == client)
        async with database_timeout(self._timeout), self._engine.connect() as connection:
            row = (await connection.execute(wanted)).mappings().one_or_none()
            if row is None:
                return None
            given = None if row["consent"] is None else await _load_consent(connection, row["consent"])
        return ConsentRequestOutcome(
            request=to_partner_consent_request(row), consent=None if given is None else to_partner_consent(given)
        )

    async def open(
        self, person: SealedPerson, ids: Sequence[str], *, request_id: str
    ) -> Sequence[OpenedConsentRequest]:
        """Returns the requests that this person can answer; the first person to open one becomes its subject."""
        binds = (
            update(consent_requests)
            .where(consent_requests.c.id.in_(ids), consent_requests.c.subject.is_(None), _IS_WAITING)
            .values(subject=person.seal, opened_at=func.clock_timestamp())
            .returning(consent_requests.c.id, consent_requests.c.client)
        )
        own = select(consent_requests).where(
            consent_requests.c.id.in_(ids), consent_requests.c.subject == person.seal, _IS_WAITING
        )
        async with database_timeout(self._timeout), self._engine.begin() as connection:
            for id_, client in (await connection.execute(binds)).all():
                await record_consent_event(
                    connection,
                    NewConsentEvent(
                        ConsentEventType.OPENED,
                        client=client,
                        by=ConsentActor.PERSON,
                        request=id_,
                        request_id=request_id,
                    ),
                )
            return await _load_opened(connection, own)

    async def list_waiting(self, person: SealedPerson) -> Sequence[OpenedConsentRequest]:
        """Returns the requests that this person has opened and not answered, newest first."""
        own = select(consent_requests).where(consent_requests.c.subject == person.seal, _IS_WAITING)
        async with database_timeout(self._timeout), self._engine.connect() as connection:
            return await _load_opened(connection, own.order_by(consent_requests.c.asked_at.desc()))

    async def grant(
        self,
        person: SealedPerson,
        id_: str,
        scopes: Collection[Scope],
        build_evidence: Callable[[PartnerConsentRequest], ConsentEvidence],
        *,
        child: SealedPerson | None = None,
    ) -> tuple[PartnerConsentRequest, Consent]:
        """Grants a request, for a child if it is about one. Granting the same scopes again changes nothing.

        `build_evidence` builds the proof of the consent from the request. Raises `UnknownConsentRequest`,
        `ConsentAlreadyAnswered`, `ScopeNotRequested` and `WrongConsentSubject`.
        """
        subject = child or person
        wanted = {each.value for each in scopes}
        async with database_timeout(self._timeout), self._engine.begin() as connection:
            row = await self._lock_request(connection, person, id_)
            if row["is_about_child"] != (child is not None):
                raise WrongConsentSubject
            if row["answer"] == ConsentRequestAnswer.GRANTED:
                consent = await _load_consent(connection, row["consent"])
                if set(consent["scopes"]) != wanted or consent["subject"] != subject.seal:
                    raise ConsentAlreadyAnswered
                return to_partner_consent_request(row), to_consent(subject.nik, consent)
            if row["answer"] is not None:
                raise ConsentAlreadyAnswered
            if not wanted or not wanted <= set(row["scopes"]):
                raise ScopeNotRequested
            proof = build_evidence(to_partner_consent_request(row))
            granted = [each for each in row["scopes"] if each in wanted]
            people = {"subject": subject.seal, "guardian": None if child is None else person.seal}
            consent = await _insert_consent(connection, {**row, **people}, granted, proof)
            await _record_answer(connection, row, ConsentRequestAnswer.GRANTED, consent["id"])
            about = {"client": row["client"], "request": id_, "consent": consent["id"]}
            detail = {"scopes": granted}
            await record_consent_event(
                connection,
                NewConsentEvent(
                    ConsentEventType.GRANTED,
                    by=ConsentActor.PERSON,
                    request_id=proof.request_id,
                    detail=detail,
                    **about,
                ),
            )
            await enqueue_webhook(connection, WebhookType.GRANTED, data=to_webhook_data(consent), **about)
        return to_partner_consent_request(row), to_consent(subject.nik, consent)

    async def refuse(self, person: SealedPerson, id_: str, *, request_id: str) -> PartnerConsentRequest:
        """Refuses a request; a repeat changes nothing. Raises `UnknownConsentRequest`, `ConsentAlreadyAnswered`."""
        async with database_timeout(self._timeout), self._engine.begin() as connection:
            row = await self._lock_request(connection, person, id_)
            if row["answer"] == ConsentRequestAnswer.GRANTED:
                raise ConsentAlreadyAnswered
            if row["answer"] is None:
                await _record_answer(connection, row, ConsentRequestAnswer.REFUSED, None)
                about = {"client": row["client"], "request": id_}
                await record_consent_event(
                    connection,
                    NewConsentEvent(ConsentEventType.REFUSED, by=ConsentActor.PERSON, request_id=request_id, **about),
                )
                await enqueue_webhook(connection, WebhookType.REFUSED, data={"request": id_}, **about)
        return to_partner_consent_request(row)

    async def _lock_request(self, connection: AsyncConnection, person: SealedPerson, id_: str) -> RowMapping:
        """Loads and locks the person's own request until the transaction ends. Raises `UnknownConsentRequest`."""
        own = select(consent_requests).where(
            consent_requests.c.id == id_,
            consent_requests.c.subject == person.seal,
            consent_requests.c.closed_at.is_(None),
        )
        row = (await connection.execute(own.with_for_update())).mappings().one_or_none()
        if row is None or row["answer"] == ConsentRequestAnswer.EXPIRED:
            raise UnknownConsentRequest
        in_time = select(row["answer_by"] > func.clock_timestamp())
        if row["answer"] is None and not (await connection.execute(in_time)).scalar_one():
            raise UnknownConsentRequest
        return row


async def _load_opened(connection: AsyncConnection, wanted: Select[Any]) -> Sequence[OpenedConsentRequest]:
    rows = (await connection.execute(wanted)).mappings().all()
    reads = {client: await _load_readable_fields(connection, client) for client in {row["client"] for row in rows}}
    return [OpenedConsentRequest(to_partner_consent_request(row), reads[row["client"]]) for row in rows]


async def _load_readable_fields(connection: AsyncConnection, client: ClientId) -> frozenset[str] | None:
    contract = await load_contract(connection, client)
    return frozenset() if contract is None else await load_readable_fields(connection, contract)


async def _load_consent(connection: AsyncConnection, id_: str) -> RowMapping:
    row: RowMapping = (
        (await connection.execute(select_consents_with_state().where(consents.c.id == id_))).mappings().one()
    )
    return row


async def _insert_consent(
    connection: AsyncConnection, request: Mapping[str, Any], scopes: Sequence[str], proof: ConsentEvidence
) -> RowMapping:
    expires_at = func.now() + timedelta(days=request["days"])
    row = {
        "id": token_hex(16),
        "subject": request["subject"],
        "guardian": request["guardian"],
        "client": request["client"],
        "partner": request["partner"],
        "scopes": list(scopes),
        "purpose": request["purpose"],
        "granted_at": func.now(),
        "expires_at": expires_at if proof.until is None else func.least(expires_at, proof.until),
        "request": request["id"],
        "assurance": proof.assurance,
        "text_version": proof.version,
        "text_hash": proof.hash,
        "texts": dict(proof.texts),
        "answered_in": proof.request_id,
    }
    kept: RowMapping = (await connection.execute(insert(consents).values(row).returning(consents))).mappings().one()
    return kept


async def _record_answer(
    connection: AsyncConnection, row: RowMapping, answer: ConsentRequestAnswer, consent: str | None
) -> None:
    answered = update(consent_requests).where(consent_requests.c.id == row["id"], consent_requests.c.answer.is_(None))
    await connection.execute(answered.values(answer=answer.value, answered_at=func.clock_timestamp(), consent=consent))
