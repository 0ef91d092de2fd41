"""A person at `/graphiql`, in a real browser."""

import json
from collections.abc import AsyncIterator

import pytest

from tests.plugins.optional_programs import page_packages
from tests.web.browser import Browser, BrowserPage
from tests.web.conftest import EXAMPLES, GraphServer, serve_application
from web.settings import Exposure, WebSettings

RUN = "document.querySelector('.graphiql-execute-button').click()"
HEADERS = "document.querySelectorAll('.graphiql-editor-tool .CodeMirror')[1].CodeMirror"
ANSWER = "document.querySelector('.result-window .CodeMirror').CodeMirror.getValue()"
IS_READY = "document.querySelectorAll('.CodeMirror').length === 4 && document.getElementById('person-choice') !== null"
TABS = "[...document.querySelectorAll('.graphiql-tab-button')].map(tab => tab.textContent).join()"


@pytest.fixture(scope="module")
async def development_hub() -> AsyncIterator[GraphServer]:
    """The page as developers see it: examples, and sample people to ask as."""
    settings = WebSettings(
        graphiql=Exposure.ON, graphiql_packages=page_packages(), graphiql_examples=EXAMPLES, development=True
    )
    async with serve_application(settings) as running:
        yield running


@pytest.fixture(scope="module")
async def page(browser: Browser, development_hub: GraphServer) -> AsyncIterator[BrowserPage]:
    """The page, opened and ready."""
    async with browser.open_page() as opened:
        await opened.open(f"{development_hub.url}/graphiql")
        await opened.wait_until(IS_READY)
        yield opened


async def open_tab(page: BrowserPage, title: str) -> None:
    """Choose a tab, and wait until its operation is the one that would run."""
    tab = f"[...document.querySelectorAll('.graphiql-tab-button')].find(tab => tab.textContent === '{title}')"
    await page.evaluate(f"{tab}.click()")
    await page.wait_until(f"localStorage.getItem('graphiql:operationName') === '{title}'")


async def answer_to(page: BrowserPage, person: str, *, tab: str = "WhoAmI") -> str:
    """What is shown after choosing a tab and a person and pressing the button."""
    await open_tab(page, tab)
    await page.evaluate(
        f"(choice => {{ choice.value = {json.dumps(person)}; choice.dispatchEvent(new Event('change')) }})"
        "(document.getElementById('person-choice'))"
    )
    await page.evaluate("document.querySelector('.result-window .CodeMirror').CodeMirror.setValue('')")
    await page.evaluate(RUN)
    shown = await page.wait_until(ANSWER)
    assert isinstance(shown, str)
    return shown


async def write_header(page: BrowserPage, token: str) -> None:
    """Write an Authorization header into the headers editor of the open tab."""
    written = json.dumps(json.dumps({"Authorization": f"Bearer {token}"}))
    await page.evaluate(f"{HEADERS}.setValue({written})")


async def test_the_examples_stand_in_tabs_with_their_titles(page: BrowserPage) -> None:
    assert await page.evaluate(TABS) == "WhoAmI,Echo,Registered"
    query = await page.evaluate("document.querySelector('.graphiql-query-editor .CodeMirror').CodeMirror.getValue()")
    assert query.startswith("# The caller\n")


async def test_a_tab_runs_as_its_person_before_anybody_chooses_one(page: BrowserPage) -> None:
    person = "document.getElementById('person-choice').value"
    assert await page.evaluate(person) == "Pak Budi"
    await page.evaluate(RUN)
    assert json.loads(await page.wait_until(ANSWER)) == {"data": {"whoAmI": "official"}}
    await open_tab(page, "Echo")
    assert await page.evaluate(person) == "Anonymous"
    await open_tab(page, "WhoAmI")
    assert await page.evaluate(person) == "Pak Budi"


async def test_a_choice_holds_for_its_tab_alone_and_after_a_reload(page: BrowserPage) -> None:
    # GraphiQL writes its tabs late: before Echo was written, the first tab is the open one in any case.
    written_tab = "JSON.parse(localStorage.getItem('graphiql:tabState')).activeTabIndex"
    await answer_to(page, "Siti", tab="Echo")
    await page.wait_until(f"{written_tab} === 1")
    await open_tab(page, "WhoAmI")
    assert await page.evaluate("document.getElementById('person-choice').value") == "Pak Budi"
    await page.wait_until(f"{written_tab} === 0")
    await page.evaluate("window.isFormer = true; location.reload()")
    await page.wait_until(f"!window.isFormer && {IS_READY}")
    assert await page.evaluate("document.getElementById('person-choice').value") == "Pak Budi"
    await open_tab(page, "Echo")
    assert await page.evaluate("document.getElementById('person-choice').value") == "Siti"


async def test_as_a_partner_the_page_sends_the_id_of_the_operation_and_not_its_text(page: BrowserPage) -> None:
    await page.evaluate(
        "window.sent = []; const send = fetch; fetch = (...it) => (sent.push(it[1]?.body), send(...it))"
    )
    assert json.loads(await answer_to(page, "Bank", tab="Registered")) == {"data": {"whoAmI": "partner"}}
    assert json.loads(await page.evaluate("sent.at(-1)")) == {"documentId": "Registered"}


async def test_an_example_runs_and_shows_data(page: BrowserPage) -> None:
    assert json.loads(await answer_to(page, "Anonymous")) == {"data": {"whoAmI": "anonymous"}}


