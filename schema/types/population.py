"""People and households."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import strawberry

from auth.caller import Caller
from auth.policy.children import CHILD_PURPOSES
from auth.policy.decision import get_represented_person
from auth.policy.rules import Access, Classification, Rule
from engine.errors import BadInput
from records.hub.exports import Export
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
from resolvers.complaints import complaints_of
from resolvers.hub.access_history import access_logs
from resolvers.hub.commands import receipts_of
from resolvers.hub.consents import consent_pages, open_consent_requests
from resolvers.hub.data_preferences import restrictions_of
from resolvers.hub.data_requests import data_request_pages
from resolvers.hub.exports import exports_of
from resolvers.msmes import msmes_of
from resolvers.population import children_of, citizens, households_of, known_citizens, person_facets
from resolvers.population import citizens as citizens_themselves
from resolvers.regions import regions
from resolvers.tax import tax_objects_of
from schema.declarations.additions import adds_to_query
from schema.declarations.fields import edge, root
from schema.declarations.publishing import Facet, Refetch, publishes
from schema.declarations.relay import Node
from schema.types.access_log import AccessLogConnectionType, build_access_log_connection, build_access_log_query
from schema.types.commands import OWN, CommandReceiptType
from schema.types.complaint_searches import build_own_key, select_own
from schema.types.complaints import ComplaintType
from schema.types.consent_requests import ConsentRequestType, build_consent_request_key
from schema.types.consents import GUARDED, ConsentConnectionType, build_consent_connection, build_consent_query
from schema.types.data_requests import (
    DataRequestConnectionType,
    RestrictionType,
    build_data_request_connection,
    build_data_request_query,
)
from schema.types.msmes import MsmeType
from schema.types.regions import RegionType
from schema.types.tax import TaxObjectType

READABLE = Access(
    Rule.SELF | Rule.GUARDIAN | Rule.ASSISTANT | Rule.OFFICIAL | Rule.AGENCY_SYSTEM,
    citizen_scopes=frozenset({CitizenScope.IDENTITY}),
)
FAMILY_CARD = replace(READABLE, citizen_scopes=frozenset({CitizenScope.HOUSEHOLD}))
CHILDREN = replace(FAMILY_CARD, classification=Classification.CHILD, purposes=CHILD_PURPOSES)
"""A family card shows the household's children to everybody who may read the card."""
HEALTH = Access(
    READABLE.rules,
    Classification.HEALTH,
    frozenset({Purpose.CIVIL_REGISTRATION, Purpose.HEALTHCARE, Purpose.SUBJECT_REQUEST}),
    citizen_scopes=frozenset({CitizenScope.HEALTH}),
)


def _register_access(scope: CitizenScope) -> Access:
    """Builds the rule of data beyond identity and home, which requires one of the purposes of children's data."""
    return replace(READABLE, purposes=CHILDREN.purposes, citizen_scopes=frozenset({scope}))


@publishes(
    HouseholdMember,
    rule=CHILDREN,
    subject="on_the_card",
    shows=("nik", "name", "sex", "birth_date", "relationship"),
)
class HouseholdMemberType:
    """The published `HouseholdMember`."""

    citizen: CitizenType | None = edge(
        citizens,
        key="nik",
        description="The member as a citizen. Others on the card can read no more of it than the card shows.",
    )


@publishes(
    Household,
    rule=FAMILY_CARD,
    subject="on_the_card",
    shows=("family_card_number", "members"),
    nested=(HouseholdMemberType,),
)
class HouseholdType:
    """The published `Household`."""


@publishes(
    Residence,
    rule=replace(READABLE, citizen_scopes=frozenset({CitizenScope.RESIDENCE})),
    subject="nik",
    shows=("address", "neighbourhood_unit", "community_unit", "region_code"),
)
class ResidenceType:
    """The published `Residence`."""

    region: RegionType | None = edge(regions, key="region_code", description="The kelurahan of the home.")


@publishes(
    CivilStatus,
    rule=_register_access(CitizenScope.CIVIL_STATUS),
    field_rules={"blood_type": HEALTH},
    subject="nik",
    shows=("religion", "marital_status", "education", "occupation", "blood_type"),
)
class CivilStatusType:
    """The published `CivilStatus`."""


@publishes(
    Parentage,
    rule=_register_access(CitizenScope.PARENTAGE),
    subject="nik",
    shows=("mother_name", "father_name"),
)
class ParentageType:
    """The published `Parentage`."""


@publishes(Export, rule=Rule.SELF, subject="subject", shows=("url", "parts"))
class ExportType:
    """The published `Export`."""


