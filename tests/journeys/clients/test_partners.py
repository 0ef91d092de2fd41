"""Partners run what is registered for them, by its id, within their contract, and nothing else."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from auth.caller import Caller, CallerKind
from auth.tokens.development_issuer import DevelopmentIssuer
from engine.request import GraphQLRequest
from records.hub.operations import FIRST_PARTY, ClientContract, OperationMode, RegisteredOperation, VariableRange
from records.purposes import Purpose
from sandbox.population.samples import SAMPLES
from settings import Settings
from store.database import create_database_engine
from store.operations.operation_registry import OperationRegistry
from tests.cache.valkey import run_valkey
from tests.fakes.clients import build_client
from tests.journeys.hub import HubClient, RunningCity, build_settings, running_hub
from tests.journeys.partner import build_examiner, get_error_code, register_operations, retire_operations, wait_for_code

PRICES = "query Prices($first: Int = 1) { markets(first: $first) { name } }"
REGIONS = "query Regions { regions(level: REGENCY) { code } }"
KEPT = "public, max-age=60, stale-while-revalidate=60, stale-if-error=86400"
ME = "query Me { me { name } }"
MIXED = "query Mixed { regions(level: REGENCY) { code } me { name } }"
CONTRACT = ClientContract(
    client=build_client("kios"),
    scopes={"prices:read": ("Query.markets", "Market.*"), "places:read": ("Query.regions", "Region.code")},
    variables={"Prices": {"first": VariableRange(at_least=1, at_most=3)}},
)
FEW = VariableRange(most_items=2)
KIOS = Caller(kind=CallerKind.PARTNER, client=build_client("kios"), scopes=frozenset({"prices:read"}))
OTHER = Caller(kind=CallerKind.PARTNER, client=build_client("lain"), scopes=frozenset({"prices:read", "places:read"}))


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def by_hash(text: str) -> dict[str, Any]:
    """Apollo's form."""
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest(text)}}}


@pytest.fixture
async def registry(state_url: str, hub: HubClient) -> AsyncIterator[OperationRegistry]:
    """The registry of the running hub; what a test publishes is retired after it."""
    assert hub.url
    engine = create_database_engine(state_url)
    registry = OperationRegistry(engine)
    yield registry
    for entry in await registry.list_entries():
        await retire_operations(hub, registry, entry.operation.client, [entry.operation.id])
    await engine.dispose()


@asynccontextmanager
async def another_hub(
    city: RunningCity,
    state_url: str,
    issuer: DevelopmentIssuer,
    folder: Path,
    **given: Any,  # noqa: ANN401 - any setting
) -> AsyncIterator[tuple[HubClient, Settings]]:
    settings = build_settings(city, state_url=state_url, issuer=issuer, folder=folder, **given)
    async with running_hub(settings, issuer) as running:
        yield running, settings


async def test_a_partner_runs_a_registered_operation_by_each_form_of_its_id(
    hub: HubClient, registry: OperationRegistry
) -> None:
    await registry.publish(CONTRACT, register_operations(CONTRACT, PRICES), by="tests")
    await wait_for_code(hub, {"documentId": "Prices-1"}, KIOS, None)
    expected = (await hub.ask(PRICES)).data
    assert len(expected["markets"]) == 1

    for body in (
        {"documentId": "Prices-1"},
        {"documentId": digest(PRICES)},
        {"documentId": f"sha256:{digest(PRICES)}"},
        {"doc_id": "Prices-1"},
        {"id": "Prices-1", "operationName": "Prices"},
        by_hash(PRICES),
    ):
        answer = await hub.post(body, caller=KIOS)
        assert (answer.status, answer.data, answer.errors) == (200, expected, [])


