"""A cache that everybody shares hands each what is theirs: public data for as long as it is fresh, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from auth.tokens.development_issuer import DevelopmentIssuer
from tests.journeys.caching.nginx_cache import CachedResponse, NginxCache, run_nginx_cache
from tests.journeys.hub import HubClient, RunningCity, build_settings, running_hub
from tests.plugins.optional_programs import program_or_skip

MARKETS = '{ markets(first: 2, search: "pasar") { name } }'
NAME = "{ me { name } }"
NAMES = {"siti": "Siti Rahmawati", "budi": "Budi Santoso", "dewi": "Dewi Lestari"}

pytestmark = pytest.mark.optional_programs


@pytest.fixture(scope="module")
async def hub(
    city: RunningCity, state_url: str, issuer: DevelopmentIssuer, hub_folder: Path
) -> AsyncIterator[HubClient]:
    given: dict[str, Any] = {"cache_megabytes": 8, "rates": "off"}
    settings = build_settings(city, state_url=state_url, issuer=issuer, folder=hub_folder, **given)
    async with running_hub(settings, issuer) as running:
        yield running


@pytest.fixture
async def cache(hub: HubClient, tmp_path: Path) -> AsyncIterator[NginxCache]:
    async with run_nginx_cache(program_or_skip("nginx"), tmp_path / "nginx", urlsplit(hub.url).port or 0) as running:
        yield running


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as made:
        yield made


def data(kept: CachedResponse) -> Any:  # noqa: ANN401 - JSON
    assert (kept.status, kept.body.get("errors")) == (200, None)
    return kept.body["data"]


async def test_public_data_is_handed_to_everybody_who_has_no_token_and_asked_for_once(
    cache: NginxCache, city: RunningCity
) -> None:
    first = await cache.get(MARKETS)
    city.reset_calls()
    again = [await cache.get(MARKETS) for _ in range(3)]
    assert [each.by for each in (first, *again)] == ["MISS", "HIT", "HIT", "HIT"]
    assert {repr(data(each)) for each in again} == {repr(data(first))}
    assert city.calls() == {}
    assert all(each.headers["etag"] == first.headers["etag"] for each in again)


async def test_no_personal_answer_is_ever_handed_to_another_nor_kept(hub: HubClient, cache: NginxCache) -> None:
    async def asked(number: int) -> None:
        who = [*NAMES, None][number % 4]
        kept = await cache.get(NAME, hub.headers(who))
        if who is None:
            assert [each["extensions"]["code"] for each in kept.body["errors"]] == ["FORBIDDEN"]
            assert kept.headers["cache-control"] == "no-store"
        else:
            assert data(kept) == {"me": {"name": NAMES[who]}}
            assert kept.headers["cache-control"] == "private, no-cache"
        assert kept.by == "MISS"

    await asyncio.gather(*map(asked, range(40)))
    assert cache.seconds_left() == []


async def test_who_has_a_token_gets_public_data_of_their_own_and_leaves_none_for_others(
    hub: HubClient, cache: NginxCache
) -> None:
    own = await cache.get(MARKETS, hub.headers("siti"))
    assert own.headers["cache-control"].startswith("private, max-age=")
    assert cache.seconds_left() == []
    await cache.get(MARKETS)
    asked = [await cache.get(MARKETS, hub.headers(who)) for who in ("siti", "budi", None)]
    assert [each.by for each in asked] == ["MISS", "MISS", "HIT"]


async def test_the_answer_in_one_media_type_is_not_handed_to_who_takes_the_other(cache: NginxCache) -> None:
    for accept in ("application/json", "application/graphql-response+json"):
        kept = [await cache.get(MARKETS, {"Accept": accept}) for _ in range(2)]
        assert {each.headers["content-type"] for each in kept} == {f"{accept}; charset=utf-8"}
        assert [each.by for each in kept] == ["MISS", "HIT"]


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Request-Timeout": "0.000000001"},
        {"X-Purpose": "SUBJECT_REQUEST", "X-Case": "C/1"},
        {"X-Forwarded-Host": "evil.example", "X-Original-URL": "/graphql?query=%7B__typename%7D"},
        {"X-HTTP-Method-Override": "POST", "Cookie": "session=siti", "Accept-Language": "id"},
        {"Content-Type": "application/json"},
        {"Accept": "text/html"},
        {"Authorization": "Bearer forged"},
        {"Cache-Control": "no-cache", "If-None-Match": "*"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    ],
)
async def test_no_header_of_one_request_changes_what_the_next_is_given(
    hub: HubClient, cache: NginxCache, headers: dict[str, str]
) -> None:
    right, _ = await hub.query_by_get({"query": MARKETS})
    await cache.get(MARKETS, headers)
    for _ in range(2):
        assert (await cache.get(MARKETS)).body == right.body


async def test_what_is_old_already_is_handed_out_only_as_long_as_it_is_still_fresh(
    hub: HubClient, cache: NginxCache
) -> None:
    query = '{ commodities(search: "beras") { name } }'
    await hub.query_by_get({"query": query})
    async with asyncio.timeout(10):
        while "age" not in (await hub.query_by_get({"query": query}))[1]:  # noqa: ASYNC110 - time has to pass
            await asyncio.sleep(0.05)
    kept = await cache.get(query)
    assert kept.by == "MISS"
    age = int(kept.headers["age"])
    lifetime = int(kept.headers["cache-control"].split("max-age=")[1].split(",")[0])
    assert (age >= 1, lifetime - age) == (True, 60)
    (left,) = cache.seconds_left()
    assert left <= 60


async def test_what_is_over_is_asked_for_again_and_not_sent_where_it_is_the_same_and_given_while_the_hub_is_away(
    city: RunningCity,
    state_url: str,
    issuer: DevelopmentIssuer,
    hub_folder: Path,
    tmp_path: Path,
    *,
    stack: AsyncExitStack,
) -> None:
    given: dict[str, Any] = {"cache_megabytes": 8, "rates": "off", "public_max_age": 1}
    settings = build_settings(city, state_url=state_url, issuer=issuer, folder=hub_folder, **given)
    async with running_hub(settings, issuer) as hub:
        behind = urlsplit(hub.url).port or 0
        cache = await stack.enter_async_context(run_nginx_cache(program_or_skip("nginx"), tmp_path / "nginx", behind))
        first = await cache.get(MARKETS)
        assert await over(cache) == "REVALIDATED"
    assert await over(cache) == "STALE"
    assert data(await cache.get(MARKETS)) == data(first)


async def over(cache: NginxCache) -> str:
    """Ask until what is kept is over; where the answer came from then."""
    async with asyncio.timeout(10):
        while (by := (await cache.get(MARKETS)).by) == "HIT":  # noqa: ASYNC110 - time has to pass
            await asyncio.sleep(0.05)
    return by
