"""Citizens' complaints, as the city's complaint system (CRM, JakLapor) knows them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from records.command_state import CommandState
from records.description import DECIDES_ACCESS, DescribedEnum, Doc
from records.identifiers import Nik, RegionCode
from records.record import record
from records.regions import Coordinates
from records.uploads import NewPhoto


class ComplaintStatus(DescribedEnum):
    """The state of a complaint, as the city's complaint system (CRM) defines it."""

    WAITING = "MENUNGGU", "Received and waiting for its first agency (Menunggu)."
    COORDINATION = "KOORDINASI", "Agencies are deciding which of them is responsible (Koordinasi)."
    DISPOSITION = "DISPOSISI", "Assigned to the unit that does the work (Disposisi)."
    IN_PROGRESS = "PROSES", "In progress (Proses)."
    RESOLVED = "SELESAI", "Resolved (Selesai)."
    REJECTED = "DITOLAK", "Rejected (Ditolak)."
    WITHDRAWN = "DICABUT", "Withdrawn by its reporter (Dicabut)."


class ComplaintVisibility(DescribedEnum):
    """Who can see a complaint."""

    PRIVATE = "PRIVATE", "The reporter and the city only. The default."
    PUBLIC = "PUBLIC", "Everybody; the reporter is not shown."


@record
class ComplaintCategory:
    """A category of complaints (an Open311 service)."""

    code: Annotated[str, Doc("The category's code.")]
    name: Annotated[str | None, Doc("The category's name.")]
    description: Annotated[str | None, Doc("What belongs in this category.")]
    group: Annotated[str | None, Doc("Group of categories it belongs to.")]
    keywords: Annotated[tuple[str, ...], Doc("Keywords that people use for it.")]


@record
class ComplaintEvent:
    """One step in the handling of a complaint."""

    sequence: Annotated[int, Doc("Number of the step, from 1.")] = 0
    at: Annotated[datetime, Doc("When it happened.")]
    status: Annotated[ComplaintStatus | None, Doc("State of the complaint after the step.")]
    note: Annotated[str | None, Doc("The agency's note about the step (Indonesian).")]
    agency: Annotated[str | None, Doc("The agency that took the step.")]
    complaint_is_public: Annotated[bool, Doc("Whether the complaint this step belongs to is public."), DECIDES_ACCESS]
    reporter: Annotated[Nik | None, Doc("Who reported the complaint."), DECIDES_ACCESS]


@record
class ComplaintPhoto:
    """A photo of a complaint."""

    agency: Annotated[str, Doc("Code of the complaint system.")]
    complaint_id: Annotated[str, Doc("Identifier of its complaint.")]
    source: Annotated[str, Doc("Where the hub reads it: a link at the complaint system, or a place in its own store.")]
    alternative_text: Annotated[str | None, Doc("What it shows, for people who cannot see it; null if unknown.")]
    width: Annotated[int | None, Doc("Width in pixels; null if unknown.")]
    height: Annotated[int | None, Doc("Height in pixels; null if unknown.")]
    complaint_is_public: Annotated[bool, Doc("Whether the complaint it belongs to is public."), DECIDES_ACCESS]
    reporter: Annotated[Nik | None, Doc("Who reported the complaint."), DECIDES_ACCESS]


@record
class ComplaintComment:
    """A comment on a complaint."""

    at: Annotated[datetime, Doc("When it was written.")]
    text: Annotated[str | None, Doc("What was written.")]
    by_reporter: Annotated[bool | None, Doc("Whether the reporter wrote it. Other authors are not shown.")] = None
    complaint_is_public: Annotated[bool, Doc("Whether the complaint is public."), DECIDES_ACCESS]
    reporter: Annotated[Nik | None, Doc("Who reported the complaint."), DECIDES_ACCESS]