async def test_a_partner_cannot_send_an_unregistered_operation(
    hub: HubClient, registry: OperationRegistry, city: RunningCity
) -> None:
    await registry.publish(CONTRACT, register_operations(CONTRACT, PRICES), by="tests")
    await wait_for_code(hub, {"documentId": "Prices-1"}, KIOS, None)
    city.reset_calls()

    for body in ({"query": "{ __typename }"}, {"query": PRICES}, {"query": PRICES, **by_hash(PRICES)}):
        answer = await hub.post(body, caller=KIOS)
        assert (answer.data, answer.errors) == (None, [("", "PERSISTED_QUERY_ID_REQUIRED")])
    assert city.calls() == {}


async def test_a_partner_without_a_contract_runs_nothing(hub: HubClient) -> None:
    assert await get_error_code(hub, {"query": "{ __typename }"}, OTHER) == "PERSISTED_QUERY_ID_REQUIRED"
    assert await get_error_code(hub, {"documentId": digest("{ __typename }")}, OTHER) == "PERSISTED_QUERY_NOT_FOUND"


async def test_a_system_of_an_agency_runs_what_is_registered_for_it_and_nothing_else(
    hub: HubClient, registry: OperationRegistry, city: RunningCity
) -> None:
    text = "query Reporters($niks: [NIK!]!) { citizens(niks: $niks) { name } }"
    scopes = {"population:read": ("Query.citizens", "Citizen.name")}
    contract = ClientContract(client=build_client("dispatch"), scopes=scopes, variables={"Reporters": {"niks": FEW}})
    await registry.publish(contract, register_operations(contract, text), by="tests")
    dispatch = Caller(
        kind=CallerKind.AGENCY_SYSTEM,
        agency="crm",
        client=build_client("dispatch"),
        scopes=frozenset({"population:read"}),
        purpose=Purpose.COMPLAINT_HANDLING.name,
        case="JK-1/2026",
    )
    body = {"documentId": "Reporters-1", "variables": {"niks": [SAMPLES["siti"].nik, SAMPLES["budi"].nik]}}
    await wait_for_code(hub, body, dispatch, None)
    answer = await hub.post(body, caller=dispatch)
    assert answer.data == {"citizens": [{"name": "Siti Rahmawati"}, {"name": "Budi Santoso"}]}
    city.reset_calls()
    for given, code in (
        ({"query": text, "variables": body["variables"]}, "PERSISTED_QUERY_ID_REQUIRED"),
        ({**body, "variables": {"niks": [SAMPLES["siti"].nik] * 3}}, "BAD_USER_INPUT"),
    ):
        assert await get_error_code(hub, given, dispatch) == code
    assert await get_error_code(hub, {"query": "{ __typename }"}, replace(dispatch, client=build_client("lain"))) == (
        "PERSISTED_QUERY_ID_REQUIRED"
    )
    assert city.calls() == {}


async def test_an_id_of_another_client_is_answered_as_one_that_does_not_exist(
    hub: HubClient, registry: OperationRegistry
) -> None:
    await registry.publish(CONTRACT, register_operations(CONTRACT, PRICES), by="tests")
    await wait_for_code(hub, {"documentId": "Prices-1"}, KIOS, None)
    unknown = await hub.post({"documentId": "Prices-2"}, caller=OTHER)
    assert unknown.errors == [("", "PERSISTED_QUERY_NOT_FOUND")]
    for caller in (OTHER, None):
        for body in ({"documentId": "Prices-1"}, {"documentId": digest(PRICES)}):
            assert (await hub.post(body, caller=caller)).body == unknown.body
    assert (await hub.post(by_hash(PRICES), caller=OTHER)).body == unknown.body


async def test_a_header_makes_nobody_a_client(hub: HubClient, registry: OperationRegistry) -> None:
    await registry.publish(CONTRACT, register_operations(CONTRACT, PRICES), by="tests")
    await wait_for_code(hub, {"documentId": "Prices-1"}, KIOS, None)
    answer = await hub.post(
        {"documentId": "Prices-1"},
        caller=OTHER,
        headers={"X-Client-Id": "kios", "apollographql-client-name": "kios", "graphql-client-name": "kios"},
    )
    assert answer.errors == [("", "PERSISTED_QUERY_NOT_FOUND")]


