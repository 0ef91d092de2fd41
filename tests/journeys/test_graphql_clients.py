"""The GraphQL clients that applications use, unchanged, against the hub: Apollo Client and urql."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from auth.caller import Caller, CallerKind
from cli.manifests import read_manifest
from records.operations import ClientContract, RegisteredOperation, VariableRange
from schema.registering import examine
from store.database import database
from store.operations import OperationRegistry
from tests.city import ROOT
from tests.clients import client_named
from tests.journeys.hub import City, Hub
from tests.journeys.test_partners import examiner, until
from tests.optional_programs import node_packages, program_or_skip

SCRIPT = ROOT / "tests" / "journeys" / "graphql_clients.mjs"
KIOS = Caller(kind=CallerKind.PARTNER, client=client_named("warung"), scopes=frozenset({"prices:read"}))
CONTRACT = ClientContract(
    client=client_named("warung"),
    scopes={"prices:read": ("Query.markets", "Market.*")},
    variables={"Prices": {"first": VariableRange(at_most=3)}},
)
KEPT = "public, max-age=60, stale-while-revalidate=60, stale-if-error=86400"
pytestmark = pytest.mark.optional_programs


@pytest.fixture(scope="module", autouse=True)
def packages() -> Path:
    """The clients, as npm brought them."""
    return node_packages()


async def said(*arguments: str) -> Any:  # noqa: ANN401 - JSON
    """What the script prints."""
    process = await asyncio.create_subprocess_exec(
        program_or_skip("node"), str(SCRIPT), *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(60):
        out, error = await process.communicate()
    assert process.returncode == 0, error.decode()
    return json.loads(out)


async def asked(hub: Hub, scenario: str, caller: Caller | None = None) -> tuple[list[Any], list[Any]]:
    """What the client got, and what went over the wire: method, whether with text, id, code."""
    token = hub.headers(caller).get("Authorization", "").removeprefix("Bearer ")
    told = await said(scenario, f"{hub.url}/graphql", *([token] if token else []))
    return told["answers"], [(each["method"], each["text"], each["id"], each["code"]) for each in told["wire"]]


@pytest.fixture
async def registered(hub: Hub, state_url: str, tmp_path: Path) -> AsyncIterator[RegisteredOperation]:
    """The operation of the manifest that Apollo's tools write, published."""
    manifest = tmp_path / "persisted-query-manifest.json"
    manifest.write_text(json.dumps(await said("manifest")))
    [entry] = read_manifest(manifest)
    wanted = RegisteredOperation(client=client_named("warung"), id=entry.id, name=entry.name or "", text=entry.text)
    examined = examine(examiner(), CONTRACT, wanted)
    assert not examined.faults
    engine = database(state_url)
    registry = OperationRegistry(engine)
    await registry.publish(CONTRACT, [examined.operation], by="tests")
    await until(hub, {"documentId": entry.id}, KIOS, None)
    yield examined.operation
    await registry.retire(client_named("warung"), [entry.id], by="tests")
    await engine.dispose()


@pytest.mark.parametrize("scenario", ["apollo-ids", "urql-ids"])
async def test_a_partners_client_sends_the_ids_of_its_manifest_alone(
    hub: Hub, registered: RegisteredOperation, scenario: str
) -> None:
    [answer], wire = await asked(hub, scenario, KIOS)
    assert answer["error"] is None
    assert len(answer["data"]["markets"]) == 2
    assert {each["__typename"] for each in answer["data"]["markets"]} == {"Market"}
    assert wire == [("POST", False, registered.id, None)]


async def test_what_stands_in_no_manifest_is_not_even_sent(hub: Hub, registered: RegisteredOperation) -> None:
    assert registered.id
    [answer], wire = await asked(hub, "apollo-unlisted", KIOS)
    assert (answer["data"], wire) == (None, [])


async def test_a_partners_client_that_sends_texts_is_told_to_send_ids(
    hub: Hub, registered: RegisteredOperation, city: City
) -> None:
    assert registered.id
    city.reset_calls()
    [answer], wire = await asked(hub, "apollo-texts", KIOS)
    assert answer == {
        "data": None,
        "error": "This client runs registered operations by their id only. Send 'documentId' and no 'query'.",
    }
    assert wire == [("POST", True, None, "PERSISTED_QUERY_ID_REQUIRED")]
    assert city.calls() == {}


async def test_apollos_client_of_the_citys_own_frontend_sends_a_text_once_and_its_hash_from_then_on(hub: Hub) -> None:
    answers, wire = await asked(hub, "apollo-apq")
    assert [(len(each["data"]["markets"]), each["error"]) for each in answers] == [(2, None), (2, None), (1, None)]
    [digest] = {each[2] for each in wire}
    assert wire == [
        ("GET", False, digest, "PERSISTED_QUERY_NOT_FOUND"),
        ("POST", True, digest, None),
        ("GET", False, digest, None),
        ("GET", False, digest, None),
    ]
    cached = (await said("apollo-apq", f"{hub.url}/graphql"))["wire"]
    assert {each["cache"] for each in cached} == {KEPT}


async def test_urqls_client_of_the_citys_own_frontend_does_the_same(hub: Hub) -> None:
    answers, wire = await asked(hub, "urql-apq")
    assert [(len(each["data"]["markets"]), each["error"]) for each in answers] == [(2, None), (2, None)]
    [digest] = {each[2] for each in wire}
    assert wire[-1] == ("GET", False, digest, None)
    assert [each[3] for each in wire] == ["PERSISTED_QUERY_NOT_FOUND", None, None]
