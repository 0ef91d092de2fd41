"""`/my-data` shows a signed-in person what the agencies hold about them, over HTTP."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from html import unescape

import pytest
from graphql import GraphQLEnumType, build_schema

from tests.fakes.issuers.loopback_sign_in import BrowserResponse, SignInBrowser, SignInWorld, run_sign_in_world
from tests.web.conftest import ROOT
from web.pages.page_renderer import PAGE_POLICY
from web.pages.words import load_words


@pytest.fixture(scope="module")
async def running() -> AsyncIterator[SignInWorld]:
    async with run_sign_in_world() as opened:
        yield opened


@pytest.fixture
async def browser(running: SignInWorld) -> AsyncIterator[SignInBrowser]:
    running.endpoints.reset()
    async with running.browser() as opened:
        yield opened


def words(page: BrowserResponse) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page.text)).split())


async def test_the_page_shows_the_data_of_every_agency_and_who_read_it(browser: SignInBrowser) -> None:
    page = await browser.sign_in("/my-data?lang=en")
    text = words(page)
    assert (page.status, page.headers["Content-Security-Policy"]) == (200, PAGE_POLICY)
    assert page.headers["Cache-Control"] == "no-store"
    for part in (
        "About you Name Person 1 Date of birth 5 June 1990 Address Jl. Kebon Sirih 1",
        "Family card Person 1 (head of the household) Person 3 (child)",
        "Property tax JL KEBON SIRIH 1 2026: Rp100,000, due on 30 September 2026",
        "Businesses Warung Siti (P4: licensing)",
        "Social assistance Your record in the register of households in need: active.",
        "Kartu Lansia Jakarta (for the elderly): receives it",
        "Payments Kartu Lansia Jakarta (for the elderly), 31.71: Rp1 (planned)",
        "Complaints JK1002: received, reported on 20 November 2026 JK1001: received,",
        "Who else read your data 23 November 2026 at 16:00 WIB: An official of the population register (Dukcapil)",
        "Your requests about your data HAK-2026-7K3QX9RD: correction, received; answer due 26 November 2026 at 16:00",
    ):
        assert part in text


async def test_the_page_in_indonesian_has_no_english(browser: SignInBrowser) -> None:
    page = await browser.sign_in("/my-data")
    assert "Kartu keluarga Person 1 (kepala keluarga) Person 3 (anak)" in words(page)
    assert "Pengaduan JK1002: menunggu, dilaporkan 20 November 2026" in words(page)
    assert "23 November 2026 pukul 16.00 WIB: Petugas Dinas Kependudukan dan Pencatatan Sipil (Dukcapil)" in words(page)


async def test_an_agency_that_is_down_is_named_and_the_rest_is_shown() -> None:
    async with run_sign_in_world() as fresh, fresh.browser() as browser:  # nothing is cached
        fresh.hub.city.failing_agencies.add("pbb")
        text = words(await browser.sign_in("/my-data?lang=en"))
    assert "Property tax Cannot be shown at the moment: the property tax office (PBB) is not responding." in text
    assert "Businesses Warung Siti" in text


async def test_a_visitor_signs_in_first(browser: SignInBrowser) -> None:
    answer = await browser.get("/my-data")
    assert answer.status == 303
    assert "/authorize?" in answer.location


def test_every_value_that_the_page_names_has_words_in_both_languages() -> None:
    schema = build_schema((ROOT / "schema" / "schema.graphql").read_text(encoding="utf-8"))
    aid = ("AidEligibility", "AidPaymentStatus", "AidProgramme", "AssistanceStatus")
    for name in ("Relationship", "ComplaintStatus", "DataRequestKind", "DataRequestState", *aid):
        enum = schema.type_map[name]
        assert isinstance(enum, GraphQLEnumType)
        for language in load_words().values():
            assert all(language.caption(f"{name}.{each}", "") for each in enum.values), (language.language, name)
