"""The replies of a stand-in of an Open311 server, from `requests.json` and `services.json` in the form of the standard.

See https://wiki.open311.org/GeoReport_v2/. A period of more than `max_span_days` is a bad request.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from xml.sax.saxutils import escape

from sandbox.agency import CannotStartError
from sandbox.stand_ins.replies import SampleReply
from sandbox.stand_ins.sources import StandInSource

_RESOURCE: Final = re.compile(r"GET (?:[^?]*/)?(requests|services)(?:/([^/?]+))?\.(json|xml)(?:\?(.*))?")
_MAX_ROWS: Final = 1_000
_NAMES: Final = {"requests": ("service_requests", "request"), "services": ("services", "service")}
Row = Mapping[str, Any]


class GeoReportReplies:
    """The replies of the server. Raises `CannotStartError` for samples that are no lists of rows."""

    def __init__(self, source: StandInSource) -> None:
        self._rows: dict[str, Sequence[Row]] = {"requests": (), "services": ()}
        self._span = timedelta(days=source.manifest["wire"].get("max_span_days", 90))
        for name, rows in source.read_json():
            if name in self._rows:
                if not isinstance(rows, list) or not all(isinstance(each, dict) for each in rows):
                    raise CannotStartError(f"{name}.json of {source.code} is not a list of rows")
                self._rows[name] = rows

    def find(self, line: str) -> SampleReply | None:
        """The reply to a request; None for one that the standard does not know."""
        found = _RESOURCE.fullmatch(line)
        if found is None:
            return None
        resource, key, form, query = found.groups()
        given = dict(each.split("=", 1) for each in (query or "").split("&") if "=" in each)
        rows = self._rows[resource]
        if resource == "requests" and (key or "service_request_id" in given):
            ids = (key or given["service_request_id"]).split(",")
            rows = [each for each in rows if str(each.get("service_request_id")) in ids]
        elif resource == "requests":
            start, end = self._parse_period(given)
            if end - start > self._span:
                problem = [{"code": 400, "description": "the period is too long"}]
                return _write(problem, "errors", "error", form, 400)
            rows = [each for each in rows if start <= _parse(each["requested_datetime"]) <= end and _fits(each, given)]
        return _write(rows[:_MAX_ROWS], *_NAMES[resource], form, 404 if key and not rows else 200)

    def _parse_period(self, given: Mapping[str, str]) -> tuple[datetime, datetime]:
        end = _parse(given["end_date"]) if "end_date" in given else datetime.now(UTC)
        return (_parse(given["start_date"]) if "start_date" in given else end - self._span), end


def _parse(moment: str) -> datetime:
    return datetime.fromisoformat(moment)


def _fits(row: Row, given: Mapping[str, str]) -> bool:
    filters = [(name, given[name].split(",")) for name in ("status", "service_code") if given.get(name)]
    return all(str(row.get(name)) in words for name, words in filters)


def _write(rows: Sequence[Row], root: str, item: str, form: str, status: int) -> SampleReply:
    if form == "json":
        return SampleReply(json.dumps(rows, ensure_ascii=False).encode(), status=status)
    text = "".join(f"<{item}>{_write_members(each)}</{item}>" for each in rows)
    return SampleReply(f"<{root}>{text}</{root}>".encode(), "text/xml", status)


def _write_members(row: Row) -> str:
    """A row in XML; a list repeats its element."""
    parts = []
    for name, value in row.items():
        for each in value if isinstance(value, list) else [value]:
            inner = _write_members(each) if isinstance(each, dict) else escape("" if each is None else str(each))
            parts.append(f"<{name}>{inner}</{name}>")
    return "".join(parts)
