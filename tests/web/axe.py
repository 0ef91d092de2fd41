"""Accessibility checks of a page, by npm `axe-core`."""

from __future__ import annotations

import asyncio
from functools import cache
from pathlib import Path

from tests.plugins.optional_programs import node_packages
from tests.web.browser import BrowserPage
from tests.web.phone import LOADED, WIDTH

_RUN = """axe.run(document, {resultTypes: ['violations', 'incomplete'], runOnly: {type: 'tag', values: [
  'wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}}).then(found => ({
  passes: found.passes.length,
  violations: found.violations.map(each => `${each.id}: ${each.nodes.map(node => node.html).join(' ')}`)}))"""
_LEAST_PASSES = 10


@cache
def _source() -> str:
    return (node_packages() / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


async def find_violations(page: BrowserPage) -> list[str]:
    """The rules of WCAG 2.2 AA and of good practice that the loaded page violates."""
    await page.evaluate(f"{_source()}; true")
    found = await page.evaluate(_RUN)
    assert found["passes"] >= _LEAST_PASSES, "axe looked at nothing"
    broken: list[str] = found["violations"]
    return broken


async def open_on_phone(page: BrowserPage, address: str, picture: Path) -> None:
    """Open a page on a screen of 360 pixels, and write its picture: it fits on the screen and breaks no rule."""
    await page.call_method(
        "Emulation.setDeviceMetricsOverride", width=WIDTH, height=740, deviceScaleFactor=2, mobile=True
    )
    await page.open(address)
    await page.wait_until(LOADED)
    assert await page.evaluate("document.documentElement.scrollWidth") <= WIDTH
    assert await find_violations(page) == []
    taken = await page.take_screenshot()
    await asyncio.to_thread(picture.write_bytes, taken)
