"""Health facilities that everybody can visit."""

from __future__ import annotations

from typing import Annotated

from records.description import DescribedEnum, Doc
from records.identifiers import RegionCode
from records.record import record
from records.regions import Coordinates


class HealthFacilityKind(DescribedEnum):
    """The kind of a health facility."""

    HOSPITAL = "rumah sakit", "Hospital (rumah sakit)."
    HEALTH_CENTRE = "puskesmas", "Community health centre (puskesmas)."
    CLINIC = "klinik", "Clinic (klinik)."
    PHARMACY = "apotek", "Pharmacy (apotek)."
    LABORATORY = "laboratorium", "Laboratory (laboratorium)."


@record
class HealthFacility:
    """A hospital, health centre, clinic, pharmacy or laboratory."""

    code: Annotated[str, Doc("Code of the facility.")]
    name: Annotated[str, Doc("Name of the facility.")]
    kind: Annotated[HealthFacilityKind | None, Doc("Kind of facility.")]
    address: Annotated[str | None, Doc("Address of the facility.")]
    phone: Annotated[str | None, Doc("Telephone number.")]
    has_emergency_room: Annotated[bool | None, Doc("Whether it has an emergency room (IGD).")]
    coordinates: Annotated[Coordinates | None, Doc("Location on the map.")]
    region_code: Annotated[RegionCode | None, Doc("Dotted Kemendagri code of the kelurahan it lies in.")]
