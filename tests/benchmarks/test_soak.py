"""The soak detects leaks, and passes a process without them."""

from __future__ import annotations

import asyncio
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from benchmarks.layout import ROOT
from benchmarks.soak.figures import Figures, Watcher
from benchmarks.soak.verdict import build_verdict, fit_growth

MIB = 2**20
CONNECTIONS = 16
BURST_MIB = 16
# Prints the growth of resident memory, as the soak measures it: by a burst of which a few bytes stay, and by a leak.
BURST_AND_LEAK = """
import asyncio, ctypes, os
from pathlib import Path
from benchmarks.soak.hub import _collect_figures

def read_resident_bytes():
    _collect_figures([])
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

async def measure():
    bytearray(600_000)  # glibc takes blocks of up to this size from the heap from now on
    ctypes.CDLL(None).malloc_trim(0)  # the burst must not fit into what the imports left
    before = read_resident_bytes()
    burst = [bytearray(2**18) for _ in range(64)][::-8]
    for each in burst:
        del each[1_000:]
    print(read_resident_bytes() - before)
    leak = [bytearray(2**18) for _ in range(64)]
    print(read_resident_bytes() - before)

asyncio.run(measure())
"""


def build_figures(seconds: float = 0, **overrides: Any) -> Figures:  # noqa: ANN401 - members of Figures
    plain: dict[str, Any] = {
        "seconds": seconds,
        "rss": 200 * MIB,
        "tasks": 10,
        "objects": 50_000,
        "cached_bytes": 0,
        "handles": 20,
        "connections": {"pbb": 3, "redis": 2},
    }
    return Figures(**(plain | overrides))


def list_leaks(under_load: Sequence[Figures], before: Figures, after: Figures) -> list[str]:
    found = build_verdict(under_load, before, after, bounds={"pbb": 8, "redis": 4})
    return [each.subject for each in found if not each.has_passed]


def build_steady_figures(**overrides: Any) -> list[Figures]:  # noqa: ANN401 - see above
    return [build_figures(second, **overrides) for second in range(100)]


def test_a_process_that_returns_its_resources_passes() -> None:
    after = build_figures(connections={"pbb": 8, "redis": 1}, handles=24)
    assert list_leaks(build_steady_figures(), build_figures(), after) == []


def test_growth_counts_only_after_the_caches_are_full() -> None:
    filling = [build_figures(second, rss=(100 + 2 * min(second, 50)) * MIB) for second in range(100)]
    leaking = [build_figures(second, rss=(200 + second / 5) * MIB) for second in range(100)]
    assert list_leaks(filling, build_figures(), build_figures()) == []
    assert list_leaks(leaking, build_figures(), build_figures()) == ["resident memory"]
    assert fit_growth(leaking[50:], lambda each: each.rss) == pytest.approx(9.8 / 210)
    assert list_leaks(
        [build_figures(second, objects=50_000 + 300 * second) for second in range(100)],
        build_figures(),
        build_figures(),
    ) == ["objects"]


@pytest.mark.parametrize(
    ("after", "what"),
    [
        (build_figures(tasks=11), ["tasks"]),
        (build_figures(connections={"clients": 1}, handles=16), ["connections of clients"]),
        (build_figures(connections={"pbb": 9}, handles=24), ["connections to pbb"]),
        (build_figures(connections={"others": 1}, handles=16), ["connections to others"]),
        (build_figures(connections={"half closed": 2}, handles=17), ["connections closed by the peer"]),
        (build_figures(handles=21), ["other file handles"]),
    ],
)
def test_an_unreturned_resource_is_named(after: Figures, what: list[str]) -> None:
    assert list_leaks(build_steady_figures(), build_figures(), after) == what


def test_remaining_tasks_are_listed_by_coroutine() -> None:
    found = build_verdict(
        build_steady_figures(),
        build_figures(named={"main": 1}),
        build_figures(tasks=12, named={"main": 1, "lost": 2}),
        bounds={},
    )
    (tasks,) = [each for each in found if each.subject == "tasks"]
    assert tasks.message == "12 at rest, 10 before (lost +2)"


def test_half_closed_connections_are_counted_by_peer() -> None:
    after = build_figures(connections={"half closed": 1}, half_closed={"redis": 1}, handles=16)
    found = build_verdict(build_steady_figures(), build_figures(), after, bounds={})
    (closed,) = [each for each in found if not each.has_passed]
    assert closed.message == "1 at rest, 0 before (redis +1)"


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries keep other memory")
def test_memory_in_use_counts_and_free_pages_of_the_heap_do_not() -> None:
    command = [sys.executable, "-P", "-c", BURST_AND_LEAK]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, check=True)  # noqa: S603 - our own program
    after_burst, after_leak = (int(each) / MIB for each in done.stdout.split())
    assert after_burst == pytest.approx(0, abs=2)
    assert after_leak == pytest.approx(BURST_MIB, abs=2)


def test_a_few_points_give_no_line() -> None:
    with pytest.raises(ValueError, match=r"^5 measurements are too few; 50 are needed\. Let the soak run longer\.$"):
        fit_growth([build_figures(second) for second in range(5)], lambda each: each.rss)


async def test_a_process_is_reported_with_its_connections_by_peer(tmp_path: Path) -> None:
    async def tell(reads: asyncio.StreamReader, writes: asyncio.StreamWriter) -> None:
        while await reads.readline():
            inside = {"pid": os.getpid(), "tasks": 1, "named": {}, "objects": 2, "kept": 3}
            writes.write(orjson.dumps(inside) + b"\n")
        writes.close()

    async def hold(reads: asyncio.StreamReader, writes: asyncio.StreamWriter) -> None:
        await reads.read()
        writes.close()

    def port(server: asyncio.Server) -> int:
        number: int = server.sockets[0].getsockname()[1]
        return number

    async with (
        await asyncio.start_unix_server(tell, tmp_path / "figures"),
        await asyncio.start_server(hold, "127.0.0.1", 0) as own,
    ):
        watcher = Watcher(tmp_path / "figures", {port(own): "pbb"}, own=1)
        before = await watcher.read(0)
        opened = [(await asyncio.open_connection("127.0.0.1", port(own)))[1] for _ in range(CONNECTIONS)]
        after = await watcher.read(1)
        # Closed before the assertions: the servers wait for their connections at the end of the block.
        for each in opened:
            each.close()
            await each.wait_closed()
        assert watcher._streams is not None
        watcher._streams[1].close()
        assert (after.tasks, after.objects, after.cached_bytes) == (1, 2, 3)
        assert after.rss > 10 * MIB
        assert after.connections["pbb"] == before.connections.get("pbb", 0) + CONNECTIONS
        assert after.handles > before.handles  # a hub of another test in this process may close some meanwhile
