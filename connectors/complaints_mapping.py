"""Converts Open311 GeoReport v2 service requests and services to complaints and categories.

The two-valued status of the standard, the states of the city's complaint system in `extended_attributes` and the
steps in `notes` become one record. These functions make no calls. All raise `UnreadableError` for data that is not
GeoReport v2, but accept the common mistakes of servers (numbers for strings, missing names, single-precision
coordinates, rows without an id).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from connectors.readers.coordinates import coordinates
from connectors.readers.dates import moment
from connectors.readers.regions import region_code
from connectors.readers.rows import Row, row, rows
from connectors.readers.texts import text
from connectors.readers.unreadable import UnreadableError
from records.clocks import CITY_TIME_ZONE
from records.complaints import (
    Complaint,
    ComplaintCategory,
    ComplaintEvent,
    ComplaintQuery,
    ComplaintStatus,
    ComplaintVisibility,
)
from records.identifiers import Nik, RegionCode

CLOSED: Final = frozenset({ComplaintStatus.RESOLVED, ComplaintStatus.REJECTED})
"""The states that the standard calls `closed`; the others are `open`."""

_STATES: Final = {status.value: status for status in ComplaintStatus}
_TWO_VALUED: Final = {"open": ComplaintStatus.WAITING, "closed": ComplaintStatus.RESOLVED}
"""The states by the two values of the standard, for servers without the city's states."""
_RATINGS: Final = range(1, 6)
_MOST_NOTES: Final = 200
"""Steps of one complaint; 3 µs each. Real ones take some five."""
_LONGEST_DESCRIPTION: Final = 20_000
_WEB: Final = ("https://", "http://")

Order = tuple[datetime, int, str]


def requests(reply: object) -> tuple[Row, ...]:
    """Reads the service requests of an answer, including reports without an id."""
    return rows(reply, "a list of service requests")


def request_id(request: Row) -> str | None:
    """Reads the id of a service request: a string in the standard, an integer in practice; None for a new report."""
    try:
        return text(request.get("service_request_id"))
    except UnreadableError:
        return None


def reporter_of(request: Row) -> Nik | None:
    """Reads the reporter, if the server names them (the `reporter` extension of the city's complaint system)."""
    try:
        found = text(_extended(request).get("reporter"))
    except UnreadableError:
        return None
    return Nik(found) if found else None


def reported_at(request: Row) -> datetime:
    """Reads the time of the report, which the standard requires."""
    found = _moment(request.get("requested_datetime"))
    if found is None:
        raise UnreadableError("a service request with its requested_datetime")
    return found


def complaint(request: Row, read_at: datetime) -> Complaint:
    """Reads one service request as a complaint.

    A complaint is private unless the server marks it public. Its deadline is the time that the server expects, or else
    `sla_hours` after the report. It was resolved at its last closing step or, without steps, at the last change of a
    closed request.
    """
    identifier = request_id(request)
    if identifier is None:
        raise UnreadableError("a service request with its id")
    extended, reporter, requested = _extended(request), reporter_of(request), reported_at(request)
    is_public = (text(extended.get("visibility")) or "").upper() == "PUBLIC"
    events = _events(request, is_public=is_public, reporter=reporter)
    status, updated = _status(request, extended), _moment(request.get("updated_datetime"))
    return Complaint(
        id=identifier,
        number=text(extended.get("report_number")),
        reporter=reporter,
        is_public=is_public,
        category_code=text(request.get("service_code")),
        category_name=text(request.get("service_name")),
        description=text(request.get("description"), max_length=_LONGEST_DESCRIPTION),
        status=status,
        visibility=ComplaintVisibility.PUBLIC if is_public else ComplaintVisibility.PRIVATE,
        channel=text(extended.get("channel")),
        responsible_agency=text(request.get("agency_responsible")),
        address=text(request.get("address")),
        coordinates=coordinates(request.get("lat"), request.get("long")),
        region_code=_region(extended.get("kelurahan")),
        reported_at=requested,
        updated_at=updated,
        due_at=_due_at(request, extended, requested),
        resolved_at=_resolved_at(events, updated) if status in CLOSED else None,
        read_at=read_at,
        support_count=_count(extended.get("support_count")) or 0,
        rating=rating if (rating := _count(extended.get("rating"))) in _RATINGS else None,
        photo_url=_address(request.get("media_url")),
        events=events,
    )


