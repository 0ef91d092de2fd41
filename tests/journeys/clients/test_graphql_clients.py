"""The GraphQL clients that applications use, unchanged, against the hub: Apollo Client and urql."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from auth.caller import Caller, CallerKind
from cli.operations.manifests import read_manifest
from records.hub.operations import ClientContract, RegisteredOperation, VariableRange
from schema.tools.operation_registration import examine_operation
from store.database import create_database_engine
from store.operations.operation_registry import OperationRegistry
from tests.fakes.clients import build_client
from tests.journeys.hub import HubClient, RunningCity
from tests.journeys.partner import build_examiner, retire_operations, wait_for_code
from tests.plugins.optional_programs import node_packages, program_or_skip
from tests.sandbox_agencies import ROOT

SCRIPT = ROOT / "tests" / "journeys" / "graphql_clients.mjs"
KIOS = Caller(kind=CallerKind.PARTNER, client=build_client("warung"), scopes=frozenset({"prices:read"}))
CONTRACT = ClientContract(
    client=build_client("warung"),
    scopes={"prices:read": ("Query.markets", "Market.*")},
    variables={"Prices": {"first": VariableRange(at_most=3)}},
)
KEPT = "public, max-age=60, stale-while-revalidate=60, stale-if-error=86400"
pytestmark = pytest.mark.optional_programs


@pytest.fixture(scope="module", autouse=True)
def packages() -> Path:
    """The clients, as npm brought them."""
    return node_packages()


async def run_client(*arguments: str) -> Any:  # noqa: ANN401 - JSON
    """What the script prints."""
    process = await asyncio.create_subprocess_exec(
        program_or_skip("node"), str(SCRIPT), *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(60):
        out, error = await process.communicate()
    assert process.returncode == 0, error.decode()
    return json.loads(out)


async def run_scenario(hub: HubClient, scenario: str, caller: Caller | None = None) -> tuple[list[Any], list[Any]]:
    """What the client got, and what went over the wire: method, whether with text, id, code."""
    token = hub.headers(caller).get("Authorization", "").removeprefix("Bearer ")
    told = await run_client(scenario, f"{hub.url}/graphql", *([token] if token else []))
    return told["answers"], [(each["method"], each["text"], each["id"], each["code"]) for each in told["wire"]]


@pytest.fixture
async def registered(hub: HubClient, state_url: str, tmp_path: Path) -> AsyncIterator[RegisteredOperation]:
    """The operation of the manifest that Apollo's tools write, published."""
    manifest = tmp_path / "persisted-query-manifest.json"
    manifest.write_text(json.dumps(await run_client("manifest")))
    [entry] = read_manifest(manifest)
    wanted = RegisteredOperation(client=build_client("warung"), id=entry.id, name=entry.name or "", text=entry.text)
    examined = examine_operation(build_examiner(), CONTRACT, wanted)
    assert not examined.faults
    engine = create_database_engine(state_url)
    registry = OperationRegistry(engine)
    await registry.publish(CONTRACT, [examined.operation], by="tests")
    await wait_for_code(hub, {"documentId": entry.id}, KIOS, None)
    yield examined.operation
    await retire_operations(hub, registry, build_client("warung"), [entry.id])
    await engine.dispose()


@pytest.mark.parametrize("scenario", ["apollo-ids", "urql-ids"])
async def test_a_partners_client_sends_the_ids_of_its_manifest_alone(
    hub: HubClient, registered: RegisteredOperation, scenario: str
) -> None:
    [answer], wire = await run_scenario(hub, scenario, KIOS)
    assert answer["error"] is None
    assert len(answer["data"]["markets"]) == 2
    assert {each["__typename"] for each in answer["data"]["markets"]} == {"Market"}
    assert wire == [("POST", False, registered.id, None)]


async def test_an_operation_outside_the_manifest_is_not_sent(hub: HubClient, registered: RegisteredOperation) -> None:
    assert registered.id
    [answer], wire = await run_scenario(hub, "apollo-unlisted", KIOS)
    assert (answer["data"], wire) == (None, [])


async def test_a_partner_client_that_sends_texts_gets_id_required(
    hub: HubClient, registered: RegisteredOperation, city: RunningCity
) -> None:
    assert registered.id
    city.reset_calls()
    [answer], wire = await run_scenario(hub, "apollo-texts", KIOS)
    assert answer == {
        "data": None,
        "error": "This client runs registered operations by their id only. Send 'documentId' and no 'query'.",
    }
    assert wire == [("POST", True, None, "PERSISTED_QUERY_ID_REQUIRED")]
    assert city.calls() == {}


async def test_apollos_client_of_the_citys_own_frontend_sends_a_text_once_and_its_hash_from_then_on(
    hub: HubClient,
) -> None:
    answers, wire = await run_scenario(hub, "apollo-apq")
    assert [(len(each["data"]["markets"]), each["error"]) for each in answers] == [(2, None), (2, None), (1, None)]
    [digest] = {each[2] for each in wire}
    assert wire == [
        ("GET", False, digest, "PERSISTED_QUERY_NOT_FOUND"),
        ("POST", True, digest, None),
        ("GET", False, digest, None),
        ("GET", False, digest, None),
    ]
    cached = (await run_client("apollo-apq", f"{hub.url}/graphql"))["wire"]
    assert {each["cache"] for each in cached} == {KEPT}


async def test_urqls_client_of_the_citys_own_frontend_does_the_same(hub: HubClient) -> None:
    answers, wire = await run_scenario(hub, "urql-apq")
    assert [(len(each["data"]["markets"]), each["error"]) for each in answers] == [(2, None), (2, None)]
    [digest] = {each[2] for each in wire}
    assert wire[-1] == ("GET", False, digest, None)
    assert [each[3] for each in wire] == ["PERSISTED_QUERY_NOT_FOUND", None, None]
