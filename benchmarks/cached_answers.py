"""The README's query with cached answers, without them, and as constant bytes (the ceiling).

Three programs are measured in turn within one run: the hub without a cache (cold), the hub with a cache (warm), and
uvicorn with the bytes of one answer (the ceiling). The hub has its production settings: each answer is in the access
ledger before it leaves. It has its own core; agencies, database and load share the other. Equal answers are kept
whole. A few cached answers are renewed during the run.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import orjson
from rich.console import Console

from auth.tokens.development_issuer import DevelopmentIssuer
from benchmarks import wrk
from benchmarks.comparison import targets
from benchmarks.comparison.rounds import print_progress
from benchmarks.layout import GATEWAY_CORE, HOST, LOAD_CORE, ROOT, free_port, run_on_core
from benchmarks.micro.hub_time import DOCUMENT
from benchmarks.processes import Program, ProgramNotStarted
from benchmarks.recorded_city import build_citizen, list_citizens
from benchmarks.reports.goals import README
from benchmarks.reports.results import Row
from benchmarks.running_city import raise_ended
from benchmarks.wrk import WrkResult
from cli.hub_settings import load_hub_settings
from cli.sandbox.sample_callers import open_development_issuer
from cli.serve.state_server import run_state_server
from sandbox.city import CityError, SandboxCity
from sandbox.databases.postgres import PostgresError
from sandbox.state_folder import StateFolder

COLD, WARM = targets.SIMPUL_COALESCING.name, targets.SIMPUL_WARM_COALESCING.name
CEILING = targets.RAW.name
_ROUNDS, _SECONDS = 5, 4


@dataclass(slots=True)
class _WarmProgram:
    """One program and its measurements."""

    name: str
    program: Program
    port: int
    observations: list[tuple[WrkResult, float, float, int]] = field(default_factory=list)
    """wrk's figures, processor seconds, memory, and calls to agencies."""


def measure_warm(connections: Sequence[int], *, quick: bool) -> list[Row]:
    """A row for each program and number of connections. Raises `RuntimeError` if that is impossible here."""
    return asyncio.run(_measure_in_city(connections, quick=quick))


async def _measure_in_city(connections: Sequence[int], *, quick: bool) -> list[Row]:
    known = dict(os.environ)
    try:
        async with AsyncExitStack() as stack:
            name = stack.enter_context(TemporaryDirectory(prefix="simpul-benchmarks-"))
            folder = StateFolder(Path(name))
            with run_on_core(LOAD_CORE):
                city = await stack.enter_async_context(SandboxCity(folder.path, latency=False))
                await stack.enter_async_context(run_state_server(folder, raise_ended))
                issuer = open_development_issuer(folder)
                await asyncio.to_thread(load_hub_settings, folder, port=free_port())  # leaves them in the environment
                del os.environ["SIMPUL_LISTEN"]
                controls = [each.control_port for each in city.agencies.values()]
                return await asyncio.to_thread(_measure_rounds, folder.path, issuer, controls, connections, quick=quick)
    except (CityError, PostgresError, ProgramNotStarted, OSError) as problem:
        raise RuntimeError(f"the sandbox city does not run here: {problem}") from problem
    finally:  # later programs must not inherit this city's settings
        os.environ.clear()
        os.environ.update(known)


def _measure_rounds(
    folder: Path, issuer: DevelopmentIssuer, controls: Sequence[int], connections: Sequence[int], *, quick: bool
) -> list[Row]:
    requests, rows = folder / "readme.txt", list[Row]()
    _write(requests, issuer)
    rounds, seconds = (3, 2) if quick else (_ROUNDS, _SECONDS)
    with _run_programs(folder, requests) as programs:
        for count in connections:
            for round_number in range(rounds):
                for each in programs[round_number % len(programs) :] + programs[: round_number % len(programs)]:
                    _measure_once(each, requests, controls, count, seconds)
            rows += [_to_row(each, count) for each in programs]
            print_progress(f"  {README} at {count} connections: measured")
            for each in programs:
                each.observations.clear()
    return rows


@contextmanager
def _run_programs(folder: Path, requests: Path) -> Iterator[list[_WarmProgram]]:
    """Start the hub both ways, and the ceiling; each has answered once."""
    programs: list[_WarmProgram] = []
    try:
        for name, module, more in (
            (COLD, "city", (str(folder),)),
            (WARM, "city", (str(folder), "--cached")),
            (CEILING, "constant", (str(folder / "answer.json"),)),
        ):
            port = free_port()
            words = [sys.executable, "-P", "-m", f"benchmarks.gateways.{module}", str(port), *more]
            environment = os.environ | {"PYTHONPATH": str(ROOT)}
            log = folder / f"{port}.log"
            program = Program(words, core=GATEWAY_CORE, log=log, folder=ROOT, environment=environment)
            programs.append(_WarmProgram(name, program, port))
            program.wait_for(port)
            answer = _answer(port, requests)
            if b'"errors"' in answer or b'"data"' not in answer:
                raise ProgramNotStarted(f"{name} answers with errors: {answer[:300].decode()}")
            (folder / "answer.json").write_bytes(answer)
            wrk.run_wrk(_build_url(port), requests, connections=16, seconds=2)
        yield programs
    finally:
        for each in programs:
            each.program.stop()


