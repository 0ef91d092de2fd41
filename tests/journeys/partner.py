"""A partner of the city: its contract, its operations, its server's calls, and its webhook on the loopback."""

from __future__ import annotations

import asyncio
import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
from aiohttp import web

from auth.caller import Caller, CallerKind
from engine.engine import Engine
from records.hub.clients import ClientId
from records.hub.operations import ClientContract, ConsentTerms, RegisteredOperation
from records.purposes import Purpose, Scope
from schema.tools.operation_registration import examine_operation
from settings.city.folder import DEFAULT_CITY, load_city
from store.operations.operation_registry import OperationRegistry
from tests.fakes.clients import build_client
from tests.journeys.hub import HubClient
from tests.sandbox_agencies import HOST
from wiring import schema_tools

RETURNS = "https://bank.example/back?from=simpul"
LAND = """query Land($consent: ID!) {
  consented(consent: $consent) {
    consent { state scopes }
    taxObjects { nop bills(unpaid: true) { year amount } }
  }
}"""
SHOPS = "query Shops($consent: ID!) { consented(consent: $consent) { msmes { name stage } } }"
CONSENTING_QUERY = """
query Who($consent: ID!, $name: String, $birthDate: Date, $birthPlace: String, $motherName: String) {
  consented(consent: $consent) {
    verify(name: $name, birthDate: $birthDate, birthPlace: $birthPlace, motherName: $motherName) {
      name birthDate birthPlace motherName
    }
  }
}"""


@dataclass(frozen=True, slots=True)
class ReceivedWebhook:
    """One call to the partner's webhook."""

    headers: Mapping[str, str]
    body: bytes

    @property
    def payload(self) -> Any:  # noqa: ANN401 - JSON
        return json.loads(self.body)

    def is_signed_with(self, secret: str) -> bool:
        """As the Standard Webhooks specification checks it, in a few lines."""
        key = b64decode(secret.removeprefix("whsec_"))
        content = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + self.body
        expected = "v1," + b64encode(hmac.new(key, content, "sha256").digest()).decode()
        return expected in self.headers["webhook-signature"].split(" ")


@dataclass(slots=True)
class Webhook:
    """The webhooks that the partner received; `answers` are the statuses it answers, in turn, the last for ever."""

    url: str = ""
    got: list[ReceivedWebhook] = field(default_factory=list)
    answers: list[int] = field(default_factory=lambda: [204])

    async def wait_for(self, type_: str, count: int = 1) -> Sequence[ReceivedWebhook]:
        """Wait until it received this."""
        async with asyncio.timeout(60):
            while len(found := [each for each in self.got if each.payload["type"] == type_]) < count:  # noqa: ASYNC110 - what is waited for happens in the hub
                await asyncio.sleep(0.02)
        return found


@asynccontextmanager
async def listen() -> AsyncIterator[Webhook]:
    """The partner's own address, for the length of the block."""
    webhook = Webhook()

    async def take(request: web.Request) -> web.Response:
        body = await request.read()
        webhook.got.append(ReceivedWebhook({name.lower(): value for name, value in request.headers.items()}, body))
        status = webhook.answers.pop(0) if len(webhook.answers) > 1 else webhook.answers[0]
        return web.Response(status=status, headers={"Location": "/elsewhere"} if status == 302 else {})

    app = web.Application()
    app.router.add_post("/hook", take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, HOST, 0)
    await site.start()
    webhook.url = f"http://{HOST}:{runner.addresses[0][1]}/hook"
    try:
        yield webhook
    finally:
        await runner.cleanup()


def contract(client: str = "bank", webhook: str | None = None, **terms: Any) -> ClientContract:  # noqa: ANN401 - any term
    """What the city agreed with the bank."""
    return ClientContract(
        client=build_client(client),
        name="Bank Betawi",
        scopes={
            "identity": ("Consenting.verify", "Verification.*"),
            "msmes": ("Consenting.msmes", "Msme.name", "Msme.stage"),
            "tax": (
                "Query.consented",
                "Consenting.taxObjects",
                "Consenting.consent",
                "Consent.*",
                "TaxObject.*",
                "TaxBill.*",
            ),
        },
        consent=ConsentTerms(
            **{
                "purposes": (Purpose.CREDIT_ASSESSMENT, Purpose.PAYMENT),
                "days": 90,
                "redirect_uris": (RETURNS,),
                "webhook": webhook,
                **terms,
            }
        ),
    )


def partner(client: str = "bank", **given: Any) -> Caller:  # noqa: ANN401 - any field
    """The bank's application."""
    return Caller(
        **{
            "kind": CallerKind.PARTNER,
            "client": build_client(client),
            "scopes": frozenset(each.value for each in Scope),
            "purpose": Purpose.CREDIT_ASSESSMENT.name,
            "case": "KPR/2026/17",
            **given,
        }
    )


