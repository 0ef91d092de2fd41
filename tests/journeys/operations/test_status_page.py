"""`/status` of a hub in front of the sandbox city, with and without scripts, while an agency is down."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from auth.tokens.development_issuer import DevelopmentIssuer
from settings.city.folder import DEFAULT_CITY, load_city
from tests.fakes.city import build_city
from tests.journeys.breakers import BROKEN_AFTER, QUESTIONS, wait_for_breaker
from tests.journeys.hub import HubClient, RunningCity, build_settings, build_variables, running_hub
from tests.journeys.outages import kill_agency
from tests.web.axe import find_violations
from tests.web.browser import Browser, BrowserPage

LOADED = "document.readyState === 'complete' && document.querySelector('article') !== null"
TAX = "[...document.querySelectorAll('article')].find(each => each.innerText.startsWith('Property tax')).innerText"


def find_unwatched(city: RunningCity) -> list[str]:
    """The agencies that neither run nor are copied; and those whose copies a hub loads at its start."""
    known = load_city(DEFAULT_CITY).agencies
    stopped = [code for code in known if code not in city.agencies and not known[code].manifest.snapshots]
    return ["disdik", "transjakarta", *stopped]


def count_watched(city: RunningCity) -> int:
    return len(load_city(DEFAULT_CITY).agencies) - len(set(find_unwatched(city)))


@pytest.fixture(scope="module")
async def watched(
    city: RunningCity, state_url: str, issuer: DevelopmentIssuer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[HubClient]:
    """A hub with agency terms, after one run of each query."""
    folder: Path = tmp_path_factory.mktemp("watched")
    terms = tomllib.loads(f"[pbb]\ndaily_quota = 1000\n{BROKEN_AFTER.format(agency='pbb', deadline=2.0)}")
    changes = {code: {"stage": "agreed"} for code in find_unwatched(city)}
    settings = build_settings(
        city,
        state_url=state_url,
        issuer=issuer,
        folder=folder,
        city=build_city(build_variables(city), terms=terms, changes=changes),
        run_folder=folder / "run",
    )
    async with running_hub(settings, issuer) as running:
        for question in QUESTIONS.values():
            assert (await running.ask(question, caller="siti")).errors == []
        yield running


@pytest.fixture(scope="module")
async def page(browser: Browser) -> AsyncIterator[BrowserPage]:
    """A browser."""
    async with browser.open_page() as opened:
        yield opened


async def read(hub: HubClient) -> str:
    """The page for an anonymous browser without scripts."""
    async with aiohttp.ClientSession() as http, http.get(f"{hub.url}/status?lang=en") as response:
        assert response.status == 200
        return await response.text()


async def test_the_page_is_public_and_calls_no_agency(watched: HubClient, city: RunningCity) -> None:
    city.reset_calls()
    text = await read(watched)
    assert city.calls() == {}
    assert "No agency has problems at the moment." in text
    responding, quiet = (text.count(f"<strong>{state}</strong>") for state in ("Responding", "Not called recently"))
    assert responding >= 9  # what the queries ask, and the copies
    assert responding + quiet == count_watched(city)
    assert "999 of 1,000 calls" in text


async def test_the_page_updates_itself_until_it_is_stopped(
    page: BrowserPage, watched: HubClient, city: RunningCity
) -> None:
    await page.open(f"{watched.url}/status?lang=en")
    await page.wait_until(f"{LOADED} && !document.getElementById('controls').hidden")
    await page.evaluate("window.same = true")
    assert "Not responding" not in await page.evaluate(TAX)
    with kill_agency(city, "pbb"):
        await wait_for_breaker(watched, "pbb", is_open=True)
        await page.wait_until(f"{TAX}.includes('Not responding') && {TAX}.includes('open: not called for a while')")
        announcement = await page.evaluate("document.getElementById('announcement').textContent")
        assert announcement == f"Problems at 1 of {count_watched(city)} agencies: Property tax office (PBB)."
        await page.tab_to("it.tagName === 'BUTTON'")
        await page.press("Enter")
    await wait_for_breaker(watched, "pbb", is_open=False)
    assert await page.evaluate("document.querySelector('#controls button').textContent") == "Resume updating"
    assert await page.evaluate("window.same")
    assert page.complaints == []


@pytest.fixture(scope="module")
async def down(watched: HubClient, city: RunningCity) -> AsyncIterator[HubClient]:
    """The hub while the tax office is down; for all tests from here on."""
    with kill_agency(city, "pbb"):
        await wait_for_breaker(watched, "pbb", is_open=True)
        async with asyncio.timeout(10):  # the hub answers with the same page for a moment
            while "Not responding" not in await read(watched):  # noqa: ASYNC110 - the hub sets no event
                await asyncio.sleep(0.05)
        yield watched


async def test_the_page_shows_no_host_no_port_and_no_error_text(down: HubClient, city: RunningCity) -> None:
    text = await read(down)
    assert "Not responding" in text
    for hidden in ("127.0.0.1", "localhost", "AGENCY_", "refused", "Traceback", *map(_port, city.agencies.values())):
        assert hidden not in text


def _port(agency: object) -> str:
    return f":{agency.port}"  # type: ignore[attr-defined]  # any agency of the city


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 320])
@pytest.mark.parametrize("language", ["id", "en"])
async def test_the_page_is_accessible_while_an_agency_is_down(
    page: BrowserPage, down: HubClient, scheme: str, width: int, language: str
) -> None:
    await page.call_method("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    await page.call_method(
        "Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False
    )
    await page.open("about:blank")
    await page.wait_until("location.href === 'about:blank'")
    await page.open(f"{down.url}/status?lang={language}")
    await page.wait_until(f"{LOADED} && document.querySelector('article.down') !== null")
    await page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert await find_violations(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_the_page_works_without_scripts_and_can_be_reloaded(page: BrowserPage, down: HubClient) -> None:
    await page.call_method("Emulation.setScriptExecutionDisabled", value=True)
    try:
        await page.open(f"{down.url}/status?lang=en")
        await page.wait_until(LOADED)
        text = await page.evaluate("document.body.innerText")
        assert "Property tax" in text
        assert "Reload" in text
        assert "Stop updating" not in text
    finally:
        await page.call_method("Emulation.setScriptExecutionDisabled", value=False)