def _write(requests: Path, issuer: DevelopmentIssuer) -> None:
    """Write the requests: the same query by many citizens in turn."""
    body = orjson.dumps({"query": DOCUMENT.read_text()}).decode()
    lines = ["/graphql"]
    for nik in list_citizens():
        lines += [f"Bearer {issuer.sign_token(build_citizen(nik), subject=nik)}", body]
    requests.write_text("\n".join(lines) + "\n")


def _answer(port: int, requests: Path) -> bytes:
    """The answer for the first citizen."""
    _, authorization, body = requests.read_text().splitlines()[:3]
    headers = {"Content-Type": "application/json", "Accept": "application/json", "Authorization": authorization}
    connection = HTTPConnection(HOST, port, timeout=30)
    try:
        connection.request("POST", "/graphql", body, headers)
        return connection.getresponse().read()
    finally:
        connection.close()


def _measure_once(
    each: _WarmProgram, requests: Path, controls: Sequence[int], connections: int, seconds: float
) -> None:
    each.program.reset_peak_memory()
    calls, cpu = _count_calls(controls), each.program.cpu_seconds()
    of = wrk.run_wrk(_build_url(each.port), requests, connections=connections, seconds=seconds)
    used, peak = each.program.cpu_seconds() - cpu, each.program.peak_memory_mb()
    each.program.wait_until_idle()
    each.observations.append((of, used, peak, _count_calls(controls) - calls))


def _count_calls(controls: Sequence[int]) -> int:
    """The calls to agencies so far, by their own count."""
    total = 0
    for port in controls:
        connection = HTTPConnection(HOST, port, timeout=10)
        try:
            connection.request("GET", "/calls")
            counted: Mapping[str, Mapping[str, int]] = orjson.loads(connection.getresponse().read())
        finally:
            connection.close()
        total += sum(counted.get("operations", {}).values())
    return total


def _build_url(port: int) -> str:
    return f"http://{HOST}:{port}/graphql"


def _to_row(each: _WarmProgram, connections: int) -> Row:
    def median_of(values: Sequence[float]) -> float:
        return round(median(values), 3)

    return Row(
        target=each.name,
        query=README,
        connections=connections,
        requests_per_second=median_of([of.requests / of.seconds for of, *_ in each.observations]),
        requests_per_cpu_second=median_of([of.requests / used if used else 0.0 for of, used, *_ in each.observations]),
        p50_ms=median_of([of.p50_ms for of, *_ in each.observations]),
        p99_ms=median_of([of.p99_ms for of, *_ in each.observations]),
        peak_memory_mb=median_of([peak for _, _, peak, _ in each.observations]),
        upstream_calls_per_request=median_of(
            [calls / (of.requests + connections) for of, _, _, calls in each.observations]
        ),
        upstream_share=0.0,  # agencies and databases are not measured
        failed_requests=sum(of.failed for of, *_ in each.observations),
    )


def print_warm(rows: Sequence[Row], console: Console) -> None:
    """Print the ratios of warm to cold, and of warm to the ceiling."""
    pairs = {
        targets.SIMPUL.name: targets.SIMPUL_WARM.name,
        targets.SIMPUL_COALESCING.name: targets.SIMPUL_WARM_COALESCING.name,
    }
    found = {(row.query, row.connections, row.target): row for row in rows if not row.failed_requests}
    for (query, connections, name), cold in found.items():
        warm = found.get((query, connections, pairs.get(name, "")))
        ceiling = found.get((query, connections, CEILING))
        if warm is None or ceiling is None:
            continue
        console.print(
            f"{query}, {connections} connections, {name}: cold {cold.requests_per_second:,.0f} requests/s "
            f"(p99 {cold.p99_ms:.1f} ms), warm {warm.requests_per_second:,.0f} ({warm.p99_ms:.1f} ms), ceiling "
            f"{ceiling.requests_per_second:,.0f} ({ceiling.p99_ms:.1f} ms). By processor seconds warm is "
            f"{warm.requests_per_cpu_second / cold.requests_per_cpu_second:.2f} times cold, and "
            f"{warm.requests_per_cpu_second / ceiling.requests_per_cpu_second:.0%} of the ceiling. Calls of agencies a "
            f"request: {cold.upstream_calls_per_request:.2f} cold, {warm.upstream_calls_per_request:.2f} warm."
        )
