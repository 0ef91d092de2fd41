"""Cores, folders and ports of the benchmarks. All servers listen on the loopback address only."""

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
    """Pin this thread and its children to one core; no pinning if the core does not exist."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core} & allowed or allowed)
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def free_port() -> int:
    """A free port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
