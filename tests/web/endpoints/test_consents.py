"""Partners' servers request consents over HTTP: allowed requests, and the texts of refusals."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from auth.caller import ANONYMOUS, Caller, CallerKind
from auth.tokens.authentication_errors import Unauthenticated
from records.hub.operations import ClientContract, OperationMode
from records.purposes import Purpose, Scope
from schema.tools.consent_preview import grants_anything
from schema.tools.document_fields import list_coordinates
from services.consents.partner_consents import ConsentRules, PartnerConsents
from store.consents import consent_requests as requests_module
from store.consents.consent_tables import ConsentTables, build_consent_tables
from store.database import create_database_engine
from tests.fakes.city import build_policy
from tests.fakes.clients import build_client
from tests.fakes.small_hub import build_city_schema
from tests.journeys.partner import RETURNS, contract, partner, wanted
from tests.sandbox_agencies import HOST, free_port
from tests.store.consents.consent_steps import SEALED_SITI, build_evidence, open_request
from tests.web.conftest import serve_application
from tests.web.rate_limits.limited_server import build_limits
from web.authentication import RequestAuthenticator
from web.endpoints.consents import ConsentEndpoints
from web.rate_limits.caller_limiter import NO_LIMITER, CallerLimiter
from web.settings import WebSettings

CALLERS = {
    "Bearer bank": partner(),
    "Bearer shop": partner("shop"),
    "Bearer siti": Caller(kind=CallerKind.CITIZEN, first_party=True, nik=SEALED_SITI.nik),
    "Bearer system": Caller(kind=CallerKind.AGENCY_SYSTEM, agency="crm", client=build_client("crm-dispatch")),
}
BANK, SHOP = {"Authorization": "Bearer bank"}, {"Authorization": "Bearer shop"}


def authenticate(authorization: str | None, _certificate: str | None) -> Caller:
    if authorization is None:
        return ANONYMOUS
    try:
        return CALLERS[authorization]
    except KeyError:
        raise Unauthenticated("The token is unknown. Get a new one.") from None


class ConsentServer:
    """The endpoints on a real port, over a real database."""

    def __init__(self, http: aiohttp.ClientSession, tables: ConsentTables) -> None:
        self.tables = tables
        self._http = http

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,  # noqa: ANN401 - JSON
        headers: dict[str, str] | None = None,
        **more: Any,  # noqa: ANN401 - what aiohttp takes
    ) -> tuple[int, Any, dict[str, str]]:
        sent = {} if body is None else {"json": body}
        given = BANK if headers is None else headers
        async with self._http.request(method, path, headers=given, **sent, **more) as response:
            return response.status, await response.json(), {k.lower(): v for k, v in response.headers.items()}

    async def create_request(self) -> str:
        status, body, _ = await self.call("POST", "/consent/requests", wanted())
        assert status == 201
        id_: str = body["id"]
        return id_


@asynccontextmanager
async def serve_consents(
    engine: AsyncEngine, *, development: bool = False, caller_limiter: CallerLimiter = NO_LIMITER
) -> AsyncIterator[ConsentServer]:
    tables = build_consent_tables(engine)
    partners = PartnerConsents(
        requests=tables.requests,
        consents=tables.consents,
        registry=tables.registry,
        rules=ConsentRules(
            policy=build_policy(),
            scope_check=grants_anything,
            graph_fields=list_coordinates(build_city_schema()),
            answer_within=timedelta(hours=1),
            development=development,
        ),
    )
    endpoints = ConsentEndpoints(
        partners,
        authenticator=RequestAuthenticator(authenticate, WebSettings(), caller_limiter=caller_limiter),
        public_url="https://hub.example/",
    )
    async with serve_application(
        WebSettings(), authenticate=authenticate, caller_limiter=caller_limiter, endpoints=[endpoints]
    ) as served:
        yield ConsentServer(served.http, tables)


async def publish_contract(engine: AsyncEngine, terms: ClientContract) -> None:
    await build_consent_tables(engine).registry.publish(terms, [], by="tests")


@pytest.fixture
async def hub(migrated: AsyncEngine) -> AsyncIterator[ConsentServer]:
    terms = contract()
    await publish_contract(migrated, replace(terms, mode=OperationMode.OFF))
    async with serve_consents(migrated) as served:
        yield served


async def test_a_new_request_returns_the_address_for_the_person(hub: ConsentServer) -> None:
    status, body, headers = await hub.call("POST", "/consent/requests", wanted())
    assert status == 201
    assert body["url"] == f"https://hub.example/consent/{body['id']}"
    assert headers["location"] == f"/consent/requests/{body['id']}"
    assert headers["cache-control"] == "no-store"
    assert len(body["id"]) == 32
    assert datetime.fromisoformat(body["answer_by"]).tzinfo is not None


async def test_only_the_partner_that_asked_sees_the_outcome(hub: ConsentServer) -> None:
    id_ = await hub.create_request()
    path = f"/consent/requests/{id_}"
    status, body, _ = await hub.call("GET", path)
    assert (status, body["answer"], body["consent"]) == (200, "waiting", None)
    assert await open_request(hub.tables.requests, SEALED_SITI, id_)
    assert (await hub.call("GET", path))[1][
        "answer"
    ] == "waiting"  # the partner does not learn whether a person opened it
    await hub.tables.requests.grant(SEALED_SITI, id_, {Scope.TAX}, build_evidence)
    status, body, _ = await hub.call("GET", path)
    assert (body["answer"], body["consent"]["state"], body["consent"]["scopes"]) == ("granted", "granted", ["tax"])
    for other in (path, f"/consent/requests/{'0' * 32}", "/consent/requests/%00", "/consent/requests/x'or'1"):
        status, body, _ = await hub.call("GET", other, headers=SHOP)
        assert (status, body["errors"][0]["extensions"]["code"]) == (404, "NOT_FOUND")
        assert body["errors"][0]["message"] == "This client has no request with this id."
    assert SEALED_SITI.nik not in str(body)


async def test_only_the_partner_with_the_consent_can_give_it_back(hub: ConsentServer) -> None:
    id_ = await hub.create_request()
    await open_request(hub.tables.requests, SEALED_SITI, id_)
    _, consent = await hub.tables.requests.grant(SEALED_SITI, id_, {Scope.TAX}, build_evidence)
    for headers, path in ((SHOP, consent.id), (BANK, "0" * 32), (BANK, id_), (BANK, "%0d%0a")):
        status, body, _ = await hub.call("DELETE", f"/consents/{path}", headers=headers)
        assert (status, body["errors"][0]["extensions"]["code"]) == (404, "NOT_FOUND")
    for _ in range(2):
        status, body, _ = await hub.call("DELETE", f"/consents/{consent.id}")
        assert (status, body["id"], body["state"]) == (200, consent.id, "returned")


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 401, "UNAUTHENTICATED"),
        ({"Authorization": "Bearer nobody"}, 401, "UNAUTHENTICATED"),
        ({"Authorization": "Bearer siti"}, 403, "FORBIDDEN"),
        ({"Authorization": "Bearer system"}, 403, "FORBIDDEN"),
        (SHOP, 403, "CONSENT_NOT_AGREED"),
    ],
)
async def test_only_partners_with_consent_terms_can_create_requests(
    hub: ConsentServer, headers: dict[str, str], status: int, code: str
) -> None:
    found, body, _ = await hub.call("POST", "/consent/requests", wanted(), headers=headers)
    assert (found, body["errors"][0]["extensions"]["code"]) == (status, code)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"more": 1}, "The body has an unknown member."),
        ({"scopes": None}, "'scopes' must be a list of tax, msmes, education, immunizations, coverage, identity."),
        ({"scopes": []}, "'scopes' must be a list of"),
        ({"scopes": "tax"}, "'scopes' must be a list of"),
        ({"scopes": [1]}, "'scopes' must be a list of"),
        ({"scopes": ["tax", "tax"]}, "'scopes' contains an unknown or duplicate scope."),
        ({"scopes": ["TAX"]}, "'scopes' contains an unknown or duplicate scope."),
        ({"scopes": ["population"]}, "'scopes' contains an unknown or duplicate scope."),
        ({"purpose": None}, "'purpose' must be one of CIVIL_REGISTRATION,"),
        ({"purpose": "curious"}, "'purpose' must be one of CIVIL_REGISTRATION,"),
        ({"lasts": None}, "'lasts' must be the duration of the consent in days"),
        ({"lasts": 0}, "'lasts' must be the duration of the consent in days"),
        ({"lasts": 1.5}, "'lasts' must be the duration of the consent in days"),
        ({"lasts": True}, "'lasts' must be the duration of the consent in days"),
        ({"redirect_uri": None}, "'redirect_uri' must be one of the contract's addresses."),
        ({"state": 1}, "'state' must be at most 500 printable ASCII characters."),
        ({"state": "x" * 501}, "'state' must be at most 500 printable ASCII characters."),
        ({"state": "a\r\nSet-Cookie: b"}, "'state' must be at most 500 printable ASCII characters."),
        ({"state": "ä"}, "'state' must be at most 500 printable ASCII characters."),
    ],
)
async def test_an_invalid_request_is_refused_with_the_name_of_the_member(
    hub: ConsentServer, given: dict[str, Any], says: str
) -> None:
    status, body, _ = await hub.call("POST", "/consent/requests", wanted(**given))
    assert (status, body["errors"][0]["extensions"]["code"]) == (400, "BAD_REQUEST")
    assert body["errors"][0]["message"].startswith(says)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"redirect_uri": f"{RETURNS}/"}, "'redirect_uri' is not in the contract."),
        ({"redirect_uri": RETURNS.upper()}, "'redirect_uri' is not in the contract."),
        ({"redirect_uri": RETURNS.partition("?")[0]}, "'redirect_uri' is not in the contract."),
        ({"redirect_uri": f"{RETURNS}&more=1"}, "'redirect_uri' is not in the contract."),
        ({"redirect_uri": f"https://evil.example/{RETURNS}"}, "'redirect_uri' is not in the contract."),
        ({"redirect_uri": RETURNS.replace("bank.example", "bank.example@evil.example")}, "'redirect_uri' is not in"),
        ({"redirect_uri": f"{RETURNS}\r\nLocation: https://evil.example"}, "'redirect_uri' is not in the contract."),
        ({"purpose": "IDENTITY_VERIFICATION"}, "'purpose' is IDENTITY_VERIFICATION; the contract allows"),
        ({"purpose": "TAX_ASSESSMENT"}, "'purpose' is TAX_ASSESSMENT; the contract allows"),
        ({"lasts": 91}, "'lasts' is 91 days; the contract allows 90 at most."),
        ({"lasts": 10**12}, "'lasts' is 1000000000000 days; the contract allows 90 at most."),
        ({"scopes": ["msmes"], "purpose": "PAYMENT"}, "'scopes' holds 'msmes', of which the client reads nothing for"),
    ],
)
async def test_a_request_beyond_the_contract_is_refused_with_the_reason(
    hub: ConsentServer, given: dict[str, Any], says: str
) -> None:
    status, body, _ = await hub.call("POST", "/consent/requests", wanted(**given))
    assert (status, body["errors"][0]["extensions"]["code"]) == (403, "CONSENT_NOT_AGREED")
    assert body["errors"][0]["message"].startswith(says)


async def test_a_contract_purpose_that_the_city_does_not_allow_partners_is_refused(
    hub: ConsentServer, migrated: AsyncEngine
) -> None:
    terms = contract()
    assert terms.consent is not None
    purposes = (*terms.consent.purposes, Purpose.TAX_ASSESSMENT)
    await publish_contract(
        migrated, replace(terms, mode=OperationMode.OFF, consent=replace(terms.consent, purposes=purposes))
    )
    status, body, _ = await hub.call("POST", "/consent/requests", wanted(purpose="TAX_ASSESSMENT"))
    assert (status, body["errors"][0]["extensions"]["code"]) == (403, "CONSENT_NOT_AGREED")


async def test_a_scope_that_no_operation_of_the_client_reads_is_refused(
    hub: ConsentServer, migrated: AsyncEngine
) -> None:
    await publish_contract(migrated, contract())
    status, body, _ = await hub.call("POST", "/consent/requests", wanted())
    assert status == 403
    assert "of which the client reads nothing" in body["errors"][0]["message"]


async def test_a_scope_that_the_contract_does_not_open_is_refused(hub: ConsentServer, migrated: AsyncEngine) -> None:
    terms = contract()
    await publish_contract(migrated, replace(terms, mode=OperationMode.OFF, scopes={"tax": ("Query.consented",)}))
    status, body, _ = await hub.call("POST", "/consent/requests", wanted())
    assert (status, body["errors"][0]["message"]) == (
        403,
        "'scopes' holds 'identity', which the contract does not open.",
    )


@pytest.mark.parametrize("development", [True, False])
async def test_a_loopback_redirect_uri_is_allowed_only_in_development(migrated: AsyncEngine, development: bool) -> None:  # noqa: FBT001 - a parameter of the table
    here = "http://127.0.0.1:9010/back"
    terms = contract(redirect_uris=(here,))
    await publish_contract(migrated, replace(terms, mode=OperationMode.OFF))
    async with serve_consents(migrated, development=development) as hub:
        status, _, _ = await hub.call("POST", "/consent/requests", wanted(redirect_uri=here))
        assert status == (201 if development else 403)


async def test_invalid_bodies_are_refused(hub: ConsentServer) -> None:
    for data, kind, status, code in (
        (b"scopes=tax", "application/x-www-form-urlencoded", 415, "UNSUPPORTED_MEDIA_TYPE"),
        (b"{}", "text/plain", 415, "UNSUPPORTED_MEDIA_TYPE"),
        (b"{", "application/json", 400, "BAD_REQUEST"),
        (b"[]", "application/json", 400, "BAD_REQUEST"),
        (b"\xff", "application/json", 400, "BAD_REQUEST"),
        (b"[" * 100_000, "application/json", 400, "BAD_REQUEST"),
        (b'{"lasts": 1, ' + json.dumps(wanted()).encode()[1:], "application/json", 400, "BAD_REQUEST"),
    ):
        headers = {**BANK, "Content-Type": kind}
        found, body, _ = await hub.call("POST", "/consent/requests", headers=headers, data=data)
        assert (found, body["errors"][0]["extensions"]["code"]) == (status, code)


async def test_a_partner_with_too_many_unanswered_requests_must_wait(
    hub: ConsentServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests_module, "MAX_WAITING", 1)
    await hub.create_request()
    status, body, headers = await hub.call("POST", "/consent/requests", wanted())
    assert (status, body["errors"][0]["extensions"]["code"]) == (429, "TOO_MANY_WAITING")
    assert headers["retry-after"] == "60"


async def test_without_the_hubs_database_requests_are_refused() -> None:
    nowhere = create_database_engine(f"postgresql://nobody@{HOST}:{free_port()}/none")
    try:
        async with serve_consents(nowhere) as hub:
            for method, path in (
                ("GET", f"/consent/requests/{'0' * 32}"),
                ("POST", "/consent/requests"),
                ("DELETE", f"/consents/{'0' * 32}"),
            ):
                status, body, _ = await hub.call(method, path, wanted() if method == "POST" else None)
                assert (status, body["errors"][0]["extensions"]["code"]) == (503, "CONSENTS_UNAVAILABLE")
    finally:
        await nowhere.dispose()


async def test_requests_beyond_the_partners_rate_are_refused(migrated: AsyncEngine) -> None:
    await publish_contract(migrated, replace(contract(), mode=OperationMode.OFF))
    limits = build_limits("partner:2/1000")
    async with serve_consents(migrated, caller_limiter=limits.caller_limiter) as hub:
        asked = [await hub.call("POST", "/consent/requests", wanted()) for _ in range(3)]
        assert [status for status, _, _ in asked] == [201, 201, 429]
        assert asked[2][1]["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
        assert (await hub.call("GET", "/consent/requests/x", headers=SHOP))[0] == 404


async def test_other_methods_are_not_served(hub: ConsentServer) -> None:
    for method, path in (("PUT", "/consent/requests"), ("DELETE", "/consent/requests/a"), ("GET", "/consents/a")):
        status, body, _ = await hub.call(method, path)
        assert (status, body["errors"][0]["extensions"]["code"]) == (405, "METHOD_NOT_ALLOWED")
