"""Headless Chromium, driven by the DevTools protocol."""

import asyncio
import itertools
import json
import tempfile
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1400,850",
    "--remote-debugging-port=0",
    "about:blank",
)


_KEYS = {"Tab": ("Tab", 9, ""), "Enter": ("Enter", 13, "\r"), " ": ("Space", 32, " ")}
"""Code, number and text of a key."""


class ProtocolError(Exception):
    """The browser refused a call."""


@dataclass
class BrowserPage:
    """One tab of the browser."""

    socket: aiohttp.ClientWebSocketResponse
    requested: list[str] = field(default_factory=list)
    """All addresses that the page requested."""
    complaints: list[str] = field(default_factory=list)
    """Problems in the browser: exceptions, console errors, violations of the content policy."""
    _call_ids: "itertools.count[int]" = field(default_factory=itertools.count)

    async def call_method(self, method: str, **params: Any) -> dict[str, Any]:  # noqa: ANN401 - as the protocol has it
        """Call a method of the protocol."""
        number = next(self._call_ids)
        await self.socket.send_json({"id": number, "method": method, "params": params})
        while True:
            message = await self.socket.receive_json(timeout=20)
            if message.get("id") == number:
                if "error" in message:
                    raise ProtocolError(message["error"]["message"])
                result: dict[str, Any] = message["result"]
                return result
            self._record_event(message)

    def _record_event(self, event: dict[str, Any]) -> None:
        params = event["params"]
        match event["method"]:
            case "Network.requestWillBeSent":
                self.requested.append(params["request"]["url"])
            case "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(params["exceptionDetails"]))
            case "Log.entryAdded" if params["entry"]["level"] in {"error", "warning"}:
                self.complaints.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
            case "Runtime.consoleAPICalled" if params["type"] == "error":
                self.complaints.append(json.dumps(params["args"]))

    async def open(self, address: str) -> None:
        """Go to an address."""
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.call_method(f"{domain}.enable")
        await self.call_method("Page.navigate", url=address)

    async def press(self, key: str) -> None:
        """Press and release a key: `Tab`, `Enter`, ` `."""
        code, number, text = _KEYS[key]
        for kind in ("keyDown", "keyUp"):
            more = {"text": text} if text and kind == "keyDown" else {}
            await self.call_method(
                "Input.dispatchKeyEvent", type=kind, key=key, code=code, windowsVirtualKeyCode=number, **more
            )

    async def tab_to(self, condition: str) -> None:
        """Press Tab, at most 60 times, until the focused element, `it`, fulfils a condition."""
        for _ in range(60):
            await self.press("Tab")
            if await self.evaluate(f"(it => it !== null && ({condition}))(document.activeElement)"):
                return
        raise AssertionError(f"no way by keyboard to: {condition}")

    async def take_screenshot(self) -> bytes:
        """The whole page as PNG."""
        size = (await self.call_method("Page.getLayoutMetrics"))["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        shot = await self.call_method("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        return b64decode(shot["data"])

    async def evaluate(self, expression: str) -> Any:  # noqa: ANN401 - any JSON
        """The value of a JavaScript expression."""
        result = await self.call_method(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in result, (expression, result["exceptionDetails"])
        return result["result"].get("value")

    async def _evaluate_or_none(self, expression: str) -> Any:  # noqa: ANN401 - any JSON
        """The value of an expression; None while the browser navigates to another page."""
        try:
            return await self.evaluate(expression)
        except ProtocolError:
            return None

    async def wait_until(self, expression: str) -> Any:  # noqa: ANN401 - any JSON
        """Wait at most 20 s until a JavaScript expression is true; returns its value."""
        try:
            async with asyncio.timeout(20):
                while not (value := await self._evaluate_or_none(expression)):  # noqa: ASYNC110 - pages set no events
                    await asyncio.sleep(0.05)
        except TimeoutError:
            text = await self.evaluate("document.body.innerText")
            raise AssertionError(f"never true: {expression}\n{self.complaints}\n{text}") from None
        return value


@dataclass(frozen=True)
class Browser:
    """A running browser, for many tests: each has a page with separate storage and cookies."""

    http: aiohttp.ClientSession
    control: BrowserPage
    """The protocol of the browser itself."""

    @asynccontextmanager
    async def open_page(self) -> AsyncIterator[BrowserPage]:
        """An empty page, closed after the block with all that it stored."""
        context = (await self.control.call_method("Target.createBrowserContext"))["browserContextId"]
        try:
            target = await self.control.call_method(
                "Target.createTarget", url="about:blank", browserContextId=context, width=1400, height=850
            )
            async with self.http.ws_connect(f"/devtools/page/{target['targetId']}", max_msg_size=0) as socket:
                yield BrowserPage(socket)
        finally:
            await self.control.call_method("Target.disposeBrowserContext", browserContextId=context)


@asynccontextmanager
async def run_browser(chromium: Path) -> AsyncIterator[Browser]:
    """A new browser, ended after the block."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            chromium,
            f"--user-data-dir={profile}",
            *ARGUMENTS,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            port = await _wait_for_port(Path(profile) / "DevToolsActivePort", process)
            async with (
                aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http,
                http.get("/json/version") as version,
                http.ws_connect((await version.json())["webSocketDebuggerUrl"], max_msg_size=0) as socket,
            ):
                yield Browser(http, BrowserPage(socket))
        finally:
            process.terminate()
            await process.wait()


async def _wait_for_port(file: Path, process: asyncio.subprocess.Process) -> int:
    """The port of the browser, as soon as it has written it to the file."""
    async with asyncio.timeout(30):
        while not (written := _read_if_exists(file)).count("\n"):
            assert process.returncode is None, f"chromium ended with {process.returncode}"
            await asyncio.sleep(0.05)
    return int(written.split("\n")[0])


def _read_if_exists(file: Path) -> str:
    return file.read_text() if file.exists() else ""
