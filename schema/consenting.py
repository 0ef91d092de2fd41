"""Somebody who consented, in the graph of partners. The same types as a citizen's, within the consent."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Annotated

import strawberry

from auth.rules import Access, Rule
from engine.errors import BadInput
from records.consenting import Claims, Consenting, Verification, VerificationQuery
from records.purposes import Purpose, Scope
from resolvers.msmes import msmes_of
from resolvers.tax import tax_objects_of
from resolvers.verification import verifications
from schema import msmes, tax
from schema.consents import BY_CONSENT, ConsentType
from schema.fields import edge
from schema.msmes import MsmeType
from schema.publishing import publishes
from schema.tax import TaxObjectType

VERIFIABLE = Access(
    Rule.PARTNER,
    purposes=frozenset({Purpose.IDENTITY_VERIFICATION, Purpose.CREDIT_ASSESSMENT}),
    scope=Scope.IDENTITY,
)
LONGEST_CLAIM = 200


@publishes(Verification, rule=VERIFIABLE, subject="subject", shows=("name", "birth_date", "birth_place", "mother_name"))
class VerificationType:
    """A comparison in the graph."""


Claimed = Annotated[str | None, strawberry.argument(description="As the partner knows it; null: not compared.")]


def _claims(
    record: Consenting,
    name: Claimed = None,
    birth_date: Annotated[
        date | None, strawberry.argument(description="As the partner knows it; null: not compared.")
    ] = None,
    birth_place: Claimed = None,
    mother_name: Claimed = None,
) -> VerificationQuery:
    claims = Claims(name=name, birth_date=birth_date, birth_place=birth_place, mother_name=mother_name)
    if claims == Claims():
        raise BadInput("'verify' was given nothing to compare. Give at least one of its arguments.")
    if any(each is not None and len(each) > LONGEST_CLAIM for each in (name, birth_place, mother_name)):
        raise BadInput(f"An argument of 'verify' is longer than {LONGEST_CLAIM} characters; no name is.")
    return VerificationQuery(subject=record.subject, consent=record.consent.id, claims=claims)


@publishes(Consenting, rule=BY_CONSENT, subject="subject", said="within", shows=("consent",), nested=(ConsentType,))
class ConsentingType:
    """Somebody who consented, in the graph."""

    tax_objects: list[TaxObjectType] | None = edge(
        tax_objects_of,
        by="subject",
        about=3,
        rule=replace(tax.READABLE, rule=Rule.PARTNER, citizen_scopes=frozenset()),
        says="Land and buildings on which the person pays property tax (PBB).",
    )
    msmes: list[MsmeType] | None = edge(
        msmes_of,
        by="subject",
        about=2,
        rule=replace(msmes.READABLE, rule=Rule.PARTNER, citizen_scopes=frozenset()),
        says="Small businesses the person enrolled in the JakPreneur programme.",
    )
    verify: VerificationType | None = edge(
        verifications,
        by=_claims,
        rule=VERIFIABLE,
        says="Whether what the partner knows of the person agrees with the population register, which itself is never"
        " told. A few comparisons a day are allowed under one consent.",
    )
