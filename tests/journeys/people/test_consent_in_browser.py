"""Siti at the pages of the hub, in a real browser, by keyboard alone; the city's provider signs her in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from aiohttp import web

from auth.tokens.development_issuer import DevelopmentIssuer
from store.database import create_database_engine
from store.operations.operation_registry import OperationRegistry
from tests.fakes.clients import build_client
from tests.journeys.hub import HubClient, RunningCity, running_hub
from tests.journeys.paged_hub import LOADED, build_paged_settings
from tests.journeys.partner import (
    CONSENTING_QUERY,
    contract,
    partner,
    register_operations,
    request_consent,
    retire_operations,
    wait_for_code,
)
from tests.sandbox_agencies import HOST, RunningAgency
from tests.web.axe import find_violations
from tests.web.browser import Browser, BrowserPage

CLIENT = build_client("bank-on-paper")
BANK = partner(CLIENT)
HOUSE = """query House($consent: ID!) {
  consented(consent: $consent) {
    taxObjects { nop address landArea buildingArea bills { year amount status dueOn paid } }
  }
}"""
"""What the bank wants to know of somebody's land."""


@dataclass
class PartnerLandingPage:
    """The page that the partner's browsers come back to."""

    url: str = ""
    arrived: list[dict[str, str]] = field(default_factory=list)


@asynccontextmanager
async def landing() -> AsyncIterator[PartnerLandingPage]:
    place = PartnerLandingPage()

    async def take(request: web.Request) -> web.Response:
        place.arrived.append(dict(request.query))
        head = "<!doctype html><html lang=id><link rel=icon href=data:,><title>Bank</title>"
        return web.Response(text=f"{head}<h1>Selamat datang kembali</h1>", content_type="text/html")

    app = web.Application()
    app.router.add_get("/back", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0).start()
    place.url = f"http://{HOST}:{runner.addresses[0][1]}/back"
    try:
        yield place
    finally:
        await runner.cleanup()


@pytest.fixture(scope="module")
async def partners_page() -> AsyncIterator[PartnerLandingPage]:
    async with landing() as place:
        yield place


@pytest.fixture(scope="module")
async def hub_with_pages(  # noqa: PLR0917 - fixtures
    city: RunningCity,
    state_url: str,
    issuer: DevelopmentIssuer,
    tmp_path_factory: pytest.TempPathFactory,
    openid_provider: RunningAgency,
    partners_page: PartnerLandingPage,
) -> AsyncIterator[HubClient]:
    """A hub with its pages, where the bank has a contract and two operations."""
    folder: Path = tmp_path_factory.mktemp("paged")
    settings = build_paged_settings(city, issuer, openid_provider, state_url=state_url, folder=folder)
    agreed = replace(contract(CLIENT, redirect_uris=(partners_page.url,)), name="Kredit Nusantara")
    async with running_hub(settings, issuer) as running:
        state = create_database_engine(state_url)
        registry = OperationRegistry(state)
        await registry.publish(agreed, register_operations(agreed, HOUSE, CONSENTING_QUERY), by="tests")
        await wait_for_code(running, {"documentId": "House-1", "variables": {"consent": "none"}}, BANK, "FORBIDDEN")
        yield running
        await retire_operations(running, registry, CLIENT, ["House-1", "Who-1"])
        await state.dispose()


@pytest.fixture(scope="module")
async def page(browser: Browser) -> AsyncIterator[BrowserPage]:
    """A browser."""
    async with browser.open_page() as opened:
        await opened.call_method("Network.enable")
        await opened.call_method("Network.setExtraHTTPHeaders", headers={"Accept-Language": "id-ID"})
        yield opened


async def request_of(hub: HubClient, partners_page: PartnerLandingPage) -> str:
    return await request_consent(hub, BANK, redirect_uri=partners_page.url)


async def sign_in(page: BrowserPage, address: str) -> None:
    """Open a page of the hub, and sign in as Siti on the way, by keyboard."""
    await page.open(address)
    await page.wait_until(f"{LOADED} && location.pathname === '/authorize'")
    await page.tab_to("it.name === 'person'")
    await page.press(" ")
    assert await page.evaluate("document.activeElement.value") == "siti"
    await page.tab_to("it.name === 'decision' && it.value === 'allow'")
    await page.press("Enter")


async def test_a_visitor_signs_in_from_the_home_page_and_is_back_there(
    page: BrowserPage, hub_with_pages: HubClient
) -> None:
    await page.open(f"{hub_with_pages.url}/?lang=en")
    await page.wait_until(f"{LOADED} && document.title.startsWith('Simpul, the city')")
    assert "You are not signed in." in await page.evaluate("document.querySelector('main').innerText")
    await page.tab_to("it.innerText === 'Sign in'")
    await page.press("Enter")
    await page.wait_until(f"{LOADED} && location.pathname === '/authorize'")
    await page.tab_to("it.name === 'person'")
    await page.press(" ")
    await page.tab_to("it.name === 'decision' && it.value === 'allow'")
    await page.press("Enter")
    await page.wait_until(f"{LOADED} && location.pathname === '/'")
    assert await page.evaluate("location.search") == "?lang=en"
    shown = await page.evaluate("document.querySelector('main').innerText")
    assert "You are signed in with the NIK that ends in 9001." in shown
    await page.tab_to("it.tagName === 'BUTTON' && it.closest('form.out') !== null")
    await page.press("Enter")
    await page.wait_until(f"{LOADED} && location.pathname === '/signed-out'")
    assert page.complaints == []


