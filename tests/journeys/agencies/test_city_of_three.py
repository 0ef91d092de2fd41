"""A hub with three of the agencies, one of them renamed: by files alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from auth.tokens.development_issuer import DevelopmentIssuer
from settings.city.folder import load_city
from tests.fakes.city import write_city
from tests.journeys.hub import HubClient, RunningCity, build_settings, build_variables, running_hub

ABOUT_ME = "{ me { name taxObjects { id nop bills { amount } } complaints { number } } }"


def write_city_of_three(folder: Path) -> Path:
    """The population register, the complaints, and property tax under another code."""
    city = write_city(folder, terms={})
    agencies = city / "agencies"
    (agencies / "pbb.toml").rename(agencies / "pajak.toml")
    for path in agencies.glob("*.toml"):
        if path.stem not in {"dukcapil", "pajak", "crm"}:
            path.unlink()
    return city


@pytest.fixture(scope="module")
async def small_hub(
    city: RunningCity, state_url: str, issuer: DevelopmentIssuer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[HubClient]:
    folder = tmp_path_factory.mktemp("three")
    loaded = load_city(write_city_of_three(folder / "city"), build_variables(city))
    settings = build_settings(city, state_url=state_url, issuer=issuer, folder=folder, city=loaded)
    async with running_hub(settings, issuer) as running:
        yield running


async def test_it_answers_from_its_three_agencies(small_hub: HubClient, city: RunningCity) -> None:
    city.reset_calls()
    answer = await small_hub.ask(ABOUT_ME, caller="siti")
    assert answer.errors == []
    assert [len(answer.data["me"][each]) > 0 for each in ("name", "taxObjects", "complaints")] == [True] * 3
    assert set(city.calls()) == {"dukcapil", "pbb", "crm"}


async def test_its_graph_has_no_fields_of_other_domains(small_hub: HubClient) -> None:
    for field in ("markets { name }", "commodities { name }", "me { msmes { name } }"):
        answer = await small_hub.ask(f"{{ {field} }}", caller="siti")
        assert (answer.data, [code for _, code in answer.errors]) == (None, ["GRAPHQL_VALIDATION_FAILED"])


async def test_the_renamed_agency_has_its_new_code_in_plans_errors_metrics_and_the_ledger(
    small_hub: HubClient, city: RunningCity
) -> None:
    explained = await small_hub.post({"query": ABOUT_ME, "extensions": {"explain": True}}, caller="siti")
    steps = explained.body["extensions"]["explain"]["steps"][0]["steps"]
    assert {each["agency"] for each in steps} == {"dukcapil", "pajak", "crm"}
    with city.agencies["pbb"].in_mode("error"):
        failed = await small_hub.ask(ABOUT_ME, caller="siti")
    assert [each["extensions"]["agency"] for each in failed.body["errors"]] == ["pajak"]
    ready = await small_hub.get("/health/ready")
    assert {each["name"] for each in ready.body["agencies"]} == {"dukcapil", "pajak", "crm"}
    await small_hub.ask("{ me { taxObjects { nop } } }", caller="siti")
    mine = await small_hub.ask("{ me { accessLog(first: 1) { nodes { sources } } } }", caller="siti")
    assert mine.data == {"me": {"accessLog": {"nodes": [{"sources": ["pajak"]}]}}}


async def test_a_node_of_the_renamed_agency_is_refetched_by_its_id(small_hub: HubClient, hub: HubClient) -> None:
    mine = (await small_hub.ask(ABOUT_ME, caller="siti")).data["me"]["taxObjects"][0]
    query = "query Node($id: ID!) { node(id: $id) { ... on TaxObject { nop } } }"
    for each in (small_hub, hub):
        again = await each.ask(query, {"id": mine["id"]}, caller="siti")
        assert (again.errors, again.data) == ([], {"node": {"nop": mine["nop"]}})
