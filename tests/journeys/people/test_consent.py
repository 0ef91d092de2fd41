"""A partner asks, Siti consents, the partner reads within that, and no longer than she wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from auth.crypto.webhook_signatures import WebhookSignatures
from sandbox.population.samples import SAMPLES
from store.consents.consent_events import ConsentEvents
from store.database import create_database_engine
from store.operations.operation_registry import OperationRegistry
from tests.fakes.clients import build_client
from tests.journeys.hub import HubClient, RunningCity
from tests.journeys.partner import (
    CONSENTING_QUERY,
    LAND,
    REFUSE,
    REVOKE,
    SHOPS,
    Webhook,
    call,
    contract,
    grant,
    listen,
    open_request,
    parse_return_address,
    partner,
    register_operations,
    request_consent,
    retire_operations,
    wait_for_code,
    wanted,
)

BANK = partner()
SECRET = b"j" * 32
SITI = SAMPLES["siti"]


@pytest.fixture
async def state(state_url: str, hub: HubClient) -> AsyncIterator[AsyncEngine]:
    """The hub's own database."""
    assert hub.url
    engine = create_database_engine(state_url)
    yield engine
    await engine.dispose()


@pytest.fixture
async def webhook(hub: HubClient, state: AsyncEngine) -> AsyncIterator[Webhook]:
    """The bank, under its contract, with its operations published."""
    registry = OperationRegistry(state)
    async with listen() as listens:
        agreed = contract(webhook=listens.url)
        await registry.publish(agreed, register_operations(agreed, LAND, SHOPS, CONSENTING_QUERY), by="tests")
        await wait_for_code(hub, {"documentId": "Land-1", "variables": {"consent": "none"}}, BANK, "FORBIDDEN")
        yield listens
    await retire_operations(hub, registry, build_client("bank"), ["Land-1", "Shops-1", "Who-1"])


async def reads(hub: HubClient, operation: str, consent: str, caller: Any = BANK, **variables: Any) -> Any:  # noqa: ANN401 - JSON
    return await hub.post(
        {"documentId": f"{operation}-1", "variables": {"consent": consent, **variables}}, caller=caller
    )


