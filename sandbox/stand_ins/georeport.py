"""The replies of a stand-in of an Open311 server, from samples in the form of the standard.

The samples are `requests.json`, `services.json` and, for the questions of categories, `definitions.json`.
See https://wiki.open311.org/GeoReport_v2/. A period of more than `max_span_days` is a bad request.

Parameters beyond the standard are those of `wire.extensions`. Without the constant ones, a request has no
`extended_attributes` and no `notes`. Its reporter is named only if the call searches by reporter. Lists begin with the
newest request, and hold private ones, too, which the hub must not show.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import unquote_plus
from xml.sax.saxutils import escape

from sandbox.agency import CannotStartError
from sandbox.stand_ins.replies import SampleReply
from sandbox.stand_ins.sources import StandInSource

_RESOURCE: Final = re.compile(r"GET (?:[^?]*/)?(requests|services)(?:/([^/?]+))?\.(json|xml)(?:\?(.*))?")
_SEARCH: Final = re.compile(r"POST (?:[^?]*/)?requests/search\.(json|xml) (.*)")
_EXTENDED: Final = "extended_attributes"
_MAX_ROWS: Final = 1_000
_NAMES: Final = {"requests": ("service_requests", "request"), "services": ("services", "service")}
Row = Mapping[str, Any]


class GeoReportReplies:
    """The replies of the server. Raises `CannotStartError` for samples that are no lists of rows."""

    def __init__(self, source: StandInSource) -> None:
        self._rows: dict[str, Sequence[Row]] = {"requests": (), "services": (), "definitions": ()}
        self._extensions: Mapping[str, Any] = source.manifest["wire"].get("extensions", {})
        self._columns: Mapping[str, Any] = source.manifest.get("records", {}).get("Complaint", {})
        self._span = timedelta(days=source.manifest["wire"].get("max_span_days", 90))
        for name, rows in source.read_json():
            if name in self._rows:
                if not isinstance(rows, list) or not all(isinstance(each, dict) for each in rows):
                    raise CannotStartError(f"{name}.json of {source.code} is not a list of rows")
                self._rows[name] = rows

    def find(self, line: str) -> SampleReply | None:
        """The reply to a request; None for one that the standard does not know."""
        if (search := _SEARCH.fullmatch(line)) is not None:
            return self._search(search[1], _parse_parameters(search[2]))
        found = _RESOURCE.fullmatch(line)
        if found is None:
            return None
        resource, key, form, query = found.groups()
        if resource == "services" and key:
            return self._find_definition(key, form)
        given = _parse_parameters(query)
        rows = self._rows[resource]
        if resource == "requests" and (key or "service_request_id" in given):
            ids = (key or given["service_request_id"]).split(",")
            rows = [each for each in rows if str(each.get("service_request_id")) in ids]
        elif resource == "requests":
            start, end = self._parse_period(given)
            if end - start > self._span:
                problem = [{"code": 400, "description": "the period is too long"}]
                return _write(problem, "errors", "error", form, 400)
            rows = self._list_period(given)[: self._get_size(given)]
        if resource == "requests":
            rows = [self._shorten(each, given, names_reporter=False) for each in rows]
        return _write(rows[:_MAX_ROWS], *_NAMES[resource], form, 404 if key and not rows else 200)

    def _find_definition(self, code: str, form: str) -> SampleReply:
        """The questions of a category; none if the samples have none."""
        found = [each for each in self._rows["definitions"] if str(each.get("service_code")) == code]
        definition = found[0] if found else {"service_code": code, "attributes": []}
        if form == "json":
            return SampleReply(json.dumps(definition, ensure_ascii=False).encode())
        inner = {"service_code": code, "attributes": {"attribute": definition["attributes"]}}
        return SampleReply(f"<service_definition>{_write_members(inner)}</service_definition>".encode(), "text/xml")

    def _search(self, form: str, given: Mapping[str, str]) -> SampleReply | None:
        """A page of what some people reported, of all requests or of a text search; None if it cannot search so."""
        rows = self._find_reported(given)
        rows = self._find_handled(given) if rows is None else rows
        rows = self._find_text(given) if rows is None else rows
        if rows is None:
            return None
        size = self._get_size(given)
        start = (int(given.get("page", "1")) - 1) * size
        names_reporter = self._find_text(given) is None
        shown = [self._shorten(each, given, names_reporter=names_reporter) for each in rows[start : start + size]]
        return _write(shown, *_NAMES["requests"], form, 200)

    def _find_reported(self, given: Mapping[str, str]) -> Sequence[Row] | None:
        """The requests that some people reported; None if the call asks for no reporter."""
        name, column = self._extensions.get("reporter"), self._get_column("reporter")
        if name is None or column is None or name not in given:
            return None
        people = given[name].split(",")
        return [each for each in self._rows["requests"] if _dig(each, column) in people]

    def _find_handled(self, given: Mapping[str, str]) -> Sequence[Row] | None:
        """All requests of a period, for those who handle them; None if the call does not ask for them."""
        handling = self._extensions.get("handling", {})
        if not handling or any(given.get(name) != value for name, value in handling.items()):
            return None
        return self._list_period(given)

    def _find_text(self, given: Mapping[str, str]) -> Sequence[Row] | None:
        """Requests with each word somewhere, newest first or reversed; None if the call does not search for a text."""
        table = self._extensions.get("search", {})
        if not table or table["order"] not in given:
            return None
        words = unquote_plus(given.get(table["text"], "")).casefold().split()
        rows = [each for each in self._list_period(given) if all(word in str(each).casefold() for word in words)]
        return rows[::-1] if given[table["order"]] == table["orders"]["OLDEST"] else rows

    def _list_period(self, given: Mapping[str, str]) -> Sequence[Row]:
        """The requests of the period and the filters of a call, newest first."""
        start, end = self._parse_period(given)
        rows = [each for each in self._rows["requests"] if start <= _parse(each["requested_datetime"]) <= end]
        rows = [each for each in rows if _fits(each, given) and self._fits_extensions(each, given)]
        return sorted(rows, key=lambda each: _parse(each["requested_datetime"]), reverse=True)

    def _get_size(self, given: Mapping[str, str]) -> int:
        return int(given.get(self._extensions.get("page_size", ""), _MAX_ROWS))

    def _get_column(self, field: str) -> str | None:
        """The first column of a field of a complaint."""
        named = self._columns.get(field)
        columns = named["from"] if isinstance(named, dict) else named
        return columns[0] if isinstance(columns, list) else columns

    def _fits_extensions(self, row: Row, given: Mapping[str, str]) -> bool:
        regions = given.get(self._extensions.get("region", ""))
        words = given.get(self._extensions.get("status", ""))
        place = str(_dig(row, self._get_column("region_code")))
        is_inside = not regions or any(f"{place}.".startswith(f"{each}.") for each in regions.split(","))
        return is_inside and (not words or str(_dig(row, self._get_column("status"))) in words.split(","))

    def _shorten(self, row: Row, given: Mapping[str, str], *, names_reporter: bool) -> Row:
        """A request without what the call does not ask for."""
        has_all = all(given.get(name) == value for name, value in self._extensions.get("constant", {}).items())
        reporter = (self._get_column("reporter") or "").rpartition(".")[2]
        extended = {
            name: each
            for name, each in row.get(_EXTENDED, {}).items()
            if (names_reporter if name == reporter else has_all)
        }
        kept = {name: each for name, each in row.items() if name != _EXTENDED and (has_all or name != "notes")}
        return {**kept, **({_EXTENDED: extended} if extended else {})}

    def _parse_period(self, given: Mapping[str, str]) -> tuple[datetime, datetime]:
        end = _parse(given["end_date"]) if "end_date" in given else datetime.now(UTC)
        return (_parse(given["start_date"]) if "start_date" in given else end - self._span), end


def _parse_parameters(text: str | None) -> Mapping[str, str]:
    return dict(each.split("=", 1) for each in (text or "").split("&") if "=" in each)


def _dig(row: object, path: str | None) -> object:
    for name in (path or "").split("."):
        row = row.get(name) if isinstance(row, dict) else None
    return row


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
