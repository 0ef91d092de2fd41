"""A reload without an agency: the operations that lose a field are named before the new generation serves."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator

import pytest

from records.hub.operations import ClientContract, OperationMode, RegisteredOperation
from store.database import create_database_engine
from store.operations.operation_registry import OperationRegistry
from tests.cli.command_line import run_simpul, temporary_state_folder
from tests.fakes.city import write_city
from tests.fakes.clients import build_client
from tests.fakes.waiting import block_until
from tests.journeys.hub_process import ask
from tests.workers.production import Production, prepare_production

PRICES = {"query": "query Prices { markets(first: 1) { name } }"}
LOST = "Cannot query field 'markets' on type 'Query'."


@pytest.fixture
def hub() -> Iterator[Production]:
    with temporary_state_folder() as folder:
        folder.mkdir(parents=True)
        with prepare_production(folder) as hub:
            hub.worker_count = 1
            hub.write_settings(SIMPUL_CITY=str(write_city(folder / "city")), SIMPUL_AGENCY_TIMEOUT="1")
            yield hub


async def publish(hub: Production) -> None:
    engine = create_database_engine(hub.state_url)
    client = build_client("kios")
    contract = ClientContract(client=client, mode=OperationMode.SAFELIST)
    operations = [
        RegisteredOperation(client=client, id=name, name=name, text=text)
        for name, text in (("Prices", PRICES["query"]), ("City", 'query City { region(code: "31") { name } }'))
    ]
    await OperationRegistry(engine).publish(contract, operations, by="tests")
    await engine.dispose()


async def test_a_domain_leaves_the_graph_after_its_lost_operations_are_named(hub: Production) -> None:
    await asyncio.to_thread(hub.start)
    await publish(hub)
    before = run_simpul(hub.folder, "settings", "check", "--connect", "--settings", str(hub.settings))
    assert "operation Prices" not in before.stdout  # errors of agencies that do not run may hold the word alone

    write_city(hub.folder / "city", changes={"pangan": {"stage": "agreed"}})
    checked = run_simpul(hub.folder, "settings", "check", "--connect", "--settings", str(hub.settings))
    assert (
        f"operation Prices (development/kios): it loses a field in the graph of these settings: {LOST}"
        in checked.stdout
    )
    assert "operation City" not in checked.stdout
    assert "no live agency answers the domain 'prices': the graph does not have its fields" in checked.stdout

    hub.signal(signal.SIGHUP)
    await asyncio.to_thread(hub.wait_for, "Reloaded: ")
    log = hub.log_without_requests
    named = f"Prices of client development/kios cannot be run: {LOST}"
    assert 0 < log.index(named) < log.index("Reloaded: ")
    assert "City of client" not in log
    await asyncio.to_thread(block_until, lambda: len(hub.workers) == 1, "the worker of the earlier generation gone")
    async with hub.stranger() as session:
        refused = await ask(session, PRICES)
        served = await ask(session, {"query": '{ region(code: "31") { code } }'})
    assert [each["extensions"]["code"] for each in refused["errors"]] == ["GRAPHQL_VALIDATION_FAILED"]
    assert served == {"data": {"region": {"code": "31"}}}
