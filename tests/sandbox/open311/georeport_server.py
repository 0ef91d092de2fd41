"""A strict GeoReport v2 server over real sockets: it has the standard's attributes, arguments and limits only.

Standard: https://wiki.open311.org/GeoReport_v2/. Where it leaves a choice, a server is built for each.
"""

from __future__ import annotations

import re
from asyncio import StreamWriter
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import parse_qsl, urlsplit
from xml.sax.saxutils import escape

import orjson

from tests.connectors.drivers.byte_server import ByteServer, ReceivedRequest, reply, serve_bytes

JURISDICTION = "city.example"
SPAN = timedelta(days=90)
MOST_ROWS = 1_000
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)")
_SEARCH = frozenset({"jurisdiction_id", "service_request_id", "service_code", "start_date", "end_date", "status"})
_SUBMISSION = frozenset(
    {
        *("jurisdiction_id", "service_code", "lat", "long", "address_string", "address_id", "email", "device_id"),
        *("account_id", "first_name", "last_name", "phone", "description", "media_url"),
    }
)
_RESOURCE = re.compile(r"/v2/(services|requests|tokens)(?:/([^/]+))?\.(json|xml)")

ServerRow = dict[str, object]


class BadArgumentError(Exception):
    """HTTP 400, with the description that the standard asks for."""


@dataclass(slots=True, kw_only=True)
class GeoReportServer:
    """The service requests of a city, and how its server treats what the standard leaves open."""

    rows: Sequence[ServerRow]
    now: datetime
    long_spans: Literal["refused", "clipped"] = "refused"
    """What happens to a period of more than 90 days."""
    unknown_arguments: Literal["refused", "ignored"] = "refused"
    oldest_first: bool = True
    """Which requests are the first 1,000."""
    most_rows: int = MOST_ROWS
    empty_status: int = 200
    """The status of a list without requests."""
    tokens: Mapping[str, str | None] = field(default_factory=dict)
    """The id of the request of each token; None while it has none."""
    gives_tokens: bool = False
    """Whether a new request gets a token in place of an id, which `number_requests` gives."""

    def number_requests(self) -> None:
        """Give every token the id of its request."""
        self.tokens = {token: token.removeprefix("t-") for token in self.tokens}

    def served(self) -> AbstractAsyncContextManager[ByteServer]:
        """Serve on a free port; the base address is `{url}/v2`."""

        async def script(asked: ReceivedRequest, writer: StreamWriter) -> None:
            writer.write(self.answer(asked))

        return serve_bytes(script)

    def answer(self, asked: ReceivedRequest) -> bytes:
        """The bytes of the reply to a request."""
        target = urlsplit(asked.target)
        resource = _RESOURCE.fullmatch(target.path)
        if asked.method == "POST" and resource is not None and resource[1] == "requests":
            return self._submit(dict(parse_qsl(asked.body.decode())), resource[3])
        if asked.method != "GET" or resource is None:
            return _write("errors", "error", [{"code": 404, "description": "not found"}], "json", 404)
        name, key, form = resource.groups()
        given = dict(parse_qsl(target.query))
        try:
            root, item, rows = self._find(name, key, given)
        except BadArgumentError as error:
            return _write("errors", "error", [{"code": 400, "description": str(error)}], form, 400)
        if not rows and (key is not None or self.empty_status != 200):
            return _write("errors", "error", [{"code": 404, "description": "not found"}], form, 404)
        return _write(root, item, rows, form, 200)

    def _submit(self, given: Mapping[str, str], form: str) -> bytes:
        """POST Service Request. The standard does not let a client name its request, so each one is new."""
        if (problem := self._find_problem(given)) is not None:
            return _write("errors", "error", [{"code": 400, "description": problem}], form, 400)
        row = build_request(len(self.rows) + 1, self.now, service_code=given["service_code"])
        self.rows = [*self.rows, {**row, "description": given.get("description", "")}]
        answer: ServerRow = {"service_request_id": row["service_request_id"], "service_notice": "", "account_id": ""}
        if self.gives_tokens:
            answer = {"token": f"t-{row['service_request_id']}"}
            self.tokens = {**self.tokens, str(answer["token"]): None}
        return _write("service_requests", "request", [answer], form, 201)

    def _find_problem(self, given: Mapping[str, str]) -> str | None:
        """Why a new request is not taken."""
        unknown = {name for name in given if not name.startswith("attribute[")} - _SUBMISSION
        if given.get("jurisdiction_id") != JURISDICTION:
            return "jurisdiction_id was not provided"
        if self.unknown_arguments == "refused" and unknown:
            return f"{min(unknown)} is no argument"
        if given.get("service_code") not in {each["service_code"] for each in SERVICES}:
            return "service_code was not found"
        has_place = {"lat", "long"} <= given.keys() or {"address_string", "address_id"} & given.keys()
        return None if has_place else "a location is required"

    def _find(self, name: str, key: str | None, given: Mapping[str, str]) -> tuple[str, str, Sequence[ServerRow]]:
        if given.get("jurisdiction_id") != JURISDICTION:
            raise BadArgumentError("jurisdiction_id was not provided")
        allowed = _SEARCH if name == "requests" and key is None else {"jurisdiction_id"}
        if self.unknown_arguments == "refused" and (unknown := given.keys() - allowed):
            raise BadArgumentError(f"{min(unknown)} is no argument")
        if name == "services":
            return "services", "service", SERVICES
        if name == "tokens":
            found: list[ServerRow] = []
            if key is not None and key in self.tokens:
                found.append({"service_request_id": self.tokens[key], "token": key})
            return "service_requests", "request", found
        rows = self._by_ids([key]) if key is not None else self._search(given)
        return "service_requests", "request", rows

    def _by_ids(self, ids: Sequence[str]) -> Sequence[ServerRow]:
        return [each for each in self.rows if str(each.get("service_request_id")) in ids]

    def _search(self, given: Mapping[str, str]) -> Sequence[ServerRow]:
        if "service_request_id" in given:
            return self._by_ids(given["service_request_id"].split(","))
        start, end = self._period(given)
        codes = given.get("service_code", "").split(",") if given.get("service_code") else None
        statuses = given["status"].split(",") if given.get("status") else ["open", "closed"]
        if not {"open", "closed"}.issuperset(statuses):
            raise BadArgumentError("status is open or closed")
        found = [
            each
            for each in self.rows
            if start <= read_moment(each["requested_datetime"]) <= end
            and (codes is None or each["service_code"] in codes)
            and each["status"] in statuses
        ]
        found.sort(key=lambda each: read_moment(each["requested_datetime"]), reverse=not self.oldest_first)
        return found[: self.most_rows]

    def _period(self, given: Mapping[str, str]) -> tuple[datetime, datetime]:
        for name in ("start_date", "end_date"):
            if name in given and not _MOMENT.fullmatch(given[name]):
                raise BadArgumentError(f"{name} is not in w3 format")
        end = read_moment(given["end_date"]) if "end_date" in given else self.now
        start = read_moment(given["start_date"]) if "start_date" in given else end - SPAN
        if end - start > SPAN:
            if self.long_spans == "refused":
                raise BadArgumentError("the period spans more than 90 days")
            start = end - SPAN
        return start, end