async def test_an_example_brings_its_variables(page: BrowserPage) -> None:
    assert json.loads(await answer_to(page, "Anonymous", tab="Echo")) == {"data": {"echo": "halo"}}


async def test_the_switch_offers_the_sample_people_after_anonymous(page: BrowserPage) -> None:
    options = "[...document.getElementById('person-choice').options].map(option => option.text).join()"
    assert await page.evaluate(options) == "Anonymous,Siti (citizen),Pak Budi (official),Bank (partner)"


async def test_the_chosen_person_asks(page: BrowserPage) -> None:
    assert json.loads(await answer_to(page, "Siti")) == {"data": {"whoAmI": "citizen"}}
    assert await page.evaluate("document.getElementById('person-note').textContent") == "Sees her own data."
    assert json.loads(await answer_to(page, "Pak Budi")) == {"data": {"whoAmI": "official"}}
    assert json.loads(await answer_to(page, "Anonymous")) == {"data": {"whoAmI": "anonymous"}}


async def test_a_header_written_by_hand_goes_before_the_chosen_person(page: BrowserPage) -> None:
    await open_tab(page, "WhoAmI")
    await write_header(page, "token-of-budi")
    await page.evaluate("document.querySelector('.result-window .CodeMirror').CodeMirror.setValue('')")
    await page.evaluate(RUN)
    assert json.loads(await page.wait_until(ANSWER)) == {"data": {"whoAmI": "official"}}
    await page.evaluate(f"{HEADERS}.setValue('')")


async def test_the_documentation_describes_the_schema(page: BrowserPage) -> None:
    await page.evaluate("""document.querySelector('[aria-label="Show Documentation Explorer"]').click()""")
    await page.wait_until("document.body.innerText.includes('Root Types')")
    await page.evaluate("document.querySelector('.graphiql-doc-explorer-type-name').click()")
    assert await page.wait_until("document.body.innerText.includes('The queries of a small city.')")


async def test_the_switch_has_a_label_and_shows_where_the_keyboard_is(page: BrowserPage) -> None:
    assert await page.evaluate("document.getElementById('person-choice').labels[0].textContent") == "Ask as"
    await page.evaluate("document.activeElement.blur()")
    for kind in ("keyDown", "keyUp"):
        await page.call_method("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
    await page.evaluate("document.getElementById('person-choice').focus()")
    outline = "getComputedStyle(document.getElementById('person-choice')).outlineWidth"
    assert await page.evaluate(outline) == "3px"


async def test_on_a_narrow_screen_nothing_is_cut_off(page: BrowserPage) -> None:
    await page.call_method(
        "Emulation.setDeviceMetricsOverride", width=390, height=844, deviceScaleFactor=1, mobile=True
    )
    await page.wait_until("innerWidth === 390")
    assert await page.evaluate("document.documentElement.scrollWidth") == 390
    below = (
        "document.querySelector('.graphiql-response').getBoundingClientRect().top >= "
        "document.querySelector('.graphiql-editors').getBoundingClientRect().bottom"
    )
    assert await page.wait_until(below)
    await page.call_method("Emulation.clearDeviceMetricsOverride")


async def test_the_settings_open(page: BrowserPage) -> None:
    await page.evaluate("""document.querySelector('[aria-label="Open settings dialog"]').click()""")
    await page.wait_until("document.querySelector('.graphiql-dialog').innerText.includes('Theme')")
    await page.evaluate("""document.querySelector('[aria-label="Close dialog"], .graphiql-dialog-close').click()""")
    await page.wait_until("document.querySelector('.graphiql-dialog') === null")


async def test_restoring_the_examples_brings_back_a_closed_tab(page: BrowserPage) -> None:
    await page.evaluate("document.querySelector('.graphiql-tab-close').click()")
    await page.wait_until(f"{TABS} === 'Echo,Registered'")
    await page.evaluate("document.getElementById('restore').click()")
    await page.wait_until(f"{TABS} === 'WhoAmI,Echo,Registered'")
    assert await page.evaluate("document.getElementById('person-choice').value") == "Pak Budi"


async def test_the_page_asked_no_other_server_and_broke_no_rule(
    page: BrowserPage, development_hub: GraphServer
) -> None:
    """Stands last: it looks back on all of the above."""
    foreign = [
        address for address in page.requested if not address.startswith((f"{development_hub.url}/", "data:", "blob:"))
    ]
    assert foreign == []
    assert len(page.requested) > 10
    assert page.complaints == []


async def test_where_it_is_for_those_who_are_signed_in_nothing_is_asked_before_there_is_a_token(
    page: BrowserPage,
) -> None:
    settings = WebSettings(
        graphiql=Exposure.SIGNED_IN,
        graphiql_packages=page_packages(),
        graphiql_examples=EXAMPLES,
    )
    async with serve_application(settings) as hub:
        await page.open(f"{hub.url}/graphiql")
        await page.wait_until("document.querySelectorAll('.CodeMirror').length === 4")
        assert await page.evaluate("document.getElementById('person').hidden")
        await open_tab(page, "WhoAmI")
        await page.evaluate(RUN)
        answer = json.loads(await page.wait_until(ANSWER))
        assert answer["errors"][0]["message"].startswith("This hub shows the graph to those who are signed in. Write ")
        assert hub.graph.calls == []
        await write_header(page, "token-of-siti")
        await page.evaluate("document.querySelector('.result-window .CodeMirror').CodeMirror.setValue('')")
        await page.evaluate(RUN)
        assert json.loads(await page.wait_until(ANSWER)) == {"data": {"whoAmI": "citizen"}}
