"""Immunizations, appointments for vaccinations, and open slots."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import partial
from typing import Annotated

import strawberry

from auth.policy.rules import Access, Classification, Rule
from records.immunizations import (
    AppointmentStatus,
    Immunization,
    ImmunizationStatus,
    VaccinationAppointment,
    VaccinationSlot,
    VaccinationSlotQuery,
)
from records.purposes import CitizenScope, Purpose, Scope
from resolvers.immunizations import (
    immunizations_of,
    vaccination_appointments_of,
    vaccination_slot_lists,
    vaccination_slots,
)
from resolvers.regions import regions
from schema.declarations.additions import adds_to, adds_to_query
from schema.declarations.fields import edge, root
from schema.declarations.publishing import Refetch, publishes
from schema.declarations.relay import After, First, Node, build_page, check_first, connection_of, decode_id_cursor
from schema.declarations.scalars import publish_enum
from schema.types.consenting import ConsentingType
from schema.types.places import InsideRegion, NearPoint, build_near
from schema.types.population import CitizenType
from schema.types.regions import CoordinatesType, RegionType

READABLE = Access(
    Rule.SELF | Rule.GUARDIAN | Rule.ASSISTANT | Rule.OFFICIAL,
    Classification.HEALTH,
    frozenset({Purpose.HEALTHCARE, Purpose.SUBJECT_REQUEST}),
    citizen_scopes=frozenset({CitizenScope.HEALTH}),
)
"""Guardians read the appointments of their children, by the family card. No partner reads any."""
IMMUNIZATIONS = replace(READABLE, rules=READABLE.rules | Rule.PARTNER, scope=Scope.IMMUNIZATIONS)
"""Vaccinations are also for partners with consent: of the person, or of a guardian for a child."""

publish_enum(ImmunizationStatus)
publish_enum(AppointmentStatus)


@publishes(
    Immunization,
    rule=IMMUNIZATIONS,
    subject="patient_nik",
    shows=(
        "status",
        "vaccine",
        "kfa_code",
        "cvx_code",
        "dose",
        "given_on",
        "lot_number",
        "lot_expires_on",
        "location",
        "is_from_provider",
    ),
)
class ImmunizationType:
    """The published `Immunization`."""


@publishes(
    VaccinationAppointment,
    rule=READABLE,
    subject="patient_nik",
    shows=("status", "starts_at", "ends_at", "service", "location"),
)
class VaccinationAppointmentType:
    """The published `VaccinationAppointment`."""


@publishes(
    VaccinationSlot,
    rule=Rule.PUBLIC,
    shows=("starts_at", "ends_at", "service", "location", "address", "coordinates"),
    nested=(CoordinatesType,),
    refetch=Refetch(batch=vaccination_slots, seal=lambda each: each.id, unseal=str),
)
class VaccinationSlotType(Node):
    """The published `VaccinationSlot`."""

    region: RegionType | None = edge(regions, key="region_code", description="The kelurahan it lies in.")


@connection_of(VaccinationSlotType, item_name="vaccination slot", items_name="vaccination slots")
class VaccinationSlotConnectionType:
    """A page of open vaccination slots."""


@adds_to_query
class VaccinationQueries:
    """The root field of vaccination slots."""

    @root(
        vaccination_slot_lists,
        returns=VaccinationSlotConnectionType | None,
        rule=Rule.PUBLIC,
        transform=partial(build_page, VaccinationSlotConnectionType),
    )
    def vaccination_slots(
        near: NearPoint = None,
        region: InsideRegion = None,
        day: Annotated[date | None, strawberry.argument(description="Only slots on this day.")] = None,
        first: First = 20,
        after: After = None,
    ) -> VaccinationSlotQuery:
        """Open vaccination slots by region and day; near a point, the nearest first."""
        return VaccinationSlotQuery(
            near=build_near(near, after),
            region_code=region,
            day=day,
            first=check_first(first) + 1,
            after=decode_id_cursor(after) if after else None,
        )


@adds_to(CitizenType)
class ImmunizationsOfCitizen:
    """The health data of a citizen."""

    immunizations: list[ImmunizationType] | None = edge(
        immunizations_of,
        key="nik",
        rule=IMMUNIZATIONS,
        expected_size=12,
        description="The citizen's vaccinations, the newest first.",
    )
    vaccination_appointments: list[VaccinationAppointmentType] | None = edge(
        vaccination_appointments_of,
        key="nik",
        rule=READABLE,
        expected_size=2,
        description="The citizen's appointments for vaccinations, the newest first.",
    )


@adds_to(ConsentingType)
class ImmunizationsOfConsenting:
    """The vaccinations of a person who consented, or of a child whose guardian did."""

    immunizations: list[ImmunizationType] | None = edge(
        immunizations_of,
        key="subject",
        rule=replace(IMMUNIZATIONS, rules=Rule.PARTNER, citizen_scopes=frozenset()),
        expected_size=12,
        description="The person's vaccinations, the newest first.",
    )
