"""What the hub counts of itself while people ask: one hub, in front of the city."""

from __future__ import annotations

import asyncio
import re
import tomllib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest
from pydantic import SecretStr

from auth.tokens.development_issuer import DevelopmentIssuer
from tests.cache.valkey import LocalValkey, run_valkey
from tests.journeys.breakers import BROKEN_AFTER, wait_for_breaker
from tests.journeys.hub import HubClient, RunningCity, build_settings, running_hub
from tests.journeys.outages import kill_agency
from tests.telemetry.metrics.scraped_metrics import scrape_metrics

ME = "query Mine3171014506909001 { me { name taxObjects { nop } } again: me { name } }"
NIK = re.compile(r"\d{16}")


@pytest.fixture
async def hub(
    city: RunningCity, state_url: str, issuer: DevelopmentIssuer, hub_folder: Path, tmp_path: Path
) -> AsyncIterator[HubClient]:
    """A hub that keeps answers and has breakers."""
    terms = tomllib.loads(f"[pbb]\n{BROKEN_AFTER.format(agency='pbb', deadline=2.0)}")
    settings = build_settings(
        city,
        state_url=state_url,
        issuer=issuer,
        folder=hub_folder,
        cache_megabytes=8,
        terms=terms,
        run_folder=tmp_path / "run",
    )
    async with running_hub(settings, issuer) as running:
        yield running


async def test_the_metrics_hold_the_cost_of_two_equal_queries(hub: HubClient) -> None:
    for text in (ME, f"# another text, so that its answer is not kept whole\n{ME}"):
        assert (await hub.ask(text, caller="siti")).errors == []
    told = await scrape_metrics(hub.url)
    assert told("agency_calls_total", "pbb") == told("agency_answers_total", "pbb") == 1
    assert told("agency_call_duration_seconds_count", "pbb") == 1
    assert told("agency_batch_keys_count", "pbb") == told("agency_batch_keys_sum", "pbb") == 1
    assert told("cache_lookups_total", "pbb", "process", "miss") == 1
    assert told("cache_lookups_total", "pbb", "process", "hit") == 1
    # The name is wanted twice in each request, and asked for once.
    assert told("cache_lookups_total", "dukcapil", "request", "miss") == 2
    assert told("cache_lookups_total", "dukcapil", "request", "hit") == 2
    assert told("operations_total", "unregistered", "unregistered", "complete") == 2
    assert told("operation_duration_seconds_count", "unregistered", "unregistered") == 2
    assert told("operation_points_total", "unregistered", "unregistered") == 2 * 206  # two calls, six objects
    assert told("http_requests_total", "/graphql", "200") == 2
    assert told("http_requests_in_flight") == 1  # this one
    assert told("ledger_commits_total") == told("ledger_wait_seconds_count") == 2
    assert (told("cache_entries") or 0) >= 2
    assert told("workers") == 1
    assert NIK.search(re.sub(r"\S+$", "", told.text, flags=re.MULTILINE)) is None


async def test_failures_are_counted_by_code_and_breakers_by_state(hub: HubClient, city: RunningCity) -> None:
    with kill_agency(city, "pbb"):
        await wait_for_breaker(hub, "pbb", is_open=True)
        told = await scrape_metrics(hub.url)
    assert told("agency_breaker_state", "pbb", "open") == 1
    assert told("agency_breaker_state", "pbb", "closed") == 0
    assert told("agency_breaker_opened_total", "pbb") == 1
    assert told("agency_failures_total", "pbb", "AGENCY_UNAVAILABLE") == 2
    assert told("agency_failures_total", "pbb", "AGENCY_TIMEOUT") == 0
    assert (told("agency_refused_total", "pbb", "breaker") or 0) >= 1
    assert told("agency_failures_total", "crm", "AGENCY_UNAVAILABLE") == 0
    assert told("agency_breaker_state", "crm", "open") is None  # no breaker was agreed
    assert (told("operations_total", "unregistered", "unregistered", "partial") or 0) >= 2


async def test_metrics_show_redis_going_down_and_coming_back(
    city: RunningCity, state_url: str, issuer: DevelopmentIssuer, hub_folder: Path, valkey: LocalValkey
) -> None:
    settings = build_settings(
        city,
        state_url=state_url,
        issuer=issuer,
        folder=hub_folder,
        cache_megabytes=8,
        redis_url=SecretStr(valkey.url),
        rates=("citizen:6000/600000",),  # who is not limited needs no count
        status_page=False,
    )
    async with running_hub(settings, issuer) as hub:
        await until_redis(hub, up=1)
        valkey.kill()
        await hub.ask("{ me { name } }", caller="siti")
        await until_redis(hub, up=0)
        valkey.start()
        await until_redis(hub, up=1)
        async with aiohttp.ClientSession() as http, http.get(f"{hub.url}/status") as response:
            assert response.status == 404  # the operator does not show it


async def until_redis(hub: HubClient, *, up: int) -> None:
    """Wait until the hub tells so, of all that it needs Redis for."""
    async with asyncio.timeout(20):
        while {(await scrape_metrics(hub.url))("redis_up", use) for use in ("cache", "limits")} != {up}:  # noqa: ASYNC110 - the hub looks once a second
            await asyncio.sleep(0.1)


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[LocalValkey]:
    with run_valkey(tmp_path) as running:
        yield running
