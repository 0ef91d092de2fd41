"""From service requests to complaints, as the standard and the manifest say."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from datetime import datetime
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from connectors.declared.column_syntax import JSON_PATHS
from connectors.declared.field_readers import build_field_reader, check_access_field
from connectors.declared.open311.photos import PhotoLinks
from connectors.declared.open311.tables import Open311Wire
from connectors.declared.record_readers import RecordReaders, list_inner_rows
from connectors.declared.tables import FieldTable, NotDeclarableError, RecordTable
from connectors.readers.niks import nik
from connectors.readers.rows import Row
from connectors.readers.unreadable import UnreadableError
from records.complaints import (
    Complaint,
    ComplaintCategory,
    ComplaintComment,
    ComplaintEvent,
    ComplaintPhoto,
    ComplaintStatus,
    ComplaintVisibility,
)

CLOSED: Final = frozenset({ComplaintStatus.RESOLVED, ComplaintStatus.REJECTED, ComplaintStatus.WITHDRAWN})
"""The states that the standard calls `closed`; the others are `open`."""
_STANDARD: Final = Path(__file__).with_name("standard.toml")
_GIVEN: Final = frozenset(
    {"reporter", "is_public", "visibility", "resolved_at", "read_at", "events", "comments", "photos"}
)
_GIVEN_OF_PARTS: Final = frozenset({"sequence", "complaint_is_public", "reporter"})
"""Fields that follow from others."""
_FREE_FIELDS: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("description", "address", "coordinates")),
    **dict.fromkeys(("events", "comments", "photos"), ()),
}
"""Fields that may name people, and their value where they are not public."""


class ComplaintReader:
    """Reads the rows of one server."""

    def __init__(self, wire: Open311Wire, records: Mapping[str, RecordTable], photos: PhotoLinks) -> None:
        """Merge the records of the manifest with the standard's. Raises `NotDeclarableError`."""
        standard = TypeAdapter[Mapping[str, RecordTable]](Mapping[str, RecordTable]).validate_python(
            tomllib.loads(_STANDARD.read_text(encoding="utf-8"))
        )
        own = dict(records.get("Complaint", {}))
        # They are read apart: without values, the reporter is unknown and the request private.
        reporter, mark = own.pop("reporter", None), own.pop("is_public", None)
        given = {**records, "Complaint": own}
        tables = {**records, **{name: {**table, **given.get(name, {})} for name, table in standard.items()}}
        complaint = tables["Complaint"]
        if (mark is not None) != (wire.visibility == "by_request"):
            raise NotDeclarableError(
                "records.Complaint", 'is_public and wire.visibility = "by_request" need each other'
            )
        readers = RecordReaders(tables, columns=JSON_PATHS)
        self._read_complaint = readers.build_fields("complaints", Complaint, _GIVEN)
        self._read_event = readers.build_fields("complaints", ComplaintEvent, _GIVEN_OF_PARTS)
        self._read_comment = readers.build_fields("complaints", ComplaintComment, _GIVEN_OF_PARTS)
        self.read_category = readers.build("categories", ComplaintCategory).read
        readers.require_all_used()
        self._are_public = {"public": True, "private": False}.get(wire.visibility)
        self._hidden = {name: none for name, none in _FREE_FIELDS.items() if name not in (wire.public_fields or ())}
        self._photos = photos
        self._find_mark = _build_finder("is_public", mark, bool)
        self.find_code = _build_finder("code", tables["ComplaintCategory"]["code"])
        self.find_id = _build_finder("id", complaint["id"])
        self.find_reporter = _build_finder("reporter", reporter)
        self.find_moment = _build_finder("reported_at", complaint["reported_at"], datetime)
        self.status_words = {
            status: [word for word, name in (complaint["status"].values or {}).items() if name == status.name]
            for status in ComplaintStatus
        }
        """The server's words for each state."""

    def read(self, request: Row, read_at: datetime) -> Complaint:
        """Read one request. Raises `UnreadableError`.

        It was resolved at its last closing step or, without steps, at the last change of a closed request.
        """
        is_public = bool(self._find_mark(request)) if self._are_public is None else self._are_public
        reporter, fields = nik(self.find_reporter(request)), self._read_complaint(request)
        steps = sorted(map(self._read_event, list_inner_rows(request.get("notes"))), key=itemgetter("at"))
        comments = sorted(map(self._read_comment, list_inner_rows(request.get("comments"))), key=itemgetter("at"))
        closed_at = next((each["at"] for each in reversed(steps) if each["status"] in CLOSED), fields["updated_at"])
        fields |= {
            "reporter": reporter,
            "is_public": is_public,
            "visibility": ComplaintVisibility.PUBLIC if is_public else ComplaintVisibility.PRIVATE,
            "resolved_at": closed_at if fields["status"] in CLOSED else None,
            "read_at": read_at,
            "photos": tuple(
                ComplaintPhoto(
                    agency=self._photos.agency,
                    complaint_id=fields["id"],
                    source=each.link,
                    alternative_text=each.text,
                    width=each.width,
                    height=each.height,
                    complaint_is_public=is_public,
                    reporter=reporter,
                )
                for each in self._photos.find(request)
            ),
            "events": tuple(
                ComplaintEvent(**each, sequence=number, complaint_is_public=is_public, reporter=reporter)
                for number, each in enumerate(steps, start=1)
            ),
            "comments": tuple(
                ComplaintComment(**each, complaint_is_public=is_public, reporter=reporter) for each in comments
            ),
        }
        return Complaint(**fields | self._hidden if is_public else fields)


def _build_finder(field: str, table: FieldTable | None, kind: type[Any] = str) -> Callable[[Row], Any]:
    """A function to one value of a row, before the row is read; None for a missing or unreadable one."""
    if table is None:
        return lambda _: None
    place = f"records.Complaint.{field}"
    if kind is bool:
        check_access_field(place, table)
    read = build_field_reader(place, kind, table).read
    columns = [JSON_PATHS.compile(place, each) for each in table.columns]

    def find(request: Row) -> Any:  # noqa: ANN401 - what `read` gives
        try:
            return read(*[get(request) for get in columns])
        except UnreadableError:
            return None

    return find
