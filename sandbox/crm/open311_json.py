"""Writes Open311 GeoReport v2 as JSON, with the quirks of real servers."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from sandbox.crm.categories import SERVICES, ComplaintService
from sandbox.crm.complaints import CrmComplaint, PendingReport
from sandbox.crm.questions import ServiceQuestion
from sandbox.crm.search import Open311Search, to_standard_status

Json = Mapping[str, object]

RETIRED_SERVICE = {
    "service_code": 1999,
    "description": "",
    "metadata": False,
    "type": "realtime",
    "keywords": "",
    "group": "",
}
"""A closed category without a name; no complaint uses it."""

NAMELESS_EVERY, UTC_EVERY = 9, 7
"""Every n-th id lacks its service name or has times in UTC, as from two old intake channels."""


def services_to_json() -> list[Json]:
    """The service list: codes as numbers, one element without a name."""
    return [*(_service_to_json(service) for service in SERVICES.values()), RETIRED_SERVICE]


def definition_to_json(service: ComplaintService) -> Json:
    """The questions of this category beyond the standard fields."""
    return {
        "service_code": service.code,
        "attributes": [_question_to_json(each, order) for order, each in enumerate(service.questions, start=1)],
    }


def requests_to_json(rows: Iterable[CrmComplaint | PendingReport], search: Open311Search) -> list[Json]:
    """The rows of an answer; they name the reporter only if the request searched by reporter, or in the scope `all`."""
    return [
        _pending_to_json(row, search) if isinstance(row, PendingReport) else request_to_json(row, search)
        for row in rows
    ]


def request_to_json(complaint: CrmComplaint, search: Open311Search) -> Json:
    """One complaint as a service request."""
    in_utc = complaint.id % UTC_EVERY == 0
    last = complaint.steps[-1]
    row: dict[str, object] = {
        "service_request_id": complaint.id,
        "status": to_standard_status(complaint),
        "status_notes": last.remark,
        "service_name": complaint.service.name,
        "service_code": complaint.service.code,
        "description": complaint.description,
        "agency_responsible": last.agency,
        "service_notice": None,
        "requested_datetime": _format_moment(complaint.requested_at, in_utc=in_utc),
        "updated_datetime": _format_moment(complaint.updated_at, in_utc=in_utc),
        "expected_datetime": _format_moment(
            complaint.requested_at + timedelta(hours=complaint.service.sla_hours), in_utc=in_utc
        ),
        "address": complaint.address if complaint.place else "",
        "lat": complaint.place[0] if complaint.place else None,
        "long": complaint.place[1] if complaint.place else None,
        "media_url": _get_media_path(complaint.id, 1) if complaint.photos else "",
    }
    if complaint.id % NAMELESS_EVERY == 0:
        del row["service_name"]
    extended = _extension_to_json(complaint) if search.extensions else {}
    if search.references:
        extended = {**extended, "reference": complaint.reference}
    if search.reporters or search.everything:
        extended = {**extended, "reporter": complaint.reporter_nik}
    if extended:
        row["extended_attributes"] = extended
    if search.extensions:
        row["notes"] = [
            {
                "datetime": _format_moment(step.at, in_utc=in_utc),
                "status_code": step.state,
                "description": step.remark,
                "agency": step.agency,
            }
            for step in complaint.steps
        ]
        row["comments"] = [
            {
                "datetime": _format_moment(each.at, in_utc=in_utc),
                "text": each.text,
                "author": "REPORTER" if each.by_reporter else "CITIZEN",
            }
            for each in complaint.comments
        ]
    return row


def _question_to_json(question: ServiceQuestion, order: int) -> Json:
    row: dict[str, object] = {
        "variable": question.variable,
        "code": question.code,
        "datatype": question.datatype,
        "required": question.required,
        "datatype_description": question.hint,
        "order": order,
        "description": question.text,
    }
    if question.values:
        row["values"] = [{"key": key, "name": key.capitalize()} for key in question.values]
    return row


def _service_to_json(service: ComplaintService) -> Json:
    return {
        "service_code": service.code,
        "service_name": service.name,
        "description": f"Laporan tentang {service.name.lower()}",
        "metadata": bool(service.questions),
        "type": "realtime",
        "keywords": service.name.lower().replace(" ", ","),
        "group": service.group,
    }


def _extension_to_json(complaint: CrmComplaint) -> Json:
    return {
        "status_code": complaint.state,
        "report_number": complaint.number,
        "visibility": "PUBLIC" if complaint.public else "PRIVATE",
        "kelurahan": complaint.kelurahan.code,
        "channel": complaint.channel,
        "sla_hours": complaint.service.sla_hours,
        "support_count": complaint.supporters,
        "rating": complaint.rating,
        **(
            {"answers": [{"code": code, "value": value} for code, value in complaint.answers]}
            if complaint.answers
            else {}
        ),
        "media": [
            {
                "url": _get_media_path(complaint.id, number),
                "text": each.text,
                "width": each.width,
                "height": each.height,
            }
            for number, each in enumerate(complaint.photos, start=1)
        ],
    }


def _get_media_path(id_: int, number: int) -> str:
    """The path of a photo. Like many systems, it names no host."""
    return f"/open311/v2/media/{id_}/{number}.jpg"


def _pending_to_json(pending: PendingReport, search: Open311Search) -> Json:
    """A report without a number: a token replaces the id."""
    row: dict[str, object] = {
        "token": pending.token,
        "status": "open",
        "service_code": pending.service.code,
        "requested_datetime": _format_moment(pending.requested_at, in_utc=False),
    }
    if search.reporters:
        row["extended_attributes"] = {"reporter": pending.reporter_nik}
    return row


def _format_moment(moment: datetime, *, in_utc: bool) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if in_utc else moment.isoformat(timespec="seconds")
