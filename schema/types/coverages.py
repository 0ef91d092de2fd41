"""Health insurance."""

from __future__ import annotations

from dataclasses import replace

from auth.policy.rules import Access, Classification, Rule
from records.coverages import Coverage
from records.link_confidence import LinkConfidence
from records.purposes import CitizenScope, Purpose, Scope
from resolvers.coverages import LinkKey, coverages_of, link_confidences
from schema.declarations.additions import adds_to
from schema.declarations.fields import edge
from schema.declarations.publishing import publishes
from schema.declarations.scalars import publish_enum
from schema.types.consenting import ConsentingType
from schema.types.population import CitizenType

READABLE = Access(
    Rule.SELF | Rule.GUARDIAN | Rule.ASSISTANT | Rule.OFFICIAL | Rule.AGENCY_SYSTEM | Rule.PARTNER,
    Classification.HEALTH,
    frozenset({Purpose.HEALTHCARE, Purpose.SUBJECT_REQUEST}),
    Scope.COVERAGE,
    citizen_scopes=frozenset({CitizenScope.HEALTH}),
)
WITHOUT_PARTNERS = replace(READABLE, rules=READABLE.rules & ~Rule.PARTNER, scope=None)
"""Partners read nothing that the population register knows."""
publish_enum(LinkConfidence)


def _build_link_key(record: Coverage) -> LinkKey:
    return LinkKey(record.participant, record.name, record.birth_date)


@publishes(
    Coverage,
    rule=READABLE,
    subject="participant",
    shows=(
        "card_number",
        "name",
        "birth_date",
        "status",
        "status_text",
        "care_class",
        "kind",
        "facility_code",
        "facility_name",
        "valid_from",
        "valid_until",
    ),
)
class CoverageType:
    """The published `Coverage`."""

    link_confidence: LinkConfidence | None = edge(
        link_confidences,
        key=_build_link_key,
        rule=WITHOUT_PARTNERS,
        description="How sure it is that the insurance's record is about this person.",
    )


@adds_to(CitizenType)
class CoverageOfCitizen:
    """The insurance of a citizen."""

    coverage: CoverageType | None = edge(
        coverages_of,
        key="nik",
        rule=WITHOUT_PARTNERS,
        description="The citizen's national health insurance (BPJS Kesehatan).",
    )


@adds_to(ConsentingType)
class CoverageOfConsenting:
    """The insurance of a person who consented."""

    coverage: CoverageType | None = edge(
        coverages_of,
        key="subject",
        rule=replace(READABLE, rules=Rule.PARTNER, citizen_scopes=frozenset()),
        description="The person's national health insurance (BPJS Kesehatan).",
    )
