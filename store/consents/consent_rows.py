"""Converts rows to records: consents and requests for them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.engine import RowMapping

from records.hub.clients import ClientId
from records.hub.consents import Consent, ConsentState, ConsentText
from records.hub.partner_consents import ConsentRequestAnswer, PartnerConsent, PartnerConsentRequest
from records.identifiers import Nik
from records.languages import Language
from records.purposes import Purpose, Scope
from store.consents.consent_events import ConsentActor
from store.tables import consents

IS_EXPIRED: ColumnElement[bool] = (consents.c.expires_at <= func.clock_timestamp()).label("is_over")
"""Whether a consent has expired, by the database's clock, which all hubs share."""


def select_consents_with_state() -> Select[Any]:
    """Selects all columns of consents, and the column for their state."""
    return select(consents, IS_EXPIRED)


def build_in_force_condition() -> ColumnElement[bool]:
    """Builds the condition for consents that are neither revoked nor expired."""
    return consents.c.revoked_at.is_(None) & (consents.c.expires_at > func.now())


def to_consent_state(row: RowMapping) -> ConsentState:
    """Returns the state of a consent; a row without the expiry column counts as not expired."""
    if row["revoked_at"] is not None:
        return ConsentState.RETURNED if row["revoked_by"] == ConsentActor.PARTNER else ConsentState.REVOKED
    return ConsentState.EXPIRED if row.get("is_over") else ConsentState.GRANTED


def to_consent(nik: Nik, row: RowMapping) -> Consent:
    """Converts a row to a person's consent."""
    return Consent(
        subject=nik,
        id=row["id"],
        client=row["client"],
        partner=row["partner"],
        scopes=_scopes(row),
        purpose=Purpose[row["purpose"]],
        state=to_consent_state(row),
        granted_at=row["granted_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
        texts=tuple(
            ConsentText(subject=nik, language=language, version=row["text_version"], text=row["texts"][language.value])
            for language in Language
            if language.value in row["texts"]
        ),
        by_guardian=row["guardian"] is not None,
        request=row.get("request"),
        asked_at=row.get("asked_at"),
    )


def to_partner_consent(row: RowMapping) -> PartnerConsent:
    """Converts a row to a consent as its partner sees it."""
    return PartnerConsent(
        id=row["id"],
        scopes=_scopes(row),
        purpose=Purpose[row["purpose"]],
        state=to_consent_state(row),
        granted_at=row["granted_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
    )


def to_partner_consent_request(row: RowMapping) -> PartnerConsentRequest:
    """Converts a row to a request; a row without an answer is waiting."""
    return PartnerConsentRequest(
        id=row["id"],
        client=ClientId.from_stored(row["client"]),
        partner=row["partner"],
        scopes=_scopes(row),
        purpose=Purpose[row["purpose"]],
        days=row["days"],
        redirect_uri=row["redirect_uri"],
        state=row["state"],
        asked_at=row["asked_at"],
        answer_by=row["answer_by"],
        is_about_child=row["is_about_child"],
        answer=ConsentRequestAnswer.WAITING if row["answer"] is None else ConsentRequestAnswer(row["answer"]),
    )


def _scopes(row: RowMapping) -> tuple[Scope, ...]:
    return tuple(Scope(value) for value in row["scopes"])