def read_moment(written: object) -> datetime:
    """A moment as the server writes it."""
    return datetime.fromisoformat(str(written))


SERVICES: Sequence[ServerRow] = [
    {
        "service_code": code,
        "service_name": name,
        "description": f"Reports about {name.lower()}.",
        "metadata": "false",
        "type": "realtime",
        "keywords": "lorem, ipsum, dolor",
        "group": group,
    }
    for code, name, group in (("001", "Potholes", "street"), ("002", "Litter", "sanitation"), ("003", "Trees", "parks"))
]


def build_year(now: datetime, *, count: int = 120, days: int = 365) -> Sequence[ServerRow]:
    """Service requests spread evenly over the days before `now`, newest first, with the standard's attributes."""
    return [build_request(number, now - timedelta(days=days) * (number - 1) / count) for number in range(1, count + 1)]


def build_request(number: int, requested: datetime, **changes: object) -> ServerRow:
    """A service request with all attributes of the standard."""
    service = SERVICES[number % len(SERVICES)]
    at = requested.astimezone(UTC).replace(microsecond=0)
    return {
        "service_request_id": f"{number:05}",
        "status": "closed" if number % 2 else "open",
        "status_notes": "Repaired." if number % 2 else "",
        "service_name": service["service_name"],
        "service_code": service["service_code"],
        "description": f"Report <{number}> & more",
        "agency_responsible": "Department of Streets",
        "service_notice": "",
        "requested_datetime": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "updated_datetime": f"{at + timedelta(hours=6):%Y-%m-%dT%H:%M:%SZ}",
        "expected_datetime": f"{at + timedelta(days=3):%Y-%m-%dT%H:%M:%SZ}",
        "address": f"{number} Main Street",
        "address_id": str(number),
        "zipcode": "94122",
        "lat": "-6.2",
        "long": "106.8",
        "media_url": f"https://city.example/{number}.jpg ",
        **changes,
    }


def _write(root: str, item: str, rows: Sequence[ServerRow], form: str, status: int) -> bytes:
    if form == "json":
        body = orjson.dumps(rows)
        return reply(status, body, Content_Type="application/json; charset=utf-8")
    items = "".join(
        f"<{item}>{''.join(_write_element(name, value) for name, value in each.items())}</{item}>" for each in rows
    )
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<{root}>{items}</{root}>'
    return reply(status, text.encode(), Content_Type="text/xml; charset=utf-8")


def _write_element(name: str, value: object) -> str:
    return f"<{name}/>" if value in (None, "") else f"<{name}>{escape(str(value))}</{name}>"
