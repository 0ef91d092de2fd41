"""Citizens' complaints, as the city's complaint system (CRM, JakLapor) knows them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from records.description import DescribedEnum, Doc
from records.identifiers import Nik, RegionCode
from records.places import Coordinates
from records.record import record


class ComplaintStatus(DescribedEnum):
    """Where a complaint stands, in the states of the city's complaint system."""

    WAITING = "MENUNGGU", "Received and waiting for its first agency (Menunggu)."
    COORDINATION = "KOORDINASI", "Being passed between agencies (Koordinasi)."
    DISPOSITION = "DISPOSISI", "Handed to the unit that will do the work (Disposisi)."
    IN_PROGRESS = "PROSES", "Being worked on (Proses)."
    RESOLVED = "SELESAI", "Done (Selesai)."
    REJECTED = "DITOLAK", "Turned down (Ditolak)."


class ComplaintVisibility(DescribedEnum):
    """Who can see a complaint."""

    PRIVATE = "PRIVATE", "The reporter and the city only. The default."
    PUBLIC = "PUBLIC", "Everybody, without the reporter."


@record
class ComplaintCategory:
    """What a complaint can be about (an Open311 service)."""

    code: Annotated[str, Doc("The category's code.")]
    name: Annotated[str | None, Doc("The category's name.")]
    description: Annotated[str | None, Doc("What belongs in this category.")]
    group: Annotated[str | None, Doc("Group of categories it belongs to.")]
    keywords: Annotated[tuple[str, ...], Doc("Words people use for it.")]


@record
class ComplaintEvent:
    """One step in the handling of a complaint."""

    sequence: Annotated[int, Doc("First, second, ... step.")]
    at: Annotated[datetime, Doc("When it happened.")]
    status: Annotated[ComplaintStatus | None, Doc("The state the complaint came into.")]
    note: Annotated[str | None, Doc("What the agency says about the step (Indonesian).")]
    agency: Annotated[str | None, Doc("The agency that took the step.")]
    complaint_is_public: Annotated[bool, Doc("Whether the complaint this step belongs to is public.")]
    reporter: Annotated[Nik | None, Doc("Who reported the complaint.")]


@record
class Complaint:
    """A citizen's complaint, from the report to its resolution. Who reported it is not part of the graph."""

    id: Annotated[str, Doc("Identifier at the complaint system (Open311 `service_request_id`).")]
    number: Annotated[str | None, Doc("Report number as shown to citizens, like `JK2302240123`.")]
    reporter: Annotated[Nik | None, Doc("Who reported it, where the complaint system told the hub.")]
    is_public: Annotated[bool, Doc("Whether everybody may see it.")]
    category_code: Annotated[str | None, Doc("Code of the category.")]
    category_name: Annotated[str | None, Doc("Name of the category, as the complaint system gave it.")]
    description: Annotated[str | None, Doc("What the reporter wrote.")]
    status: Annotated[ComplaintStatus | None, Doc("Where the complaint stands.")]
    visibility: Annotated[ComplaintVisibility, Doc("Who can see it.")]
    channel: Annotated[str | None, Doc("Channel through which it came in, like `JAKI`.")]
    responsible_agency: Annotated[str | None, Doc("Agency that has to act.")]
    address: Annotated[str | None, Doc("Where it is, as the reporter described it.")]
    coordinates: Annotated[Coordinates | None, Doc("Where it is on the map.")]
    region_code: Annotated[RegionCode | None, Doc("Dotted Kemendagri code of the kelurahan.")]
    reported_at: Annotated[datetime, Doc("When it was reported.")]
    updated_at: Annotated[datetime | None, Doc("When anything about it last changed.")]
    due_at: Annotated[datetime | None, Doc("When it has to be resolved by the service level (SLA).")]
    resolved_at: Annotated[datetime | None, Doc("When it was resolved or rejected; none while it is open.")]
    read_at: Annotated[
        datetime, Doc("When the hub read it; the SLA clock of an open complaint is taken at this moment.")
    ]
    support_count: Annotated[int, Doc("How many people support it.")]
    rating: Annotated[int | None, Doc("How the reporter rated the resolution, 1 to 5.")]
    photo_url: Annotated[str | None, Doc("Address of a photograph, where there is one.")]
    events: Annotated[tuple[ComplaintEvent, ...], Doc("Every step of its handling, oldest first.")]


@record
class ComplaintPosition:
    """A cursor in the list of complaints, newest first: directly after this complaint."""

    reported_at: datetime
    id: str


@record
class ComplaintQuery:
    """One page of the public list of complaints, newest first. Equal queries are one key and are asked once."""

    first: int
    after: ComplaintPosition | None = None
    statuses: tuple[ComplaintStatus, ...] = ()
    category_codes: tuple[str, ...] = ()
    regions: tuple[RegionCode, ...] = ()
    """Complaints in any of these regions, at any level (province to kelurahan)."""
    reported_from: datetime | None = None
    reported_until: datetime | None = None


@record
class ComplaintPage:
    """One page of complaints, and whether more follow."""

    complaints: tuple[Complaint, ...]
    has_more: bool


@record
class CategoryQuery:
    """A search for categories by text in the name; empty text finds all."""

    search: str = ""
