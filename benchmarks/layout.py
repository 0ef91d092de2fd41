"""Paths and ports of the benchmarks. Everything listens on the loopback address only."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
NPM = HERE / "npm"
HOST = "127.0.0.1"

GATEWAY_CORE = 0
"""The core that gateways run on, one at a time."""
LOAD_CORE = 1
"""The core of the upstream and of the load."""


@contextlib.contextmanager
def run_on_core(core: int) -> Iterator[None]:
    """Bind this thread, and the processes that it starts, to one core, if that core exists."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core} & allowed or allowed)
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def free_port() -> int:
    """A port without a listener at the moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
