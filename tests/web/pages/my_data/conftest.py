"""A hub with pages in front of the small city, and a browser, for the pages of `/my-data`."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.fakes.issuers.loopback_sign_in import SignInBrowser, SignInWorld, run_sign_in_world


@pytest.fixture(scope="module")
async def running() -> AsyncIterator[SignInWorld]:
    async with run_sign_in_world() as opened:
        yield opened


@pytest.fixture
async def browser(running: SignInWorld) -> AsyncIterator[SignInBrowser]:
    running.endpoints.reset()
    running.hub.city.filed_requests.clear()
    running.hub.city.withdrawn_requests.clear()
    async with running.browser() as opened:
        yield opened
