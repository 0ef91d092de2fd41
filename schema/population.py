"""People and households, in the graph."""

from __future__ import annotations

from dataclasses import replace

from auth.children import FOR_CHILDREN
from auth.rules import Access, Classification, Rule
from records.identifiers import Nik
from records.population import (
    Citizen,
    CivilStatus,
    Household,
    HouseholdMember,
    Identity,
    Parentage,
    Residence,
)
from records.purposes import CitizenScope, Purpose
from resolvers.access_log import access_logs
from resolvers.complaints import complaints_of
from resolvers.consents import consent_pages, opened_requests
from resolvers.data_requests import data_request_pages
from resolvers.exports import exports_of
from resolvers.msmes import msmes_of
from resolvers.population import citizens, households_of, known_citizens, person_facets
from resolvers.regions import regions
from resolvers.tax import tax_objects_of
from resolvers.wishes import restrictions_of
from schema.access_log import AccessLogConnectionType, access_log_connection, access_log_of
from schema.complaints import ComplaintType
from schema.consent_requests import ConsentRequestType, consent_request_of
from schema.consents import ConsentConnectionType, consent_connection, consents_of
from schema.data_requests import (
    DataRequestConnectionType,
    RestrictionType,
    data_request_connection,
    data_requests_of,
)
from schema.exports import ExportType
from schema.fields import edge
from schema.msmes import MsmeType
from schema.publishing import Facet, Refetch, publishes
from schema.regions import RegionType
from schema.relay import Node
from schema.tax import TaxObjectType

READABLE = Access(
    Rule.SELF | Rule.GUARDIAN | Rule.ASSISTANT | Rule.OFFICIAL | Rule.AGENCY_SYSTEM,
    citizen_scopes=frozenset({CitizenScope.IDENTITY}),
)
OF_THE_CARD = replace(READABLE, citizen_scopes=frozenset({CitizenScope.HOUSEHOLD}))
OF_CHILDREN = replace(OF_THE_CARD, classification=Classification.CHILD, purposes=FOR_CHILDREN)
"""A family card shows the household's children to whoever may see the card."""
OF_HEALTH = Access(
    READABLE.rule,
    Classification.HEALTH,
    frozenset({Purpose.CIVIL_REGISTRATION, Purpose.HEALTHCARE, Purpose.SUBJECT_REQUEST}),
    citizen_scopes=frozenset({CitizenScope.HEALTH}),
)


def _of_the_register(scope: CitizenScope) -> Access:
    """What identifies nobody, and is nobody's business who has no purpose for it."""
    return replace(READABLE, purposes=OF_CHILDREN.purposes, citizen_scopes=frozenset({scope}))


@publishes(
    HouseholdMember,
    rule=OF_CHILDREN,
    subject="on_the_card",
    shows=("nik", "name", "sex", "birth_date", "relationship"),
)
class HouseholdMemberType:
    """A member of a household, in the graph."""

    citizen: CitizenType | None = edge(
        citizens,
        by="nik",
        says="The member as a citizen, of whom others on the card see no more than the card says.",
    )


@publishes(
    Household,
    rule=OF_THE_CARD,
    subject="on_the_card",
    shows=("family_card_number", "members"),
    nested=(HouseholdMemberType,),
)
class HouseholdType:
    """A household in the graph."""


@publishes(
    Residence,
    rule=replace(READABLE, citizen_scopes=frozenset({CitizenScope.RESIDENCE})),
    subject="nik",
    shows=("address", "neighbourhood_unit", "community_unit", "region_code"),
)
class ResidenceType:
    """The registered home, in the graph."""

    region: RegionType | None = edge(regions, by="region_code", says="The kelurahan of the registered home.")


@publishes(
    CivilStatus,
    rule=_of_the_register(CitizenScope.CIVIL_STATUS),
    apart={"blood_type": OF_HEALTH},
    subject="nik",
    shows=("religion", "marital_status", "education", "occupation", "blood_type"),
)
class CivilStatusType:
    """Civil status in the graph."""


@publishes(
    Parentage,
    rule=_of_the_register(CitizenScope.PARENTAGE),
    subject="nik",
    shows=("mother_name", "father_name"),
)
class ParentageType:
    """Parentage in the graph."""


@publishes(
    Citizen,
    rule=READABLE,
    subject="nik",
    shows=("nik",),
    facets=(
        Facet(record=Identity, through=person_facets, by="nik", shows=("name", "sex", "birth_place", "birth_date")),
    ),
    refetch=Refetch(batch=known_citizens, seal=lambda each: each.nik, unseal=Nik, subject=lambda nik: nik),
)
class CitizenType(Node):
    """A citizen in the graph."""

    residence: ResidenceType | None = edge(
        person_facets, by="nik", facet=Residence, says="Where the citizen is registered to live."
    )
    civil_status: CivilStatusType | None = edge(
        person_facets, by="nik", facet=CivilStatus, says="Religion, marital status, education, occupation, blood group."
    )
    parentage: ParentageType | None = edge(
        person_facets, by="nik", facet=Parentage, says="Who the citizen's parents are, as entered in the register."
    )
    household: HouseholdType | None = edge(
        households_of, by="nik", says="The household on the citizen's family card (Kartu Keluarga)."
    )
    tax_objects: list[TaxObjectType] | None = edge(
        tax_objects_of, by="nik", about=3, says="Land and buildings on which the citizen pays property tax (PBB)."
    )
    msmes: list[MsmeType] | None = edge(
        msmes_of, by="nik", about=2, says="Small businesses the citizen enrolled in the JakPreneur programme."
    )
    complaints: list[ComplaintType] | None = edge(
        complaints_of, by="nik", about=5, says="What the citizen reported to the city (JakLapor), newest first."
    )
    access_log: AccessLogConnectionType | None = edge(
        access_logs,
        by=access_log_of,
        rule=Rule.SELF,
        then=access_log_connection,
        says="Who read what the city holds about the citizen, newest first. Readable by the citizen alone.",
    )
    consents: ConsentConnectionType | None = edge(
        consent_pages,
        by=consents_of,
        rule=Rule.SELF,
        then=consent_connection,
        says="What the citizen let partners read, newest first, whatever became of it. Readable by the citizen alone.",
    )
    consent_request: ConsentRequestType | None = edge(
        opened_requests,
        by=consent_request_of,
        rule=Rule.SELF,
        says="A partner's request that waits for the citizen's answer; null where there is none. Whoever opens it first"
        " is the one whom it is about.",
    )
    data_requests: DataRequestConnectionType | None = edge(
        data_request_pages,
        by=data_requests_of,
        rule=Rule.SELF,
        then=data_request_connection,
        says="What the citizen asked about their own data, newest first. Readable by the citizen alone.",
    )
    restrictions: list[RestrictionType] | None = edge(
        restrictions_of,
        by="nik",
        rule=Rule.SELF,
        about=1,
        says="What the citizen restricted, as far as it is obeyed now. Readable by the citizen alone.",
    )
    export: ExportType | None = edge(
        exports_of,
        by="nik",
        rule=Rule.SELF,
        says="Where the citizen fetches all that this graph can reach about them. Readable by the citizen alone.",
    )
