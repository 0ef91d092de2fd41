"""Who a reporter is: the reporter and the deciding office see it, and no other path of the hub shows it."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from auth.caller import Caller, CallerKind
from records.identifiers import Nik
from tests.deploy.backup import find_binaries
from tests.journeys.commands.killed_city import SUBMIT, KilledCity, build_variables, write_complaint_city
from tests.journeys.hub_process import CITIZEN, SITI, HubProcess, ask
from tests.plugins.run_folder import short_folder
from tests.sandbox_agencies import run_agency

TEXT = "Tetangga saya membuang sampah."
BUDI = replace(CITIZEN, nik=Nik("3171014506909002"))
OFFICE = Caller(kind=CallerKind.OFFICIAL, agency="crm", purpose="COMPLAINT_HANDLING", case="CRM/2026/1")
OTHER_OFFICE = replace(OFFICE, agency="pbb", purpose="TAX_ADMINISTRATION")
MINE = "query Mine { me { complaints { id description } receipts { number state } } }"
NODE = "query Node($id: ID!) { node(id: $id) { ... on Complaint { description } } }"


@pytest.fixture
async def city(tmp_path: Path) -> AsyncIterator[KilledCity]:
    with run_agency("crm", tmp_path) as complaint_system, short_folder() as short:
        path = write_complaint_city(short / "city")
        hub = HubProcess(short, {**build_variables(complaint_system), "SIMPUL_CITY": str(path)})
        await asyncio.to_thread(hub.postgres.start)
        try:
            await asyncio.to_thread(hub.start)
            yield KilledCity(hub, complaint_system)
        finally:
            hub.kill()
            hub.postgres.stop()


def dump(url: str) -> str:
    """All tables of the hub."""
    command = [str(find_binaries() / "pg_dump"), url]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 - the wheel's


async def submit(city: KilledCity) -> tuple[str, str]:
    """Submit a complaint and wait for its delivery. Returns its node id and receipt number."""
    async with city.hub.client() as session:
        receipt = await ask(session, {"query": SUBMIT, "variables": {"key": TEXT}})
        await city.wait_until_settled()
        mine = (await ask(session, {"query": MINE}))["data"]["me"]["complaints"]
    [id_] = [each["id"] for each in mine if each["description"] == TEXT]
    return id_, receipt["data"]["submitComplaint"]["number"]


async def test_the_reporter_and_the_deciding_office_see_it_and_others_get_nothing(city: KilledCity) -> None:
    id_, _ = await submit(city)
    wanted = {"query": NODE, "variables": {"id": id_}}
    for caller in (CITIZEN, OFFICE):
        async with city.hub.client(caller) as session:
            seen = await ask(session, wanted)
        assert seen == {"data": {"node": {"description": TEXT}}}, caller
    async with city.hub.client(BUDI) as session:
        assert (await ask(session, wanted))["data"] == {"node": None}
        others = await ask(session, {"query": MINE})
    assert others["data"]["me"]["receipts"] == []
    assert TEXT not in json.dumps(others)
    for opened in (city.hub.client(OTHER_OFFICE), city.hub.stranger()):
        async with opened as session:
            assert (await ask(session, wanted))["data"]["node"] in ({"description": None}, None)
            refused = await ask(session, {"query": MINE})
            assert {error["extensions"]["code"] for error in refused["errors"]} == {"FORBIDDEN"}
    calls = city.complaint_system.count_calls()
    async with city.hub.stranger() as session:
        await ask(session, {"query": MINE})
    assert city.complaint_system.count_calls() == calls


async def test_no_log_metric_list_or_table_of_the_hub_names_the_reporter_or_the_text(city: KilledCity) -> None:
    _, number = await submit(city)
    tables = await asyncio.to_thread(dump, city.hub.state_url)
    async with city.hub.stranger() as session, session.get("/metrics") as response:
        metrics = await response.text()
    for place in (city.hub.read_output, metrics, tables):
        assert SITI not in place
        assert TEXT not in place
        assert SITI.encode().hex() not in place
    assert number in tables
    async with city.open_outbox() as outbox:
        stored = repr(await outbox.find(number))
    assert SITI not in stored
    assert TEXT not in stored


async def test_a_token_that_expires_between_tap_and_send_stores_nothing_and_a_new_one_repeats_the_key(
    city: KilledCity,
) -> None:
    expired = city.hub.sign_token(CITIZEN, lifetime=timedelta(minutes=-5))
    body = {"query": SUBMIT, "variables": {"key": TEXT}}
    async with city.hub.stranger(Authorization=f"Bearer {expired}") as session:
        refused = await ask(session, body)
    assert refused["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    async with city.hub.client() as session:
        assert (await ask(session, {"query": MINE}))["data"]["me"]["receipts"] == []
    await submit(city)
    assert city.count_complaints() == {TEXT: 1}


async def test_a_token_that_expires_before_the_delivery_delays_nothing(city: KilledCity) -> None:
    await asyncio.to_thread(city.complaint_system.kill)
    short = city.hub.sign_token(CITIZEN, lifetime=timedelta(seconds=3))
    async with city.hub.stranger(Authorization=f"Bearer {short}") as session:
        receipt = await ask(session, {"query": SUBMIT, "variables": {"key": TEXT}})
        assert receipt["data"]["submitComplaint"]["number"].startswith("TT-")
    await asyncio.sleep(3)  # the life of the token
    await asyncio.to_thread(city.complaint_system.restart)
    await city.wait_until_settled()
    assert city.count_complaints() == {TEXT: 1}