async def test_a_retired_operation_is_not_found_within_seconds(hub: HubClient, registry: OperationRegistry) -> None:
    await registry.publish(CONTRACT, register_operations(CONTRACT, PRICES), by="tests")
    await wait_for_code(hub, {"documentId": "Prices-1"}, KIOS, None)
    assert await registry.retire(build_client("kios"), ["Prices-1"], by="tests") == ["Prices-1"]
    await wait_for_code(hub, {"documentId": "Prices-1"}, KIOS, "PERSISTED_QUERY_NOT_FOUND")


async def test_a_token_without_the_scope_runs_nothing(
    hub: HubClient, registry: OperationRegistry, city: RunningCity
) -> None:
    await registry.publish(CONTRACT, register_operations(CONTRACT, PRICES, REGIONS), by="tests")
    await wait_for_code(hub, {"documentId": "Prices-1"}, KIOS, None)
    city.reset_calls()
    answer = await hub.post({"documentId": "Regions-1"}, caller=KIOS)
    assert (answer.data, answer.errors) == (None, [("", "INSUFFICIENT_SCOPE")])
    assert "'places:read'" in answer.body["errors"][0]["message"]
    assert city.calls() == {}
    both = replace(KIOS, scopes=frozenset({"prices:read", "places:read"}))
    assert (await hub.post({"documentId": "Regions-1"}, caller=both)).errors == []


async def test_variables_outside_what_was_agreed_are_refused(
    hub: HubClient, registry: OperationRegistry, city: RunningCity
) -> None:
    await registry.publish(CONTRACT, register_operations(CONTRACT, PRICES), by="tests")
    await wait_for_code(hub, {"documentId": "Prices-1"}, KIOS, None)
    within = await hub.post({"documentId": "Prices-1", "variables": {"first": 3}}, caller=KIOS)
    assert len(within.data["markets"]) == 3
    city.reset_calls()
    beyond = await hub.post({"documentId": "Prices-1", "variables": {"first": 4}}, caller=KIOS)
    assert beyond.body == {
        "errors": [
            {
                "message": "The variable '$first' of 'Prices' must be at most 3, as agreed with the client.",
                "extensions": {"code": "BAD_USER_INPUT"},
            }
        ]
    }
    assert city.calls() == {}


async def test_limits_hold_for_registered_operations_too(
    hub: HubClient, registry: OperationRegistry, city: RunningCity
) -> None:
    contract = replace(CONTRACT, variables={})
    await registry.publish(contract, register_operations(contract, PRICES), by="tests")
    await wait_for_code(hub, {"documentId": "Prices-1"}, KIOS, None)
    city.reset_calls()
    answer = await hub.post({"documentId": "Prices-1", "variables": {"first": 100_000}}, caller=KIOS)
    assert (answer.data, answer.errors) == (None, [("", "OPERATION_TOO_LARGE")])
    assert city.calls() == {}


async def test_a_client_spends_its_quota_and_no_more(hub: HubClient, registry: OperationRegistry) -> None:
    published = register_operations(CONTRACT, PRICES)
    [operation] = published
    # `operation.cost` is that of the dearest run; this one asks for a market less each time.
    contract = replace(CONTRACT, client=build_client("hemat"), cost_a_day=operation.cost * 2)
    await registry.publish(contract, [replace(operation, client=build_client("hemat"))], by="tests")
    hemat = replace(KIOS, client=build_client("hemat"))
    await wait_for_code(hub, {"documentId": "Prices-1"}, hemat, None)
    body = {"documentId": "Prices-1", "variables": {"first": 3}}
    assert await get_error_code(hub, body, hemat) is None
    answer = await hub.post(body, caller=hemat)
    [error] = answer.body["errors"]
    assert error["extensions"]["code"] == "QUOTA_EXCEEDED"
    assert 0 < error["extensions"]["retryAfter"] <= 86_401