@publishes(
    Citizen,
    rule=READABLE,
    subject="nik",
    shows=("nik",),
    facets=(
        Facet(
            record=Identity,
            batch=person_facets,
            key_attribute="nik",
            shows=("name", "sex", "birth_place", "birth_date"),
        ),
    ),
    refetch=Refetch(batch=known_citizens, seal=lambda each: each.nik, unseal=Nik, get_subject=lambda nik: nik),
)
class CitizenType(Node):
    """The published `Citizen`."""

    residence: ResidenceType | None = edge(
        person_facets, key="nik", facet=Residence, description="The citizen's registered home."
    )
    civil_status: CivilStatusType | None = edge(
        person_facets,
        key="nik",
        facet=CivilStatus,
        description="Religion, marital status, education, occupation, blood group.",
    )
    parentage: ParentageType | None = edge(
        person_facets,
        key="nik",
        facet=Parentage,
        description="The names of the citizen's parents.",
    )
    household: HouseholdType | None = edge(
        households_of, key="nik", description="The household on the citizen's family card (Kartu Keluarga)."
    )
    children: list[CitizenType] | None = edge(
        children_of,
        key="nik",
        expected_size=2,
        rule=replace(CHILDREN, rules=Rule.SELF),
        description="The citizen's children under 18 on the same family card, whose guardian the citizen is.",
    )
    tax_objects: list[TaxObjectType] | None = edge(
        tax_objects_of,
        key="nik",
        expected_size=3,
        description="Land and buildings on which the citizen pays property tax (PBB).",
    )
    msmes: list[MsmeType] | None = edge(
        msmes_of,
        key="nik",
        expected_size=2,
        description="Small businesses the citizen enrolled in the JakPreneur programme.",
    )
    complaints: list[ComplaintType] | None = edge(
        complaints_of,
        key=build_own_key,
        transform=select_own,
        expected_size=5,
        description="The citizen's complaints to the city (JakLapor).",
    )
    access_log: AccessLogConnectionType | None = edge(
        access_logs,
        key=build_access_log_query,
        rule=Rule.SELF,
        transform=build_access_log_connection,
        description="Reads of data about the citizen, newest first.",
    )
    consents: ConsentConnectionType | None = edge(
        consent_pages,
        key=build_consent_query,
        rule=GUARDED,
        transform=build_consent_connection,
        description="The consents to partners about the citizen in any state, newest first; for a child, those of its"
        " guardians.",
    )
    consent_request: ConsentRequestType | None = edge(
        open_consent_requests,
        key=build_consent_request_key,
        rule=Rule.SELF,
        description="A partner's request for consent. It belongs to the first person who opens it. For everybody else,"
        " it is null, like an expired one.",
    )
    receipts: list[CommandReceiptType] | None = edge(
        receipts_of,
        key="nik",
        rule=OWN,
        expected_size=10,
        description="Receipts of your newest commands to agencies, such as submitted complaints: at most 100, newest"
        " first.",
    )
    data_requests: DataRequestConnectionType | None = edge(
        data_request_pages,
        key=build_data_request_query,
        rule=Rule.SELF,
        transform=build_data_request_connection,
        description="The citizen's requests about their own data, newest first.",
    )
    restrictions: list[RestrictionType] | None = edge(
        restrictions_of,
        key="nik",
        rule=Rule.SELF,
        expected_size=1,
        description="The citizen's restrictions that are in effect.",
    )
    export: ExportType | None = edge(
        exports_of,
        key="nik",
        rule=Rule.SELF,
        description="The export of all data about the citizen in this graph.",
    )


MAX_CITIZENS = 200


@adds_to_query
class CitizenQueries:
    """The root fields of citizens."""

    @root(
        citizens_themselves,
        returns=CitizenType | None,
        rule=Access(Rule.SELF | Rule.ASSISTANT, citizen_scopes=frozenset(CitizenScope)),
    )
    def me(caller: Caller) -> Nik | None:
        """The signed-in citizen; for an assistant, the person they help.

        Officials use `citizen` or `citizens`.
        """
        return get_represented_person(caller)

    @root(known_citizens, returns=CitizenType | None, rule=READABLE)
    def citizen(nik: Annotated[Nik, strawberry.argument(description="The citizen's NIK.")]) -> Nik:
        """One citizen; null if the population register does not know the number."""
        return nik

    @root(
        known_citizens,
        returns=list[CitizenType | None] | None,
        rule=Rule.OFFICIAL | Rule.AGENCY_SYSTEM,
        has_many_keys=True,
    )
    def citizens(
        niks: Annotated[list[Nik], strawberry.argument(description=f"NIKs, at most {MAX_CITIZENS}.")],
    ) -> list[Nik]:
        """Several citizens, in the order of the argument. Duplicates are kept; unknown numbers are null."""
        if len(niks) > MAX_CITIZENS:
            raise BadInput(
                f"Argument 'niks' holds {len(niks)} numbers; at most {MAX_CITIZENS} are allowed. Send several requests."
            )
        return niks
