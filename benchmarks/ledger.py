"""What the access ledger costs: Q4 at 64 connections with the ledger and without it, in turns on the same machine.

The hub has a core to itself, as in the other benchmarks; PostgreSQL shares the other one with the upstream and the
load.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from rich.console import Console

from benchmarks import callers, load
from benchmarks.load import Load
from benchmarks.places import GATEWAY_CORE, HOST, LOAD_CORE, ROOT, free_port, on_core
from benchmarks.processes import Program
from benchmarks.questions import Q4
from benchmarks.upstream import Upstream
from sandbox.postgres import Postgres

CONNECTIONS = 64
GOAL = 0.15
"""The part of the throughput that the ledger may cost."""
_ROUNDS = 5
_SECONDS = 4


def main() -> int:
    """Measure, and tell; 1 where the goal is missed."""
    rounds, seconds = (2, 2) if "--quick" in sys.argv else (_ROUNDS, _SECONDS)
    with TemporaryDirectory() as name, on_core(LOAD_CORE):
        folder = Path(name)
        folder.chmod(0o755)
        keys, signed_in = callers.issue(folder)
        requests = folder / "q4.txt"
        load.write_requests(requests, Q4, "/graphql", signed_in)
        state = Postgres(
            folder / "state", port=free_port(), database="simpul", logins={"simpul": "ledger"}, settings={}
        )
        state.start()
        upstream = Upstream(folder)
        hubs: dict[str, tuple[int, Program]] = {}
        try:
            told = folder / "commits.json"
            url = f"postgresql://simpul:ledger@{HOST}:{state.port}/simpul"
            more = {"off": (), "on": ("--ledger", url, "--commits", str(told))}
            for way, words in more.items():
                hubs[way] = _started(folder, upstream, keys, words)
                load.run(_url(hubs[way]), requests, connections=CONNECTIONS, seconds=2)  # warm
            database = -_cpu(state)
            seen: dict[str, list[tuple[Load, float]]] = {way: [] for way in more}
            for turn in range(rounds):
                for way in sorted(more, reverse=bool(turn % 2)):
                    before = hubs[way][1].cpu_seconds()
                    of = load.run(_url(hubs[way]), requests, connections=CONNECTIONS, seconds=seconds)
                    seen[way].append((of, hubs[way][1].cpu_seconds() - before))
            database += _cpu(state)
        finally:
            for _, program in hubs.values():
                program.stop()
            upstream.stop()
            state.stop()
        return _tell(seen, json.loads(told.read_text()), database)


def _started(folder: Path, upstream: Upstream, keys: Path, more: tuple[str, ...]) -> tuple[int, Program]:
    port = free_port()
    words = [sys.executable, "-P", "-m", "benchmarks.gateways.simpul", str(port), upstream.url, str(keys), *more]
    environment = {"PYTHONPATH": str(ROOT)}
    program = Program(words, core=GATEWAY_CORE, log=folder / f"{port}.log", folder=ROOT, environment=environment)
    program.wait_for(port)
    return port, program


def _url(hub: tuple[int, Program]) -> str:
    return f"http://{HOST}:{hub[0]}/graphql"


def _cpu(state: Postgres) -> float:
    """Seconds of the processor that PostgreSQL used so far, those of ended processes included."""
    pids = [state.pid, *map(int, Path(f"/proc/{state.pid}/task/{state.pid}/children").read_text().split())]
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / 100


def _tell(seen: dict[str, list[tuple[Load, float]]], commits: dict[str, float], database: float) -> int:
    console = Console(highlight=False)
    rate = {way: [each.requests / each.seconds for each, _ in of] for way, of in seen.items()}
    used = {way: median(cpu / each.requests * 1e6 for each, cpu in of) for way, of in seen.items()}
    kept = median(on / off for on, off in zip(rate["on"], rate["off"], strict=True))
    for way, of in seen.items():
        console.print(
            f"Q4, {CONNECTIONS} connections, ledger {way}: {median(rate[way]):,.0f} requests/s, "
            f"p99 {median(each.p99_ms for each, _ in of):.1f} ms, {used[way]:.0f} µs of the hub's processor a request, "
            f"{sum(each.failed for each, _ in of)} failed"
        )
    entries = sum(each.requests for each, _ in seen["on"])
    console.print(
        f"The ledger costs {1 - kept:.1%} of the throughput (goal: {GOAL:.0%}). "
        f"{commits['entries'] / commits['commits']:.1f} entries a commit; "
        f"waiting for it: p50 {commits['p50_ms']:.1f} ms, p99 {commits['p99_ms']:.1f} ms; "
        f"PostgreSQL's processor: {database / entries * 1e6:.0f} µs an entry."
    )
    return 0 if 1 - kept <= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
