"""Connectors to Open311 servers for tests: to the sandbox's complaint desk, and to servers with unusual behaviour."""

from __future__ import annotations

from asyncio import StreamWriter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from time import monotonic
from urllib.parse import parse_qsl, urlsplit

import orjson

from connectors.declared.open311.client import Open311Client
from connectors.declared.open311.complaints import ComplaintLinks, Open311Complaints
from connectors.declared.open311.tables import Open311Wire
from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.http.service import HttpLimits, HttpService
from records.calls.call import Call
from records.calls.failures import AgencyFailure
from records.clocks import CITY_TIME_ZONE
from records.complaints import Complaint
from tests.connectors.agencies.agency_servers import NoLinks
from tests.connectors.city_agencies import load_manifest
from tests.connectors.drivers.byte_server import ByteServer, ReceivedRequest, Script, reply, serve_bytes
from tests.sandbox_agencies import RunningAgency

LISTS, SEARCHES, SERVICES = (
    "GET /open311/v2/requests.json",
    "POST /open311/v2/requests/search.json",
    "GET /open311/v2/services.json",
)


def call(seconds: float = 5) -> Call:
    return Call(deadline=monotonic() + seconds, request_id="r-1")


NOW = datetime(2026, 11, 1, tzinfo=CITY_TIME_ZONE)
"""The time of the hub."""


@asynccontextmanager
async def connect(
    base: str, key: str = "kunci", *, links: ComplaintLinks | None = None, page_size: int = 500
) -> AsyncIterator[Open311Complaints]:
    """The connector to a server; with links, to one that cannot search by reporter."""
    http = HttpDriver(
        HttpService("crm", base, headers={"X-Api-Key": key}), HttpLimits(deadline=5, connections=4, max_bytes=4_000_000)
    )
    try:
        yield build_crm(http, links=links, page_size=page_size)
    finally:
        await http.close()


def build_crm(http: HttpDriver, *, links: ComplaintLinks | None = None, page_size: int = 500) -> Open311Complaints:
    """The connector of the sandbox's complaint system."""
    manifest = load_manifest("crm")
    wire = manifest.wire
    assert isinstance(wire, Open311Wire)
    extensions = wire.extensions.model_copy(update={} if links is None else {"reporter": None})
    wire = wire.model_copy(update={"max_rows": page_size, "extensions": extensions})
    service = Open311Client(http=http, wire=wire)
    return Open311Complaints(service, manifest.records, links or NoLinks(), now=lambda: NOW)


def get_base_url(agency: RunningAgency) -> str:
    return f"http://127.0.0.1:{agency.port}/open311/v2"


def ids(answer: Sequence[Complaint] | AgencyFailure | None) -> list[str]:
    assert answer is not None
    assert not isinstance(answer, AgencyFailure), answer.detail
    return [each.id for each in answer]


def row(identifier: int, requested: datetime, **extended: object) -> dict[str, object]:
    """A service request as a server writes it."""
    return {
        "service_request_id": identifier,
        "status": "open",
        "service_code": 1101,
        "requested_datetime": requested.isoformat(),
        "extended_attributes": extended,
    }


def parameters(asked: ReceivedRequest) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(asked.target).query))


def scripted(answer: Callable[[ReceivedRequest], bytes]) -> Script:
    """Answers each request with the result of the function."""

    async def script(asked: ReceivedRequest, writer: StreamWriter) -> None:
        writer.write(answer(asked))

    return script


class ListingServer:
    """A server with an unusual order of its list of requests: by time only, newest first."""

    def __init__(self, rows: list[dict[str, object]], *, end_is_within: bool = False) -> None:
        self.rows = rows
        self.end_is_within = end_is_within

    def served(self) -> AbstractAsyncContextManager[ByteServer]:
        return serve_bytes(scripted(self._answer))

    def _answer(self, asked: ReceivedRequest) -> bytes:
        given = parameters(asked)
        rows = list(self._until(given.get("end_date")))
        return reply(200, orjson.dumps(rows[: int(given["page_size"])]))

    def _until(self, end: str | None) -> Iterator[dict[str, object]]:
        for each in self.rows:
            at = datetime.fromisoformat(str(each["requested_datetime"]))
            last = datetime.fromisoformat(end) if end else at
            if at < last or (at == last and (self.end_is_within or not end)):
                yield each
