"""The Data Tracker's three endpoints, checked by the OpenAPI document of the Estonian Information System Authority.

`data_tracker.openapi.yaml` is that document as published (MIT licence, named inside).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from auth.caller import ANONYMOUS, Caller, CallerKind
from auth.tokens.authentication_errors import Unauthenticated
from records.calls.call import Call
from records.hub.clients import ClientId
from records.hub.usages import Usage, UsagePage, UsageQuery
from records.identifiers import Nik
from tests.fakes.clients import build_client
from tests.web.conftest import serve_application
from tests.web.endpoints.openapi import find_faults, get_answer_schema, get_parameters, read_yaml
from tests.web.rate_limits.limited_server import build_limits
from tests.web.small_graph import SmallGraph, ready
from web.application import build_web_application
from web.authentication import RequestAuthenticator
from web.endpoints.data_tracker import DataTracker
from web.middleware.entity_tags import EntityTags
from web.rate_limits.caller_limiter import NO_LIMITER, CallerLimiter
from web.settings import WebSettings
from web.web_parts import WebParts

DOCUMENT = read_yaml((Path(__file__).parent / "data_tracker.openapi.yaml").read_text(encoding="utf-8"))
SITI = Nik("3171014506900001")
NOON = datetime(2026, 11, 23, 12, 0, 0, 120_000, tzinfo=UTC)
USAGE = Usage(
    at=NOON,
    action="An official read your identity.",
    receiver_code="dukcapil",
    receiver_name="Population register (Dukcapil)",
    receiver_system="Simpul",
)
PORTAL = Caller(kind=CallerKind.PARTNER, client=build_client("portal"), subject="portal")
SOMEBODY = {"userCode": SITI}
ASKING = {"Authorization": "Bearer portal", "X-Road-UserId": f"ID{SITI}"}


class FakeUsages:
    """Records its queries."""

    def __init__(self) -> None:
        self.queries: list[tuple[UsageQuery, Caller]] = []
        self.period_start: datetime | None = NOON
        self.is_broken = False

    async def find_usages(self, query: UsageQuery, caller: Caller, call: Call) -> UsagePage:
        assert call.request_id
        self.queries.append((query, caller))
        if self.is_broken:
            raise ConnectionError("no database at 10.0.0.1")
        return UsagePage(total=7, usages=(USAGE, USAGE))

    async def get_start(self) -> datetime | None:
        if self.is_broken:
            raise ConnectionError("no database at 10.0.0.1")
        return self.period_start


class TrackerClient:
    """A client of the endpoints, and their usages."""

    def __init__(self, ledger: FakeUsages, http: aiohttp.ClientSession) -> None:
        self.ledger = ledger
        self._http = http

    async def get(
        self,
        path: str,
        params: Mapping[str, str] | Sequence[tuple[str, str]] | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, Any]:
        async with self._http.get(path, params=params, headers=ASKING if headers is None else headers) as response:
            return response.status, await response.json()


def authenticate(authorization: str | None, _certificate: str | None) -> Caller:
    match authorization:
        case None:
            return ANONYMOUS
        case "Bearer portal":
            return PORTAL
        case "Bearer other" | "Bearer portal of another issuer":
            client = build_client("other") if authorization.endswith("other") else ClientId("bank", "portal")
            return replace(PORTAL, client=client)
        case "Bearer siti":
            return Caller(kind=CallerKind.CITIZEN, first_party=True, nik=SITI)
        case "Bearer visitor":
            return Caller(kind=CallerKind.CITIZEN, first_party=True, nik=SITI, client=build_client("portal"))
        case "Bearer clerk":
            return Caller(kind=CallerKind.OFFICIAL, agency="dukcapil", client=build_client("portal"), subject="clerk")
        case _:
            raise Unauthenticated("The token is unknown. Get a new one.")


@asynccontextmanager
async def serve_tracker(caller_limiter: CallerLimiter = NO_LIMITER) -> AsyncIterator[TrackerClient]:
    ledger = FakeUsages()
    authenticator = RequestAuthenticator(authenticate, WebSettings(), caller_limiter=caller_limiter)
    endpoints = DataTracker(ledger, client=build_client("portal"), authenticator=authenticator)
    async with serve_application(
        WebSettings(), authenticate=authenticate, caller_limiter=caller_limiter, endpoints=[endpoints]
    ) as served:
        yield TrackerClient(ledger, served.http)


@pytest.fixture
async def tracker() -> AsyncIterator[TrackerClient]:
    async with serve_tracker() as asked:
        yield asked


async def test_the_client_is_limited_by_its_token_and_anonymous_callers_by_address() -> None:
    limits = build_limits("partner:2/1000", "agency-system:2/1000", "anonymous:3/1000")
    async with serve_tracker(limits.caller_limiter) as asked:
        statuses = [(await asked.get("/v2/usagePeriod"))[0] for _ in range(3)]
        assert statuses == [200, 200, 429]
        assert (await asked.get("/v2/usagePeriod"))[1]["errors"][0]["extensions"] == {"code": "RATE_LIMITED"}
        assert [(await asked.get("/v2/usagePeriod", headers={}))[0] for _ in range(4)] == [401, 401, 401, 429]


def test_the_document_is_parsed_completely() -> None:
    assert sorted(DOCUMENT["paths"]) == ["/v2/findUsage", "/v2/heartbeat", "/v2/usagePeriod"]
    assert DOCUMENT["info"]["version"] == "2.1.0"
    assert [each["name"] for each in get_parameters(DOCUMENT, "/v2/findUsage")] == [
        "X-Road-UserId",
        "userCode",
        "periodStart",
        "periodEnd",
        "offset",
        "limit",
    ]


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ({"totalUsages": "7", "usages": []}, ".totalUsages is no integer"),
        ({"totalUsages": 2**31, "usages": []}, ".totalUsages is no int32"),
        ({"usages": [{"action": "a", "receiverCode": "b", "receiverSystem": "c"}]}, ".usages[0].logtime is missing"),
        (
            {"usages": [{"logtime": "2026-11-23 12:00", "action": "a", "receiverCode": "b", "receiverSystem": "c"}]},
            ".usages[0].logtime is no date-time",
        ),
        ({"usages": [], "more": 1}, ".more is not named"),
    ],
)
def test_violations_of_the_document_are_found(value: Any, fault: str) -> None:  # noqa: ANN401 - JSON
    assert list(find_faults(DOCUMENT, get_answer_schema(DOCUMENT, "/v2/findUsage"), value)) == [fault]


@pytest.mark.parametrize("path", sorted(DOCUMENT["paths"]))
async def test_a_response_fits_the_document(tracker: TrackerClient, path: str) -> None:
    status, body = await tracker.get(path, SOMEBODY if path == "/v2/findUsage" else None)
    assert status == 200
    assert list(find_faults(DOCUMENT, get_answer_schema(DOCUMENT, path), body)) == []


async def test_usages_have_the_form_of_the_document(tracker: TrackerClient) -> None:
    usage = {
        "logtime": "2026-11-23T12:00:00.120000Z",
        "action": "An official read your identity.",
        "receiverCode": "dukcapil",
        "receiverName": "Population register (Dukcapil)",
        "receiverSystem": "Simpul",
    }
    assert await tracker.get("/v2/findUsage", SOMEBODY) == (200, {"totalUsages": 7, "usages": [usage, usage]})
    assert await tracker.get("/v2/usagePeriod") == (200, {"periodStart": "2026-11-23T12:00:00.120000Z"})
    assert await tracker.get("/v2/heartbeat") == (200, {"status": "OK", "message": "The access ledger can be read."})


async def test_omitted_parameters_have_the_defaults_of_the_document(tracker: TrackerClient) -> None:
    await tracker.get("/v2/findUsage", SOMEBODY)
    defaults = {each["name"]: each["schema"].get("default") for each in get_parameters(DOCUMENT, "/v2/findUsage")}
    assert tracker.ledger.queries == [
        (UsageQuery(subject=SITI, offset=defaults["offset"], limit=defaults["limit"]), PORTAL)
    ]


async def test_every_parameter_is_used(tracker: TrackerClient) -> None:
    given = {
        "userCode": f"ID{SITI}",
        "periodStart": "2021-01-31T10:20:30Z",
        "periodEnd": "2021-01-31T10:20:30.5+07:00",
        "offset": "20",
        "limit": "10",
    }
    assert (await tracker.get("/v2/findUsage", given))[0] == 200
    ((query, _),) = tracker.ledger.queries
    assert query == UsageQuery(
        subject=SITI,
        start=datetime(2021, 1, 31, 10, 20, 30, tzinfo=UTC),
        end=datetime(2021, 1, 31, 3, 20, 30, 500_000, tzinfo=UTC),
        offset=20,
        limit=10,
    )


async def test_a_page_holds_at_most_a_thousand_usages(tracker: TrackerClient) -> None:
    await tracker.get("/v2/findUsage", {**SOMEBODY, "limit": "5000"})
    assert tracker.ledger.queries[0][0].limit == 1000


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ([], "The parameter userCode is not a NIK: send 16 digits, or 'ID' and 16 digits."),
        (
            [("userCode", "EE12345678901")],
            "The parameter userCode is not a NIK: send 16 digits, or 'ID' and 16 digits.",
        ),
        ([("userCode", SITI), ("userCode", SITI)], "A parameter is repeated. Send each once."),
        (
            [("userCode", SITI), ("periodStart", "2021-01-31T10:20:30")],
            "The parameter periodStart is not a time with a zone, such as 2026-11-24T10:20:30Z.",
        ),
        (
            [("userCode", SITI), ("periodEnd", "0001-01-01T00:00:00+14:00")],
            "The parameter periodEnd is not a time with a zone, such as 2026-11-24T10:20:30Z.",
        ),
        ([("userCode", SITI), ("offset", "-1")], "The parameter offset is not a whole number from 0 to 2147483647."),
        (
            [("userCode", SITI), ("limit", "2147483648")],
            "The parameter limit is not a whole number from 0 to 2147483647.",
        ),
    ],
)
async def test_invalid_parameters_are_refused(
    tracker: TrackerClient, params: list[tuple[str, str]], message: str
) -> None:
    assert await tracker.get("/v2/findUsage", params) == (
        400,
        {"errors": [{"message": message, "extensions": {"code": "BAD_REQUEST"}}]},
    )
    assert tracker.ledger.queries == []


async def test_the_user_header_is_required(tracker: TrackerClient) -> None:
    status, _ = await tracker.get("/v2/findUsage", SOMEBODY, {"Authorization": "Bearer portal"})
    assert (status, tracker.ledger.queries) == (400, [])


@pytest.mark.parametrize("path", sorted(DOCUMENT["paths"]))
@pytest.mark.parametrize(
    ("token", "status"),
    [
        (None, 401),
        ("Bearer nobody", 401),
        ("Bearer siti", 401),
        ("Bearer other", 403),
        ("Bearer portal of another issuer", 403),
    ],
)
async def test_only_the_one_client_gets_an_answer(
    tracker: TrackerClient, path: str, token: str | None, status: int
) -> None:
    headers = {"X-Road-UserId": SITI} | ({"Authorization": token} if token else {})
    response_status, body = await tracker.get(path, SOMEBODY, headers)
    assert (response_status, list(body), tracker.ledger.queries) == (status, ["errors"], [])


@pytest.mark.parametrize("path", sorted(DOCUMENT["paths"]))
@pytest.mark.parametrize("token", ["visitor", "clerk"])
async def test_people_who_signed_in_by_the_clients_application_are_not_the_client(
    tracker: TrackerClient, path: str, token: str
) -> None:
    response_status, body = await tracker.get(
        path, SOMEBODY, {"X-Road-UserId": SITI, "Authorization": f"Bearer {token}"}
    )
    assert (response_status, body["errors"][0]["extensions"]["code"], tracker.ledger.queries) == (403, "FORBIDDEN", [])


async def test_an_unreadable_ledger_is_reported_without_its_address(tracker: TrackerClient) -> None:
    tracker.ledger.is_broken = True
    status, body = await tracker.get("/v2/findUsage", SOMEBODY)
    assert status == 500
    assert "10.0.0.1" not in str(body)
    status, body = await tracker.get("/v2/heartbeat")
    assert (status, body) == (200, {"status": "FAIL", "message": "The access ledger cannot be read."})
    assert list(find_faults(DOCUMENT, get_answer_schema(DOCUMENT, "/v2/heartbeat"), body)) == []


async def test_before_the_first_entry_the_period_begins_now(tracker: TrackerClient) -> None:
    tracker.ledger.period_start = None
    before = datetime.now(UTC)
    _, body = await tracker.get("/v2/usagePeriod")
    assert before <= datetime.fromisoformat(body["periodStart"]) <= datetime.now(UTC)


async def test_without_a_client_there_is_no_such_path() -> None:
    application = build_web_application(
        WebParts(
            execute=SmallGraph().execute,
            authenticate=authenticate,
            ready=ready,
            settings=WebSettings(),
            entity_tags=EntityTags(b"s" * 32),
        )
    )
    assert [path for path in application.paths if path.startswith("/v2")] == []
