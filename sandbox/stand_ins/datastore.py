"""The replies of a stand-in of an open data portal (CKAN): searches of its datastore in one file of rows a resource.

See https://docs.ckan.org/en/2.11/maintaining/datastore.html, `datastore_search`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sandbox.agency import CannotStartError
from sandbox.stand_ins.replies import SampleReply
from sandbox.stand_ins.sources import StandInSource

_SEARCH: Final = "POST api/3/action/datastore_search "
_SORT: Final = re.compile(r'(?:^|,) *"?([^",]+?)"?( desc)?(?=,|$)')
_MAX_ROWS: Final = 32_000
Row = Mapping[str, Any]


class DatastoreReplies:
    """The replies of the datastore. Raises `CannotStartError` for a resource that is no list of rows."""

    def __init__(self, source: StandInSource) -> None:
        self._resources: dict[str, Sequence[Row]] = {}
        for name, rows in source.read_json():
            if not isinstance(rows, list) or not all(isinstance(each, dict) for each in rows):
                raise CannotStartError(f"{name}.json of {source.code} is not a list of rows")
            self._resources[name] = [{"_id": number, **each} for number, each in enumerate(rows, start=1)]

    def find(self, line: str) -> SampleReply | None:
        """The reply to a request; None for a request that is no search."""
        if not line.startswith(_SEARCH):
            return None
        given = json.loads(line.removeprefix(_SEARCH))
        rows = self._resources.get(given["resource_id"])
        if rows is None:
            problem = {"__type": "Not Found Error", "message": "Not found: the resource was not found."}
            return _write(404, {"success": False, "error": problem})
        known = {name for each in rows for name in each}
        if unknown := sorted({*given.get("filters", {}), *given.get("fields", [])} - known):
            fields = [f'field "{unknown[0]}" not in table']
            return _write(409, {"success": False, "error": {"__type": "Validation Error", "fields": fields}})
        return _write(200, {"success": True, "result": _search(rows, given)})


def _search(rows: Sequence[Row], given: Mapping[str, Any]) -> Mapping[str, Any]:
    filters, fields = given.get("filters", {}), given.get("fields")
    found = [each for each in rows if all(_matches(each.get(name), of) for name, of in filters.items())]
    for column, direction in reversed(_SORT.findall(given.get("sort", ""))):
        found.sort(key=lambda each: (each.get(column) is None, each.get(column)), reverse=bool(direction))
    offset, limit = given.get("offset", 0), min(given.get("limit", 100), _MAX_ROWS)
    page = found[offset : offset + limit]
    records = [each if fields is None else {name: each.get(name) for name in fields} for each in page]
    names = dict.fromkeys(name for each in rows for name in each)
    columns = [{"id": name, "type": "int" if name == "_id" else "text"} for name in names]
    page_of = {"resource_id": given["resource_id"], "fields": columns, "total": len(found), "limit": limit}
    return {**page_of, "records": records}


def _matches(value: object, of: object) -> bool:
    """The datastore compares texts."""
    return str(value) in {str(each) for each in (of if isinstance(of, list) else [of])}


def _write(status: int, reply: Mapping[str, Any]) -> SampleReply:
    return SampleReply(json.dumps(reply, ensure_ascii=False).encode(), status=status)
