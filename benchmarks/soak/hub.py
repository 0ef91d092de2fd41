"""The hub under the soak: served as a worker serves it, and a socket that reports the resources of this process.

The socket is not part of the hub. It exists only if this module starts the hub.

The loop is uvloop, as in a worker. asyncio's own loop takes 256 KiB of the heap for each read.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import gc
import os
import socket
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

import orjson
import uvloop

import server
from benchmarks.benchmark_city import remove_queues
from benchmarks.layout import HOST
from cache.answers.process_tier import ProcessTier
from cli.hub_settings import load_hub_settings
from sandbox.state_folder import StateFolder
from web.server.http_server import HttpServer
from web.server.uvicorn_config import build_uvicorn_config, freeze_startup_objects

CACHE_MEGABYTES = 1
"""A small cache, so that it is full long before the second half."""
_trim_heap = getattr(ctypes.CDLL(None), "malloc_trim", None)
"""Of glibc: gives free pages back to the system. Other C libraries have no such function."""


async def serve(port: int, folder: Path, figures_socket: Path) -> None:
    """Serve until ended."""
    settings = await asyncio.to_thread(load_hub_settings, StateFolder(folder), port=port)
    settings = remove_queues(settings).model_copy(update={"cache_megabytes": CACHE_MEGABYTES, "rates": ("off",)})
    app = server.create_app(settings)
    tiers = [each for each in gc.get_objects() if isinstance(each, ProcessTier)]

    async def send_figures(reads: asyncio.StreamReader, writes: asyncio.StreamWriter) -> None:
        while await reads.readline():
            writes.write(orjson.dumps(_collect_figures(tiers)) + b"\n")
            await writes.drain()
        writes.close()

    async with AsyncExitStack() as stack:
        await stack.enter_async_context(await asyncio.start_unix_server(send_figures, figures_socket))
        listener = stack.enter_context(socket.create_server((HOST, port)))
        config = build_uvicorn_config(app, HOST, port, settings.web)
        await HttpServer(config, freeze_startup_objects).serve([listener])


def _collect_figures(tiers: list[ProcessTier]) -> dict[str, object]:
    """The resources of this process, collected between two turns of its event loop.

    At the end it gives free pages back, so that the memory read afterwards is in use. After a burst, one small block
    keeps all free pages before it in the heap, so memory grew where nothing leaked (docs/maintainers/performance.md).
    """
    gc.collect()
    tasks = [each for each in asyncio.all_tasks() if not each.done()]
    figures = {
        "pid": os.getpid(),
        "tasks": len(tasks),
        "named": Counter(getattr(each.get_coro(), "__qualname__", "?") for each in tasks),
        "objects": len(gc.get_objects()),
        "kept": sum(each.used_bytes for each in tiers),
    }
    if _trim_heap is not None:
        _trim_heap(0)
    return figures


def main() -> None:
    """Serve until ended."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("port", type=int)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("figures_socket", type=Path)
    options = arguments.parse_args()
    uvloop.run(serve(options.port, options.folder, options.figures_socket))


if __name__ == "__main__":
    main()