async def test_from_the_request_to_the_first_answer_and_to_the_end(
    hub: HubClient, webhook: Webhook, state: AsyncEngine, city: RunningCity
) -> None:
    asking = await call(hub, "POST", "/consent/requests", caller=BANK, body=wanted())
    request = asking.body["id"]
    assert (asking.status, set(asking.body)) == (201, {"id", "url", "answer_by"})
    assert asking.body["url"].endswith(f"/consent/{request}")
    waiting = await call(hub, "GET", f"/consent/requests/{request}", caller=BANK)
    assert (waiting.body["answer"], waiting.body["consent"]) == ("waiting", None)

    seen = await open_request(hub, request)
    assert (seen["partner"], seen["scopes"]) == ("Bank Betawi", ["TAX", "IDENTITY"])
    assert {each["field"] for each in seen["fields"]} == {
        "Consenting.taxObjects",
        "TaxObject.nop",
        "TaxObject.bills",
        "TaxBill.year",
        "TaxBill.amount",
        "Consenting.verify",
        "Verification.name",
        "Verification.birthDate",
        "Verification.birthPlace",
        "Verification.motherName",
    }

    answer = await grant(hub, request, "TAX")
    consent = answer["consent"]["id"]
    assert answer["consent"]["scopes"] == ["TAX"]
    assert parse_return_address(answer["returnTo"]) == {"from": "simpul", "consent": consent, "state": "s-1 & more"}
    assert answer["returnTo"].startswith("https://bank.example/back?from=simpul&consent=")

    land = await reads(hub, "Land", consent)
    own = await hub.ask("{ me { taxObjects { nop bills(unpaid: true) { year amount } } } }", caller="siti")
    assert own.data["me"]["taxObjects"]
    assert (land.errors, land.data["consented"]["taxObjects"]) == ([], own.data["me"]["taxObjects"])
    assert land.data["consented"]["consent"] == {"state": "GRANTED", "scopes": ["TAX"]}
    beyond = await reads(hub, "Who", consent, name=SITI.name)
    assert (beyond.data, beyond.errors) == ({"consented": {"verify": None}}, [("consented.verify", "FORBIDDEN")])

    log = await hub.ask(
        "{ me { accessLog(first: 50) { nodes { text agency purpose legalBasis fields operation } } } }", caller="siti"
    )
    [entry] = [each for each in log.data["me"]["accessLog"]["nodes"] if each["operation"] == "Land"]
    assert entry["fields"] == [
        "Consent.scopes",
        "Consent.state",
        "Consenting.consent",
        "Consenting.taxObjects",
        "TaxBill.amount",
        "TaxBill.year",
        "TaxObject.bills",
        "TaxObject.nop",
    ]
    assert (entry["purpose"], entry["legalBasis"]) == (
        "CREDIT_ASSESSMENT",
        "your consent (UU PDP, article 20 (2) a)",
    )
    assert entry["text"].startswith(
        "An application of a partner ('development/bank') read your consents and property tax, which"
    )

    ended = await hub.ask(REVOKE, {"consent": consent}, caller="siti")
    assert ended.data["revokeConsent"]["state"] == "REVOKED"
    city.reset_calls()
    refused = await reads(hub, "Land", consent)
    assert (refused.data, refused.errors) == ({"consented": None}, [("consented", "FORBIDDEN")])
    assert refused.body["errors"][0]["extensions"]["reason"] == "CONSENT_REQUIRED"
    assert city.calls() == {}

    [call_] = await webhook.wait_for("consent.revoked")
    [before] = await webhook.wait_for("consent.granted")
    secret = WebhookSignatures(SECRET).format_secret(build_client("bank"), 1)
    assert before.is_signed_with(secret)
    assert call_.is_signed_with(secret)
    assert call_.payload["data"]["consent"] == before.payload["data"]["consent"] == consent
    assert str(SITI.nik) not in (call_.body + before.body).decode()
    async with asyncio.timeout(60):
        while len(events := [each.event for each in await ConsentEvents(state).list_events(request)]) < 7:  # noqa: ASYNC110 - the hub notes it when the webhook has answered
            await asyncio.sleep(0.02)
    assert events[:3] == ["asked", "opened", "granted"]
    assert sorted(events[3:]) == ["purged", "revoked", "told", "told"]


async def test_a_partner_learns_whether_there_is_a_match_and_nothing_else(
    hub: HubClient, webhook: Webhook, city: RunningCity
) -> None:
    assert webhook.url
    consent = (await grant(hub, await request_consent(hub)))["consent"]["id"]
    register = (await hub.ask("{ me { name birthDate birthPlace parentage { motherName } } }", caller="siti")).data
    known = register["me"]
    city.reset_calls()
    right = await reads(
        hub,
        "Who",
        consent,
        name=f"Dra. Hj. {known['name'].upper()}, S.E.",
        birthDate=known["birthDate"],
        birthPlace=known["birthPlace"].lower(),
        motherName=known["parentage"]["motherName"],
    )
    assert right.errors == []
    assert right.data["consented"]["verify"] == dict.fromkeys(
        ("name", "birthDate", "birthPlace", "motherName"), "MATCH"
    )
    assert city.calls() == {"dukcapil": 1}
    wrong = await reads(hub, "Who", consent, name="Somebody Else", birthDate="1980-01-01")
    assert wrong.data["consented"]["verify"] == {
        "name": "NO_MATCH",
        "birthDate": "NO_MATCH",
        "birthPlace": None,
        "motherName": None,
    }
    for answer in (right, wrong):
        assert known["name"] not in str(answer.body)
        assert known["birthDate"] not in str(answer.body)


async def test_a_birth_date_is_not_found_out_by_trying(hub: HubClient, webhook: Webhook, city: RunningCity) -> None:
    assert webhook.url
    consent = (await grant(hub, await request_consent(hub)))["consent"]["id"]
    for day in range(1, 11):
        assert (await reads(hub, "Who", consent, birthDate=f"1990-06-{day:02}")).errors == []
    city.reset_calls()
    more = await reads(hub, "Who", consent, birthDate="1990-06-11")
    assert (more.data, more.errors) == (
        {"consented": {"verify": None}},
        [("consented.verify", "VERIFICATION_LIMIT")],
    )
    assert city.calls() == {}


