"""Answers under overload, with load shedding and without it.

The load is the README's query over the city's graph. The agencies immediately repeat recorded answers
(`recorded_city`), so the hub's processor is the bottleneck. One of ten requests uses the application of the emergency
lane. Both hubs are measured in turns within one run, at parts and multiples of the capacity. The capacity is measured
immediately before.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

import orjson
from rich.console import Console
from rich.table import Table

from benchmarks import recorded_city, wrk
from benchmarks.issuer import build_benchmark_issuer
from benchmarks.layout import GATEWAY_CORE, HOST, LOAD_CORE, ROOT, free_port, run_on_core
from benchmarks.micro.hub_time import DOCUMENT
from benchmarks.open_load import OpenLoadResult
from benchmarks.processes import Program
from records.hub.clients import ClientId

TIMES = (0.5, 1.0, 2.0, 4.0)
_SECONDS = 8
_ROUNDS = 3
_LANE = ClientId("development", "siaga-112")
_SHARES = {"others": 0.9, "lane": 0.1}
_IN_TIME_MS = 1000
"""An answer that took longer is useless to its client."""
_WARM = 16
"""Connections for the capacity measurement before each load: enough to keep the hub busy."""
_VARIANTS = {"shedding": ("--shed-after", "100", "--lane", f"client:{_LANE}"), "without": ("--shed-after", "0")}


def main() -> int:
    """Measure, and print the results."""
    rounds, seconds = (1, 5) if "--quick" in sys.argv else (_ROUNDS, _SECONDS)
    with TemporaryDirectory() as name, run_on_core(LOAD_CORE):
        folder = Path(name)
        recorded, keys, requests, closed = _prepare(folder)
        hubs: dict[str, tuple[int, Program]] = {}
        seen: dict[tuple[str, float], list[Mapping[str, OpenLoadResult]]] = {}
        try:
            for variant, words in _VARIANTS.items():
                hubs[variant] = _start_hub(folder, recorded, keys, words)
            url = f"http://{HOST}:{hubs['without'][0]}/graphql"
            wrk.run_wrk(url, closed, connections=_WARM, seconds=2)
            for round_number in range(rounds):
                for times in TIMES:
                    before = wrk.run_wrk(url, closed, connections=_WARM, seconds=2)
                    hubs["without"][1].wait_until_idle()
                    capacity = before.requests / before.seconds
                    for variant in sorted(hubs, reverse=bool(round_number % 2)):
                        port, program = hubs[variant]
                        found = _measure(port, requests, capacity * times, seconds)
                        seen.setdefault((variant, times), []).append(found)
                        program.wait_until_idle()
        finally:
            for _, program in hubs.values():
                program.stop()
    _print_report(Console(highlight=False, width=160), seen, seconds)
    return 0


class _OverloadFiles(NamedTuple):
    recorded: Path
    """The recorded answers of the agencies."""
    keys: Path
    """The issuer's public keys."""
    open_requests: Path
    closed_requests: Path


def _prepare(folder: Path) -> _OverloadFiles:
    """Write the files of the hubs and of both loads."""
    recorded, requests, closed = folder / "city.pickle", folder / "requests.json", folder / "closed.txt"
    asyncio.run(recorded_city.record_city(recorded))
    issuer = build_benchmark_issuer(folder / "issuer.json")
    issuer.write_public_keys(folder / "keys.json")
    body = orjson.dumps({"query": DOCUMENT.read_text()}).decode()
    sent, lines = [], ["/graphql"]
    for nik in recorded_city.list_citizens():
        caller = recorded_city.build_citizen(nik)
        for name, each in (("others", caller), ("lane", replace(caller, client=_LANE))):
            token = f"Bearer {issuer.sign_token(each, subject=nik)}"
            sent.append({"name": name, "authorization": token, "body": body})
            if name == "others":
                lines += [token, body]
    requests.write_bytes(orjson.dumps({"requests": sent, "shares": _SHARES}))
    closed.write_text("\n".join(lines) + "\n")
    return _OverloadFiles(recorded, folder / "keys.json", requests, closed)


def _start_hub(folder: Path, recorded: Path, keys: Path, words: Sequence[str]) -> tuple[int, Program]:
    port = free_port()
    command = [sys.executable, "-P", "-m", "benchmarks.gateways.citizen", str(port), str(recorded), str(keys), *words]
    environment = {"PYTHONPATH": str(ROOT)}
    program = Program(command, core=GATEWAY_CORE, log=folder / f"{port}.log", folder=ROOT, environment=environment)
    program.wait_for(port)
    return port, program


def _measure(port: int, requests: Path, rate: float, seconds: float) -> Mapping[str, OpenLoadResult]:
    command = [sys.executable, "-P", "-m", "benchmarks.open_load", HOST, str(port), str(requests), f"{rate}"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    into = requests.with_name("seen.json")
    subprocess.run(  # noqa: S603 - our own program
        [*command, f"{seconds}", str(into)], check=True, cwd=ROOT, env=environment
    )
    return {name: OpenLoadResult(**each) for name, each in orjson.loads(into.read_bytes()).items()}


def _print_report(
    console: Console, seen: Mapping[tuple[str, float], Sequence[Mapping[str, OpenLoadResult]]], seconds: float
) -> None:
    table = Table(
        *(
            "offered",
            "hub",
            "sent/s",
            "in time/s",
            "refused",
            "unanswered",
            "p50 ms",
            "p99 ms",
            "lane refused",
            "lane p99 ms",
        ),
        title="The citizen's query. 1x is the capacity measured before; a tenth of the load uses the lane.",
    )
    for (way, times), rounds in sorted(seen.items(), key=lambda each: (each[0][1], each[0][0])):
        rows = [_summarize(found, seconds) for found in rounds]
        table.add_row(
            f"{times:g}x", way, *(_format_value(name, median(each[name] for each in rows)) for name in rows[0])
        )
    console.print(table)


def _summarize(found: Mapping[str, OpenLoadResult], seconds: float) -> dict[str, float]:
    sent = sum(each.sent for each in found.values())
    times = sorted(time for each in found.values() for time in each.answered)
    refused = sum(each.refused for each in found.values())
    lane = found["lane"]
    return {
        "sent": sent / seconds,
        "in time": sum(time <= _IN_TIME_MS for time in times) / seconds,
        "refused share": refused / sent,
        "unanswered share": 1 - (len(times) + refused) / sent,
        "p50": _percentile(times, 0.5),
        "p99": _percentile(times, 0.99),
        "lane's share": lane.refused / lane.sent,
        "lane's p99": _percentile(sorted(lane.answered), 0.99),
    }


def _percentile(times: Sequence[float], part: float) -> float:
    return times[min(int(len(times) * part), len(times) - 1)] if times else 0.0


def _format_value(name: str, value: float) -> str:
    return f"{value:.1%}" if name.endswith("share") else f"{value:,.0f}"


if __name__ == "__main__":
    sys.exit(main())
