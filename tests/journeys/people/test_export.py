"""A person fetches everything that the hub can reach about them, from the real agencies."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import select, text

from auth.caller import Assurance, Caller, CallerKind
from auth.crypto.pseudonyms import Pseudonyms
from auth.tokens.development_issuer import DevelopmentIssuer
from records.identifiers import Nik
from sandbox.population.samples import SAMPLES
from store.database import create_database_engine
from store.tables import access_entries
from tests.journeys.hub import HubClient, RunningCity, build_settings, running_hub

SITI = Nik(SAMPLES["siti"].nik)
IDS = "X-Request-Id"


@pytest.fixture(autouse=True)
async def forgotten(state_url: str) -> AsyncIterator[None]:
    """Nobody fetched too many before."""
    yield
    engine = create_database_engine(state_url)
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM exports"))
    await engine.dispose()


async def fetched(hub: HubClient, caller: str | Caller | None = "siti", **headers: str) -> tuple[int, Any]:
    sent = hub.headers(caller) | {name.replace("_", "-"): value for name, value in headers.items()}
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{hub.url}/me/export", headers=sent) as response,
    ):
        return response.status, json.loads(await response.read())


def parts(document: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {part["name"]: part for part in document["parts"]}


async def test_it_holds_what_the_graph_says_and_tells_so_in_the_graph(hub: HubClient) -> None:
    query = """{ me { nik name export { url parts } residence { address } household { familyCardNumber }
        taxObjects { nop bills { year amount payments { receipt } } } msmes { name products { name } }
        complaints { number events { note } } } }"""
    asked = (await hub.ask(query, caller="siti")).data["me"]
    status, document = await fetched(hub)
    assert (status, document["complete"]) == (200, True)
    found = parts(document)
    assert asked["export"] == {"url": "/me/export", "parts": list(found)}
    assert (found["identity"]["data"]["nik"], found["identity"]["data"]["name"]) == (SITI, asked["name"])
    assert found["residence"]["data"]["address"] == asked["residence"]["address"]
    assert found["household"]["data"]["familyCardNumber"] == asked["household"]["familyCardNumber"]
    assert [each["nop"] for each in found["taxObjects"]["data"]] == [each["nop"] for each in asked["taxObjects"]]
    assert found["taxObjects"]["data"][0]["bills"][0]["amount"] == asked["taxObjects"][0]["bills"][0]["amount"]
    assert [each["name"] for each in found["msmes"]["data"]] == [each["name"] for each in asked["msmes"]]
    assert [each["number"] for each in found["complaints"]["data"]] == [each["number"] for each in asked["complaints"]]
    assert all(part["errors"] == [] for part in found.values())


async def test_the_whole_access_log_is_in_it_however_long(hub: HubClient) -> None:
    for _ in range(120):
        await hub.ask("{ me { nik } }", caller="dewi")
    _, document = await fetched(hub, "dewi")
    entries = parts(document)["accessLog"]["data"]
    assert len(entries) >= 120
    assert [each["at"] for each in entries] == sorted((each["at"] for each in entries), reverse=True)


async def test_an_agency_that_is_down_is_named_and_the_rest_is_there(hub: HubClient, city: RunningCity) -> None:
    with city.agencies["pbb"].in_mode("error"):
        status, document = await fetched(hub)
    found = parts(document)
    assert (status, document["complete"]) == (200, False)
    assert found["taxObjects"]["data"] is None
    (error,) = found["taxObjects"]["errors"]
    assert error["extensions"] == {"code": "AGENCY_UNAVAILABLE", "agency": "pbb"}
    assert [name for name, part in found.items() if part["errors"]] == ["taxObjects"]


async def test_each_part_is_recorded_under_the_requests_id(hub: HubClient, state_url: str) -> None:
    _, document = await fetched(hub, X_Request_Id="export-of-siti")
    assert document["requestId"] == "export-of-siti"
    engine = create_database_engine(state_url)
    async with engine.connect() as connection:
        wanted = select(access_entries.c.operation, access_entries.c.subject, access_entries.c.legal_basis)
        rows = (await connection.execute(wanted.where(access_entries.c.request_id == "export-of-siti"))).all()
    await engine.dispose()
    own = Pseudonyms(b"j" * 32).pseudonymize_person(SITI)
    assert {operation for operation, subject, _ in rows if bytes(subject) == own} == {
        f"Export{name[0].upper()}{name[1:]}" for name in parts(document)
    }
    assert {basis for _, subject, basis in rows if bytes(subject) == own} == {"own-right"}


async def test_no_more_than_five_within_an_hour_and_nobody_for_somebody_else(hub: HubClient) -> None:
    for _ in range(5):
        assert (await fetched(hub))[0] == 200
    status, refused = await fetched(hub)
    assert (status, refused["errors"][0]["extensions"]["code"]) == (429, "TOO_MANY_EXPORTS")
    assert (await fetched(hub, "budi"))[0] == 200
    assert [(await fetched(hub, caller))[0] for caller in ("official", None)] == [403, 401]
    unsure = Caller(kind=CallerKind.CITIZEN, first_party=True, nik=SITI, assurance=Assurance.LOW)
    assert (await fetched(hub, unsure))[0] == 403


async def test_a_hub_that_runs_registered_operations_alone_still_gives_people_their_data(
    city: RunningCity,
    state_url: str,
    issuer: DevelopmentIssuer,
    hub_folder: Any,  # noqa: ANN401 - a path
) -> None:
    settings = build_settings(
        city, state_url=state_url, issuer=issuer, folder=hub_folder, first_party_operations="ids-only"
    )
    async with running_hub(settings, issuer) as strict:
        asked = await strict.ask("{ me { nik } }", caller="siti")
        assert asked.errors == [("", "PERSISTED_QUERY_ID_REQUIRED")]
        status, document = await fetched(strict)
    assert (status, document["complete"]) == (200, True)


async def test_without_the_ledger_no_part_holds_anything_and_the_document_is_not_complete(
    city: RunningCity, state_url: str, issuer: DevelopmentIssuer, hub_folder: Path
) -> None:
    settings = build_settings(
        city, state_url=state_url, issuer=issuer, folder=hub_folder, ledger_timeout=0.5, request_timeout=4
    )
    engine = create_database_engine(state_url)
    async with running_hub(settings, issuer) as running, engine.connect() as connection:
        await connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        await connection.execute(text("LOCK TABLE access_entries IN ACCESS EXCLUSIVE MODE"))
        status, document = await fetched(running)
        await connection.rollback()
    await engine.dispose()
    assert (status, document["complete"]) == (200, False)
    held = {
        part["name"]: (part["data"], {each["extensions"]["code"] for each in part["errors"]})
        for part in document["parts"]
    }
    told = {name for name, (data, codes) in held.items() if data}
    assert told == set()
    assert held["identity"] == (None, {"LEDGER_UNAVAILABLE"})
