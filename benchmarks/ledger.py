"""The cost of the access ledger at 64 connections: with it and without it, in turns on the same machine.

There are two questions: Q4 of the small world, and the README's query over the city's graph. The agencies of the city
immediately repeat recorded answers (`recorded_city`). The hub has its own core, as in the other benchmarks. PostgreSQL
shares the other core with the upstream and the load. All four hubs are measured in turns within one run, because on a
shared machine only such figures can be compared.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import orjson
from rich.console import Console

from benchmarks import recorded_city, wrk
from benchmarks.comparison import callers
from benchmarks.comparison.questions import Q4
from benchmarks.comparison.upstream import Upstream
from benchmarks.issuer import build_benchmark_issuer
from benchmarks.layout import GATEWAY_CORE, HOST, LOAD_CORE, ROOT, free_port, run_on_core
from benchmarks.micro.hub_time import DOCUMENT
from benchmarks.processes import Program
from benchmarks.wrk import WrkResult
from sandbox.databases.postgres import Postgres

CONNECTIONS = 64
GOAL = 0.15
"""The share of throughput that the ledger may cost."""
_ROUNDS = 7
_SECONDS = 4


@dataclass(slots=True)
class LedgerVariant:
    """One hub and its measurements."""

    port: int
    program: Program
    report_file: Path
    observations: list[tuple[WrkResult, float]] = field(default_factory=list)
    """wrk's figures, and processor seconds of the hub."""
    database: float = 0.0
    """Processor seconds of PostgreSQL during the measurement."""


@dataclass(frozen=True, slots=True)
class LedgerQuestion:
    """A question, what wrk sends, and the hub that answers it: a module and its arguments."""

    name: str
    requests: Path
    module: str
    arguments: tuple[str, ...]


def main() -> int:
    """Measure and print. Returns 1 if a goal is missed."""
    rounds, seconds = (2, 2) if "--quick" in sys.argv else (_ROUNDS, _SECONDS)
    with TemporaryDirectory() as name, run_on_core(LOAD_CORE):
        folder = Path(name)
        folder.chmod(0o755)
        state = Postgres(
            folder / "state", port=free_port(), database="simpul", logins={"simpul": "ledger"}, settings={}
        )
        state.start()
        upstream = Upstream(folder)
        hubs: dict[str, dict[str, LedgerVariant]] = {}
        try:
            questions = _build_questions(folder, upstream)
            for question in questions:
                hubs[question.name] = {
                    variant: _start_hub(folder, question, variant, state) for variant in ("off", "on")
                }
            for round_number in range(rounds):
                for question in questions:
                    for variant in sorted(hubs[question.name], reverse=bool(round_number % 2)):
                        _measure(hubs[question.name][variant], question, state, seconds)
        finally:
            for variants in hubs.values():
                for each in variants.values():
                    each.program.stop()
            upstream.stop()
            state.stop()
        console = Console(highlight=False, width=200)
        return max([_print_report(console, name, variants) for name, variants in hubs.items()])


def _build_questions(folder: Path, upstream: Upstream) -> Sequence[LedgerQuestion]:
    keys, signed_in = callers.issue_tokens(folder)
    q4 = folder / "q4.txt"
    wrk.write_requests(q4, Q4, "/graphql", signed_in)
    recorded, citizen = folder / "city.pickle", folder / "citizen.txt"
    asyncio.run(recorded_city.record_city(recorded))
    issuer = build_benchmark_issuer(folder / "issuer.json")
    body = orjson.dumps({"query": DOCUMENT.read_text()}).decode()
    lines = ["/graphql"]
    for nik in recorded_city.list_citizens():
        lines += [f"Bearer {issuer.sign_token(recorded_city.build_citizen(nik), subject=nik)}", body]
    citizen.write_text("\n".join(lines) + "\n")
    return (
        LedgerQuestion("Q4", q4, "benchmarks.gateways.simpul", (upstream.url, str(keys))),
        LedgerQuestion("the citizen's query", citizen, "benchmarks.gateways.citizen", (str(recorded), str(keys))),
    )


def _start_hub(folder: Path, question: LedgerQuestion, variant: str, state: Postgres) -> LedgerVariant:
    port = free_port()
    report_file = folder / f"{port}.json"
    url = f"postgresql://simpul:ledger@{HOST}:{state.port}/simpul"
    more = ("--ledger", url, "--commits", str(report_file)) if variant == "on" else ()
    words = [sys.executable, "-P", "-m", question.module, str(port), *question.arguments, *more]
    environment = {"PYTHONPATH": str(ROOT)}
    program = Program(words, core=GATEWAY_CORE, log=folder / f"{port}.log", folder=ROOT, environment=environment)
    program.wait_for(port)
    wrk.run_wrk(_build_url(port), question.requests, connections=CONNECTIONS, seconds=2)  # warm
    return LedgerVariant(port, program, report_file)


def _measure(variant: LedgerVariant, question: LedgerQuestion, state: Postgres, seconds: float) -> None:
    before, variant.database = variant.program.cpu_seconds(), variant.database - _postgres_cpu_seconds(state)
    of = wrk.run_wrk(_build_url(variant.port), question.requests, connections=CONNECTIONS, seconds=seconds)
    variant.observations.append((of, variant.program.cpu_seconds() - before))
    variant.database += _postgres_cpu_seconds(state)


def _build_url(port: int) -> str:
    return f"http://{HOST}:{port}/graphql"


def _postgres_cpu_seconds(state: Postgres) -> float:
    """Processor seconds of PostgreSQL so far, including ended processes."""
    pids = [state.pid, *map(int, Path(f"/proc/{state.pid}/task/{state.pid}/children").read_text().split())]
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / 100


def _print_report(console: Console, name: str, variants: dict[str, LedgerVariant]) -> int:
    seen = {way: of.observations for way, of in variants.items()}
    rate = {way: [each.requests / each.seconds for each, _ in of] for way, of in seen.items()}
    used = {way: median(cpu / each.requests * 1e6 for each, cpu in of) for way, of in seen.items()}
    throughput_share = median(on / off for on, off in zip(rate["on"], rate["off"], strict=True))
    for way, of in seen.items():
        console.print(
            f"{name}, {CONNECTIONS} connections, ledger {way}: {median(rate[way]):,.0f} requests/s, "
            f"p99 {median(each.p99_ms for each, _ in of):.1f} ms, {used[way]:.0f} µs of the hub's processor a request, "
            f"{sum(each.failed for each, _ in of)} failed"
        )
    report = json.loads(variants["on"].report_file.read_text())
    requests = sum(each.requests for each, _ in seen["on"])
    wall = sum(each.seconds for each, _ in seen["on"])
    console.print(
        f"The ledger costs {1 - throughput_share:.1%} of the throughput of {name} (goal: {GOAL:.0%}), "
        f"{used['on'] / used['off'] - 1:.1%} more of the hub's processor. "
        f"{report['entries'] / report['answers']:.1f} entries an answer, "
        f"{report['entries'] / report['commits']:.1f} a commit; "
        f"waiting for it: p50 {report['p50_ms']:.1f} ms, p99 {report['p99_ms']:.1f} ms; "
        f"PostgreSQL's processor: {variants['on'].database / requests * 1e6:.0f} µs an answer, "
        f"{variants['on'].database / wall:.0%} of a core."
    )
    return 0 if 1 - throughput_share <= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