async def test_two_hubs_with_one_valkey_grant_a_daily_quota_once(
    city: RunningCity, state_url: str, issuer: DevelopmentIssuer, tmp_path: Path, registry: OperationRegistry
) -> None:
    [operation] = register_operations(CONTRACT, PRICES)
    contract = replace(CONTRACT, client=build_client("berdua"), cost_a_day=operation.cost * 2)
    await registry.publish(contract, [replace(operation, client=build_client("berdua"))], by="tests")
    partner = replace(KIOS, client=build_client("berdua"))
    with run_valkey(tmp_path / "valkey") as valkey:
        redis = SecretStr(valkey.url)
        async with (
            another_hub(city, state_url, issuer, tmp_path, redis_url=redis) as (one, _),
            another_hub(city, state_url, issuer, tmp_path, redis_url=redis) as (other, _),
        ):
            # The dearest run costs half of the day.
            body = {"documentId": "Prices-1", "variables": {"first": 3}}
            codes = [await get_error_code(hub, body, partner) for hub in (one, other, one, other)]
    assert codes == [None, None, "QUOTA_EXCEEDED", "QUOTA_EXCEEDED"]


async def test_points_depend_on_the_variables(hub: HubClient, registry: OperationRegistry, city: RunningCity) -> None:
    def cost(first: int) -> int:
        request = GraphQLRequest(query=PRICES, variables={"first": first})
        return build_examiner().explain(request)[1].points

    def body(first: int) -> dict[str, Any]:
        return {"documentId": "Prices-1", "variables": {"first": first}}

    assert (cost(1), cost(50)) == (112, 161)
    # Enough for a large run and a small one, to the point.
    contract = replace(CONTRACT, client=build_client("cermat"), variables={}, cost_a_day=cost(50) + cost(1))
    await registry.publish(contract, register_operations(contract, PRICES), by="tests")
    cermat = replace(KIOS, client=build_client("cermat"))
    await wait_for_code(hub, {"documentId": "Prices-1", "variables": {"first": "many"}}, cermat, "BAD_USER_INPUT")
    assert await get_error_code(hub, body(50), cermat) is None
    city.reset_calls()
    assert await get_error_code(hub, body(50), cermat) == "QUOTA_EXCEEDED"
    assert await get_error_code(hub, body(2), cermat) == "QUOTA_EXCEEDED"
    assert city.calls() == {}
    assert await get_error_code(hub, body(1), cermat) is None
    assert await get_error_code(hub, body(1), cermat) == "QUOTA_EXCEEDED"


async def test_personal_data_stays_behind_its_rule_whatever_was_registered(
    hub: HubClient, registry: OperationRegistry, city: RunningCity
) -> None:
    scopes = {"me": ("Query.me", "Citizen.name", "Query.regions", "Region.code")}
    contract = ClientContract(client=build_client("kios"), scopes=scopes)
    await registry.publish(contract, register_operations(contract, ME, MIXED), by="tests")
    caller = replace(KIOS, scopes=frozenset({"me"}), purpose=Purpose.PAYMENT.name, case="K-7/2026")
    await wait_for_code(hub, {"documentId": "Me-1"}, caller, "FORBIDDEN")
    city.reset_calls()
    whole = await hub.post({"documentId": "Me-1"}, caller=caller)
    assert (whole.data, whole.errors) == (None, [("", "FORBIDDEN")])
    mixed = await hub.post({"documentId": "Mixed-1"}, caller=caller)
    assert mixed.data["regions"]
    assert (mixed.data["me"], mixed.errors) == (None, [("me", "FORBIDDEN")])
    assert city.calls() == {}


async def test_guessing_ids_asks_nobody_and_a_batch_of_guesses_is_refused_whole(
    hub: HubClient, city: RunningCity
) -> None:
    city.reset_calls()
    for number in range(200):
        assert await get_error_code(hub, {"documentId": f"{number:064x}"}, OTHER) == "PERSISTED_QUERY_NOT_FOUND"
    batch = await hub.post([{"documentId": f"{number:064x}"} for number in range(1000)], caller=OTHER)
    assert (batch.status, batch.errors) == (400, [("", "BAD_REQUEST")])
    assert city.calls() == {}