async def test_siti_signs_in_ticks_grants_and_is_back_at_the_partner(
    page: BrowserPage, hub_with_pages: HubClient, partners_page: PartnerLandingPage
) -> None:
    request = await request_of(hub_with_pages, partners_page)
    await sign_in(page, f"{hub_with_pages.url}/consent/{request}")
    await page.wait_until(f"{LOADED} && document.title.startsWith('Kredit Nusantara')")
    shown = await page.evaluate("document.querySelector('main').innerText")
    assert "Alamat\tJl. Kenanga No. 12, RT 004/RW 002, Gambir" in shown
    await page.tab_to("it.type === 'checkbox' && it.value === 'TAX'")
    await page.press(" ")
    await page.tab_to("it.name === 'decision' && it.value === 'grant'")
    await page.press("Enter")
    await page.wait_until("location.pathname === '/back' && document.title === 'Bank'")
    [told] = partners_page.arrived
    answer = await hub_with_pages.post(
        {"documentId": "House-1", "variables": {"consent": told["consent"]}}, caller=BANK
    )
    assert (told["state"], len(answer.data["consented"]["taxObjects"])) == ("s-1 & more", 2)
    assert page.complaints == []


async def test_a_consent_is_taken_back_by_keyboard(
    page: BrowserPage, hub_with_pages: HubClient, partners_page: PartnerLandingPage
) -> None:
    """Stands after the one above: it takes back what was granted there."""
    await page.call_method("Page.navigate", url=f"{hub_with_pages.url}/consents")
    await page.wait_until(f"{LOADED} && document.title.startsWith('Persetujuan saya')")
    await page.tab_to("it.href?.endsWith('/revoke')")
    await page.press("Enter")
    await page.wait_until(f"{LOADED} && document.title.startsWith('Tarik kembali')")
    await page.tab_to("it.tagName === 'BUTTON' && it.closest('main') !== null")
    await page.press("Enter")
    await page.wait_until(f"{LOADED} && document.title.startsWith('Persetujuan saya')")
    assert "ditarik kembali" in await page.evaluate("document.querySelector('article').innerText")
    consent = partners_page.arrived[0]["consent"]
    answer = await hub_with_pages.post({"documentId": "House-1", "variables": {"consent": consent}}, caller=BANK)
    assert answer.data is None or answer.data["consented"] is None


async def test_agreeing_to_nothing_puts_the_focus_on_the_error(
    page: BrowserPage, hub_with_pages: HubClient, partners_page: PartnerLandingPage
) -> None:
    request = await request_of(hub_with_pages, partners_page)
    await page.call_method("Page.navigate", url=f"{hub_with_pages.url}/consent/{request}")
    await page.wait_until(f"{LOADED} && document.title.startsWith('Kredit')")
    await page.tab_to("it.name === 'decision' && it.value === 'grant'")
    await page.press("Enter")
    await page.wait_until(f"{LOADED} && document.title.startsWith('Perbaiki')")
    await page.wait_until("document.activeElement.className === 'wrong'")
    await page.tab_to("it.getAttribute('href') === '#scope-1'")
    await page.press("Enter")
    await page.wait_until("location.hash === '#scope-1'")
    await page.press(" ")
    assert await page.evaluate("document.querySelector('#scope-1').checked")


# Each language, width and colour scheme once; with the long tests, each pair of them.
@pytest.mark.parametrize(
    ("language", "width", "scheme"),
    [
        ("id", 320, "light"),
        ("en", 1200, "dark"),
        pytest.param("id", 1200, "dark", marks=pytest.mark.long),
        pytest.param("en", 320, "dark", marks=pytest.mark.long),
        pytest.param("en", 1200, "light", marks=pytest.mark.long),
    ],
)
async def test_nothing_is_wrong_with_a_page_for_people_with_disabilities(  # noqa: PLR0917 - a table of pages
    page: BrowserPage,
    hub_with_pages: HubClient,
    partners_page: PartnerLandingPage,
    scheme: str,
    width: int,
    language: str,
) -> None:
    await page.open(f"{hub_with_pages.url}/consents")
    await page.wait_until(LOADED)
    if await page.evaluate("location.pathname === '/authorize'"):  # where this test runs alone
        await sign_in(page, f"{hub_with_pages.url}/consents")
        await page.wait_until(f"{LOADED} && location.pathname === '/consents'")
    request = await request_of(hub_with_pages, partners_page)
    await page.call_method("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    await page.call_method(
        "Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False
    )
    for path in (
        f"/consent/{request}",
        "/",
        "/nowhere",
        "/my-data",
        "/my-data/reads",
        "/my-data/reads?reader=yourself#open",
        "/my-data/requests",
        "/my-data/requests/new",
        "/my-data/requests/new/correction",
        "/my-data/requests/new/restriction",
        "/my-data/export",
        "/consents",
        "/signed-out",
        "/consent/none",
        f"/consent/{request}#open",
    ):
        place = path.partition("#")[0]
        address = f"{hub_with_pages.url}{place}{'&' if '?' in place else '?'}lang={language}"
        await page.call_method("Page.navigate", url="about:blank")
        await page.wait_until("location.href === 'about:blank'")
        await page.call_method("Page.navigate", url=address)
        await page.wait_until(f"{LOADED} && document.documentElement.lang === '{language}'")
        assert await page.evaluate("location.origin") == hub_with_pages.url
        if path.endswith("#open"):
            await page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        assert await find_violations(page) == [], path
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