@record
class Complaint:
    """A citizen's complaint, from the report to its resolution. Who reported it is not part of the graph."""

    id: Annotated[str, Doc("Identifier at the complaint system (Open311 `service_request_id`).")]
    number: Annotated[str | None, Doc("Report number that citizens see, such as `JK2302240123`.")]
    reporter: Annotated[Nik | None, Doc("Who reported it, if the complaint system names the person."), DECIDES_ACCESS]
    is_public: Annotated[bool, Doc("Whether everybody may see it."), DECIDES_ACCESS]
    category_code: Annotated[str | None, Doc("Code of the category.")]
    category_name: Annotated[str | None, Doc("Name of the category, from the complaint system.")]
    description: Annotated[str | None, Doc("What the reporter wrote.")]
    status: Annotated[ComplaintStatus | None, Doc("State of the complaint.")]
    visibility: Annotated[ComplaintVisibility, Doc("Who can see it.")] = ComplaintVisibility.PRIVATE
    channel: Annotated[str | None, Doc("Channel through which it was reported, such as `JAKI`.")] = None
    responsible_agency: Annotated[str | None, Doc("Agency that is responsible for it.")]
    address: Annotated[str | None, Doc("Location, as the reporter described it.")]
    coordinates: Annotated[Coordinates | None, Doc("Location on the map.")]
    region_code: Annotated[RegionCode | None, Doc("Dotted Kemendagri code of the kelurahan.")] = None
    reported_at: Annotated[datetime, Doc("When it was reported.")]
    updated_at: Annotated[datetime | None, Doc("Time of the last change.")]
    due_at: Annotated[datetime | None, Doc("The agency's own deadline for its resolution.")]
    resolved_at: Annotated[datetime | None, Doc("When it was resolved or rejected; null while it is open.")] = None
    read_at: Annotated[
        datetime, Doc("When the hub read it; the SLA clock of an open complaint is taken at this moment.")
    ]
    support_count: Annotated[int, Doc("Number of people who support it.")] = 0
    rating: Annotated[int | None, Doc("The reporter's rating of the resolution, 1 to 5.")] = None
    photos: Annotated[tuple[ComplaintPhoto, ...], Doc("Its photos, which the hub serves.")] = ()
    events: Annotated[tuple[ComplaintEvent, ...], Doc("All steps of its handling, oldest first.")] = ()
    comments: Annotated[tuple[ComplaintComment, ...], Doc("Comments, oldest first.")] = ()
    delivery: Annotated[
        CommandState | None,
        Doc("State on its way to the complaint system, `DONE` if that accepted it and does not list it; else null."),
    ] = None
    agency_id: Annotated[str | None, Doc("The agency's identifier, where `id` is the hub's receipt number.")] = None


@record
class ComplaintAnswer:
    """The reporter's answer to a question of the category, such as the size of a flood."""

    code: Annotated[str, Doc("Code of the question.")]
    values: Annotated[tuple[str, ...], Doc("The answer; several values if the question allows them.")]


@record
class NewComplaint:
    """A complaint to submit. It is private: publishing it is another command."""

    category_code: Annotated[str, Doc("Code of the category.")]
    description: Annotated[str, Doc("What the reporter wrote.")]
    coordinates: Annotated[Coordinates | None, Doc("Location on the map.")] = None
    region_code: Annotated[RegionCode | None, Doc("Dotted Kemendagri code of the kelurahan.")] = None
    address: Annotated[str | None, Doc("Location in the reporter's words.")] = None
    answers: Annotated[tuple[ComplaintAnswer, ...], Doc("Answers to the questions of the category.")] = ()
    photos: Annotated[tuple[NewPhoto, ...], Doc("Its photos; their files are stored apart.")] = ()


@record
class ComplaintPublishing:
    """Show a complaint to everybody."""


@record
class ComplaintSupport:
    """Support a complaint of another person."""


@record
class NewComplaintComment:
    """A comment to add to a complaint."""

    text: Annotated[str, Doc("What the person wrote.")]


@record
class ResolutionRating:
    """The reporter's rating of a resolution."""

    rating: Annotated[int, Doc("From 1 (bad) to 5 (good).")]
    text: Annotated[str | None, Doc("Why, in the reporter's words.")] = None


@record
class ComplaintWithdrawal:
    """Withdraw an open complaint."""

    reason: Annotated[str | None, Doc("Why, in the reporter's words.")] = None


@record
class ComplaintPublication:
    """What everybody would see of a complaint. Nothing is stored or sent yet."""

    description: Annotated[str | None, Doc("What the reporter wrote.")]
    address: Annotated[str | None, Doc("Location in words.")]
    coordinates: Annotated[Coordinates | None, Doc("Location on the map.")]
    photo_count: Annotated[int, Doc("Number of photos.")]
    confirmation: Annotated[
        str, Doc("Give it to `publishComplaint` within ten minutes, after the person has read this and agreed.")
    ]


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
    total: int | None = None
    """Complaints on all pages, if the agency counts them."""


@record
class CategoryQuery:
    """A search for categories by text in the name; empty text finds all."""

    search: str = ""