async def test_a_client_on_a_safelist_may_send_its_text_letter_by_letter(
    hub: HubClient, registry: OperationRegistry
) -> None:
    contract = replace(CONTRACT, client=build_client("daftar"), mode=OperationMode.SAFELIST)
    await registry.publish(contract, register_operations(contract, PRICES), by="tests")
    caller = replace(KIOS, client=build_client("daftar"))
    await wait_for_code(hub, {"query": PRICES}, caller, None)
    assert await get_error_code(hub, {"documentId": "Prices-1"}, caller) is None
    assert await get_error_code(hub, {"query": PRICES, **by_hash(PRICES)}, caller) is None
    assert await get_error_code(hub, {"query": f"{PRICES} "}, caller) == "QUERY_NOT_IN_SAFELIST"
    assert await get_error_code(hub, {"query": "{ __typename }"}, caller) == "QUERY_NOT_IN_SAFELIST"
    beyond = {"query": PRICES, "variables": {"first": 4}}
    assert await get_error_code(hub, beyond, caller) == "BAD_USER_INPUT"


async def test_apollos_clients_register_a_text_by_themselves_where_they_are_the_citys_own(hub: HubClient) -> None:
    text = "query Own { markets(first: 2) { name } }"
    missing = await hub.post(by_hash(text))
    assert missing.body == {
        "errors": [{"message": "PersistedQueryNotFound", "extensions": {"code": "PERSISTED_QUERY_NOT_FOUND"}}]
    }
    sent = await hub.post({"query": text, **by_hash(text)})
    assert len(sent.data["markets"]) == 2
    assert (await hub.post(by_hash(text))).body == sent.body
    assert await get_error_code(hub, by_hash(text), OTHER) == "PERSISTED_QUERY_NOT_FOUND"


async def test_a_text_under_the_hash_of_another_is_refused_and_kept_for_nobody(hub: HubClient) -> None:
    text = "query Poisoned { __typename }"
    answer = await hub.post({"query": "{ markets(first: 1) { name } }", **by_hash(text)})
    assert answer.body == {
        "errors": [{"message": "provided sha does not match query", "extensions": {"code": "PERSISTED_QUERY_MISMATCH"}}]
    }
    assert await get_error_code(hub, by_hash(text), None) == "PERSISTED_QUERY_NOT_FOUND"


async def test_a_text_that_is_not_valid_is_not_kept(hub: HubClient) -> None:
    text = "query Wrong { nothing }"
    assert await get_error_code(hub, {"query": text, **by_hash(text)}, None) == "GRAPHQL_VALIDATION_FAILED"
    assert await get_error_code(hub, by_hash(text), None) == "PERSISTED_QUERY_NOT_FOUND"


async def test_without_automatic_persisted_queries_clients_get_not_supported(
    city: RunningCity, state_url: str, issuer: DevelopmentIssuer, hub_folder: Path
) -> None:
    async with another_hub(city, state_url, issuer, hub_folder, automatic_operations=False) as (hub, _):
        answer = await hub.post(by_hash("{ __typename }"))
        assert answer.body == {
            "errors": [
                {"message": "PersistedQueryNotSupported", "extensions": {"code": "PERSISTED_QUERY_NOT_SUPPORTED"}}
            ]
        }
        assert (await hub.ask("{ __typename }")).data == {"__typename": "Query"}


