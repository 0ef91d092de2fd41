"""Immunizations, appointments for vaccinations, and open slots."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from records.description import DECIDES_ACCESS, DescribedEnum, Doc
from records.identifiers import Nik, PartialDate, RegionCode
from records.record import record
from records.regions import Coordinates, Near


class ImmunizationStatus(DescribedEnum):
    """Whether a vaccination took place. Entries made in error are not shown."""

    COMPLETED = "completed", "The vaccine was given."
    NOT_DONE = "not-done", "The vaccine was not given, for example because the person was ill."


class AppointmentStatus(DescribedEnum):
    """The state of an appointment (FHIR R4)."""

    PROPOSED = "proposed", "Proposed, and accepted by nobody yet."
    PENDING = "pending", "Waits for confirmation."
    BOOKED = "booked", "Confirmed."
    ARRIVED = "arrived", "The person is there."
    CHECKED_IN = "checked-in", "The person is registered there."
    FULFILLED = "fulfilled", "It took place."
    CANCELLED = "cancelled", "Cancelled."
    NO_SHOW = "noshow", "The person did not come."
    WAITLISTED = "waitlist", "On the waiting list."


@record
class Patient:
    """A person in the health register."""

    id: Annotated[str, Doc("Number of the patient in the health register (IHS number).")]
    nik: Annotated[Nik, Doc("The person."), DECIDES_ACCESS]


@record
class Immunization:
    """A vaccination of a person."""

    id: Annotated[str, Doc("Identifier in the health register.")]
    status: Annotated[ImmunizationStatus, Doc("Whether it took place.")]
    vaccine: Annotated[str | None, Doc("Name of the vaccine.")]
    kfa_code: Annotated[str | None, Doc("Code of the vaccine in the national medicine dictionary (KFA).")]
    cvx_code: Annotated[str | None, Doc("International code of the vaccine (CVX).")]
    dose: Annotated[int | None, Doc("Number of the dose in its series, from 1.")]
    given_on: Annotated[PartialDate | None, Doc("When it was given, as far as it is known.")]
    lot_number: Annotated[str | None, Doc("Lot of the vaccine.")]
    lot_expires_on: Annotated[PartialDate | None, Doc("When the lot expires.")]
    location: Annotated[str | None, Doc("Name of the place where it was given.")]
    is_from_provider: Annotated[
        bool | None, Doc("Whether the one who gave it reported it, and not, for example, a vaccination card.")
    ]
    patient_nik: Annotated[Nik | None, Doc("The vaccinated person."), DECIDES_ACCESS] = None


@record
class VaccinationAppointment:
    """An appointment of a person for a vaccination."""

    id: Annotated[str, Doc("Identifier in the health register.")]
    status: Annotated[AppointmentStatus, Doc("State of the appointment.")]
    starts_at: Annotated[datetime | None, Doc("When it begins.")]
    ends_at: Annotated[datetime | None, Doc("When it ends.")]
    service: Annotated[str | None, Doc("What it is for.")]
    location: Annotated[str | None, Doc("Name of the place.")]
    patient_nik: Annotated[Nik | None, Doc("The person."), DECIDES_ACCESS] = None


@record
class VaccinationSlot:
    """A free time at which somebody can be vaccinated."""

    id: Annotated[str, Doc("Identifier in the health register.")]
    starts_at: Annotated[datetime, Doc("When it begins.")]
    ends_at: Annotated[datetime, Doc("When it ends.")]
    day: Annotated[date, Doc("The day on which it begins.")]
    service: Annotated[str | None, Doc("What it is for.")]
    location: Annotated[str | None, Doc("Name of the place.")]
    address: Annotated[str | None, Doc("Address of the place.")]
    coordinates: Annotated[Coordinates | None, Doc("Location on the map.")]
    region_code: Annotated[RegionCode | None, Doc("Dotted Kemendagri code of the kelurahan.")]


@record
class VaccinationSlotQuery:
    """A page of open slots, ordered by identifier; near a point, the nearest first."""

    near: Near | None = None
    region_code: RegionCode | None = None
    day: date | None = None
    first: int = 20
    after: str | None = None