async def test_what_is_folded_away_is_printed(
    page: BrowserPage, hub_with_pages: HubClient, partners_page: PartnerLandingPage
) -> None:
    request = await request_of(hub_with_pages, partners_page)
    await page.call_method(
        "Emulation.setDeviceMetricsOverride", width=1200, height=800, deviceScaleFactor=1, mobile=False
    )
    await page.call_method("Page.navigate", url=f"{hub_with_pages.url}/consent/{request}")
    await page.wait_until(f"{LOADED} && document.title.startsWith('Kredit')")
    height = "document.querySelector('td details').getBoundingClientRect().height"
    folded = await page.evaluate(height)
    await page.call_method("Emulation.setEmulatedMedia", media="print")
    assert await page.evaluate(height) > 3 * folded
    await page.call_method("Emulation.setEmulatedMedia", media="")


async def test_signing_out_leads_by_the_issuer_and_back_and_the_copied_cookie_is_over(
    page: BrowserPage, hub_with_pages: HubClient
) -> None:
    await page.open(f"{hub_with_pages.url}/consents?lang=en")
    await page.wait_until(LOADED)
    if await page.evaluate("location.pathname === '/authorize'"):  # where this test runs alone
        await sign_in(page, f"{hub_with_pages.url}/consents?lang=en")
    await page.wait_until(f"{LOADED} && document.title.startsWith('My consents')")
    found = (await page.call_method("Network.getCookies", urls=[hub_with_pages.url]))["cookies"]
    [copied] = [each["value"] for each in found if each["name"] == "simpul"]
    before = len(page.requested)
    await page.tab_to("it.tagName === 'BUTTON' && it.closest('form.out') !== null")
    await page.press("Enter")
    await page.wait_until(f"{LOADED} && location.pathname === '/signed-out'")
    assert any("/end-session?" in each for each in page.requested[before:])
    await page.call_method("Network.setCookie", url=hub_with_pages.url, name="simpul", value=copied)
    await page.call_method("Page.navigate", url=f"{hub_with_pages.url}/consents")
    await page.wait_until(f"{LOADED} && location.pathname === '/authorize'")


async def test_the_page_that_leads_to_the_issuer_is_accessible(page: BrowserPage, hub_with_pages: HubClient) -> None:
    """The browser leaves it immediately, so its text is shown again without the header that says so."""
    await page.call_method("Emulation.setEmulatedMedia", features=[])
    await sign_in(page, f"{hub_with_pages.url}/consents?lang=en")
    await page.wait_until(f"{LOADED} && document.title.startsWith('My consents')")
    await page.call_method("Page.setBypassCSP", enabled=True)
    await page.call_method("Page.navigate", url=f"{hub_with_pages.url}/consents?lang=en")
    await page.wait_until(f"{LOADED} && document.title.startsWith('My consents')")
    form = "document.querySelector('form.out')"
    sent = f"{{method: 'POST', body: new URLSearchParams(new FormData({form}))}}"
    text = await page.evaluate(f"fetch({form}.action, {sent}).then(it => it.text())")
    frame = (await page.call_method("Page.getFrameTree"))["frameTree"]["frame"]["id"]
    await page.call_method("Page.setDocumentContent", frameId=frame, html=text)
    await page.wait_until(f"{LOADED} && document.title.startsWith('You are signed out of')")
    assert await find_violations(page) == []
    assert await page.evaluate("document.querySelector('main a').href.includes('/end-session?')")
    await page.call_method("Page.setBypassCSP", enabled=False)


async def test_the_browser_asked_no_other_server(
    page: BrowserPage, hub_with_pages: HubClient, openid_provider: RunningAgency
) -> None:
    """Stands last: it looks back on all of the above."""
    own = (f"{hub_with_pages.url}/", f"http://{HOST}:{openid_provider.port}/")
    foreign = [each for each in page.requested if not each.startswith((*own, "about:", f"http://{HOST}"))]
    assert foreign == []
    assert len(page.requested) > 10
