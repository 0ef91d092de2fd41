"""The budget of people per reader, in a whole hub: refused before any call, counted, and in the table of refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from auth.tokens.development_issuer import DevelopmentIssuer
from sandbox.population.samples import SAMPLES
from store.database import create_database_engine
from tests.journeys.hub import HubClient, HubResponse, RunningCity, build_settings, running_hub

NAME = "query Name($nik: NIK!) { citizen(nik: $nik) { name } }"


SITI, BUDI, DEWI, AGUS = (SAMPLES[name].nik for name in ("siti", "budi", "dewi", "agus"))
UNREGISTERED = "3171010101800009"


async def read_name(hub: HubClient, nik: str) -> HubResponse:
    return await hub.ask(NAME, {"nik": nik}, caller="rina")


async def count_refusals(state_url: str) -> int:
    """The refusals of this field for the budget, of all hubs with this database."""
    engine = create_database_engine(state_url)
    query = "SELECT coalesce(sum(count), 0) FROM refusals WHERE kind = 'official' AND reason = :reason"
    try:
        async with engine.connect() as connection:
            return int((await connection.execute(text(query), {"reason": "READER_BUDGET_EXCEEDED"})).scalar_one())
    finally:
        await engine.dispose()


async def test_beyond_the_budget_an_official_reads_no_other_person_and_no_agency_is_called(
    city: RunningCity, state_url: str, issuer: DevelopmentIssuer, tmp_path: Path
) -> None:
    settings = build_settings(
        city, state_url=state_url, issuer=issuer, folder=tmp_path, reader_budgets=("official:2/5",)
    )
    async with running_hub(settings, issuer) as hub:
        refused_before = await count_refusals(state_url)
        for person in (SITI, BUDI, SITI):
            assert (await read_name(hub, person)).errors == []
        city.reset_calls()
        refused = await read_name(hub, DEWI)
        calls = city.calls()
        known = await read_name(hub, BUDI)
        metrics = await hub.read_text("/metrics")

    assert (refused.data, refused.errors) == ({"citizen": None}, [("citizen", "READER_BUDGET_EXCEEDED")])
    assert known.data == {"citizen": {"name": "Budi Santoso"}}
    assert calls == {}
    assert 'simpul_people_read_total{kind="official"} 2' in metrics
    assert 'simpul_reader_budget_refusals_total{kind="official"} 1' in metrics
    assert 'simpul_refusals_total{reason="READER_BUDGET_EXCEEDED"} 1' in metrics
    assert await count_refusals(state_url) == refused_before + 1  # written when the hub ended, at the latest


@pytest.mark.parametrize(("processes", "people"), [({"hubs": 2}, 2), ({"hubs": 2, "workers": 2}, 1)])
async def test_processes_without_redis_share_the_budget_of_all_hubs(
    city: RunningCity,
    state_url: str,
    issuer: DevelopmentIssuer,
    tmp_path: Path,
    *,
    processes: dict[str, Any],
    people: int,
) -> None:
    settings = build_settings(
        city, state_url=state_url, issuer=issuer, folder=tmp_path, reader_budgets=("official:4/8",), **processes
    )
    async with running_hub(settings, issuer) as hub:
        answers = [await read_name(hub, person) for person in (SITI, BUDI, DEWI, AGUS, UNREGISTERED)]
    assert [len(each.errors) for each in answers] == [0] * people + [1] * (5 - people)
