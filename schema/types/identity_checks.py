"""Checks of identities at the national service."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import strawberry

from auth.policy.rules import Access, Rule
from engine.errors import BadInput
from records.hub.consenting import Consenting
from records.identifiers import Nik
from records.identity_checks import IdentityCheck, IdentityClaims, IdentityQuery
from records.purposes import Scope
from resolvers.identity_checks import identity_checks
from schema.declarations.additions import adds_to, adds_to_query
from schema.declarations.fields import edge, root
from schema.declarations.publishing import publishes
from schema.types.consenting import MAX_CLAIM_LENGTH, VERIFIABLE, ConsentingType

CHECKABLE = Access(Rule.OFFICIAL | Rule.AGENCY_SYSTEM | Rule.PARTNER, scope=Scope.IDENTITY)
Claimed = Annotated[str | None, strawberry.argument(description="The caller's value; not checked if null.")]
ClaimedDay = Annotated[date | None, strawberry.argument(description="The caller's value; not checked if null.")]


@publishes(
    IdentityCheck,
    rule=CHECKABLE,
    subject="subject",
    shows=("nik", "name", "birth_date", "birth_place", "mother_name"),
)
class IdentityCheckType:
    """The published `IdentityCheck`."""


def _build_claims(
    nik: Nik, name: str | None, birth_date: date | None, birth_place: str | None, mother_name: str | None
) -> IdentityClaims:
    texts = {"name": name, "birth_place": birth_place, "mother_name": mother_name}
    if any(each is not None and len(each) > MAX_CLAIM_LENGTH for each in texts.values()):
        raise BadInput(f"A claim is longer than {MAX_CLAIM_LENGTH} characters. Send a shorter one.")
    given = {field: " ".join(each.upper().split()) or None for field, each in texts.items() if each is not None}
    if not any(given.values()) and birth_date is None:
        raise BadInput("'verifyIdentity' has no claim to check. Send at least one of its arguments.")
    return IdentityClaims(nik=nik, birth_date=birth_date, **given)


def _build_query_of_partner(
    record: Consenting,
    name: Claimed = None,
    birth_date: ClaimedDay = None,
    birth_place: Claimed = None,
    mother_name: Claimed = None,
) -> IdentityQuery:
    claims = _build_claims(record.subject, name, birth_date, birth_place, mother_name)
    return IdentityQuery(claims=claims, consent=record.consent.id)


@adds_to(ConsentingType)
class ConsentingIdentity:
    """The identity of a person who consented."""

    verify_identity: IdentityCheckType | None = edge(
        identity_checks,
        key=_build_query_of_partner,
        rule=VERIFIABLE,
        description="Whether the partner's claims match the national population register, which is never disclosed."
        " One consent allows a few comparisons a day.",
    )


@adds_to_query
class IdentityQueries:
    """The root field of identity checks."""

    @root(
        identity_checks,
        returns=IdentityCheckType | None,
        rule=Rule.OFFICIAL | Rule.AGENCY_SYSTEM,
        subject=lambda query: query.claims.nik,
    )
    def verify_identity(
        nik: Annotated[Nik, strawberry.argument(description="The number of the person.")],
        name: Claimed = None,
        birth_date: ClaimedDay = None,
        birth_place: Claimed = None,
        mother_name: Claimed = None,
    ) -> IdentityQuery:
        """Whether claims about a person match the national population register, which is never disclosed."""
        return IdentityQuery(claims=_build_claims(nik, name, birth_date, birth_place, mother_name))
