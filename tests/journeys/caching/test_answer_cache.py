"""What agencies said is kept: by one hub, by two that share a Valkey, through outages, until it changes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from auth.tokens.development_issuer import DevelopmentIssuer
from sandbox.population.samples import SAMPLES
from settings import Settings
from tests.cache.valkey import LocalValkey, run_valkey
from tests.journeys.agency_hooks import send_change_hook
from tests.journeys.hub import HubClient, RunningCity, build_settings, running_hub
from tests.journeys.outages import kill_agency

ME = "{ me { name taxObjects { nop } complaints { number } } markets(first: 1) { name } }"
LAND = "{ me { taxObjects { nop } } }"
SITI = SAMPLES["siti"].nik


def run_caching_hub(
    city: RunningCity, state_url: str, issuer: DevelopmentIssuer, folder: Path, valkey: LocalValkey | None = None
) -> Settings:
    redis = None if valkey is None else SecretStr(valkey.url)
    return build_settings(
        city,
        state_url=state_url,
        issuer=issuer,
        folder=folder,
        cache_megabytes=8,
        redis_url=redis,
        redis_timeout=5,  # two hubs and their callers share this process, and the machine with other tests
        rates="off",
    )


@pytest.fixture
async def hub(
    city: RunningCity, state_url: str, issuer: DevelopmentIssuer, hub_folder: Path
) -> AsyncIterator[HubClient]:
    async with running_hub(run_caching_hub(city, state_url, issuer, hub_folder), issuer) as running:
        yield running


@pytest.fixture
def valkey(tmp_path: Path) -> Any:  # noqa: ANN401 - a generator
    with run_valkey(tmp_path) as running:
        yield running


@pytest.fixture
async def two(
    city: RunningCity, state_url: str, issuer: DevelopmentIssuer, hub_folder: Path, valkey: LocalValkey
) -> AsyncIterator[tuple[HubClient, HubClient]]:
    settings = run_caching_hub(city, state_url, issuer, hub_folder, valkey)
    async with running_hub(settings, issuer) as here, running_hub(settings, issuer) as there:
        yield here, there


async def test_a_warm_answer_asks_no_agency_and_is_the_same_for_her_and_for_nobody_else(
    hub: HubClient, city: RunningCity
) -> None:
    cold = await hub.ask(ME, caller="siti")
    city.reset_calls()
    warm = await hub.ask(ME, caller="siti")
    assert warm.body == cold.body
    assert city.calls() == {}
    budi = await hub.ask(LAND, caller="budi")
    assert budi.data != {"me": warm.data["me"]}


async def test_an_official_reads_current_data(hub: HubClient, city: RunningCity) -> None:
    query = f'{{ citizen(nik: "{SITI}") {{ name }} }}'
    await hub.ask("{ me { name } }", caller="siti")
    for _ in range(2):
        city.reset_calls()
        assert (await hub.ask(query, caller="official")).errors == []
        assert city.calls() == {"dukcapil": 2}


async def test_while_an_agency_is_down_what_it_said_is_still_fresh(hub: HubClient, city: RunningCity) -> None:
    cold = await hub.ask(ME, caller="siti")
    with kill_agency(city, "pbb"):
        assert (await hub.ask(ME, caller="siti")).body == cold.body


async def test_every_reading_of_what_is_kept_is_recorded(hub: HubClient) -> None:
    log = "{ me { accessLog(first: 3) { nodes { fields requestId } } } }"
    for _ in range(2):
        await hub.ask(LAND, caller="siti")
    first, second, *_ = (await hub.ask(log, caller="siti")).data["me"]["accessLog"]["nodes"]
    assert first["fields"] == second["fields"]
    assert first["requestId"] != second["requestId"]


async def test_64_who_ask_two_hubs_for_the_same_cold_key_are_one_call(
    two: tuple[HubClient, HubClient], city: RunningCity
) -> None:
    await send_change_hook(two[0], {"people": [SITI]})
    city.reset_calls()
    answers = await asyncio.gather(*(hub.ask(LAND, caller="siti") for hub in two for _ in range(32)))
    assert len({json.dumps(each.body) for each in answers}) == 1
    assert answers[0].errors == []
    assert city.calls() == {"pbb": 1}


async def test_what_one_hub_fetched_another_knows_and_what_changed_is_gone_in_both(
    two: tuple[HubClient, HubClient], city: RunningCity
) -> None:
    here, there = two
    await here.ask(LAND, caller="siti")
    city.reset_calls()
    await there.ask(LAND, caller="siti")
    assert city.calls() == {}
    assert await send_change_hook(there, {"people": [SITI]}) == 204
    await here.ask(LAND, caller="siti")
    assert city.calls() == {"pbb": 1}
    await there.ask(LAND, caller="siti")
    assert city.calls() == {"pbb": 1}


async def test_what_changed_is_gone_in_every_process_of_a_hub_that_has_no_redis(
    city: RunningCity, state_url: str, issuer: DevelopmentIssuer, hub_folder: Path
) -> None:
    settings = run_caching_hub(city, state_url, issuer, hub_folder).model_copy(
        update={"run_folder": hub_folder / "run"}
    )
    async with running_hub(settings, issuer) as here, running_hub(settings, issuer) as there:
        for hub in (here, there):
            await hub.ask(LAND, caller="siti")
        city.reset_calls()
        for hub in (here, there):
            await hub.ask(LAND, caller="siti")
        assert city.calls() == {}
        assert await send_change_hook(there, {"people": [SITI]}) == 204
        await here.ask(LAND, caller="siti")
        assert city.calls() == {"pbb": 1}
    assert (hub_folder / "run" / "invalidated").stat().st_mode & 0o077 == 0


async def test_nothing_in_the_store_tells_who_or_what(two: tuple[HubClient, HubClient], valkey: LocalValkey) -> None:
    await two[0].ask(ME, caller="siti")
    held = []
    async with Redis.from_url(valkey.url, protocol=2) as client:
        async for key in client.scan_iter("simpul:v1:a:*"):
            held += [key, await client.get(key)]
    assert len(held) >= 8
    text = b"\n".join(held)
    nop = (await two[0].ask(LAND, caller="siti")).data["me"]["taxObjects"][0]["nop"]
    for told in (SITI, nop, nop.replace(".", ""), "Siti", "SITI"):
        assert told.encode() not in text


async def test_when_the_store_dies_answers_go_on_and_when_it_is_back_it_is_used_again(
    two: tuple[HubClient, HubClient], valkey: LocalValkey, city: RunningCity
) -> None:
    hub = two[0]
    cold = await hub.ask(LAND, caller="siti")
    valkey.kill()
    assert (await hub.ask(LAND, caller="siti")).body == cold.body
    assert await send_change_hook(hub, {"people": [SITI]}) == 503
    assert (await hub.get("/health/ready")).body["cache"] == "alone"
    valkey.start()
    async with asyncio.timeout(20):
        while (await hub.get("/health/ready")).body["cache"] != "together":  # noqa: ASYNC110 - a hub sets no event
            await asyncio.sleep(0.05)
    await hub.ask(LAND, caller="siti")
    city.reset_calls()
    assert (await hub.ask(LAND, caller="siti")).body == cold.body
    assert city.calls() == {}
