"""`/metrics` of a hub of two workers, one of which is killed: real processes, behind one port."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from tests.cli.command_line import temporary_state_folder
from tests.journeys.hub_process import PUBLIC, ask
from tests.telemetry.metrics.scraped_metrics import ScrapedMetrics, scrape_metrics
from tests.workers.production import Production, prepare_production, wait_until_gone

TOKEN = "bW9yZS10aGFuLXRoaXJ0eS10d28tYnl0ZXMtb2Ytbm90aGluZw=="
ASKED = 60
ALL_OF_IT = ("http_requests_total", "/graphql", "200")


@pytest.fixture(scope="module")
def hub() -> Iterator[Production]:
    with temporary_state_folder() as folder:
        folder.mkdir(parents=True)
        with prepare_production(folder) as hub:
            hub.write_settings(SIMPUL_METRICS_TOKEN=TOKEN)
            hub.start()
            yield hub


async def scrape(hub: Production) -> ScrapedMetrics:
    """The metrics of one worker, over a new connection."""
    return await scrape_metrics(f"http://127.0.0.1:{hub.port}", TOKEN)


async def wait_for_value(hub: Production, value: float, *name: str) -> ScrapedMetrics:
    """The metrics as soon as a value is reached: other workers write once a second."""
    async with asyncio.timeout(20):
        while (found := await scrape(hub))(*name) != value:  # noqa: ASYNC110 - other processes
            await asyncio.sleep(0.1)
        return found


async def test_every_worker_reports_all_and_counts_of_a_killed_one_stay(hub: Production) -> None:
    for _ in range(ASKED):
        async with hub.client() as session:  # a new connection each time, so that both workers get some
            assert "errors" not in await ask(session, PUBLIC)
    found = await wait_for_value(hub, ASKED, *ALL_OF_IT)
    assert found("workers") == 2
    assert found("operations_total", "unregistered", "unregistered", "complete") == ASKED
    first, second = hub.workers
    assert all((found("process_resident_memory_bytes", str(pid)) or 0) > 2**20 for pid in (first, second))
    os.kill(second, signal.SIGKILL)
    wait_until_gone(second)
    seen = [(await scrape(hub))(*ALL_OF_IT) for _ in range(20)]
    hub.wait_for("serves (process", times=3)
    found = await wait_for_value(hub, 2, "workers")
    seen.append(found(*ALL_OF_IT))
    assert set(seen) == {ASKED}
    assert found("process_resident_memory_bytes", str(second)) is None
