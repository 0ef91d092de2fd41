"""A citizen's inbox on a small phone, by touch and without scripts, over the real city: open a case, and act on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from auth.tokens.development_issuer import DevelopmentIssuer
from tests.fakes.waiting import wait_until_answered
from tests.journeys.hub import HubClient, RunningCity
from tests.journeys.people.citizens_phone import CityOfPages, running_pages, signed_in_phone
from tests.sandbox_agencies import RunningAgency, run_agency
from tests.web.browser import Browser
from tests.web.phone import LOADED, Phone

SUBMIT = """mutation ($complaint: NewComplaintInput!) {
  submitComplaint(complaint: $complaint, key: "phone") { ... on CommandReceipt { number } }
}"""
LAMP = {"categoryCode": "1202", "description": "Lampu di depan rumah mati.", "region": "31.71.01.1001"}


@pytest.fixture(scope="module")
def complaint_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAgency]:
    """A complaint system of these tests alone, because they add to it."""
    with run_agency("crm", tmp_path_factory.mktemp("crm-cases")) as agency:
        yield agency


@pytest.fixture
async def hub_with_pages(
    city: RunningCity,
    complaint_system: RunningAgency,
    issuer: DevelopmentIssuer,
    openid_provider: RunningAgency,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[HubClient]:
    world = CityOfPages(city=city, complaint_system=complaint_system, issuer=issuer, openid_provider=openid_provider)
    async with running_pages(world, tmp_path_factory.mktemp("phone-cases")) as running:
        yield running


@pytest.fixture
async def phone(browser: Browser, hub_with_pages: HubClient) -> AsyncIterator[Phone]:
    """Siti's phone. She is signed in."""
    async with signed_in_phone(browser, hub_with_pages, "/cases") as phone:
        yield phone


async def test_a_case_is_new_until_it_is_opened_and_leads_to_its_forms(phone: Phone, hub_with_pages: HubClient) -> None:
    before = await phone.read()
    assert "Urusan saya" in before
    made = await hub_with_pages.ask(SUBMIT, {"complaint": LAMP}, caller="siti")
    assert made.errors == []

    async def is_delivered() -> bool:
        await phone.go(f"{hub_with_pages.url}/cases?kind=complaint&state=open")
        newest = (await phone.read()).partition("Pengaduan · ")[2]
        return newest.startswith("di instansi · Baru")

    await wait_until_answered(is_delivered, timeout=60)
    count = (await phone.read()).count("· Baru")
    await phone.tap_and_wait("article h2 a", "", "Pengaduan")
    text = await phone.read()
    assert "Sistem pengaduan sudah menerimanya" in text
    assert "Dikirim, dengan tanda terima TT-" in text
    await phone.tap("main a.button", "Buka untuk umum")
    await phone.page.wait_until(f"{LOADED} && location.pathname.endsWith('/publish')")
    await phone.go(f"{hub_with_pages.url}/cases?kind=complaint&state=open")
    assert (await phone.read()).count("· Baru") == count - 1
