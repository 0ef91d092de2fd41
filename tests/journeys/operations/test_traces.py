"""What traces tell of requests, out of the whole hub: a tree of batches and calls to agencies, and nothing personal."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from auth.tokens.development_issuer import DevelopmentIssuer
from tests.journeys.agencies.recording_relay import relay
from tests.journeys.hub import HubClient, RunningCity, build_settings, running_hub
from tests.sandbox_agencies import HOST, ROOT
from tests.telemetry.trace_collector import CollectedSpan, TraceCollector, build_tree, start_collector

README = (ROOT / "docs" / "frontend" / "first.graphql").read_text()
NUMBERS = "{ me { complaints { number } } }"
STATES = "{ me { complaints { status } } }"
GIVEN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class TracedHubs:
    """Makes hubs that tell everything to the collector, in front of the city."""

    def __init__(self, city: RunningCity, state_url: str, issuer: DevelopmentIssuer, folder: Path, url: str) -> None:
        self._issuer = issuer
        self._city = city
        self._given: dict[str, Any] = {
            "state_url": state_url, "issuer": issuer, "folder": folder,
            "traces_url": url, "traces_sample_ratio": 1.0,
        }  # fmt: skip

    def run_with(self, **given: Any) -> AbstractAsyncContextManager[HubClient]:  # noqa: ANN401 - any setting
        return running_hub(build_settings(self._city, **(self._given | given)), self._issuer)


@pytest.fixture
def collector() -> Any:  # noqa: ANN401 - a generator
    with start_collector() as running:
        yield running


@pytest.fixture
def hubs(
    city: RunningCity, state_url: str, issuer: DevelopmentIssuer, tmp_path: Path, collector: TraceCollector
) -> TracedHubs:
    return TracedHubs(city, state_url, issuer, tmp_path, collector.url)


def named(spans: Sequence[CollectedSpan], name: str) -> list[CollectedSpan]:
    return [each for each in spans if each.name == name]


async def test_the_query_of_the_readme_is_a_tree_of_its_batches_and_their_calls(
    hubs: TracedHubs, collector: TraceCollector
) -> None:
    async with hubs.run_with() as hub:
        answer = await hub.post({"query": README}, caller="siti", headers={"X-Request-Id": "r-of-a-test"})
        assert "errors" not in answer.body
    assert build_tree(collector.spans) == [
        (
            "POST /graphql",
            [
                "batch citizens",
                ("batch complaints_of", ["ask crm"]),
                ("batch households_of", ["ask dukcapil"]),
                ("batch market_lists", ["ask pangan"]),
                ("batch msmes_of", ["ask jakpreneur"]),
                ("batch person_facets", ["ask dukcapil"]),
                ("batch prices_of", ["ask pangan"]),
                ("batch tax_objects_of", ["ask pbb"]),
            ],
        )
    ]
    assert len({each.trace_id for each in collector.spans}) == 1
    [request] = named(collector.spans, "POST /graphql")
    assert request.kind == "server"
    assert request.attributes == {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "http.route": "/graphql",
        "url.scheme": "http",
        "graphql.operation.type": "query",  # and no name: a caller may write anything there
        "simpul.caller": "citizen",
        "simpul.cost": 748,
        "simpul.request_id": "r-of-a-test",
    }
    [tax] = named(collector.spans, "batch tax_objects_of")
    assert tax.kind == "internal"
    assert tax.attributes == {"simpul.agency": "pbb", "simpul.batch": "tax_objects_of", "simpul.keys": 1}
    [asked] = named(collector.spans, "ask pbb")
    assert asked.kind == "client"
    assert asked.attributes == {
        "simpul.agency": "pbb",
        "peer.service": "pbb",
        "simpul.attempt": 1,
        "http.response.status_code": 200,
    }
    [asked, _] = named(collector.spans, "ask dukcapil")
    assert asked.attributes == {"simpul.agency": "dukcapil", "peer.service": "dukcapil", "simpul.attempt": 1}
    assert not any(each.failed for each in collector.spans)
    assert set(collector.resource) == {"service.name", "service.instance.id"}


async def test_an_agency_receives_the_span_of_its_call(
    hubs: TracedHubs, collector: TraceCollector, city: RunningCity
) -> None:
    async with relay(city.agencies["crm"].port) as crm, relay(city.agencies["pbb"].port) as pbb:
        lines = {
            "SIMPUL_CRM_URL": f"http://{HOST}:{crm.port}/open311/v2",
            "SIMPUL_PBB_URL": f"http://{HOST}:{pbb.port}/services/pbb",
        }
        async with hubs.run_with(variables=lines) as hub:
            answer = await hub.ask("{ me { complaints { number } taxObjects { nop } } }", caller="siti")
            assert "errors" not in answer.body
    for agency, line in (("crm", crm), ("pbb", pbb)):
        [asked] = named(collector.spans, f"ask {agency}")
        assert line.headers("traceparent") == [f"00-{asked.trace_id}-{asked.id}-01"]
        assert line.headers("tracestate") == []


async def test_a_trusted_caller_s_trace_is_gone_on_with_and_a_stranger_s_is_linked_to(
    hubs: TracedHubs, collector: TraceCollector, city: RunningCity
) -> None:
    async with relay(city.agencies["crm"].port) as crm:
        given = {"traceparent": GIVEN, "tracestate": "gateway=1"}
        at = {"SIMPUL_CRM_URL": f"http://{HOST}:{crm.port}/open311/v2"}
        async with hubs.run_with(variables=at, traces_trusted_callers=HOST, traces_sample_ratio=0.0) as hub:
            await hub.post({"query": NUMBERS}, caller="siti", headers=given)
            await hub.post({"query": NUMBERS}, caller="siti", headers={"traceparent": GIVEN[:-1] + "0"})
        [request] = named(collector.spans, "POST /graphql")
        assert (request.trace_id, request.parent) == (GIVEN[3:35], GIVEN[36:52])
        told, untold = crm.headers("traceparent")
        assert told.startswith(GIVEN[:35])
        assert told.endswith("-01")
        assert untold == GIVEN[:-1] + "0"
        assert crm.headers("tracestate") == ["gateway=1"]

        crm.said.clear()
        collector.taken.clear()
        async with hubs.run_with(variables=at) as hub:
            await hub.post({"query": NUMBERS}, caller="siti", headers=given)
        [request] = named(collector.spans, "POST /graphql")
        assert request.parent == ""
        assert request.links == (GIVEN[36:52],)
        assert request.trace_id != GIVEN[3:35]
        assert crm.headers("tracestate") == []


async def test_what_is_kept_asks_nobody_and_what_an_agency_knows_nothing_of_is_counted(
    hubs: TracedHubs, collector: TraceCollector
) -> None:
    async with hubs.run_with(cache_megabytes=8) as hub:
        for _ in range(2):
            await hub.ask(NUMBERS, caller="siti")
        unknown = await hub.ask("{ me { msmes { name } } }", caller="agus")
        assert unknown.data == {"me": {"msmes": []}}
    first, second = named(collector.spans, "batch complaints_of")
    assert (first.attributes["simpul.answers"], first.attributes["simpul.fetched"]) == (1, 1)
    assert (second.attributes["simpul.answers"], second.attributes["simpul.fetched"]) == (1, 0)
    assert build_tree(collector.spans, first.id) == ["ask crm"]
    assert build_tree(collector.spans, second.id) == []
    [of_nobody] = [each for each in collector.spans if each.attributes.get("simpul.unknown")]
    assert of_nobody.attributes["simpul.unknown"] == 1


async def test_each_failed_attempt_has_a_span_with_its_code_only(
    hubs: TracedHubs, collector: TraceCollector, city: RunningCity
) -> None:
    async with hubs.run_with(terms={"crm": {"retries": 1, "retry_share": 1.0}}) as hub:
        with city.agencies["crm"].in_mode("error"):
            answer = await hub.ask(NUMBERS, caller="siti")
    assert answer.errors == [("me.complaints", "AGENCY_UNAVAILABLE")]
    attempts = named(collector.spans, "ask crm")
    assert [each.attributes["simpul.attempt"] for each in attempts] == [1, 2]
    [batch] = named(collector.spans, "batch complaints_of")
    assert {each.parent for each in attempts} == {batch.id}
    for each in (*attempts, batch):
        assert each.failed
        assert each.attributes["error.type"] == "AGENCY_UNAVAILABLE"
    [request] = named(collector.spans, "POST /graphql")
    assert not request.failed  # it was answered
    assert request.attributes["simpul.codes"] == ("AGENCY_UNAVAILABLE",)


@asynccontextmanager
async def slow_agency(city: RunningCity, agency: str) -> Any:  # noqa: ANN401 - a generator
    city.agencies[agency].set_latency(400, 400)
    try:
        yield
    finally:
        city.agencies[agency].set_latency(0, 0)


async def test_who_joins_a_run_that_is_under_way_is_linked_to_it_and_has_no_part_of_it(
    hubs: TracedHubs, collector: TraceCollector, city: RunningCity
) -> None:
    async with hubs.run_with() as hub:
        await hub.ask(NUMBERS, caller="siti")  # the document is known from now on
        async with slow_agency(city, "crm"):
            city.reset_calls()
            await asyncio.gather(*(hub.ask(NUMBERS, caller="siti") for _ in range(2)))
            assert city.calls() == {"crm": 1}
    _, *requests = named(collector.spans, "POST /graphql")
    [began] = [each for each in requests if not each.links]
    [joined] = [each for each in requests if each.links]
    assert joined.links == (began.id,)
    assert joined.trace_id != began.trace_id
    assert not [each for each in collector.spans if each.parent == joined.id]
    assert build_tree(collector.spans, began.id) == ["batch citizens", ("batch complaints_of", ["ask crm"])]


async def test_who_waits_for_a_call_that_another_began_is_linked_to_its_batch(
    hubs: TracedHubs, collector: TraceCollector, city: RunningCity
) -> None:
    async with hubs.run_with(cache_megabytes=8) as hub, slow_agency(city, "crm"):
        city.reset_calls()
        await asyncio.gather(hub.ask(NUMBERS, caller="siti"), hub.ask(STATES, caller="siti"))
        assert city.calls() == {"crm": 1}
    batches = named(collector.spans, "batch complaints_of")
    [began] = [each for each in batches if "simpul.joined" not in each.attributes]
    [joined] = [each for each in batches if "simpul.joined" in each.attributes]
    assert joined.links == (began.id,)
    assert joined.attributes["simpul.joined"] == 1
    assert joined.attributes["simpul.fetched"] == 0
    assert [each.parent for each in named(collector.spans, "ask crm")] == [began.id]


async def test_operations_on_graphql_core_are_traced_alike(hubs: TracedHubs, collector: TraceCollector) -> None:
    async with hubs.run_with() as hub:
        answer = await hub.ask("{ __schema { queryType { name } } markets(first: 1) { name } }")
        assert "errors" not in answer.body
    assert build_tree(collector.spans) == [("POST /graphql", [("batch market_lists", ["ask pangan"])])]


async def test_other_paths_are_traced_by_route_and_probes_are_not_traced(
    hubs: TracedHubs, collector: TraceCollector
) -> None:
    async with hubs.run_with() as hub, aiohttp.ClientSession(hub.url) as http:
        for path in ("/health/live", "/health/ready", "/me/3171014506909001", "/graphiql"):
            await (await http.get(path)).read()
    assert [each.name for each in collector.spans] == ["GET (no such path)", "GET /graphiql"]
    assert b"3171014506909001" not in b"".join(collector.bodies)


async def test_without_a_collector_nothing_is_traced(hubs: TracedHubs, city: RunningCity) -> None:
    async with relay(city.agencies["crm"].port) as crm:
        at = {"SIMPUL_CRM_URL": f"http://{HOST}:{crm.port}/open311/v2"}
        async with hubs.run_with(traces_url=None, variables=at) as hub:
            await hub.post({"query": NUMBERS}, caller="siti", headers={"traceparent": GIVEN})
        assert crm.headers("traceparent") == []
        assert crm.said