def wanted(**given: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """What the bank's server posts."""
    return {
        "scopes": ["tax", "identity"],
        "purpose": "CREDIT_ASSESSMENT",
        "lasts": 30,
        "redirect_uri": RETURNS,
        "state": "s-1 & more",
        **given,
    }


@dataclass(frozen=True, slots=True)
class PartnerResponse:
    """An answer beside the graph."""

    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def code(self) -> str | None:
        return self.body["errors"][0]["extensions"]["code"] if self.body and "errors" in self.body else None


async def call(
    hub: HubClient,
    method: str,
    path: str,
    *,
    caller: Caller | str | None = None,
    body: Any = None,  # noqa: ANN401 - JSON
) -> PartnerResponse:
    """A call of the partner's server."""
    headers = hub.headers(caller)
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, f"{hub.url}{path}", json=body, headers=headers) as response,
    ):
        return PartnerResponse(response.status, await response.json(content_type=None), dict(response.headers))


async def request_consent(hub: HubClient, caller: Caller | None = None, **given: Any) -> str:  # noqa: ANN401 - JSON
    """Have the bank ask; the request's id."""
    answer = await call(hub, "POST", "/consent/requests", caller=caller or partner(), body=wanted(**given))
    assert answer.status == 201, answer.body
    id_: str = answer.body["id"]
    return id_


async def open_request(hub: HubClient, request: str, *, caller: str = "siti") -> Any:  # noqa: ANN401 - JSON
    """A person opens the request; null if it is not theirs."""
    query = "query Look($id: ID!) { me { consentRequest(id: $id) { partner scopes fields { field class } } } }"
    answer = await hub.ask(query, {"id": request}, caller=caller)
    assert answer.errors == []
    return answer.data["me"]["consentRequest"]


GRANT = """mutation Grant($request: ID!, $scopes: [Scope!]) {
  grantConsent(request: $request, scopes: $scopes) { consent { id state scopes expiresAt grantedAt } returnTo }
}"""
REFUSE = "mutation Refuse($request: ID!) { refuseConsent(request: $request) { consent { id } returnTo } }"
REVOKE = "mutation Revoke($consent: ID!) { revokeConsent(consent: $consent) { id state revokedAt } }"


async def grant(hub: HubClient, request: str, *scopes: str, caller: str = "siti") -> Any:  # noqa: ANN401 - JSON
    """Somebody opens the request and says yes; the answer."""
    assert await open_request(hub, request, caller=caller) is not None
    chosen = {"request": request, "scopes": list(scopes or ("TAX", "IDENTITY"))}
    answer = await hub.ask(GRANT, chosen, caller=caller)
    assert answer.errors == []
    return answer.data["grantConsent"]


def parse_return_address(return_to: str) -> dict[str, str]:
    """What the browser carries to the partner."""
    return {name: values[0] for name, values in parse_qs(urlsplit(return_to).query).items()}


@cache
def build_examiner() -> Engine:
    """Building the schema takes a moment."""
    return schema_tools.build_offline_engine(load_city(DEFAULT_CITY))


def register_operations(contract: ClientContract, *texts: str) -> Sequence[RegisteredOperation]:
    """The operations as `simpul operations publish` finds them."""
    engine = build_examiner()
    found = []
    for text in texts:
        name = text.split("(")[0].split()[1]
        wanted = RegisteredOperation(client=contract.client, id=f"{name}-1", name=name, text=text, approved_by="test")
        examined = examine_operation(engine, contract, wanted)
        assert not examined.faults
        found.append(examined.operation)
    return found


async def get_error_code(hub: HubClient, body: Any, caller: Caller | None) -> str | None:  # noqa: ANN401 - JSON
    errors = (await hub.post(body, caller=caller)).errors
    return errors[0][1] if errors else None


async def wait_for_code(hub: HubClient, body: Any, caller: Caller | None, code: str | None) -> None:  # noqa: ANN401 - JSON
    """Wait until the hub answers with the code: it follows the registry at intervals."""
    async with asyncio.timeout(60):
        while await get_error_code(hub, body, caller) != code:  # noqa: ASYNC110 - what is waited for happens in the hub, which sets no event
            await asyncio.sleep(0.05)


async def retire_operations(hub: HubClient, registry: OperationRegistry, client: ClientId, ids: Sequence[str]) -> None:
    """Retire operations, and wait until the hub knows: it would answer the next test from what it knew before."""
    await registry.retire(client, ids, by="tests")
    for each in ids:
        caller = Caller(kind=CallerKind.PARTNER, client=client)
        await wait_for_code(hub, {"documentId": each}, caller, "PERSISTED_QUERY_NOT_FOUND")