async def test_a_refusal_is_reported_to_the_partner_and_nothing_is_readable(hub: HubClient, webhook: Webhook) -> None:
    request = await request_consent(hub)
    await open_request(hub, request)
    answer = await hub.ask(REFUSE, {"request": request}, caller="siti")
    assert answer.data["refuseConsent"]["consent"] is None
    back = parse_return_address(answer.data["refuseConsent"]["returnTo"])
    assert back == {"from": "simpul", "error": "access_denied", "state": "s-1 & more"}
    [told] = await webhook.wait_for("consent.refused")
    assert told.payload["data"] == {"request": request}
    looked = await call(hub, "GET", f"/consent/requests/{request}", caller=BANK)
    assert (looked.body["answer"], looked.body["consent"]) == ("refused", None)


async def test_a_partner_gives_a_consent_back_and_reads_no_more(
    hub: HubClient, webhook: Webhook, city: RunningCity
) -> None:
    assert webhook.url
    consent = (await grant(hub, await request_consent(hub)))["consent"]["id"]
    assert (await reads(hub, "Land", consent)).errors == []
    for _ in range(2):
        answer = await call(hub, "DELETE", f"/consents/{consent}", caller=BANK)
        assert (answer.status, answer.body["state"]) == (200, "returned")
    city.reset_calls()
    assert (await reads(hub, "Land", consent)).errors == [("consented", "FORBIDDEN")]
    assert city.calls() == {}
    listed = await hub.ask("{ me { consents(first: 1) { nodes { id state } } } }", caller="siti")
    assert listed.data["me"]["consents"]["nodes"] == [{"id": consent, "state": "RETURNED"}]


async def test_another_purpose_or_another_scope_of_the_token_is_refused_before_anybody_is_asked(
    hub: HubClient, webhook: Webhook, city: RunningCity
) -> None:
    assert webhook.url
    consent = (await grant(hub, await request_consent(hub)))["consent"]["id"]
    city.reset_calls()
    for caller, reason in (
        (replace(BANK, purpose="PAYMENT"), "CONSENT_REQUIRED"),
        (replace(BANK, case=None), "CASE_REQUIRED"),
        (replace(BANK, purpose=None), "PURPOSE_REQUIRED"),
    ):
        answer = await reads(hub, "Land", consent, caller)
        assert answer.body["errors"][0]["extensions"]["reason"] == reason
        assert not (answer.data or {}).get("consented")
    assert (await reads(hub, "Shops", consent)).errors == [("consented.msmes", "FORBIDDEN")]
    assert city.calls() == {}


async def test_the_preview_is_an_operation_that_shows_the_person_what_would_go(
    hub: HubClient, webhook: Webhook
) -> None:
    assert webhook.url
    request = await request_consent(hub)
    query = "query Look($id: ID!) { me { consentRequest(id: $id) { previewDocument texts { language text } } } }"
    seen = (await hub.ask(query, {"id": request}, caller="siti")).data["me"]["consentRequest"]
    preview = await hub.ask(seen["previewDocument"], caller="siti")
    assert preview.errors == []
    consent = (await grant(hub, request))["consent"]["id"]
    land = (await reads(hub, "Land", consent)).data["consented"]["taxObjects"]
    shown = preview.data["me"]["taxObjects"]
    assert [each["nop"] for each in shown] == [each["nop"] for each in land]
    assert [each["language"] for each in seen["texts"]] == ["INDONESIAN", "ENGLISH"]
    kept = await hub.ask("{ me { consents(first: 1) { nodes { id texts { text } } } } }", caller="siti")
    [node] = kept.data["me"]["consents"]["nodes"]
    assert node["id"] == consent
    for shown_text, kept_text in zip(seen["texts"], node["texts"], strict=True):
        assert kept_text["text"].startswith(f"{shown_text['text']} ")
    assert node["texts"][1]["text"].partition(" Of these I ticked: ")[2].startswith("land and buildings")
