"""How fresh answers are, as HTTP says it, and how to ask for what is so now: of the whole hub, in front of the city."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from auth.tokens.development_issuer import DevelopmentIssuer
from tests.journeys.agency_hooks import send_change_hook
from tests.journeys.hub import OFFICIAL, HubClient, RunningCity, build_settings, running_hub
from tests.journeys.outages import kill_agency

NAME = {"query": "{ me { name } }"}
LAND = {"query": "{ me { taxObjects { nop } } }"}
HEALTH = {"query": "{ me { civilStatus { bloodType } } }"}
CARD = {"query": "{ me { name household { familyCardNumber } } }"}
PRICES = {"query": '{ markets(first: 1, search: "senen") { prices { price } } }'}
REGION = {"query": '{ region(code: "31.71") { name } }'}
NO_CACHE = {"Cache-Control": "no-cache"}
LOG = "{ me { accessLog(first: 2) { nodes { requestId fields } } } }"


@pytest.fixture(scope="module")
async def hub(
    city: RunningCity, state_url: str, issuer: DevelopmentIssuer, hub_folder: Path
) -> AsyncIterator[HubClient]:
    given: dict[str, Any] = {"cache_megabytes": 8, "rates": "citizen:600/200000/3"}
    async with running_hub(
        build_settings(city, state_url=state_url, issuer=issuer, folder=hub_folder, **given), issuer
    ) as running:
        yield running


async def when_it_is_a_second_old(hub: HubClient, asked: dict[str, str], caller: str | None = None) -> Any:  # noqa: ANN401 - headers
    """The headers of an answer that is made of what was kept for a second at least."""
    async with asyncio.timeout(10):
        while "age" not in (told := (await hub.query_by_get(asked, caller=caller))[1]):  # noqa: ASYNC110 - time has to pass
            await asyncio.sleep(0.05)
    return told


@pytest.mark.parametrize(
    ("asked", "caller", "said"),
    [
        (REGION, None, "public, max-age=60"),
        (PRICES, None, "public, max-age=60, stale-while-revalidate=60, stale-if-error=86400"),
        (PRICES, "siti", "private, max-age=60"),
        (PRICES, OFFICIAL, "no-store"),
        (NAME, "siti", "private, no-cache"),
        (CARD, "siti", "private, no-store"),  # a child is on it
        (LAND, "siti", "private, no-store"),
        (HEALTH, "siti", "private, no-store"),
        (NAME, None, "no-store"),
        ({"query": "{ me { name } markets(first: 1) { name } }"}, None, "no-store"),
        ({"query": "{ __schema { queryType { name } } }"}, None, "no-store"),
    ],
)
async def test_an_answer_says_who_may_keep_it_and_for_how_long(
    hub: HubClient, asked: dict[str, str], caller: str | None, said: str
) -> None:
    await send_change_hook(hub, {"everything": True}, agency="pangan")
    answer, headers = await hub.query_by_get(asked, caller=caller)
    assert answer.status == 200
    assert headers["cache-control"] == said
    assert ("etag" in headers) is ("no-store" not in said)


async def test_what_was_kept_for_a_while_says_so_and_lasts_as_long_as_is_left_of_it(hub: HubClient) -> None:
    await send_change_hook(hub, {"everything": True}, agency="pangan")
    _, first = await hub.query_by_get(PRICES)
    assert "age" not in first
    later = await when_it_is_a_second_old(hub, PRICES)
    age = int(later["age"])
    assert later["cache-control"].startswith(f"public, max-age={60 + age}, ")
    assert (later["etag"], later["x-accel-expires"]) == (first["etag"], "60")
    personal = await when_it_is_a_second_old(hub, NAME, "siti")
    assert personal["cache-control"] == "private, no-cache"


async def test_a_304_for_a_personal_answer_is_recorded_as_a_read(hub: HubClient, city: RunningCity) -> None:
    first, headers = await hub.query_by_get(NAME, caller="siti")
    city.reset_calls()
    same = {"If-None-Match": headers["etag"], "X-Request-Id": "the-same-again"}
    again, headers_again = await hub.query_by_get(NAME, caller="siti", headers=same)
    assert (again.status, bool(again.body), city.calls()) == (304, False, {})
    assert headers_again["etag"] == headers["etag"]
    newest, before = (await hub.ask(LOG, caller="siti")).data["me"]["accessLog"]["nodes"]
    assert newest == {"requestId": "the-same-again", "fields": before["fields"]}
    assert first.data == {"me": {"name": "Siti Rahmawati"}}


async def test_an_entity_tag_of_another_caller_does_not_match(hub: HubClient) -> None:
    _, headers = await hub.query_by_get(NAME, caller="siti")
    with_it = {"If-None-Match": headers["etag"]}
    budi, _ = await hub.query_by_get(NAME, caller="budi", headers=with_it)
    assert (budi.status, budi.data) == (200, {"me": {"name": "Budi Santoso"}})
    nobody, _ = await hub.query_by_get(NAME, headers=with_it)
    assert (nobody.status, nobody.data) == (200, None)


async def test_requests_for_current_data_are_limited_per_minute(hub: HubClient, city: RunningCity) -> None:
    await hub.query_by_get(LAND, caller="dewi")
    city.reset_calls()
    _, plain = await hub.query_by_get(LAND, caller="dewi")
    assert (city.calls(), "fresh" in plain["ratelimit"]) == ({}, False)
    for asked in ("max-age=0", "no-cache", "max-age=3600"):
        answer, _ = await hub.query_by_get(LAND, caller="dewi", headers={"Cache-Control": asked})
        assert answer.errors == []
    assert city.calls() == {"pbb": 2}
    refused, headers = await hub.query_by_get(LAND, caller="dewi", headers=NO_CACHE)
    assert (refused.status, refused.errors, city.calls()) == (429, [("", "RATE_LIMITED")], {"pbb": 2})
    assert '"fresh";r=0;' in headers["ratelimit"]
    posted = await hub.post(LAND, caller="dewi", headers=NO_CACHE)
    assert posted.status == 429
    answer, _ = await hub.query_by_get(LAND, caller="dewi")
    assert answer.errors == []


async def test_a_request_for_current_data_during_an_outage_gets_marked_stale_data(
    hub: HubClient, city: RunningCity
) -> None:
    fresh = await hub.post(LAND, caller="budi")
    with kill_agency(city, "pbb"):
        old, headers = await hub.query_by_get(LAND, caller="budi", headers=NO_CACHE)
    assert old.data == fresh.data
    assert [each["reason"] for each in old.body["extensions"]["freshness"]] == ["AGENCY_UNAVAILABLE"]
    assert headers["cache-control"] == "no-store"
