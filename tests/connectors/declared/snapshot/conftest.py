"""The processes that build files, as a hub has them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from connectors.declared.snapshot.process import Build, BuildProcesses


@pytest.fixture(scope="session")
async def build_in_process() -> AsyncIterator[Build]:
    async with BuildProcesses() as processes:
        yield processes.build
