"""A complaint system with the standard alone: it takes complaints, and each doubt waits for a person."""

from __future__ import annotations

from asyncio import StreamWriter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from auth.tokens.development_issuer import DevelopmentIssuer
from records.clocks import CITY_TIME_ZONE
from tests.connectors.drivers.byte_server import ReceivedRequest, serve_bytes
from tests.fakes.city import build_city
from tests.fakes.waiting import wait_until_answered
from tests.journeys.hub import HubClient, RunningCity, build_settings, running_hub, state_server
from tests.sandbox.open311.georeport_server import JURISDICTION, GeoReportServer
from tests.services.photos.sample_photos import build_photo

SUBMIT = """
mutation Submit($category: String!) {
  submitComplaint(complaint: { categoryCode: $category, description: "A hole", address: "Main Street" }, key: "1") {
    ... on CommandReceipt { number }
  }
}
"""
MINE = "{ me { receipts { number state problem } complaints { id description delivery } } }"


@pytest.fixture(scope="module")
def own_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database of these tests alone, because commands stay in it."""
    with state_server(tmp_path_factory.mktemp("strict") / "state") as url:
        yield url


@asynccontextmanager
async def serve_hub(url: str, snapshots: Path, state_url: str, issuer: DevelopmentIssuer) -> AsyncIterator[HubClient]:
    """A hub whose complaint system is a strict server: nothing of its manifest goes beyond the standard."""
    folder = snapshots.parent
    wire = {"driver": "open311", "url": f"{url}/v2", "jurisdiction_id": JURISDICTION, "visibility": "private"}
    commands = {"submit_complaint": {"settle": "30 s"}}
    changes: dict[str, Mapping[str, Any]] = {"crm": {"wire": wire, "records": {}, "commands": commands}}
    city = build_city(changes=changes)
    settings = build_settings(
        RunningCity(agencies={}, snapshots=snapshots), state_url=state_url, issuer=issuer, folder=folder, city=city
    )
    async with running_hub(settings, issuer) as hub:
        yield hub


async def submit(hub: HubClient, caller: str, category: str = "001") -> str:
    answer = await hub.ask(SUBMIT, {"category": category}, caller=caller)
    assert answer.errors == []
    number: str = answer.data["submitComplaint"]["number"]
    return number


async def wait_for_state(hub: HubClient, caller: str, number: str, state: str) -> Mapping[str, Any]:
    mine: dict[str, Any] = {}

    async def has_state() -> bool:
        answer = await hub.ask(MINE, caller=caller)
        assert answer.errors == []
        mine.update(answer.data["me"])
        return any((each["number"], each["state"]) == (number, state) for each in mine["receipts"])

    await wait_until_answered(has_state, timeout=60)
    return mine


async def test_it_takes_a_complaint_through_the_graph_and_its_reporter_sees_it(
    own_state: str, issuer: DevelopmentIssuer, city_snapshots: Path
) -> None:
    strict = GeoReportServer(rows=[], now=datetime.now(CITY_TIME_ZONE))
    async with strict.served() as server, serve_hub(server.url, city_snapshots, own_state, issuer) as hub:
        number = await submit(hub, "dewi")
        mine = await wait_for_state(hub, "dewi", number, "DONE")
        assert [(each["description"], each["delivery"]) for each in mine["complaints"]] == [("A hole", None)]
        assert [each["description"] for each in strict.rows] == ["A hole"]
        assert (await hub.ask(MINE, caller="budi")).data["me"]["complaints"] == []


async def test_what_may_have_arrived_is_parked_and_never_sent_again(
    own_state: str, issuer: DevelopmentIssuer, city_snapshots: Path
) -> None:
    strict = GeoReportServer(rows=[], now=datetime.now(CITY_TIME_ZONE))

    async def hang_up_after_post(asked: ReceivedRequest, writer: StreamWriter) -> None:
        if asked.method == "POST":
            writer.close()
        else:
            writer.write(strict.answer(asked))

    async with (
        serve_bytes(hang_up_after_post) as server,
        serve_hub(server.url, city_snapshots, own_state, issuer) as hub,
    ):
        number = await submit(hub, "siti")
        mine = await wait_for_state(hub, "siti", number, "PARKED")
        assert mine["receipts"][0]["problem"] == "AGENCY_UNAVAILABLE"
        assert [(each["description"], each["delivery"]) for each in mine["complaints"]] == [("A hole", "PARKED")]
        await submit(hub, "budi")
        await wait_for_state(hub, "budi", await submit(hub, "budi"), "PARKED")
        assert [asked.method for asked in server.asked].count("POST") == 2


async def test_a_token_in_place_of_an_id_becomes_the_id_of_the_complaint(
    own_state: str, issuer: DevelopmentIssuer, city_snapshots: Path
) -> None:
    strict = GeoReportServer(rows=[], now=datetime.now(CITY_TIME_ZONE), gives_tokens=True)
    async with strict.served() as server, serve_hub(server.url, city_snapshots, own_state, issuer) as hub:
        number = await submit(hub, "agus")
        mine = await wait_for_state(hub, "agus", number, "UNKNOWN")
        assert mine["receipts"][0]["problem"] == "NUMBER_PENDING"
        assert [(each["description"], each["delivery"]) for each in mine["complaints"]] == [("A hole", "UNKNOWN")]
        strict.number_requests()
        mine = await wait_for_state(hub, "agus", number, "DONE")
        assert [(each["description"], each["delivery"]) for each in mine["complaints"]] == [("A hole", None)]
        assert [asked.method for asked in server.asked].count("POST") == 1


async def test_a_server_without_an_extension_for_photos_refuses_them_before_anything_is_stored(
    own_state: str, issuer: DevelopmentIssuer, city_snapshots: Path
) -> None:
    strict = GeoReportServer(rows=[], now=datetime.now(CITY_TIME_ZONE))
    with_photo = """
    mutation Submit($file: Upload!, $key: String!) {
      submitComplaint(
        complaint: {
          categoryCode: "001", description: "A hole", address: "Main Street"
          photos: [{ file: $file, alternativeText: "A hole in the street" }]
        }
        key: $key
      ) {
        ... on CommandReceipt { number }
        ... on CommandProblem { code field }
      }
    }
    """
    async with strict.served() as server, serve_hub(server.url, city_snapshots, own_state, issuer) as hub:
        before = await hub.ask("{ me { receipts { number } } }", caller="budi")
        files = {"variables.file": build_photo()}
        answer = await hub.post_with_files(with_photo, {"file": None, "key": "photo"}, files, caller="budi")
        assert answer.errors == []
        assert answer.data["submitComplaint"] == {"code": "FILES_REFUSED", "field": "photos"}
        after = await hub.ask("{ me { receipts { number } } }", caller="budi")
        assert (before.errors, after.data) == ([], before.data)


async def test_what_the_standard_does_not_have_is_not_in_the_graph(
    own_state: str, issuer: DevelopmentIssuer, city_snapshots: Path
) -> None:
    strict = GeoReportServer(rows=[], now=datetime.now(CITY_TIME_ZONE))
    async with strict.served() as server, serve_hub(server.url, city_snapshots, own_state, issuer) as hub:
        for mutation in ("publishComplaint", "supportComplaint", "withdrawComplaint"):
            answer = await hub.ask(f'mutation {{ {mutation}(id: "x", key: "1") {{ __typename }} }}', caller="siti")
            assert [code for _, code in answer.errors] == ["GRAPHQL_VALIDATION_FAILED"]
        submitted = (
            'mutation { submitComplaint(complaint: {categoryCode: "x", description: "x"}, key: "x") { __typename } }'
        )
        assert (await hub.ask(submitted, caller="siti")).errors == []
