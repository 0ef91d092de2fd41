"""Agencies fail; the answer degrades and says so."""

import asyncio
from typing import Any

import pytest

from tests.journeys.hub import HubClient, RunningCity
from tests.journeys.outages import ABOUT_ME, FIELDS_OF, kill_agency, value_at


@pytest.mark.parametrize("agency", sorted(FIELDS_OF))
async def test_a_killed_agency_costs_its_own_fields_and_comes_back_without_a_restart_of_the_hub(
    agency: str, hub: HubClient, city: RunningCity
) -> None:
    lost = FIELDS_OF[agency]
    kept = set().union(*FIELDS_OF.values()) - lost

    with kill_agency(city, agency):
        answer = await hub.ask(ABOUT_ME, caller="siti")

    assert answer.status == 200
    assert answer.errors == sorted((path, "AGENCY_UNAVAILABLE") for path in lost)
    assert {error["extensions"]["agency"] for error in answer.body["errors"]} == {agency}
    assert [value_at(answer.data, path) for path in lost] == [None] * len(lost)
    assert [path for path in kept if value_at(answer.data, path) is None] == []
    again = await hub.ask(ABOUT_ME, caller="siti")
    assert "errors" not in again.body


async def test_with_the_register_down_an_official_still_reads_everything_else_about_a_citizen(
    hub: HubClient, city: RunningCity
) -> None:
    query = '{ citizen(nik: "3171014506909001") { nik name taxObjects { nop } msmes { name } } }'

    with kill_agency(city, "dukcapil"):
        answer = await hub.ask(query, caller="official")

    assert answer.errors == [("citizen.name", "AGENCY_UNAVAILABLE")]
    assert answer.data["citizen"]["nik"] == "3171014506909001"
    assert len(answer.data["citizen"]["taxObjects"]) == 2
    assert len(answer.data["citizen"]["msmes"]) == 1


@pytest.mark.parametrize(
    ("mode", "codes"),
    [
        ("error", {"AGENCY_UNAVAILABLE"}),
        ("refuse", {"AGENCY_REFUSED"}),
        ("rubbish", {"AGENCY_MALFORMED", "AGENCY_UNAVAILABLE"}),
    ],
)
@pytest.mark.parametrize("agency", ["crm", "dukcapil", "pangan", "pbb"])
async def test_an_agency_that_fails_in_any_way_costs_its_own_fields_with_its_name_and_no_more(
    agency: str, mode: str, codes: set[str], hub: HubClient, city: RunningCity
) -> None:
    lost = FIELDS_OF[agency]

    with city.agencies[agency].in_mode(mode):
        answer = await hub.ask(ABOUT_ME, caller="siti")

    assert {path for path, _ in answer.errors} == lost
    assert {code for _, code in answer.errors} <= codes
    assert {error["extensions"]["agency"] for error in answer.body["errors"]} == {agency}
    text = str(answer.body)
    for secret in ("127.0.0.1", "localhost", "Traceback", "3171014506909001", city.agencies[agency].secret):
        assert secret not in text
    again = await hub.ask(ABOUT_ME, caller="siti")
    assert "errors" not in again.body


async def test_an_agency_that_does_not_answer_ends_as_a_timeout_while_the_others_answer(
    hub_with_short_timeouts: HubClient, city: RunningCity
) -> None:
    with city.agencies["pbb"].in_mode("slow"):
        answer = await hub_with_short_timeouts.ask(ABOUT_ME, caller="siti")

    assert answer.errors == [("me.taxObjects", "AGENCY_TIMEOUT")]
    assert answer.data["me"]["name"] == "Siti Rahmawati"


async def test_readiness_names_the_agency_that_is_down_and_the_hub_stays_ready(
    hub_with_short_timeouts: HubClient, city: RunningCity
) -> None:
    with kill_agency(city, "crm"):
        answer = await hub_with_short_timeouts.get("/health/ready")

    assert answer.status == 200
    assert answer.body["status"] == "degraded"
    assert {each["name"]: each["state"] for each in answer.body["agencies"]}["crm"] == "down"


def batches_under_way() -> list[asyncio.Task[Any]]:
    """Batches of the hub, which runs in this very event loop."""
    return [
        task
        for task in asyncio.all_tasks()
        if "dispatch_queue_batch" in repr(task) or "BatchScheduler._call" in repr(task)
    ]


@pytest.mark.parametrize("seen", ["for the first time", "again"])
async def test_what_a_client_no_longer_waits_for_is_not_waited_for_by_the_hub(
    seen: str, hub: HubClient, city: RunningCity
) -> None:
    query = "query Disconnected { me { taxObjects { nop } } }"
    pbb = city.agencies["pbb"]
    with pbb.in_mode("slow"):
        city.reset_calls()
        asking = asyncio.create_task(hub.ask(query, caller="siti"))
        async with asyncio.timeout(10):
            while not pbb.count_calls():  # noqa: ASYNC110 - another process sets no event
                await asyncio.sleep(0.02)
        assert [("BatchScheduler._call" in repr(task)) for task in batches_under_way()] == [True], seen
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)

        async with asyncio.timeout(3):  # far less than the agency would be given
            while batches_under_way():  # noqa: ASYNC110 - tasks of the hub set no event
                await asyncio.sleep(0.02)
