"""A hub whose small businesses come from nightly files with NIKs: sealed, and read by the rules of any agency."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import text

from auth.caller import Caller, CallerKind
from auth.tokens.development_issuer import DevelopmentIssuer
from connectors.declared.snapshot import loader
from settings.city.folder import load_city
from settings.city.problems import ManifestError
from store.database import create_database_engine
from tests.connectors.declared.snapshot.enterprises import (
    ALL,
    BUDI,
    SITI,
    build_manifest_changes,
    drop_enterprises,
    find_plain_text,
    today,
)
from tests.fakes.city import VARIABLES, write_city
from tests.journeys.hub import HubClient, HubResponse, RunningCity, build_settings, build_variables, running_hub
from wiring.agencies import build_connectors

MINE = {"query": "query Mine { me { msmes { name products { name } } } }"}
OF_SITI = {"query": f'query Theirs {{ citizen(nik: "{SITI.nik}") {{ msmes {{ name }} }} }}'}
STEWARD = Caller(kind=CallerKind.OFFICIAL, agency="jakpreneur", purpose="BUSINESS_SUPPORT", case="UMKM/2026/1")
OFFICER = Caller(kind=CallerKind.PROTECTION_OFFICER, purpose="SUBJECT_REQUEST", case="PDP/2026/1")
LOG = "{ me { accessLog(first: %d) { nodes { at reader sources fields } } } }"


@dataclass(frozen=True, slots=True)
class SealedHub:
    """A hub with its files."""

    hub: HubClient
    folder: Path

    async def post(self, body: dict[str, str], caller: str | Caller | None = "siti") -> HubResponse:
        return await self.hub.post(body, caller=caller)

    @property
    def copy(self) -> Path:
        [found] = (self.folder / "snapshots" / "jakpreneur").glob("enterprises-*.sqlite")
        return found


@pytest.fixture
async def sealed(
    city: RunningCity,
    state_url: str,
    issuer: DevelopmentIssuer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[SealedHub]:
    monkeypatch.setattr(loader, "_PROTECT_SECONDS", 0.1)
    drop_enterprises(tmp_path / "drops")
    path = write_city(tmp_path / "city", terms={}, changes={"jakpreneur": build_manifest_changes(tmp_path / "drops")})
    settings = build_settings(
        city,
        folder=tmp_path,
        city=load_city(path, {**VARIABLES, **build_variables(city)}),
        state_url=state_url,
        issuer=issuer,
        snapshot_folder=tmp_path / "snapshots",
    )
    async with running_hub(settings, issuer) as running:
        yield SealedHub(running, tmp_path)
    engine = create_database_engine(state_url)
    async with engine.begin() as connection:
        for table in ("restrictions", "data_request_events", "data_requests"):
            await connection.execute(text(f"DELETE FROM {table}"))  # noqa: S608 - our own names
    await engine.dispose()


async def test_a_person_reads_their_own_records_with_the_age_of_the_data(sealed: SealedHub) -> None:
    answer = await sealed.post(MINE)
    assert answer.errors == []
    assert answer.data["me"]["msmes"] == [
        {"name": "Warung Sénen Siti", "products": [{"name": "Kue Warung Sénen Siti"}]},
        {"name": "Katering Melati", "products": [{"name": "Kue Katering Melati"}]},
    ]
    [found] = answer.body["extensions"]["freshness"]
    assert (found["path"], found["agency"], found["stale"], found["reason"]) == (
        ["me", "msmes"], "jakpreneur", False, "copy",
    )  # fmt: skip
    assert found["asOf"][:10].replace("-", "") == today()
    [entry] = (await sealed.hub.ask(LOG % 1, caller="siti")).data["me"]["accessLog"]["nodes"]
    assert (entry["reader"], entry["sources"]) == ("You", ["jakpreneur"])
    assert {"Msme.name", "Product.name"} < set(entry["fields"])


async def test_a_record_by_its_node_id_has_the_age_of_the_data_too(sealed: SealedHub) -> None:
    [first, _] = (await sealed.post({"query": "{ me { msmes { id } } }"})).data["me"]["msmes"]
    answer = await sealed.post({"query": f'{{ node(id: "{first["id"]}") {{ ... on Msme {{ name }} }} }}'})
    assert answer.data == {"node": {"name": "Warung Sénen Siti"}}
    [found] = answer.body["extensions"]["freshness"]
    assert (found["path"], found["reason"]) == (["node"], "copy")


async def test_an_official_reads_it_for_a_purpose_and_the_person_sees_who(sealed: SealedHub) -> None:
    answer = await sealed.post(OF_SITI, STEWARD)
    assert answer.errors == []
    assert [each["name"] for each in answer.data["citizen"]["msmes"]] == ["Warung Sénen Siti", "Katering Melati"]
    [entry] = (await sealed.hub.ask(LOG % 1, caller="siti")).data["me"]["accessLog"]["nodes"]
    assert entry["sources"] == ["dukcapil", "jakpreneur"]
    assert "Msme.name" in entry["fields"]
    assert entry["reader"].startswith("An official of the small business programme")


async def find_last_read(sealed: SealedHub) -> str:
    """The time of the newest entry of Siti's log that names the agency; empty for none of 50."""
    log = (await sealed.hub.ask(LOG % 50, caller="siti")).data["me"]["accessLog"]["nodes"]
    return next((str(each["at"]) for each in log if "jakpreneur" in each["sources"]), "")


