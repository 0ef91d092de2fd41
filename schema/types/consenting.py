"""A person who consented, for partners: the same types as for a citizen, within the consent."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Annotated

import strawberry

from auth.policy.rules import Access, Rule
from engine.errors import BadInput
from records.hub.consenting import Consenting, RegisterClaims, Verification, VerificationQuery
from records.purposes import Purpose, Scope
from resolvers.hub.consents import consenting_people
from resolvers.msmes import msmes_of
from resolvers.tax import tax_objects_of
from resolvers.verification import verifications
from schema.declarations.additions import adds_to_query
from schema.declarations.fields import edge, root
from schema.declarations.publishing import publishes
from schema.types import msmes, tax
from schema.types.consents import PARTNER_WITH_CONSENT, ConsentType
from schema.types.msmes import MsmeType
from schema.types.tax import TaxObjectType

VERIFIABLE = Access(
    Rule.PARTNER,
    purposes=frozenset({Purpose.IDENTITY_VERIFICATION, Purpose.CREDIT_ASSESSMENT}),
    scope=Scope.IDENTITY,
)
MAX_CLAIM_LENGTH = 200


@publishes(Verification, rule=VERIFIABLE, subject="subject", shows=("name", "birth_date", "birth_place", "mother_name"))
class VerificationType:
    """The published `Verification`."""


Claimed = Annotated[str | None, strawberry.argument(description="The partner's value; not compared if null.")]


def _build_verification_query(
    record: Consenting,
    name: Claimed = None,
    birth_date: Annotated[
        date | None, strawberry.argument(description="The partner's value; not compared if null.")
    ] = None,
    birth_place: Claimed = None,
    mother_name: Claimed = None,
) -> VerificationQuery:
    claims = RegisterClaims(name=name, birth_date=birth_date, birth_place=birth_place, mother_name=mother_name)
    if claims == RegisterClaims():
        raise BadInput("'verify' has nothing to compare. Send at least one of its arguments.")
    if any(each is not None and len(each) > MAX_CLAIM_LENGTH for each in (name, birth_place, mother_name)):
        raise BadInput(f"An argument of 'verify' is longer than {MAX_CLAIM_LENGTH} characters. Send a shorter one.")
    return VerificationQuery(subject=record.subject, consent=record.consent.id, claims=claims)


@publishes(
    Consenting,
    rule=PARTNER_WITH_CONSENT,
    subject="subject",
    preferences_field="preferences_within_consent",
    shows=("consent",),
    nested=(ConsentType,),
)
class ConsentingType:
    """The published `Consenting`."""

    tax_objects: list[TaxObjectType] | None = edge(
        tax_objects_of,
        key="subject",
        expected_size=3,
        rule=replace(tax.READABLE, rules=Rule.PARTNER, citizen_scopes=frozenset()),
        description="Land and buildings on which the person pays property tax (PBB).",
    )
    msmes: list[MsmeType] | None = edge(
        msmes_of,
        key="subject",
        expected_size=2,
        rule=replace(msmes.READABLE, rules=Rule.PARTNER, citizen_scopes=frozenset()),
        description="Small businesses the person enrolled in the JakPreneur programme.",
    )
    verify: VerificationType | None = edge(
        verifications,
        key=_build_verification_query,
        rule=VERIFIABLE,
        description="Whether the partner's data about the person matches the population register, which is never"
        " disclosed. One consent allows a few comparisons a day.",
    )


@adds_to_query
class ConsentingQueries:
    """The root field of people who consented."""

    @root(consenting_people, returns=ConsentingType | None, rule=PARTNER_WITH_CONSENT, subject_batch=consenting_people)
    def consented(
        consent: Annotated[strawberry.ID, strawberry.argument(description="Id of a consent to the caller.")],
    ) -> str:
        """The person who gave the consent, while it is in force."""
        return str(consent)
