"""The Data Tracker's own queries are disclosed to the people whose log it reads.

They run on the real hub with its real database.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from auth.caller import Caller, CallerKind
from auth.tokens.development_issuer import DevelopmentIssuer
from sandbox.population.samples import SAMPLES
from tests.fakes.clients import build_client
from tests.journeys.hub import HubClient, RunningCity, build_settings, running_hub

PORTAL = Caller(kind=CallerKind.PARTNER, client=build_client("portal"), purpose="CREDIT_ASSESSMENT", case="X-1")


@pytest.fixture
async def tracked(
    city: RunningCity, state_url: str, city_issuer: DevelopmentIssuer, hub_folder: Path
) -> AsyncIterator[HubClient]:
    """A hub that hides reads for one purpose for a time."""
    settings = build_settings(
        city,
        state_url=state_url,
        issuer=city_issuer,
        folder=hub_folder,
        data_tracker_client=PORTAL.client,
        ledger_hidden=("CREDIT_ASSESSMENT:90",),
    )
    async with running_hub(settings, city_issuer) as running:
        yield running


async def test_a_query_of_the_data_tracker_is_disclosed_immediately_whatever_purpose_it_states(
    tracked: HubClient,
) -> None:
    headers = {**tracked.headers(PORTAL), "X-Road-UserId": "officer-1"}
    nik = SAMPLES["siti"].nik
    body = None
    async with aiohttp.ClientSession() as session:
        for count in (1, 2):
            address = f"{tracked.url}/v2/findUsage?userCode={nik}&limit={count}"
            async with session.get(address, headers=headers) as response:
                assert response.status == 200
                body = await response.json()
    assert body is not None
    assert body["usages"][0]["receiverCode"] == "development/portal"
    assert "a duty by law" in body["usages"][0]["action"]