@pytest.mark.parametrize("caller", ["budi", None])
async def test_others_are_denied_and_the_copy_is_not_opened_for_them(sealed: SealedHub, caller: str | None) -> None:
    before = await find_last_read(sealed)
    sealed.copy.unlink()  # who opens it gets an error of the agency
    assert (await sealed.post(OF_SITI, STEWARD)).errors == [("citizen.msmes", "AGENCY_UNAVAILABLE")]
    denied = await sealed.post(OF_SITI, caller)
    assert denied.data in ({"citizen": None}, None)
    assert {code for _, code in denied.errors} == {"FORBIDDEN"}
    assert await find_last_read(sealed) == before


async def test_a_restriction_holds_for_the_copy_immediately(sealed: SealedHub) -> None:
    assert (await sealed.post(OF_SITI, STEWARD)).errors == []
    await sealed.hub.ask('mutation { restrictProcessing(key: "wish") { number } }', caller="siti")
    refused = await sealed.post(OF_SITI, STEWARD)
    assert [each["extensions"]["reason"] for each in refused.body["errors"]] == ["RESTRICTED"]
    assert (await sealed.post(MINE)).errors == []


async def test_a_fulfilled_erasure_removes_the_person_from_the_copy(sealed: SealedHub) -> None:
    made = await sealed.hub.ask(
        'mutation { requestErasure(says: "hapus", agency: "jakpreneur", key: "e") { number } }', caller="siti"
    )
    number = made.data["requestErasure"]["number"]
    assert len((await sealed.post(MINE)).data["me"]["msmes"]) == 2
    done = await sealed.hub.ask(
        f'mutation {{ answerDataRequest(number: "{number}", state: DONE) {{ state }} }}', caller=OFFICER
    )
    assert done.data == {"answerDataRequest": {"state": "DONE"}}
    async with asyncio.timeout(20):
        while (await sealed.post(MINE)).data["me"]["msmes"]:  # noqa: ASYNC110 - the hub says it to nobody
            await asyncio.sleep(0.05)
    assert [each["name"] for each in (await sealed.post(MINE, "budi")).data["me"]["msmes"]] == ["Bengkel Budi"]


async def test_a_swapped_row_costs_its_own_field_and_names_the_agency(sealed: SealedHub) -> None:
    with closing(sqlite3.connect(sealed.copy)) as database, database:
        database.execute("UPDATE rows SET body = (SELECT body FROM rows WHERE number = 3) WHERE number = 1")
    answer = await sealed.post({"query": "{ me { nik msmes { name } } }"})
    assert answer.errors == [("me.msmes", "AGENCY_MALFORMED")]
    assert answer.data["me"] == {"nik": SITI.nik, "msmes": None}
    assert [each["name"] for each in (await sealed.post(MINE, "budi")).data["me"]["msmes"]] == ["Bengkel Budi"]


async def test_no_file_of_the_hub_holds_a_person_in_plain_text(sealed: SealedHub) -> None:
    secrets = {secret for each in ALL for secret in each.secrets}
    assert (await sealed.post(MINE)).errors == []
    assert {secret for _, secret in find_plain_text(sealed.folder / "drops", secrets)} == secrets
    assert find_plain_text(sealed.folder / "snapshots", secrets) == []


async def test_what_a_sealed_copy_cannot_do_stops_the_start_with_file_line_and_fix(
    city: RunningCity, state_url: str, issuer: DevelopmentIssuer, tmp_path: Path
) -> None:
    changes = build_manifest_changes(tmp_path / "drops")
    changes["reads"]["msmes_of"]["search"] = "name"
    changes["snapshots"]["products"].pop("remove_after")
    path = write_city(tmp_path / "city", changes={"jakpreneur": changes})
    settings = build_settings(
        city,
        folder=tmp_path,
        city=load_city(path, {**VARIABLES, **build_variables(city)}),
        state_url=state_url,
        issuer=issuer,
    )
    engine = create_database_engine(state_url)
    lines = (path / "agencies" / "jakpreneur.toml").read_text(encoding="utf-8").splitlines()
    with pytest.raises(ManifestError) as refused:
        build_connectors(settings, engine)
    await engine.dispose()
    line = lines.index('search = "name"') + 1
    assert str(refused.value) == (
        f"{path}/agencies/jakpreneur.toml:{line}: reads.msmes_of.search: Msme is personal, so its copy is sealed and"
        " found by one key only: remove the line; let the agency search"
    )
    assert BUDI.nik not in str(refused.value)
