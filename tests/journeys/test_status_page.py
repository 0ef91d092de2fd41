"""`/status` in front of the city, with scripts and without, while an agency is down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from auth.development import DevelopmentIssuer
from tests.journeys.hub import City, Hub, running_hub, settings_for
from tests.journeys.test_agency_terms import BROKEN_AFTER, QUESTIONS, until_told
from tests.journeys.test_outages import killed
from tests.optional_programs import FindProgram
from tests.web.axe import violations
from tests.web.browser import Page, page_of

LOADED = "document.readyState === 'complete' && document.querySelector('article') !== null"
TAX = "[...document.querySelectorAll('article')].find(each => each.innerText.startsWith('Property tax')).innerText"


@pytest.fixture(scope="module")
async def watched(
    city: City, state_url: str, issuer: DevelopmentIssuer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Hub]:
    """A hub under terms, of which everything was asked once."""
    folder: Path = tmp_path_factory.mktemp("watched")
    terms = folder / "agencies.toml"
    terms.write_text(f"[pbb]\ndaily_quota = 1000\n{BROKEN_AFTER.format(agency='pbb', deadline=2.0)}")
    settings = settings_for(
        city, state_url=state_url, issuer=issuer, folder=folder, agencies=terms, run_folder=folder / "run"
    )
    async with running_hub(settings, issuer) as running:
        for question in QUESTIONS.values():
            assert (await running.ask(question, caller="siti")).errors == []
        yield running


@pytest.fixture(scope="module")
async def page(program: FindProgram) -> AsyncIterator[Page]:
    """A browser."""
    async with page_of(program("chromium")) as opened:
        yield opened


async def read(hub: Hub) -> str:
    """The page as whoever has no script, and is nobody in particular, reads it."""
    async with aiohttp.ClientSession() as http, http.get(f"{hub.url}/status?lang=en") as response:
        assert response.status == 200
        return await response.text()


async def test_anybody_reads_how_the_agencies_are_and_no_agency_is_asked_for_it(watched: Hub, city: City) -> None:
    city.reset_calls()
    text = await read(watched)
    assert city.calls() == {}
    assert "No agency has trouble at the moment." in text
    assert text.count("<strong>Answers</strong>") == 5
    assert "999 of 1,000 calls" in text


async def test_it_keeps_itself_up_to_date_until_somebody_stops_it(page: Page, watched: Hub, city: City) -> None:
    await page.open(f"{watched.url}/status?lang=en")
    await page.until(f"{LOADED} && !document.getElementById('keeping').hidden")
    await page.value("window.same = true")
    assert "Does not answer" not in await page.value(TAX)
    with killed(city, "pbb"):
        await until_told(watched, "pbb", is_open=True)
        await page.until(f"{TAX}.includes('Does not answer') && {TAX}.includes('open: not asked for a while')")
        told = await page.value("document.getElementById('told').textContent")
        assert told == "Trouble at the moment with 1 of 5 agencies: Property tax."
        await page.tab_to("it.tagName === 'BUTTON'")
        await page.press("Enter")
    await until_told(watched, "pbb", is_open=False)
    assert await page.value("document.querySelector('#keeping button').textContent") == "Go on updating"
    assert await page.value("window.same")
    assert page.complaints == []


@pytest.fixture(scope="module")
async def down(watched: Hub, city: City) -> AsyncIterator[Hub]:
    """The hub while the tax office is down; for all tests from here on."""
    with killed(city, "pbb"):
        await until_told(watched, "pbb", is_open=True)
        async with asyncio.timeout(10):  # the hub answers with the same page for a moment
            while "Does not answer" not in await read(watched):  # noqa: ASYNC110 - the hub sets no event
                await asyncio.sleep(0.05)
        yield watched


async def test_the_page_names_no_host_no_port_and_no_words_of_an_error(down: Hub, city: City) -> None:
    text = await read(down)
    assert "Does not answer" in text
    for hidden in ("127.0.0.1", "localhost", "AGENCY_", "refused", "Traceback", *map(_port, city.agencies.values())):
        assert hidden not in text


def _port(agency: object) -> str:
    return f":{agency.port}"  # type: ignore[attr-defined]  # any agency of the city


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 320])
@pytest.mark.parametrize("language", ["id", "en"])
async def test_nothing_is_wrong_with_it_for_people_with_disabilities_while_an_agency_is_down(
    page: Page, down: Hub, scheme: str, width: int, language: str
) -> None:
    await page.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    await page.ask("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False)
    await page.open("about:blank")
    await page.until("location.href === 'about:blank'")
    await page.open(f"{down.url}/status?lang={language}")
    await page.until(f"{LOADED} && document.querySelector('article.down') !== null")
    await page.value("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert await violations(page) == []
    assert await page.value("document.documentElement.scrollWidth <= innerWidth")


async def test_without_scripts_it_says_the_same_and_can_be_loaded_again(page: Page, down: Hub) -> None:
    await page.ask("Emulation.setScriptExecutionDisabled", value=True)
    try:
        await page.open(f"{down.url}/status?lang=en")
        await page.until(LOADED)
        text = await page.value("document.body.innerText")
        assert "Property tax" in text
        assert "Load it again" in text
        assert "Stop updating" not in text
    finally:
        await page.ask("Emulation.setScriptExecutionDisabled", value=False)
