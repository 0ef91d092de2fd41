"""A hub that answers the lists of the food price service from snapshots, and its prices by key."""

from __future__ import annotations

import tomllib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from auth.tokens.development_issuer import DevelopmentIssuer
from settings.city.folder import load_city
from tests.fakes.city import VARIABLES, write_city
from tests.journeys.agencies.snapshot_city import READS, SNAPSHOT
from tests.journeys.hub import HubClient, RunningCity, build_settings, build_variables, running_hub

MARKETS = '{ markets(search: "%s") { name coordinates { latitude } region { name } } }'


async def open_hub(city: RunningCity, folder: Path, **given: Any) -> Any:  # noqa: ANN401 - a context manager
    """A hub whose markets come from a snapshot."""
    path = write_city(folder / "city", terms={})
    manifest = load_city(path).manifests["pangan"].path
    write_city(
        folder / "city",
        terms={"pangan": {"rate": 1000.0, "burst": 1000}},
        changes={"pangan": {"snapshots": {"markets": SNAPSHOT}, "reads": read_reads(manifest) | READS}},
    )
    settings = build_settings(
        city,
        folder=folder,
        city=load_city(folder / "city", {**VARIABLES, **build_variables(city)}),
        snapshot_folder=folder / "snapshots",
        **given,
    )
    return running_hub(settings, given["issuer"])


def read_reads(manifest: Path) -> dict[str, Any]:
    """The declared reads of a manifest."""
    found: dict[str, Any] = tomllib.loads(manifest.read_text(encoding="utf-8"))["reads"]
    return found


@pytest.fixture(scope="module")
async def local_hub(
    city: RunningCity, state_url: str, issuer: DevelopmentIssuer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[HubClient]:
    folder = tmp_path_factory.mktemp("local")
    async with await open_hub(city, folder, state_url=state_url, issuer=issuer) as running:
        yield running


@pytest.mark.parametrize("search", ["", "senen", "MINGGU", "x", "tidak ada"])
async def test_it_answers_as_the_agency_does(local_hub: HubClient, hub: HubClient, search: str) -> None:
    found, wanted = [await each.ask(MARKETS % search) for each in (local_hub, hub)]
    assert (found.errors, wanted.errors) == ([], [])
    assert sorted(found.data["markets"], key=str) == sorted(wanted.data["markets"], key=str)


async def test_searches_cost_the_agency_no_call_and_prices_one(local_hub: HubClient, city: RunningCity) -> None:
    city.reset_calls()
    for search in ("a", "pasar", "kramat", "blok"):
        assert (await local_hub.ask(MARKETS % search)).errors == []
    assert city.calls() == {}
    answer = await local_hub.ask('{ markets(search: "senen") { prices(search: "beras") { price } } }')
    assert answer.errors == []
    assert city.calls() == {"pangan": len(answer.data["markets"])}


async def test_an_answer_has_the_date_of_the_data_once_and_is_not_stale(local_hub: HubClient) -> None:
    answer = await local_hub.ask('{ all: markets { name } some: markets(search: "senen") { name } }')
    [found] = answer.body["extensions"]["freshness"]
    assert {key: found[key] for key in ("path", "agency", "stale", "reason")} == {
        "path": ["all"], "agency": "pangan", "stale": False, "reason": "copy"
    }  # fmt: skip


async def test_it_may_be_cached_until_the_source_is_looked_at_again(local_hub: HubClient) -> None:
    _, headers = await local_hub.query_by_get({"query": "{ markets { name } }"})
    assert "max-age=60" in headers["cache-control"]


async def test_metrics_and_the_status_page_have_the_date_of_the_data(local_hub: HubClient) -> None:
    metrics = await local_hub.read_text("/metrics")
    assert 'simpul_snapshot_rows{agency="pangan",snapshot="markets"} 50.0' in metrics
    assert 'simpul_snapshot_failing{agency="pangan",snapshot="markets"} 0.0' in metrics
    assert 'simpul_snapshot_max_age_seconds{agency="pangan",snapshot="markets"} 86400.0' in metrics
    assert "Date of its data" in await local_hub.read_text("/status")


async def test_while_the_agency_is_down_lists_answer_and_prices_fail(local_hub: HubClient, city: RunningCity) -> None:
    with city.agencies["pangan"].in_mode("error"):
        answer = await local_hub.ask('{ markets(search: "kramat") { name prices { price } } }')
    assert {code for _, code in answer.errors} == {"AGENCY_UNAVAILABLE"}
    assert [each["name"] for each in answer.data["markets"]] != []


async def test_after_a_restart_the_last_good_copy_answers_while_the_agency_is_down(
    city: RunningCity, state_url: str, issuer: DevelopmentIssuer, tmp_path: Path
) -> None:
    async with await open_hub(city, tmp_path, state_url=state_url, issuer=issuer) as first:
        before = await first.ask(MARKETS % "")
    with city.agencies["pangan"].in_mode("error"):
        async with await open_hub(city, tmp_path, state_url=state_url, issuer=issuer) as second:
            after = await second.ask(MARKETS % "")
    assert before.data["markets"] != []
    assert after.body == before.body


async def test_without_a_copy_and_an_agency_the_lists_fail(
    city: RunningCity, state_url: str, issuer: DevelopmentIssuer, tmp_path: Path
) -> None:
    with city.agencies["pangan"].in_mode("error"):
        async with await open_hub(city, tmp_path, state_url=state_url, issuer=issuer) as hub:
            answer = await hub.ask(MARKETS % "")
            ready = await hub.get("/health/ready")
    assert answer.errors == [("markets", "AGENCY_UNAVAILABLE")]
    [pangan] = [each for each in ready.body["agencies"] if each["name"] == "pangan"]
    assert pangan["state"] == "down"
