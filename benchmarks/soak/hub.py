"""The hub under the soak: the production composition, and a socket that reports the resources of this process.

The socket is not part of the hub. It exists only if this module starts the hub.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

import orjson
import uvicorn

import server
from benchmarks.layout import HOST
from benchmarks.micro.hub_time import NO_QUEUE
from cache.answers.process_tier import ProcessTier
from cli.hub_settings import load_hub_settings
from sandbox.state_folder import StateFolder
from web.server.uvicorn_config import build_uvicorn_config, freeze_startup_objects

CACHE_MEGABYTES = 1
"""A small cache, so that it is full long before the second half."""


async def serve(port: int, folder: Path, figures_socket: Path) -> None:
    """Serve until ended."""
    settings = await asyncio.to_thread(load_hub_settings, StateFolder(folder), port=port)
    settings = settings.model_copy(update=NO_QUEUE | {"cache_megabytes": CACHE_MEGABYTES, "rates": ("off",)})
    app = server.create_app(settings)
    tiers = [each for each in gc.get_objects() if isinstance(each, ProcessTier)]

    async def send_figures(reads: asyncio.StreamReader, writes: asyncio.StreamWriter) -> None:
        while await reads.readline():
            writes.write(orjson.dumps(_collect_figures(tiers)) + b"\n")
            await writes.drain()
        writes.close()

    freeze_startup_objects()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(await asyncio.start_unix_server(send_figures, figures_socket))
        await uvicorn.Server(build_uvicorn_config(app, HOST, port, settings.web)).serve()


def _collect_figures(tiers: list[ProcessTier]) -> dict[str, object]:
    """The resources of this process, collected between two turns of its event loop."""
    gc.collect()
    tasks = [each for each in asyncio.all_tasks() if not each.done()]
    return {
        "pid": os.getpid(),
        "tasks": len(tasks),
        "named": Counter(getattr(each.get_coro(), "__qualname__", "?") for each in tasks),
        "objects": len(gc.get_objects()),
        "kept": sum(each.used_bytes for each in tiers),
    }


def main() -> None:
    """Serve until ended."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("port", type=int)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("figures_socket", type=Path)
    options = arguments.parse_args()
    asyncio.run(serve(options.port, options.folder, options.figures_socket))


if __name__ == "__main__":
    main()
