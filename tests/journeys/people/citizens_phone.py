"""A hub with pages and a complaint system for one file of tests, and a phone on which Siti is signed in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from auth.tokens.development_issuer import DevelopmentIssuer
from tests.journeys.hub import HubClient, RunningCity, running_hub, state_server
from tests.journeys.paged_hub import build_paged_settings
from tests.sandbox_agencies import RunningAgency
from tests.web.browser import Browser
from tests.web.phone import LOADED, Phone


@dataclass(frozen=True, slots=True, kw_only=True)
class CityOfPages:
    """The parts around the hub."""

    city: RunningCity
    complaint_system: RunningAgency
    issuer: DevelopmentIssuer
    openid_provider: RunningAgency


@asynccontextmanager
async def running_pages(world: CityOfPages, folder: Path) -> AsyncIterator[HubClient]:
    """The hub."""
    own = RunningCity(agencies={**world.city.agencies, "crm": world.complaint_system}, snapshots=world.city.snapshots)
    with state_server(folder / "state") as state:
        settings = build_paged_settings(own, world.issuer, world.openid_provider, state_url=state, folder=folder)
        async with running_hub(settings, world.issuer) as running:
            yield running


@asynccontextmanager
async def signed_in_phone(browser: Browser, hub: HubClient, path: str) -> AsyncIterator[Phone]:
    """Siti's phone, without scripts, at this path."""
    async with browser.open_page() as page:
        await page.call_method("Network.enable")
        await page.call_method("Network.setExtraHTTPHeaders", headers={"Accept-Language": "id-ID"})
        phone = Phone(page)
        await phone.start(with_scripts=False)
        await phone.go(f"{hub.url}{path}")
        await page.evaluate("document.querySelector('input[name=person][value=siti]').click()")
        await page.evaluate("document.querySelector('button[value=allow]').click()")
        await page.wait_until(f"{LOADED} && location.pathname === '{path}'")
        yield phone
