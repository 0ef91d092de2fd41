"""The attacked hub, as an operator runs it, with the whole sandbox city."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from auth.tokens.development_issuer import DevelopmentIssuer
from tests.fakes.clients import build_client
from tests.journeys.conftest import city, city_snapshots, hub, hub_folder, issuer, state_url
from tests.journeys.conftest import issuer as city_issuer
from tests.journeys.hub import HubClient, RunningCity, build_settings, running_hub

__all__ = ["city", "city_issuer", "city_snapshots", "hub", "hub_folder", "issuer", "state_url"]

PRODUCTION: Mapping[str, Any] = {"development": False, "rates": "off", "failed_tokens": 0}
"""Production settings. Rate limits are off, because they would refuse most attacks unread and hide the outcome."""
PORTAL = build_client("portal")
"""The client with access to the Data Tracker's endpoint."""


@pytest.fixture(scope="session")
async def wired(
    city: RunningCity, state_url: str, city_issuer: DevelopmentIssuer, hub_folder: Path
) -> AsyncIterator[HubClient]:
    """The hub with production settings."""
    settings = build_settings(
        city,
        state_url=state_url,
        issuer=city_issuer,
        folder=hub_folder,
        **PRODUCTION,
        data_tracker_client=PORTAL,
    )
    async with running_hub(settings, city_issuer) as running:
        yield running
