"""The sandbox city with the hub's database, for programs that measure a hub in front of it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

from benchmarks.layout import LOAD_CORE, run_on_core
from cli.serve.state_server import run_state_server
from sandbox.city import CityError, SandboxCity
from sandbox.databases.postgres import PostgresError
from sandbox.state_folder import StateFolder


@asynccontextmanager
async def run_city(*, latency: bool = False) -> AsyncIterator[tuple[StateFolder, AsyncExitStack]]:
    """Run the city beside the load; yields its folder, and a stack that ends before it.

    With `latency`, agencies take their usual time. Raises `RuntimeError` if the city does not run here.
    """
    known = dict(os.environ)
    try:
        async with AsyncExitStack() as stack:
            folder = StateFolder(Path(stack.enter_context(TemporaryDirectory(prefix="simpul-benchmarks-"))))
            with run_on_core(LOAD_CORE):
                await stack.enter_async_context(SandboxCity(folder.path, latency=latency))
                await stack.enter_async_context(run_state_server(folder, raise_ended))
            yield folder, stack
    except (CityError, PostgresError, OSError) as problem:
        raise RuntimeError(f"the sandbox city does not run here: {problem}") from problem
    finally:  # later programs must not inherit this city's settings
        os.environ.clear()
        os.environ.update(known)


def raise_ended(reason: str) -> NoReturn:
    """Raise that the database ended."""
    raise RuntimeError(reason)
