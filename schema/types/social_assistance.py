"""Social assistance: a person's record, entitlements and payments."""

from __future__ import annotations

from auth.policy.rules import Access, Classification, Rule
from records.link_confidence import LinkConfidence
from records.purposes import Purpose
from records.social_assistance import (
    AidEligibility,
    AidEntitlement,
    AidPayment,
    AidPaymentStatus,
    AidProgramme,
    AssistanceRecord,
    AssistanceStatus,
)
from resolvers.regions import regions
from resolvers.social_assistance import AssistanceKey, aid_payments_of, assistance_of, entitlements_of
from schema.declarations.additions import adds_to
from schema.declarations.fields import derived, edge
from schema.declarations.publishing import publishes
from schema.declarations.scalars import publish_enum
from schema.types.population import CitizenType
from schema.types.regions import RegionType

for _enum in (AidEligibility, AidProgramme, AssistanceStatus, AidPaymentStatus):
    publish_enum(_enum)

READABLE = Access(
    Rule.SELF | Rule.GUARDIAN | Rule.OFFICIAL,
    Classification.FINANCE,
    purposes=frozenset({Purpose.SOCIAL_ASSISTANCE}),
)
"""The person, the parents of a child, and officials who decide on assistance: no partner, no app, no other purpose."""


@publishes(AidEntitlement, rule=READABLE, subject="owner", shows=("programme", "eligibility", "reason"))
class AidEntitlementType:
    """The published `AidEntitlement`."""


@publishes(AidPayment, rule=READABLE, subject="owner", shows=("programme", "period", "amount", "status", "paid_on"))
class AidPaymentType:
    """The published `AidPayment`."""


def _build_key(record: AssistanceRecord) -> AssistanceKey | None:
    return AssistanceKey(record.owner, record.id) if record.id else None


@publishes(
    AssistanceRecord,
    rule=READABLE,
    subject="owner",
    shows=("status", "decile", "updated_on", "as_of"),
)
class AssistanceRecordType:
    """The published `AssistanceRecord`."""

    region: RegionType | None = edge(regions, key="region_code", description="The kelurahan that proposed the person.")
    programmes: list[AidEntitlementType] | None = edge(
        entitlements_of, key=_build_key, expected_size=3, description="The programmes, with the person's eligibility."
    )
    payments: list[AidPaymentType] | None = edge(
        aid_payments_of, key=_build_key, expected_size=12, description="The payments, newest first."
    )

    @derived(returns=LinkConfidence | None)
    def link_confidence(record: AssistanceRecord) -> LinkConfidence:
        """How surely the record is about this person."""
        return record.link_confidence


@adds_to(CitizenType)
class AssistanceOfCitizen:
    """The social assistance of a citizen."""

    assistance: AssistanceRecordType | None = edge(
        assistance_of,
        key="nik",
        rule=READABLE,
        description="The citizen's record in the register of households in need (DTSEN); null if there is none.",
    )
