"""Social assistance from the nightly files of the city's own manifest: who reads it, how old it is, and whose it is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from auth.caller import Assurance, Caller, CallerKind
from auth.tokens.development_issuer import DevelopmentIssuer
from records.clocks import CITY_TIME_ZONE
from records.identifiers import Nik
from sandbox.population.samples import SAMPLES
from sandbox.stand_ins.drop_files import write_drop
from sandbox.stand_ins.sources import StandInSource
from settings.city.folder import DEFAULT_CITY
from tests.connectors.declared.snapshot.enterprises import find_plain_text
from tests.journeys.hub import OFFICIAL, HubClient, RunningCity, build_settings, running_hub

ASSISTANCE = "assistance { status decile linkConfidence asOf programmes { programme eligibility reason }"
PAYMENTS = "payments { programme period amount status paidOn } }"
MINE = f"{{ me {{ {ASSISTANCE} {PAYMENTS} }} }}"
DEWI = SAMPLES["dewi"].nik
OF_DEWI = f'{{ citizen(nik: "{DEWI}") {{ assistance {{ status }} }} }}'
TODAY = datetime.now(CITY_TIME_ZONE).date()


@pytest.fixture(scope="module")
def drop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bansos")
    write_drop(StandInSource(DEFAULT_CITY, "bansos"), folder, TODAY)
    return folder


@pytest.fixture(scope="module")
async def assisted(
    city: RunningCity,
    drop: Path,
    state_url: str,
    issuer: DevelopmentIssuer,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[HubClient]:
    folder = tmp_path_factory.mktemp("assisted")
    settings = build_settings(
        city,
        folder=folder,
        state_url=state_url,
        issuer=issuer,
        variables={"SIMPUL_BANSOS_URL": f"file://{drop}"},
        snapshot_folder=folder / "snapshots",
    )
    async with running_hub(settings, issuer) as running:
        yield running
    secrets = [DEWI, "DEWI LESTARI", "Tidak ada anggota keluarga"]
    assert {secret for _, secret in find_plain_text(drop, secrets)} == set(secrets)
    assert find_plain_text(folder / "snapshots" / "bansos", secrets) == []


async def test_a_person_reads_programmes_and_payments_with_the_age_of_the_data(assisted: HubClient) -> None:
    answer = await assisted.ask(MINE, caller="dewi")
    assert answer.errors == []
    found = answer.data["me"]["assistance"]
    assert found.pop("asOf")[:10] == TODAY.isoformat()
    assert found == {
        "status": "ACTIVE",
        "decile": 2,
        "linkConfidence": "CONFIRMED",
        "programmes": [
            {"programme": "KLJ", "eligibility": "RECEIVING", "reason": None},
            {"programme": "PBI", "eligibility": "RECEIVING", "reason": None},
            {"programme": "PKH", "eligibility": "NOT_ELIGIBLE", "reason": "Tidak ada anggota keluarga usia sekolah"},
        ],
        "payments": [
            {"programme": "KLJ", "period": "2026-11", "amount": 300000, "status": "PLANNED", "paidOn": None},
            {"programme": "KLJ", "period": "2026-10", "amount": 300000, "status": "PAID", "paidOn": "2026-10-05"},
            {"programme": "KLJ", "period": "2026-09", "amount": 300000, "status": "COLLECTED", "paidOn": "2026-09-07"},
        ],
    }
    assert [(each["agency"], each["reason"]) for each in answer.body["extensions"]["freshness"]] == [("bansos", "copy")]


async def test_a_record_under_a_doubtful_number_says_only_that_it_is_doubtful(assisted: HubClient) -> None:
    probable = (await assisted.ask(MINE, caller="siti")).data["me"]["assistance"]
    assert (probable["linkConfidence"], probable["decile"]) == ("LIKELY", 4)
    answer = await assisted.ask(MINE, caller="budi")
    assert answer.errors == []
    found: dict[str, Any] = answer.data["me"]["assistance"]
    assert {name: value for name, value in found.items() if value is not None} == {
        "linkConfidence": "DOUBTFUL",
        "asOf": found["asOf"],
    }
    assert (await assisted.ask(MINE, caller="agus")).data == {"me": {"assistance": None}}


async def test_an_official_of_the_social_service_reads_it_and_the_person_sees_it(assisted: HubClient) -> None:
    answer = await assisted.ask(OF_DEWI, caller=OFFICIAL)
    assert (answer.errors, answer.data) == ([], {"citizen": {"assistance": {"status": "ACTIVE"}}})
    [entry] = (
        await assisted.ask("{ me { accessLog(first: 1) { nodes { reader sources fields } } } }", caller="dewi")
    ).data["me"]["accessLog"]["nodes"]
    assert "bansos" in entry["sources"]
    assert "AssistanceRecord.status" in entry["fields"]


SOMEBODY = Caller(kind=CallerKind.OFFICIAL, agency="dinsos", purpose="SOCIAL_ASSISTANCE", case="BANSOS/2026/1")
OTHERS = {
    "nobody": None,
    "another citizen": "budi",
    "an official with another purpose": replace(SOMEBODY, agency="dukcapil", purpose="SUBJECT_REQUEST"),
    "an official with the purpose of another agency": replace(SOMEBODY, agency="jakpreneur"),
    "a weakly identified person": Caller(
        kind=CallerKind.CITIZEN, nik=Nik(DEWI), first_party=True, assurance=Assurance.LOW
    ),
}


@pytest.mark.parametrize("caller", OTHERS)
async def test_no_other_caller_learns_whether_there_is_a_record(assisted: HubClient, caller: str) -> None:
    answer = await assisted.ask(OF_DEWI, caller=OTHERS[caller])
    assert answer.data in (None, {"citizen": None}, {"citizen": {"assistance": None}})
    assert {code for _, code in answer.errors} == {"FORBIDDEN"}


async def test_parents_read_the_record_of_their_child(assisted: HubClient) -> None:
    query = '{ citizen(nik: "3171014904159001") { assistance { programmes { programme } } } }'
    answer = await assisted.ask(query, caller="siti")
    assert (answer.errors, answer.data) == (
        [],
        {"citizen": {"assistance": {"programmes": [{"programme": "KJP_PLUS"}]}}},
    )