async def test_first_party_frontends_can_be_held_to_what_is_registered_for_them(
    city: RunningCity, state_url: str, issuer: DevelopmentIssuer, hub_folder: Path, registry: OperationRegistry
) -> None:
    contract = replace(CONTRACT, client=FIRST_PARTY, scopes={}, variables={})
    text = "query Public { __typename }"
    operation = RegisteredOperation(client=FIRST_PARTY, id="Public-1", name="Public", text=text)
    await registry.publish(contract, [operation], by="tests")
    given: dict[str, Any] = {"first_party_operations": OperationMode.IDS_ONLY}
    async with another_hub(city, state_url, issuer, hub_folder, **given) as (hub, _):
        for caller in (None, "siti"):
            known = await hub.post({"documentId": "Public-1"}, caller=caller)
            assert known.data == {"__typename": "Query"}
            refused = await hub.post({"query": text}, caller=caller)
            assert refused.errors == [("", "PERSISTED_QUERY_ID_REQUIRED")]
        pretender = replace(KIOS, client=build_client("first-party"))
        assert await get_error_code(hub, {"documentId": "Public-1"}, pretender) == "PERSISTED_QUERY_NOT_FOUND"


async def test_a_get_by_id_is_answered_and_public_data_may_be_kept_by_anybody(
    hub: HubClient, registry: OperationRegistry
) -> None:
    await registry.publish(CONTRACT, register_operations(CONTRACT, PRICES), by="tests")
    await wait_for_code(hub, {"documentId": "Prices-1"}, KIOS, None)
    variables = json.dumps({"first": 2})
    partners, headers = await hub.query_by_get({"documentId": "Prices-1", "variables": variables}, caller=KIOS)
    assert len(partners.data["markets"]) == 2
    assert headers["cache-control"] == "no-store"  # what one client may run says nothing of others

    text = "query Cached { markets(first: 2) { name } }"
    extensions = by_hash(text)["extensions"]
    await hub.post({"query": text, "extensions": extensions})
    answer, headers = await hub.query_by_get({"extensions": json.dumps(extensions)})
    assert answer.data == partners.data
    assert headers["cache-control"] == KEPT
    assert headers["vary"] == "Accept, Authorization, Origin"


async def test_a_get_by_the_id_of_a_first_party_operation_may_be_kept_by_anybody_where_its_answer_is_everybodys(
    city: RunningCity, state_url: str, issuer: DevelopmentIssuer, hub_folder: Path, registry: OperationRegistry
) -> None:
    scopes = {"any": ("Query.*", "Market.*", "Citizen.*")}
    contract = replace(CONTRACT, client=FIRST_PARTY, scopes=scopes, variables={})
    operations = [replace(each, scopes=frozenset()) for each in register_operations(contract, PRICES, ME)]
    await registry.publish(contract, operations, by="tests")
    given: dict[str, Any] = {"first_party_operations": OperationMode.IDS_ONLY}
    async with another_hub(city, state_url, issuer, hub_folder, **given) as (hub, _):
        for parameters, caller, kept in (
            ({"documentId": "Prices-1", "variables": '{"first": 2}'}, None, KEPT),
            ({"documentId": digest(PRICES)}, None, KEPT),
            ({"extensions": json.dumps(by_hash(PRICES)["extensions"])}, None, KEPT),
            ({"documentId": "Prices-1"}, "siti", "private, max-age=60"),
            ({"documentId": "Me-1"}, None, "no-store"),
            ({"documentId": "Me-1"}, "siti", "private, no-cache"),
            ({"documentId": "None-1"}, None, "no-store"),
            ({"query": PRICES}, None, "no-store"),
        ):
            answer, headers = await hub.query_by_get(parameters, caller=caller)
            assert headers["cache-control"] == kept, (parameters, answer.body)
            assert (answer.errors == []) is (kept != "no-store" or caller == "siti")


@pytest.mark.parametrize(
    "text", ["{ me { name } }", "{ complaints(first: 1) { nodes { number } } nothing }", "{ nothing }"]
)
async def test_what_is_not_everybodys_or_has_errors_is_kept_by_nobody(hub: HubClient, text: str) -> None:
    _, headers = await hub.query_by_get({"query": text})
    assert headers["cache-control"] == "no-store"
    assert headers["vary"] == "Accept"
