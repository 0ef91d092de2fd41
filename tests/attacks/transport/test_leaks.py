"""Leaks beside the answer: by headers, caches, other origins, redirects, errors, logs and sizes."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from auth.caller import Caller, CallerKind
from auth.tokens.development_issuer import DevelopmentIssuer
from records.hub.clients import ClientId
from tests.attacks.conftest import PRODUCTION
from tests.attacks.transport.hostile_values import TEXTS
from tests.journeys.hub import HubClient, RunningCity, build_settings, running_hub
from tests.sandbox_agencies import HOST, RunningAgency, free_port
from web.middleware.hosts import MONITORING_PATHS

SITI, DEWI = "3171014506909001", "3174055203559003"
TIMEOUT = 10
PERSONAL = {"query": "query Mine { me { nik name residence { address } } }"}
ORIGINS = (
    "null", "https://evil.example", "https://simpul.example.evil.example", "https://evilsimpul.example", "file://",
    "http://127.0.0.1", "http://127.0.0.1:8000", "http://localhost", "*", "", "https://simpul.example\x00", "data:,x",
)  # fmt: skip
"""Origins that the operator does not trust."""


async def send(hub: HubClient, method: str, path: str, headers: Mapping[str, str] | None = None, **more: Any) -> Any:  # noqa: ANN401 - what aiohttp takes and gives
    async with aiohttp.request(method, f"{hub.url}{path}", headers=headers, allow_redirects=False, **more) as response:
        await response.read()
        return response


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_personal_answer_may_not_be_cached_by_anyone(wired: HubClient, method: str) -> None:
    how: Any = {"json": PERSONAL} if method == "POST" else {"params": PERSONAL}
    own = "private, no-store" if method == "POST" else "private, no-cache"
    for caller, kept in (("siti", own), (None, "no-store"), ("rina", "no-store")):
        response = await send(wired, method, "/graphql", wired.headers(caller), **how)
        assert response.headers["Cache-Control"] == kept
        assert ("ETag" in response.headers) is (kept == "private, no-cache")
        for header in ("Last-Modified", "Expires", "Age", "Set-Cookie", "Server", "X-Powered-By", "Via"):
            assert header not in response.headers


async def test_a_cached_answer_is_useless_to_a_caller_who_may_not_read_it(wired: HubClient) -> None:
    """Only a caller who may read an answer learns that it is unchanged."""
    tag = (await send(wired, "GET", "/graphql", wired.headers("siti"), params=PERSONAL)).headers["ETag"]
    for caller, status in (("siti", 304), ("budi", 200), ("rina", 200), (None, 200)):
        headers = {**wired.headers(caller), "If-None-Match": tag}
        assert (await send(wired, "GET", "/graphql", headers, params=PERSONAL)).status == status
    forged = {"Authorization": "Bearer forged", "If-None-Match": tag}
    assert (await send(wired, "GET", "/graphql", forged, params=PERSONAL)).status == 401
    for wild in ({"If-None-Match": "*"}, {"If-None-Match": f"{tag}, *"}):
        response = await send(wired, "GET", "/graphql", {**wired.headers("rina"), **wild}, params=PERSONAL)
        assert (response.status, response.headers["Cache-Control"]) == (200, "no-store")


@pytest.mark.parametrize("path", ["/graphql", "/health/live", "/health/ready", "/v2/heartbeat", "/nothing"])
@pytest.mark.parametrize("origin", ORIGINS)
async def test_a_page_of_another_origin_cannot_read_answers(wired: HubClient, path: str, origin: str) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    try:
        for method, headers in (("GET", {}), ("POST", {}), ("OPTIONS", asked)):
            response = await send(wired, method, path, {"Origin": origin, **headers, **wired.headers("siti")})
            assert not [name for name in response.headers if name.lower().startswith("access-control-")]
            assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    except ValueError:  # the test's client refuses to send such a header
        assert "\0" in origin


@pytest.mark.parametrize("origin", ORIGINS)
async def test_with_one_trusted_origin_no_other_is_trusted(wired_for_one: HubClient, origin: str) -> None:
    try:
        response = await send(wired_for_one, "POST", "/graphql", {"Origin": origin}, json=PERSONAL)
    except ValueError:
        return
    assert "Access-Control-Allow-Origin" not in response.headers
    assert "Access-Control-Allow-Credentials" not in response.headers
    trusted = await send(wired_for_one, "POST", "/graphql", {"Origin": "https://simpul.example"}, json=PERSONAL)
    assert trusted.headers["Access-Control-Allow-Origin"] == "https://simpul.example"
    assert "Access-Control-Allow-Credentials" not in trusted.headers


@pytest.fixture(scope="module")
async def wired_for_one(
    city: RunningCity, state_url: str, city_issuer: DevelopmentIssuer, hub_folder: Path
) -> AsyncIterator[HubClient]:
    """A hub with one trusted origin and GraphiQL."""
    settings = build_settings(
        city,
        state_url=state_url,
        issuer=city_issuer,
        folder=hub_folder,
        **PRODUCTION,
        graphiql="on",
        allowed_origins="https://simpul.example",
    )
    async with running_hub(settings, city_issuer) as running:
        yield running


@pytest.mark.parametrize(
    "path",
    [
        "/graphql/",
        "/graphql//evil.example",
        "//evil.example/graphql/",
        "/graphql/?next=https://evil.example",
        "/graphql/%0d%0aLocation:%20https://evil.example",
        "/\\evil.example",
        "/graphiql/..%2f..%2f",
        "/graphiql/assets/x/../../../../etc/passwd",
        "/graphiql/assets/%2e%2e/%2e%2e/settings.py",
        "/graphiql/assets/x/..%2finit.js",
        "/graphiql/assets/..%5c..%5csettings.py/init.js",
        "/graphiql/people.json",
        "/graphiql/assets//init.js",
        "/.env",
        "/.git/config",
        "/schema/schema.graphql",
        "/openapi.json",
        "/docs",
        "/metrics",
        "/admin",
        "/debug",
    ],
)
async def test_no_path_redirects_or_serves_a_file(wired_for_one: HubClient, path: str) -> None:
    for host in (None, "evil.example"):
        headers = {} if host is None else {"Host": host}
        async with aiohttp.ClientSession() as session:
            url = wired_for_one.url + path
            async with session.get(URL(url, encoded=True), headers=headers, allow_redirects=False) as response:
                shown = await response.text()
        # Probes may use any host name (`web/middleware/hosts.py`); metrics are off here.
        assert response.status == (404 if host is None or path in MONITORING_PATHS else 421)
        assert "Location" not in response.headers
        assert "root:" not in shown
        assert "SIMPUL_" not in shown


@pytest.mark.parametrize("mode", ["error", "rubbish", "refuse", "slow"])
@pytest.mark.parametrize("name", ["dukcapil", "jakpreneur", "pbb", "crm", "pangan"])
async def test_an_error_names_a_failing_agency_and_nothing_else_about_it(
    hub_with_short_timeout: HubClient, city: RunningCity, name: str, mode: str
) -> None:
    agency = city.agencies[name]
    query = (
        "{ me { name household { familyCardNumber } taxObjects { nop } msmes { name } complaints { number } }"
        " markets { name } complaintCategories { name } }"
    )
    if name == "jakpreneur" and not city.counts_msmes:
        pytest.skip("an SQLite file knows no modes")
    with agency.in_mode(mode):
        answer = await hub_with_short_timeout.ask(query, caller="siti")
    assert answer.status == 200
    shown = json.dumps(answer.body.get("errors", []))
    assert re.search(f'"agency": "{name}"', shown)
    for secret in list_secrets(agency):
        assert secret not in shown
    assert re.search(r"\d{10}|127\.0\.0\.1|Traceback|\.py|SELECT|soap|postgres|mysql|asyncpg|select ", shown) is None


def list_secrets(agency: RunningAgency) -> tuple[str, ...]:
    return (str(agency.port), agency.secret, agency.user + ":", str(agency.state))


@pytest.fixture(scope="module")
async def hub_with_short_timeout(
    city: RunningCity, state_url: str, city_issuer: DevelopmentIssuer, hub_folder: Path
) -> AsyncIterator[HubClient]:
    """A hub with a short timeout for agencies."""
    settings = build_settings(
        city, state_url=state_url, issuer=city_issuer, folder=hub_folder, **PRODUCTION, agency_timeout=1.0
    )
    async with running_hub(settings, city_issuer) as running:
        yield running


async def test_readiness_names_agencies_and_no_addresses(wired: HubClient) -> None:
    shown = json.dumps((await wired.get("/health/ready")).body)
    assert re.search(r"127\.0\.0\.1|postgres|://|\d{4,}", shown) is None


def access_lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "simpul.access"]


LINE_BREAKERS = [text for text in TEXTS if len(text) < 200]


async def test_a_log_entry_is_one_line_and_identifies_no_person(
    wired: HubClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Hostile text as request id, path, method, operation name, user agent, in a document and in a token."""
    caplog.set_level(logging.DEBUG, logger="simpul")
    caplog.set_level(logging.INFO)
    forged = "2026-11-25 00:00:00 INFO simpul.access GET /graphql 200"
    for text in (*LINE_BREAKERS, f"x\n{forged}"):
        headers = {"X-Request-Id": text, "User-Agent": text, "X-Case": text, "Authorization": f"Bearer {text}"}
        sendable = {name: value for name, value in headers.items() if re.fullmatch(r"[\x20-\x7e]*", value)}
        await send(wired, "POST", "/graphql", sendable, json={"query": text, "operationName": text})
        await send(wired, "GET", "/graphql", params={"query": text})
        await wired.post({"query": "query A { me { name } }", "variables": {"a": text}}, caller="siti")
    partner = Caller(kind=CallerKind.PARTNER, client=ClientId.from_stored(f"development/bank\n{forged}"))
    await wired.post({"query": "{ __typename }"}, caller=partner)
    token = wired.headers("siti")["Authorization"].removeprefix("Bearer ")
    async with asyncio.timeout(TIMEOUT):  # lines of the request log are written one after another
        while sum(line.count("\n") + 1 for line in access_lines(caplog)) < 3 * len(LINE_BREAKERS):  # noqa: ASYNC110 - a log sets no event
            await asyncio.sleep(0.02)
    for record in caplog.records:
        line = record.getMessage()
        if record.name == "simpul.access":
            assert all(LINE.fullmatch(each) for each in line.split("\n")), line
        assert forged not in line
        assert token not in line
        assert "\x1b" not in line
        assert re.search(r"(?<![0-9a-f])\d{16}(?![0-9a-f])", line) is None, line


