"""The page of a consent about a child, in a real browser on a phone: nothing is cut off, and it breaks no rule."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from records.purposes import Purpose, Scope
from tests.fakes.issuers.loopback_sign_in import SignInWorld, run_sign_in_world
from tests.fakes.small_consents import build_request
from tests.fakes.small_records import NOW
from tests.web.axe import open_on_phone
from tests.web.browser import Browser, BrowserPage


@pytest.fixture
async def world() -> AsyncIterator[SignInWorld]:
    """Siti's daughter is ten, and a partner asks about a child."""
    async with run_sign_in_world() as opened:
        opened.hub.city.ayu_born = NOW.date() - timedelta(days=3_700)
        asked, back = build_request("https://partner.example/", "of-child")
        asked = replace(asked, scopes=(Scope.EDUCATION,), purpose=Purpose.EDUCATION, is_about_child=True)
        opened.consents.requests["of-child"] = (asked, back)
        yield opened


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[BrowserPage]:
    async with browser.open_page() as opened:
        yield opened


@pytest.mark.parametrize(
    ("language", "agree"), [("id", "Sebagai orang tua atau wali"), ("en", "As a parent or guardian")]
)
async def test_it_can_be_read_and_answered_on_a_phone(
    world: SignInWorld, page: BrowserPage, language: str, agree: str, tmp_path: Path
) -> None:
    address = f"{world.hub.url}/consent/of-child?lang={language}"
    await open_on_phone(page, address, tmp_path / "asked.png")
    assert agree in await page.evaluate("document.body.innerText")
    assert await page.evaluate("document.documentElement.lang") == language
    await open_on_phone(page, f"{world.hub.url}/consents?lang={language}", tmp_path / "list.png")
    assert page.complaints == []
