"""The writer sees a submitted complaint in the next answer of every worker, with Valkey and without."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.cache.valkey import run_valkey
from tests.journeys.commands.killed_city import SUBMIT, build_variables, write_complaint_city
from tests.journeys.commands.workers import find_owner, prepare
from tests.journeys.hub_process import CITIZEN
from tests.plugins.run_folder import short_folder
from tests.sandbox_agencies import HOST, RunningAgency, run_agency
from tests.workers.production import Production, prepare_production

MINE = {"query": "query Mine { me { complaints { description delivery } } }"}
MAX_CONNECTIONS = 60


@pytest.fixture(params=["with Valkey", "without"])
def hub(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Production, RunningAgency]]:
    """Two workers in front of a complaint system."""
    with (
        run_agency("crm", tmp_path) as complaint_system,
        run_valkey(tmp_path / "valkey") as valkey,
        short_folder() as folder,
        prepare_production(folder) as hub,
    ):
        redis = {"SIMPUL_REDIS_URL": valkey.url} if request.param == "with Valkey" else {}
        city = write_complaint_city(folder / "city")
        prepare(hub, {**build_variables(complaint_system), "SIMPUL_CITY": str(city), **redis})
        hub.start()
        yield hub, complaint_system


@asynccontextmanager
async def open_clients(hub: Production) -> AsyncIterator[Mapping[int, aiohttp.ClientSession]]:
    """A client of one connection for each worker."""
    found: dict[int, aiohttp.ClientSession] = {}
    async with AsyncExitStack() as stack:
        for _ in range(MAX_CONNECTIONS):
            if len(found) == hub.worker_count:
                break
            connector = aiohttp.TCPConnector(limit=1, keepalive_timeout=300)
            client = await stack.enter_async_context(
                aiohttp.ClientSession(f"http://{HOST}:{hub.port}", headers=hub.headers(CITIZEN), connector=connector)
            )
            await ask(client, MINE)
            [[(idle, _)]] = connector._conns.values()
            assert idle.transport is not None
            pid = await asyncio.to_thread(find_owner, [idle.transport.get_extra_info("sockname")[1]], hub.workers)
            found.setdefault(pid, client)
        assert len(found) == hub.worker_count
        yield found


async def ask(client: aiohttp.ClientSession, body: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
    async with client.post("/graphql", json=body) as response:
        answer = await response.json()
    assert "errors" not in answer
    return answer["data"]


async def list_mine(client: aiohttp.ClientSession) -> Mapping[str, str | None]:
    return {each["description"]: each["delivery"] for each in (await ask(client, MINE))["me"]["complaints"]}


async def test_the_writer_sees_the_complaint_in_the_next_answer_of_either_worker(
    hub: tuple[Production, RunningAgency],
) -> None:
    workers, complaint_system = hub
    async with open_clients(workers) as clients:
        first, second = clients.values()
        for turn in range(10):
            for writer, reader in ((first, second), (second, first)):
                assert (await list_mine(reader)).keys() == (
                    await list_mine(writer)
                ).keys()  # both have it in their caches
                text = f"{turn}, worker {'first' if writer is first else 'second'}"
                receipt = await ask(writer, {"query": SUBMIT, "variables": {"key": text}})
                assert receipt["submitComplaint"]["number"].startswith("TT-")
                assert text in await list_mine(reader)
                assert text in await list_mine(writer)
        assert complaint_system.count_calls()["POST /open311/v2/requests.json"] >= 1


async def test_a_double_tap_at_the_same_instant_on_two_workers_is_one_command(
    hub: tuple[Production, RunningAgency],
) -> None:
    workers, _ = hub
    async with open_clients(workers) as clients:
        for turn in range(5):
            body = {"query": SUBMIT, "variables": {"key": f"double {turn}"}}
            receipts = await asyncio.gather(*(ask(client, body) for client in clients.values() for _ in range(2)))
            assert len({each["submitComplaint"]["number"] for each in receipts}) == 1
