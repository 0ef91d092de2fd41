"""Complaints."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import strawberry

from auth.policy.rules import Access, Rule
from engine.agencies.bindings import Agencies
from engine.errors import BadInput
from records.complaint_photos import PHOTO_PATH, PHOTO_TYPE_NAME, get_photo_key
from records.complaints import (
    CategoryQuery,
    Complaint,
    ComplaintCategory,
    ComplaintComment,
    ComplaintEvent,
    ComplaintPage,
    ComplaintPhoto,
    ComplaintPosition,
    ComplaintQuery,
    ComplaintStatus,
)
from records.identifiers import RegionCode
from records.purposes import CitizenScope, Purpose
from records.service_levels import NO_SERVICE_LEVELS, ServiceClock, ServiceLevels
from resolvers.complaints import (
    categories,
    category_lists,
    category_questions,
    complaint_pages,
    complaints,
)
from resolvers.regions import regions
from schema.declarations.additions import adds_to_query
from schema.declarations.computed_fields import sealed_link
from schema.declarations.fields import derived, edge, root
from schema.declarations.publishing import Refetch, publishes
from schema.declarations.relay import (
    After,
    ConnectionPage,
    First,
    Node,
    Search,
    build_connection,
    check_first,
    connection_of,
    decode_cursor,
    encode_cursor,
    estimate_matches,
)
from schema.declarations.scalars import publish_enum
from schema.types.complaint_questions import ComplaintQuestionType
from schema.types.regions import CoordinatesType, RegionType
from schema.types.service_clocks import ServiceClockType

MAX_FILTER_VALUES = 100
"""Maximum number of values in one filter, because they are sent in one URL."""

READABLE = Access(
    Rule.SELF | Rule.GUARDIAN | Rule.ASSISTANT | Rule.OFFICIAL | Rule.AGENCY_SYSTEM,
    purposes=frozenset({Purpose.COMPLAINT_HANDLING, Purpose.SUBJECT_REQUEST}),
    citizen_scopes=frozenset({CitizenScope.COMPLAINTS}),
)

publish_enum(ComplaintStatus)


@publishes(ComplaintCategory, rule=Rule.PUBLIC, shows=("code", "name", "description", "group", "keywords"))
class ComplaintCategoryType:
    """The published `ComplaintCategory`."""

    questions: list[ComplaintQuestionType] | None = edge(
        category_questions,
        key="code",
        expected_size=5,
        description="The questions that a complaint of this category answers.",
    )


@publishes(
    ComplaintEvent,
    rule=READABLE,
    subject="reporter",
    public_when="complaint_is_public",
    shows=("sequence", "at", "status", "note", "agency"),
)
class ComplaintEventType:
    """The published `ComplaintEvent`."""


@publishes(
    ComplaintPhoto,
    rule=READABLE,
    subject="reporter",
    public_when="complaint_is_public",
    shows=("alternative_text", "width", "height"),
)
class ComplaintPhotoType:
    """The published `ComplaintPhoto`."""

    url: str | None = sealed_link(
        PHOTO_PATH,
        PHOTO_TYPE_NAME,
        get_photo_key,
        description="Path of the file (JPEG, PNG or WebP) at this hub. Send your token: the complaint's rules apply."
        " It changes when the complaint system has the complaint.",
    )


@publishes(
    ComplaintComment,
    rule=READABLE,
    subject="reporter",
    public_when="complaint_is_public",
    shows=("at", "text", "by_reporter"),
)
class ComplaintCommentType:
    """The published `ComplaintComment`."""


@publishes(
    Complaint,
    rule=READABLE,
    subject="reporter",
    public_when="is_public",
    shows=(
        "number",
        "category_code",
        "category_name",
        "description",
        "status",
        "visibility",
        "channel",
        "responsible_agency",
        "address",
        "coordinates",
        "reported_at",
        "updated_at",
        "resolved_at",
        "support_count",
        "rating",
        "photos",
        "events",
        "comments",
        "delivery",
    ),
    nested=(CoordinatesType, ComplaintEventType, ComplaintPhotoType, ComplaintCommentType),
    refetch=Refetch(batch=complaints, seal=lambda complaint: complaint.id, unseal=str),
)
class ComplaintType(Node):
    """The published `Complaint`."""

    category: ComplaintCategoryType | None = edge(categories, key="category_code", description="Its category.")
    region: RegionType | None = edge(regions, key="region_code", description="The kelurahan of its location.")

    @derived(returns=bool | None)
    def is_open(record: Complaint) -> bool:
        """Whether it is neither resolved nor rejected."""
        return record.resolved_at is None

    @derived(returns=datetime | None)
    def due_at(record: Complaint, agencies: Agencies) -> datetime | None:
        """Deadline for its resolution: the agency's own, or else that of the city's service level; null without one."""
        return agencies.get(ServiceLevels, NO_SERVICE_LEVELS).find_due(record)

    @derived(returns=bool | None)
    def is_overdue(record: Complaint, agencies: Agencies) -> bool | None:
        """Whether it missed, or has missed so far, its deadline; null if it has none."""
        due = agencies.get(ServiceLevels, NO_SERVICE_LEVELS).find_due(record)
        return None if due is None else (record.resolved_at or record.read_at) > due

    @derived(returns=float | None)
    def hours_left(record: Complaint, agencies: Agencies) -> float | None:
        """Hours until its deadline, negative if overdue; null if it is resolved or has no deadline."""
        due = agencies.get(ServiceLevels, NO_SERVICE_LEVELS).find_due(record)
        if due is None or record.resolved_at is not None:
            return None
        return round((due - record.read_at).total_seconds() / 3600, 1)

    @derived(returns=list[ServiceClockType] | None, expected_size=3)
    def clocks(record: Complaint, agencies: Agencies) -> tuple[ServiceClock, ...] | None:
        """Its deadlines by stage, as of the moment at which the hub read it; null if it has none."""
        return agencies.get(ServiceLevels, NO_SERVICE_LEVELS).build_clocks(record) or None


@connection_of(ComplaintType, item_name="complaint", items_name="complaints", has_total=True)
class ComplaintConnectionType:
    """A page of complaints."""


def build_complaint_connection(found: ComplaintPage, arguments: Mapping[str, Any]) -> ConnectionPage:
    """Builds the connection of a page."""
    return build_connection(
        ComplaintConnectionType,
        found.complaints,
        cursor=lambda each: encode_cursor(each.reported_at, each.id),
        has_more=found.has_more,
        arguments=arguments,
        total_count=found.total,
    )


@strawberry.input(description="Filters complaints. All given conditions must match.")
class ComplaintFilter:
    """The filter of `complaints`."""

    statuses: list[ComplaintStatus] | None = strawberry.field(default=None, description="In any of these states.")
    categories: list[str] | None = strawberry.field(
        default=None, description="In any of these categories, by code: see `complaintCategories`."
    )
    regions: list[RegionCode] | None = strawberry.field(
        default=None, description="In any of these regions, at any level from province to kelurahan."
    )
    reported_from: datetime | None = strawberry.field(default=None, description="Reported at or after this moment.")
    reported_until: datetime | None = strawberry.field(default=None, description="Reported at or before this moment.")


def build_complaint_query(first: int, after: str | None, wanted: ComplaintFilter | None) -> ComplaintQuery:
    """Builds the query of the requested page. Raises `BadInput`."""
    position = None
    if after:
        reported_at, identifier = decode_cursor(after)
        position = ComplaintPosition(reported_at=reported_at, id=identifier)
    wanted = wanted or ComplaintFilter()
    for name in ("statuses", "categories", "regions"):
        given = len(getattr(wanted, name) or ())
        if given > MAX_FILTER_VALUES:
            raise BadInput(f"Argument 'filter.{name}' holds {given} values; at most {MAX_FILTER_VALUES} are allowed.")
    return ComplaintQuery(
        first=check_first(first),
        after=position,
        statuses=tuple(wanted.statuses or ()),
        category_codes=tuple(wanted.categories or ()),
        regions=tuple(wanted.regions or ()),
        reported_from=wanted.reported_from,
        reported_until=wanted.reported_until,
    )


@adds_to_query
class ComplaintQueries:
    """The root fields of complaints."""

    @root(
        complaint_pages, returns=ComplaintConnectionType | None, rule=Rule.PUBLIC, transform=build_complaint_connection
    )
    def complaints(
        first: First = 20,
        after: After = None,
        filter: Annotated[  # noqa: A002 - the name that clients of connections expect
            ComplaintFilter | None, strawberry.argument(description="Filter; all public complaints if omitted.")
        ] = None,
    ) -> ComplaintQuery:
        """Public complaints, newest first. Private ones are only in `complaints` of their reporter."""
        return build_complaint_query(first, after, filter)

    @root(category_lists, returns=list[ComplaintCategoryType] | None, rule=Rule.PUBLIC, expected_size=estimate_matches)
    def complaint_categories(search: Search = "") -> CategoryQuery:
        """Categories of complaints."""
        return CategoryQuery(search=search)
