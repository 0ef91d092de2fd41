"""The inbox on a phone in a real browser, nothing is cut off, and no rule of accessibility is broken."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from records.calls.call import Call
from records.complaints import ComplaintStatus
from tests.fakes.issuers.loopback_sign_in import SignInWorld, run_sign_in_world
from tests.fakes.small_records import PRIVATE, SITI, complaint
from tests.web.axe import open_on_phone
from tests.web.browser import Browser, BrowserPage
from tests.web.phone import LOADED, WIDTH


@pytest.fixture
async def world() -> AsyncIterator[SignInWorld]:
    async with run_sign_in_world() as opened:
        first = complaint(PRIVATE, public=False, reporter=SITI, delivery=None, rating=None)
        given = [
            replace(first, id=f"C-{each}", category_name=name, status=status)
            for each, (name, status) in enumerate(
                [
                    ("Lampu jalan", ComplaintStatus.IN_PROGRESS),
                    ("Pohon" + "tumbang" * 12, ComplaintStatus.RESOLVED),
                    *[("Jalan berlubang", ComplaintStatus.WAITING)] * 197,
                ]
            )
        ]

        async def complaints_of(niks: Any, _call: Call) -> Any:  # noqa: ANN401 - answers
            return dict.fromkeys(niks, given)

        opened.hub.city.complaints_of = complaints_of  # type: ignore[method-assign]
        opened.hub.city.offered_commands = frozenset({"publish_complaint", "rate_resolution"})
        yield opened


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[BrowserPage]:
    async with browser.open_page() as opened:
        yield opened


@pytest.mark.parametrize("language", ["id", pytest.param("en", marks=pytest.mark.long)])
async def test_the_inbox_and_its_cases_fit_on_a_phone(
    world: SignInWorld, page: BrowserPage, language: str, tmp_path: Path
) -> None:
    url = world.hub.url
    await open_on_phone(page, f"{url}/cases?lang={language}", tmp_path / "list.png")
    assert await page.evaluate("document.querySelectorAll('article').length") == 20
    for kind in ("complaint", "data-request", "consent"):
        await open_on_phone(page, f"{url}/cases?lang={language}&kind={kind}", tmp_path / f"{kind}s.png")
        address = await page.evaluate("document.querySelector('article h2 a').href")
        await open_on_phone(page, address, tmp_path / f"{kind}.png")
    await open_on_phone(page, f"{url}/cases?lang={language}&kind=consent&state=closed", tmp_path / "none.png")
    world.consents.is_down = True
    await open_on_phone(page, f"{url}/cases?lang={language}", tmp_path / "down.png")
    assert await page.evaluate("document.querySelectorAll('[role=status]').length") == 1
    assert page.complaints == []


async def test_every_link_to_tap_is_large_enough(world: SignInWorld, page: BrowserPage) -> None:
    await page.call_method(
        "Emulation.setDeviceMetricsOverride", width=WIDTH, height=740, deviceScaleFactor=2, mobile=True
    )
    await page.open(f"{world.hub.url}/cases?lang=en")
    await page.wait_until(LOADED)
    small = await page.evaluate(
        "[...document.querySelectorAll('main a')].filter(it => it.getBoundingClientRect().height < 44)"
        ".map(it => it.innerText)"
    )
    assert small == []
