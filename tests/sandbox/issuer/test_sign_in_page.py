"""The sign-in page in a real browser: it works by the keyboard alone, and every choice has a name."""

import asyncio
import re
from collections.abc import AsyncIterator
from urllib.parse import urlencode

import pytest

from tests.sandbox.provider_browser import AUTHORIZATION_REQUEST, exchange_code, issuer_url, verify_token
from tests.sandbox_agencies import RunningAgency
from tests.web.browser import Browser, BrowserPage

KEYS = {"Tab": (9, ""), " ": (32, " "), "ArrowDown": (40, ""), "Enter": (13, "\r")}


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[BrowserPage]:
    async with browser.open_page() as opened:
        yield opened


@pytest.fixture
async def callback() -> AsyncIterator[tuple[str, "asyncio.Future[str]"]]:
    """An application's address, and what the browser asks of it."""
    arrived: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = (await reader.readuntil(b"\r\n\r\n")).decode().partition("\r\n")[0]
        if "/callback?" in line and not arrived.done():
            arrived.set_result(line)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/callback", arrived


async def press_key(page: BrowserPage, key: str) -> None:
    number, text = KEYS[key]
    await page.call_method("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=number, text=text)
    await page.call_method("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=number)


async def test_somebody_signs_in_by_the_keyboard_alone(
    page: BrowserPage, openid_provider: RunningAgency, callback: tuple[str, "asyncio.Future[str]"]
) -> None:
    address, arrived = callback
    query = urlencode({**AUTHORIZATION_REQUEST, "redirect_uri": address})
    await page.open(f"{issuer_url(openid_provider)}/authorize?{query}")
    await page.wait_until("document.readyState == 'complete' && document.forms.length == 1")

    await press_key(page, "Tab")
    await press_key(page, " ")
    await press_key(page, "ArrowDown")
    assert await page.evaluate("document.activeElement.value") == "budi"
    await press_key(page, "Tab")
    await press_key(page, "Tab")
    assert await page.evaluate("document.activeElement.value") == "substantial"
    await press_key(page, "ArrowDown")
    await press_key(page, "Tab")
    assert await page.evaluate("document.activeElement.innerText") == "Sign in and allow"
    await press_key(page, "Enter")

    line = await asyncio.wait_for(arrived, 20)
    code = re.search(r"[?&]code=([\w-]+)", line)
    assert code is not None
    answer = exchange_code(openid_provider, code[1], redirect_uri=address)
    claims = verify_token(openid_provider, answer.json["access_token"])[1]
    assert (claims["nik"], claims["acr"]) == ("3171021708889002", "high")
    assert page.complaints == []


async def test_every_field_and_button_has_a_name_that_is_read_aloud(
    page: BrowserPage, openid_provider: RunningAgency
) -> None:
    await page.open(f"{issuer_url(openid_provider)}/authorize?{urlencode(AUTHORIZATION_REQUEST)}")
    await page.wait_until("document.readyState == 'complete' && document.forms.length == 1")

    nodes = (await page.call_method("Accessibility.getFullAXTree"))["nodes"]

    named = [(node["role"]["value"], node["name"]["value"]) for node in nodes if "role" in node and "name" in node]
    assert ("heading", "Sign in to the sandbox city") in named
    assert ("radio", "Budi Santoso head of Siti's household, a business without a NIB") in named
    assert ("textbox", "NIK") in named
    assert {name for role, name in named if role == "group"} == {"Who are you?", "How were you identified?"}
    assert {name for role, name in named if role == "button"} == {"Sign in and allow", "Do not sign in"}
    assert all(name for role, name in named if role in {"radio", "textbox", "button"})
    assert await page.evaluate("document.documentElement.lang") == "en"


async def test_on_a_narrow_window_nothing_is_cut_off(page: BrowserPage, openid_provider: RunningAgency) -> None:
    await page.call_method(
        "Emulation.setDeviceMetricsOverride", width=320, height=640, deviceScaleFactor=1, mobile=False
    )
    await page.open(f"{issuer_url(openid_provider)}/authorize?{urlencode(AUTHORIZATION_REQUEST)}")
    await page.wait_until("document.readyState == 'complete' && document.forms.length == 1")

    assert await page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth") is True