def reported_by(known: Complaint, reporter: Nik) -> Complaint:
    """Adds the reporter from the hub's own link table."""
    events = tuple(replace(event, reporter=reporter) for event in known.events)
    return replace(known, reporter=reporter, events=events)


def categories(reply: object) -> tuple[ComplaintCategory, ...]:
    """Reads every service with a code, in the server's order."""
    listed = rows(reply, "a list of services")
    return tuple(found for each in listed if (found := _category(each)))


def newest_first(complaints: Iterable[Complaint]) -> tuple[Complaint, ...]:
    """Sorts complaints by report time, newest first, then by id; each id once."""
    once = {each.id: each for each in complaints}
    return tuple(sorted(once.values(), key=lambda each: order(each.reported_at, each.id), reverse=True))


def order(at: datetime, identifier: str) -> Order:
    """The sort key of the list of complaints: the time, then the id (as a number if all ids are numbers)."""
    return at, len(identifier), identifier


def fits(known: Complaint, query: ComplaintQuery) -> bool:
    """Whether a complaint matches a query of the public list, and comes after its position.

    Servers ignore unknown parameters, so their filters are applied here again.
    """
    after = query.after
    return (
        known.is_public
        and (not query.statuses or known.status in query.statuses)
        and (not query.category_codes or known.category_code in query.category_codes)
        and (not query.regions or any(_lies_in(known.region_code, region) for region in query.regions))
        and (query.reported_from is None or known.reported_at >= query.reported_from)
        and (query.reported_until is None or known.reported_at < query.reported_until)
        and (after is None or order(known.reported_at, known.id) < order(after.reported_at, after.id))
    )


def _lies_in(place: RegionCode | None, region: RegionCode) -> bool:
    return place is not None and f"{place}.".startswith(f"{region}.")


def _extended(request: Row) -> Row:
    return row(request.get("extended_attributes") or {}, "extended attributes")


def _status(request: Row, extended: Row) -> ComplaintStatus | None:
    state = _STATES.get((text(extended.get("status_code")) or "").upper())
    return state or _TWO_VALUED.get((text(request.get("status")) or "").lower())


def _events(request: Row, *, is_public: bool, reporter: Nik | None) -> tuple[ComplaintEvent, ...]:
    notes = rows(request.get("notes") or [], "a list of notes", max_rows=_MOST_NOTES)
    dated = ((at, note) for note in notes if (at := _moment(note.get("datetime"))))
    return tuple(
        ComplaintEvent(
            sequence=sequence,
            at=at,
            status=_STATES.get((text(note.get("status_code")) or "").upper()),
            note=text(note.get("description")),
            agency=text(note.get("agency")),
            complaint_is_public=is_public,
            reporter=reporter,
        )
        for sequence, (at, note) in enumerate(sorted(dated, key=lambda step: step[0]), start=1)
    )


def _due_at(request: Row, extended: Row, requested: datetime) -> datetime | None:
    expected = _moment(request.get("expected_datetime"))
    hours = _count(extended.get("sla_hours"))
    return expected if expected or not hours else requested + timedelta(hours=hours)


def _resolved_at(events: tuple[ComplaintEvent, ...], updated: datetime | None) -> datetime | None:
    return next((event.at for event in reversed(events) if event.status in CLOSED), updated)


def _category(service: Row) -> ComplaintCategory | None:
    code = text(service.get("service_code"))
    if code is None:
        return None
    return ComplaintCategory(
        code=code,
        name=text(service.get("service_name")),
        description=text(service.get("description")),
        group=text(service.get("group")),
        keywords=tuple(word for part in (text(service.get("keywords")) or "").split(",") if (word := part.strip())),
    )


def _moment(raw: object) -> datetime | None:
    found = moment(raw)
    return found.astimezone(CITY_TIME_ZONE) if found else None


def _region(raw: object) -> RegionCode | None:
    # A location in the server's own words must not fail the complaint.
    try:
        return region_code(raw)
    except UnreadableError:
        return None


_MOST_DIGITS: Final = 6


def _count(raw: object) -> int | None:
    """Reads a small whole number, as number or text; None for other values."""
    if isinstance(raw, bool) or not isinstance(raw, int | str):
        return None
    digits = str(raw).strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS else None


def _address(raw: object) -> str | None:
    """Reads an http or https URL. Other schemes (`javascript:`) are not passed on to frontends."""
    found = text(raw)
    return found if found and found.lower().startswith(_WEB) else None