LINE = re.compile(r"[A-Z]+ (/[a-z0-9/]*|\(no such path\)) \d{3} \d+\.\d ms [A-Za-z0-9._-]{8,64}")


async def test_only_a_valid_request_id_is_returned(wired: HubClient) -> None:
    for text in LINE_BREAKERS:
        if re.fullmatch(r"[\x20-\x7e]*", text):
            response = await send(wired, "POST", "/graphql", {"X-Request-Id": text}, json={"query": "{ __typename }"})
            assert re.fullmatch(r"[0-9a-f]{32}", response.headers["X-Request-Id"]) or len(text.strip()) >= 8


def reader(case: str) -> Caller:
    return Caller(kind=CallerKind.OFFICIAL, agency="dukcapil", purpose="CIVIL_REGISTRATION", case=case)


async def test_a_person_sees_only_purpose_and_case_of_a_readers_text(wired: HubClient) -> None:
    query = {"query": f'query YouWonAPrize {{ a: citizen(nik: "{DEWI}") {{ b: name }} }}'}
    assert (await wired.post(query, caller=reader("AB/1 2026"))).errors == []
    answer = await wired.ask("{ me { accessLog(first: 1) { nodes { text reader purpose } } } }", caller="dewi")
    assert answer.data["me"]["accessLog"]["nodes"] == [
        {
            "text": "An official of the population register (Dukcapil) read your identity, which came from the"
            " population register (Dukcapil). Purpose: CIVIL_REGISTRATION, case AB/1 2026."
            " Legal basis: a task of the city in the public interest (UU PDP, article 20 (2) e).",
            "reader": "An official of the population register (Dukcapil)",
            "purpose": "CIVIL_REGISTRATION",
        }
    ]


