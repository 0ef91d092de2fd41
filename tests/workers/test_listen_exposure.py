"""A production hub on other addresses than 127.0.0.1: who reaches it, and under which names."""

from __future__ import annotations

import asyncio
import re
from base64 import b64encode
from collections.abc import Iterator

import aiohttp
import pytest

from tests.cli.command_line import run_simpul, temporary_state_folder
from tests.journeys.hub_process import CITIZEN, PERSONAL, PUBLIC
from tests.plugins.run_folder import short_folder
from tests.sandbox_agencies import free_port
from tests.workers.production import Production, prepare_production

METRICS_TOKEN = b64encode(b"m" * 32).decode()


@pytest.fixture
def stopped() -> Iterator[Production]:
    with short_folder() as name, prepare_production(name) as hub:
        hub.write_settings(SIMPUL_METRICS_TOKEN=METRICS_TOKEN)
        yield hub


async def statuses(url: str, host: str, token: dict[str, str]) -> list[int]:
    """The answers to a probe, Prometheus, an anonymous caller and a citizen, who call the hub by this name."""
    scraper = {"Authorization": f"Bearer {METRICS_TOKEN}"}
    no_token: dict[str, str] = {}
    asked = (("/health/live", no_token), ("/health/ready", no_token), ("/metrics", scraper), ("/metrics", no_token))
    async with aiohttp.ClientSession(url, headers={"Host": host} if host else {}) as http:
        found = []
        for path, headers in asked:
            async with http.get(path, headers=headers) as answer:
                found.append(answer.status)
        for body, headers in ((PUBLIC, {}), (PERSONAL, token)):
            async with http.post("/graphql", json=body, headers=headers) as answer:
                found.append(answer.status)
        return found


@pytest.mark.parametrize("address", ["[::1]", pytest.param("127.0.0.2", marks=pytest.mark.long)])
def test_a_hub_on_another_address_serves_there_and_serves_probes_by_any_name(stopped: Production, address: str) -> None:
    hub = stopped
    hub.write_settings(SIMPUL_LISTEN=f"{address}:{hub.port}")
    hub.start()
    url, token = f"http://{address}:{hub.port}", hub.headers(CITIZEN)
    assert asyncio.run(statuses(url, "", token)) == [200, 200, 200, 401, 200, 200]
    assert asyncio.run(statuses(url, "10.244.0.7:8000", token)) == [200, 200, 200, 401, 421, 421]
    with pytest.raises(aiohttp.ClientConnectorError):
        asyncio.run(statuses(f"http://127.0.0.1:{hub.port}", "", token))


@pytest.mark.parametrize("name", ["SIMPUL_DEVELOPMENT", "SIMPUL_ISSUER_KEYS"])
def test_a_development_hub_or_its_tokens_do_not_start_on_a_reachable_address(stopped: Production, name: str) -> None:
    given = {"SIMPUL_DEVELOPMENT": "true", "SIMPUL_ISSUER_KEYS": str(stopped.folder / "keys.json")}
    variables = stopped.file_settings | {name: given[name], "SIMPUL_LISTEN": f"0.0.0.0:{free_port()}"}
    with temporary_state_folder() as state:
        outcome = run_simpul(state, "hub", **variables, SIMPUL_RUN_FOLDER="")
    assert outcome.returncode == 1
    says = r"^simpul: the hub does not start: [^\n]*SIMPUL_LISTEN lets other machines reach the hub at 0\.0\.0\.0:\d+,"
    assert re.search(says, outcome.stderr, re.MULTILINE), outcome.stderr
