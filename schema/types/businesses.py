"""Registered businesses and their licences."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import strawberry

from auth.caller import Caller
from auth.policy.rules import Access, Rule
from engine.errors import BadInput
from records.businesses import Business, BusinessActivity, BusinessLicence, BusinessSummary
from records.identifiers import Nib
from records.purposes import Purpose
from resolvers.businesses import business_summaries, businesses, businesses_of
from resolvers.msmes import BusinessKey, msmes_of_businesses
from resolvers.regions import regions
from schema.declarations.additions import adds_to, adds_to_query
from schema.declarations.fields import edge, root
from schema.declarations.publishing import publishes
from schema.types.msmes import MsmeType
from schema.types.population import CitizenType
from schema.types.regions import RegionType

MAX_NIBS = 20
"""Of one check. The public search of the licensing system takes about five a minute."""
READABLE = Access(
    Rule.SELF | Rule.ASSISTANT | Rule.BUSINESS | Rule.OFFICIAL | Rule.AGENCY_SYSTEM,
    purposes=frozenset(
        {Purpose.BUSINESS_LICENSING, Purpose.BUSINESS_SUPPORT, Purpose.TAX_ASSESSMENT, Purpose.SUBJECT_REQUEST}
    ),
)
BY_NUMBER = replace(READABLE, rules=READABLE.rules & ~(Rule.SELF | Rule.ASSISTANT), allows_any_case=True)
"""A number names no person yet: the fields of the business check whether the case is about its people."""


@publishes(
    BusinessActivity,
    rule=READABLE,
    subject="owners",
    business="nib",
    shows=("industry_code", "description", "risk"),
)
class BusinessActivityType:
    """The published `BusinessActivity`."""


@publishes(
    BusinessLicence,
    rule=READABLE,
    subject="owners",
    business="nib",
    shows=("name", "number", "authority", "status", "issued_on"),
)
class BusinessLicenceType:
    """The published `BusinessLicence`."""


@publishes(
    Business,
    rule=READABLE,
    subject="owners",
    business="nib",
    shows=("nib", "name", "form", "scale", "status", "address", "issued_on", "activities", "licences"),
    nested=(BusinessActivityType, BusinessLicenceType),
)
class BusinessType:
    """The published `Business`."""

    region: RegionType | None = edge(regions, key="region_code", description="The kelurahan of the address.")
    msmes: list[MsmeType] | None = edge(
        msmes_of_businesses,
        key=lambda record: BusinessKey(record.nib, record.owners),
        expected_size=1,
        description="Small businesses that its people enrolled in the JakPreneur programme with this number.",
    )


@publishes(BusinessSummary, rule=Rule.PUBLIC, shows=("nib", "name", "status"))
class BusinessSummaryType:
    """The published `BusinessSummary`."""


@adds_to(CitizenType)
class CitizenBusinesses:
    """The businesses of a citizen."""

    businesses: list[BusinessType] | None = edge(
        businesses_of,
        key="nik",
        rule=replace(READABLE, rules=READABLE.rules & ~Rule.BUSINESS),
        expected_size=1,
        description="Registered businesses that the citizen is responsible for.",
    )


@adds_to(MsmeType)
class MsmeBusiness:
    """The registered business of a small business."""

    business: BusinessType | None = edge(
        businesses,
        key="nib",
        rule=READABLE,
        description="The business registered with this number. Its own rules apply: it may be somebody else's.",
    )


@adds_to_query
class BusinessQueries:
    """The root fields of businesses."""

    @root(businesses, returns=BusinessType | None, rule=BY_NUMBER, subject=lambda _: None, business=lambda nib: nib)
    def business(
        caller: Caller,
        nib: Annotated[Nib | None, strawberry.argument(description="The number; by default, the caller's own.")] = None,
    ) -> Nib:
        """A registered business; for a business, itself."""
        found = nib or caller.nib
        if found is None:
            raise BadInput("Argument 'nib' is missing. Send the number of a business.")
        return Nib(found)

    @root(
        business_summaries,
        returns=list[BusinessSummaryType | None] | None,
        rule=Rule.PUBLIC,
        has_many_keys=True,
    )
    def verify_nib(
        nibs: Annotated[list[Nib], strawberry.argument(description=f"Business numbers, at most {MAX_NIBS}.")],
    ) -> list[Nib]:
        """Whose business numbers these are, and whether they are valid, in the order of the argument.

        Null for a number that the licensing system does not know.
        """
        if len(nibs) > MAX_NIBS:
            raise BadInput(
                f"Argument 'nibs' holds {len(nibs)} numbers; at most {MAX_NIBS} are allowed. Send several requests."
            )
        return nibs
