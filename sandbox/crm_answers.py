"""How the sandbox's complaint desk writes Open311 GeoReport v2 as JSON, with the habits of real servers."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from sandbox.crm_data import Complaint, Pending
from sandbox.crm_search import Search, status_of
from sandbox.crm_services import SERVICES, Service

Json = Mapping[str, object]

RETIRED = {"service_code": 1999, "description": "", "metadata": False, "type": "realtime", "keywords": "", "group": ""}
"""A category that left its name behind when it was closed; no complaint uses it."""

NAMELESS_EVERY, UTC_EVERY = 9, 7
"""Every so many ids the row lacks its service name, and every so many its times are in UTC: two old intake channels."""


def services() -> list[Json]:
    """The service list: codes as numbers, one element without a name."""
    return [*(_service(service) for service in SERVICES.values()), RETIRED]


def definition(service: Service) -> Json:
    """What a report of this category must answer beyond the standard fields."""
    attributes = [
        {
            "variable": True,
            "code": "UKURAN",
            "datatype": "singlevaluelist",
            "required": True,
            "datatype_description": "Pilih satu",
            "order": 1,
            "description": "Seberapa besar?",
            "values": [{"key": key, "name": key.title()} for key in ("KECIL", "SEDANG", "BESAR")],
        }
    ]
    return {"service_code": service.code, "attributes": attributes if service.asks_more else []}


def requests(rows: Iterable[Complaint | Pending], search: Search) -> list[Json]:
    """The rows of an answer; who reported is told only to those who asked by reporter."""
    return [_pending(row, search) if isinstance(row, Pending) else request(row, search) for row in rows]


def request(complaint: Complaint, search: Search) -> Json:
    """One complaint as a service request."""
    in_utc = complaint.id % UTC_EVERY == 0
    last = complaint.steps[-1]
    row: dict[str, object] = {
        "service_request_id": complaint.id,
        "status": status_of(complaint),
        "status_notes": last.remark,
        "service_name": complaint.service.name,
        "service_code": complaint.service.code,
        "description": complaint.description,
        "agency_responsible": last.agency,
        "service_notice": None,
        "requested_datetime": _moment(complaint.requested, in_utc=in_utc),
        "updated_datetime": _moment(complaint.updated, in_utc=in_utc),
        "expected_datetime": _moment(complaint.requested + timedelta(hours=complaint.service.sla_hours), in_utc=in_utc),
        "address": complaint.address if complaint.place else "",
        "lat": complaint.place[0] if complaint.place else None,
        "long": complaint.place[1] if complaint.place else None,
        "media_url": "",
    }
    if complaint.id % NAMELESS_EVERY == 0:
        del row["service_name"]
    extended = _extended(complaint) if search.extensions else {}
    if search.reporters:
        extended = {**extended, "reporter": complaint.reporter_nik}
    if extended:
        row["extended_attributes"] = extended
    if search.extensions:
        row["notes"] = [
            {
                "datetime": _moment(step.at, in_utc=in_utc),
                "status_code": step.state,
                "description": step.remark,
                "agency": step.agency,
            }
            for step in complaint.steps
        ]
    return row


def _service(service: Service) -> Json:
    return {
        "service_code": service.code,
        "service_name": service.name,
        "description": f"Laporan tentang {service.name.lower()}",
        "metadata": service.asks_more,
        "type": "realtime",
        "keywords": service.name.lower().replace(" ", ","),
        "group": service.group,
    }


def _extended(complaint: Complaint) -> Json:
    return {
        "status_code": complaint.state,
        "report_number": complaint.number,
        "visibility": "PUBLIC" if complaint.public else "PRIVATE",
        "kelurahan": complaint.kelurahan.code,
        "channel": complaint.channel,
        "sla_hours": complaint.service.sla_hours,
        "support_count": complaint.supporters,
        "rating": complaint.rating,
    }


def _pending(pending: Pending, search: Search) -> Json:
    """A report that has no number yet: a token stands where the id will be."""
    row: dict[str, object] = {
        "token": pending.token,
        "status": "open",
        "service_code": pending.service.code,
        "requested_datetime": _moment(pending.requested, in_utc=False),
    }
    if search.reporters:
        row["extended_attributes"] = {"reporter": pending.reporter_nik}
    return row


def _moment(moment: datetime, *, in_utc: bool) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if in_utc else moment.isoformat(timespec="seconds")
