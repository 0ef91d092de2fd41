"""A developer opens the hub's GraphiQL, chooses a sample person, runs the first example and sees data."""

import json
from collections.abc import AsyncIterator

import pytest

from cli.sandbox.sample_callers import build_sample_callers
from tests.journeys.hub import HubClient, RunningCity
from tests.plugins.optional_programs import page_packages
from tests.web.browser import Browser, BrowserPage

EDITORS = 4
RUN = "document.querySelector('.graphiql-execute-button').click()"
ANSWER = "document.querySelector('.result-window .CodeMirror').CodeMirror.getValue()"


@pytest.fixture
async def page(hub: HubClient, browser: Browser) -> AsyncIterator[BrowserPage]:
    """GraphiQL, opened and ready."""
    page_packages()
    async with browser.open_page() as opened:
        await opened.open(f"{hub.url}/graphiql")
        await opened.wait_until(f"document.querySelectorAll('.CodeMirror').length === {EDITORS}")
        yield opened


async def test_the_first_example_runs_as_siti_and_shows_what_five_agencies_know_about_her(
    page: BrowserPage, city: RunningCity
) -> None:
    everybody = len(build_sample_callers()) + 1  # and anonymous
    await page.wait_until(f"document.getElementById('person-choice').options.length === {everybody}")
    assert await page.evaluate("document.getElementById('person-choice').value") == "siti"
    city.reset_calls()

    await page.evaluate(RUN)
    answer = json.loads(str(await page.wait_until(ANSWER)))

    assert "errors" not in answer
    assert answer["data"]["me"]["name"] == "Siti Rahmawati"
    assert len(answer["data"]["me"]["taxObjects"]) == 2
    asked = {"crm", "dukcapil", "pangan", "pbb"} | ({"jakpreneur"} if city.counts_msmes else set())
    assert set(city.calls()) == asked


async def test_every_tab_of_the_examples_is_in_sight(page: BrowserPage) -> None:
    edges = "[...document.querySelectorAll('.graphiql-tab')].map(each => each.getBoundingClientRect().right)"
    shown = "document.querySelector('.graphiql-tabs').getBoundingClientRect().right"
    assert await page.evaluate(f"{edges}.filter(right => right > {shown}).length") == 0
    assert await page.evaluate(f"{edges}.length") == 14


async def test_the_documentation_explains_every_root_field(page: BrowserPage) -> None:
    await page.evaluate("""document.querySelector('[aria-label="Show Documentation Explorer"]').click()""")
    await page.wait_until("document.body.innerText.includes('Root Types')")
    await page.evaluate("document.querySelector('.graphiql-doc-explorer-type-name').click()")
    assert await page.wait_until("document.body.innerText.includes('The signed-in citizen; for an assistant')")


async def test_the_documentation_says_who_may_read_a_field(page: BrowserPage) -> None:
    await page.evaluate("""document.querySelector('[aria-label="Show Documentation Explorer"]').click()""")
    await page.wait_until("document.body.innerText.includes('Root Types')")
    await page.evaluate("document.querySelector('.graphiql-doc-explorer-type-name').click()")
    await page.wait_until("document.querySelectorAll('.graphiql-doc-explorer-field-name').length > 0")
    fields = "[...document.querySelectorAll('.graphiql-doc-explorer-field-name')]"
    await page.evaluate(f"{fields}.find(each => each.innerText === 'me').click()")
    said = "Readable by the person it is about and their assistant."
    assert await page.wait_until(f"document.body.innerText.includes('{said}')")
