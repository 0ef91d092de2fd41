"""A small phone: Chromium with 360x740 pixels, touch, and as one chooses, without scripts."""

from __future__ import annotations

import json
from pathlib import Path

from tests.web.browser import BrowserPage

WIDTH, HEIGHT = 360, 740
LOADED = "document.readyState === 'complete' && document.querySelector('h1') !== null"


class Phone:
    """The hand of a person at one page of the browser."""

    def __init__(self, page: BrowserPage) -> None:
        self.page = page
        self.taps = 0

    async def start(self, *, with_scripts: bool) -> None:
        """Become a phone."""
        call = self.page.call_method
        await call("Emulation.setDeviceMetricsOverride", width=WIDTH, height=HEIGHT, deviceScaleFactor=2, mobile=True)
        await call("Emulation.setTouchEmulationEnabled", enabled=True, maxTouchPoints=1)
        await call("Emulation.setScriptExecutionDisabled", value=not with_scripts)

    async def go(self, address: str) -> None:
        """Type an address."""
        await self.page.open(address)
        await self.page.wait_until(LOADED)

    async def tap(self, selector: str, text: str = "") -> None:
        """Tap on the first visible element with this text; it must be large enough for a finger (44 pixels)."""
        box = await self.page.wait_until(
            f"(() => {{ const it = [...document.querySelectorAll({json.dumps(selector)})].find("
            f"it => it.checkVisibility() && it.innerText.includes({json.dumps(text)}));"
            "if (!it) return null; it.scrollIntoView({block: 'center'}); const box = it.getBoundingClientRect();"
            "return [box.x + box.width / 2, box.y + box.height / 2, box.width, box.height]; })()"
        )
        x, y, width, height = box
        assert min(width, height) >= 44, (selector, text, width, height)
        for kind, points in (("touchStart", [{"x": x, "y": y}]), ("touchEnd", [])):
            await self.page.call_method("Input.dispatchTouchEvent", type=kind, touchPoints=points)
        self.taps += 1

    async def tap_and_wait(self, selector: str, text: str, title: str) -> None:
        """Tap, and wait for the page with this title."""
        await self.tap(selector, text)
        await self.page.wait_until(f"{LOADED} && document.title.includes({json.dumps(title)})")

    async def write(self, selector: str, text: str) -> None:
        """Tap on a field and type."""
        await self.tap(selector)
        await self.page.wait_until(f"document.activeElement === document.querySelector({json.dumps(selector)})")
        await self.page.call_method("Input.insertText", text=text)

    async def attach(self, selector: str, file: Path) -> None:
        """Choose a photo from the phone."""
        root = (await self.page.call_method("DOM.getDocument"))["root"]["nodeId"]
        node = (await self.page.call_method("DOM.querySelector", nodeId=root, selector=selector))["nodeId"]
        await self.page.call_method("DOM.setFileInputFiles", nodeId=node, files=[str(file)])

    async def read(self) -> str:
        """The text of the page."""
        text: str = await self.page.evaluate("document.querySelector('main').innerText")
        return " ".join(text.split())
