"""An open data portal that answers `datastore_search` as CKAN 2.12 does."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from tests.connectors.drivers.byte_server import ReceivedRequest, reply

_HELP = "http://data.example/api/3/action/help_show?name=datastore_search"


@dataclass(slots=True)
class Portal:
    """One resource of the datastore, whose first column is `_id`."""

    resource: str
    rows: Sequence[dict[str, Any]]
    rows_max: int = 32_000
    """Maximum rows of a reply, whatever the limit of the request is."""
    calls: list[dict[str, Any]] = field(default_factory=list)
    """The parameters of each call."""

    async def answer(self, asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        if (asked.method, asked.target) != ("POST", "/api/3/action/datastore_search"):
            writer.write(reply(404, b"<!DOCTYPE html>"))
            return
        given = orjson.loads(asked.body)
        self.calls.append(given)
        columns = ["_id", *(name for name in self.rows[0] if name != "_id")]
        unknown = sorted({*given.get("filters", {}), *given.get("fields", [])} - set(columns))
        if given["resource_id"] != self.resource:
            error: dict[str, Any] = {
                "__type": "Not Found Error",
                "message": 'Not found: Resource "nope" was not found.',
            }
            writer.write(_write(404, {"success": False, "error": error}))
        elif unknown:
            error = {"__type": "Validation Error", "fields": [f'field "{unknown[0]}" not in table']}
            writer.write(_write(409, {"success": False, "error": error}))
        else:
            writer.write(_write(200, {"success": True, "result": self._search(given)}))

    def _search(self, given: dict[str, Any]) -> dict[str, Any]:
        found = [
            each for each in self.rows if all(_matches(each[name], of) for name, of in given.get("filters", {}).items())
        ]
        for name, direction in reversed(re.findall(r'(?:^|, )"?([^",]+?)"?( desc)?(?=,|$)', given["sort"])):
            found.sort(key=lambda each: each[name], reverse=bool(direction))
        limit, offset = min(given["limit"], self.rows_max), given["offset"]
        wanted = given.get("fields") or list(self.rows[0])
        records = [{name: each[name] for name in wanted} for each in found[offset : offset + limit]]
        return {
            "include_total": True,
            "limit": limit,
            "offset": offset,
            "records_format": "objects",
            "resource_id": self.resource,
            "records": records,
            "fields": [{"id": name, "type": "text"} for name in wanted],
            "total": len(found),
        }


def _matches(value: object, of: object) -> bool:
    return value in of if isinstance(of, list) else value == of


def _write(status: int, value: dict[str, Any]) -> bytes:
    return reply(status, orjson.dumps({"help": _HELP, **value}))