@pytest.mark.parametrize("case", ["https://evil.example/prize", "//evil.example", "AB/1 http://evil.example"])
async def test_a_case_cannot_be_a_web_address(wired: HubClient, case: str) -> None:
    query = {"query": f'{{ citizen(nik: "{DEWI}") {{ name }} }}'}
    by_token = await wired.post(query, caller=reader(case))
    stated = Caller(kind=CallerKind.OFFICIAL, agency="dukcapil", purpose="SUBJECT_REQUEST")
    by_header = await wired.post(query, caller=stated, headers={"X-Case": case})
    assert [(each.data, each.errors) for each in (by_token, by_header)] == [
        (None, [("", "UNAUTHENTICATED")]),
        (None, [("", "BAD_REQUEST")]),
    ]


async def test_a_refusal_has_the_same_size_for_every_person(wired: HubClient) -> None:
    sizes = set()
    for nik in (DEWI, "3171021708889002", "3174055203550099", "9999011212900001"):
        response = await send(
            wired,
            "POST",
            "/graphql",
            wired.headers("siti"),
            json={"query": f'{{ citizen(nik: "{nik}") {{ name }} }}'},
        )
        sizes.add((response.status, response.headers["Content-Length"]))
    assert len(sizes) == 1


async def test_a_closed_port_is_reported_like_any_agency_that_is_down(
    city: RunningCity, state_url: str, city_issuer: DevelopmentIssuer, hub_folder: Path
) -> None:
    port = free_port()
    settings = build_settings(
        city,
        state_url=state_url,
        issuer=city_issuer,
        folder=hub_folder,
        **PRODUCTION,
        variables={
            "SIMPUL_CRM_URL": f"http://{HOST}:{port}/geheim",
            "SIMPUL_DUKCAPIL_URL": f"postgresql://tuan:rahasia-sekali@{HOST}:{port}/siak",
        },
    )
    async with running_hub(settings, city_issuer) as hub:
        answer = await hub.ask("{ me { name } complaintCategories { name } }", caller="siti")
        shown = json.dumps(answer.body) + json.dumps((await hub.get("/health/ready")).body)
    assert {code for _, code in answer.errors} == {"AGENCY_UNAVAILABLE"}
    for secret in (str(port), HOST, "geheim", "tuan", "rahasia", "siak"):
        assert secret not in shown
