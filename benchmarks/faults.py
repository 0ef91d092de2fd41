"""`python -m benchmarks.faults`: answers while one of three agencies fails, and the time until they are whole again.

Q4 is sent at a constant rate, independent of earlier answers, by the callers in turn. The shop (`orders`) fails in one
way after another; account and messages have other agencies. Every upstream call of every target has the same deadline.
The hub has the terms of an agency of the city.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any, Final
from urllib.request import urlopen

import aiohttp
import orjson
from rich.console import Console

from benchmarks.comparison import callers, peer_packages
from benchmarks.comparison.answer_check import ask
from benchmarks.comparison.callers import BenchmarkCaller
from benchmarks.comparison.questions import Q4, build_expected_answer
from benchmarks.comparison.rounds import print_progress
from benchmarks.comparison.targets import COMPARED_WITH_FAULTS, SIMPUL_COALESCING, Target, TargetOptions, build_url
from benchmarks.comparison.upstream import Upstream
from benchmarks.layout import GATEWAY_CORE, LOAD_CORE, free_port, run_on_core
from benchmarks.processes import Program, ProgramNotStarted
from benchmarks.reports import fault_report, machine
from benchmarks.reports.fault_report import FaultRow
from benchmarks.upstreams.static_files import FAULT_PATH, FAULTS, NO_FAULT

RATE: Final = 50.0
"""Requests a second: far below what any target can answer, so that only the fault costs time."""
DEADLINE_S: Final = 1.0
"""Seconds for one upstream call."""
_CLIENT_TIMEOUT_S: Final = 10.0
_FAILING: Final = "orders"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPlan:
    """The durations of a run, in seconds."""

    fault: float
    calm: float
    """Whole answers for this time end the observation after a fault."""
    longest: float
    """Maximum time of that observation."""
    warm_up: float


FULL: Final = FaultPlan(fault=3.0, calm=1.0, longest=8.0, warm_up=3.0)
QUICK: Final = FaultPlan(fault=2.3, calm=0.4, longest=4.0, warm_up=0.7)
"""A fault is longer than the two unanswered seconds after which the hub's breaker opens."""


@dataclass(slots=True)
class AskedRequest:
    """One request and its answer."""

    asked_at: float
    ended_at: float | None = None
    is_whole: bool = False
    keeps_rest: bool = False
    """Whether the data of the other agencies is right."""


def judge_answer(status: int, body: bytes, number: int) -> tuple[bool, bool]:
    """Whether the answer to Q4 is whole, and whether the data of the agencies that do not fail is right."""
    expected = build_expected_answer(Q4, number)
    try:
        answered = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False, False
    data = answered.get("data") if status == 200 and isinstance(answered, dict) else None  # noqa: PLR2004 - OK
    if not isinstance(data, dict):
        return False, False
    rest = {name: value for name, value in expected.items() if name != _FAILING}
    return data == expected, all(data.get(name) == value for name, value in rest.items())


@dataclass(slots=True)
class ConstantLoad:
    """Sends requests at a constant rate until it is cancelled."""

    url: str
    callers: Sequence[BenchmarkCaller]
    session: aiohttp.ClientSession
    asked: list[AskedRequest] = field(default_factory=list)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self) -> None:
        """Send until cancelled."""
        began = monotonic()
        while True:
            request = AskedRequest(asked_at=monotonic())
            caller = self.callers[len(self.asked) % len(self.callers)]
            self.asked.append(request)
            task = asyncio.ensure_future(self._send(request, caller))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            await asyncio.sleep(max(0.0, began + len(self.asked) / RATE - monotonic()))

    async def _send(self, request: AskedRequest, caller: BenchmarkCaller) -> None:
        body = orjson.dumps({"query": Q4.document, "variables": Q4.variables(caller.number)})
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Authorization": f"Bearer {caller.token}",
        }
        try:
            async with self.session.post(self.url, data=body, headers=headers) as reply:
                answered = await reply.read()
            request.is_whole, request.keeps_rest = judge_answer(reply.status, answered, caller.number)
        except (aiohttp.ClientError, TimeoutError):
            pass  # neither whole nor kept
        request.ended_at = monotonic()

    async def stop(self) -> None:
        """Cancel the unanswered requests."""
        tasks = list(self._tasks)
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def wait_until_calm(self, since: float, plan: FaultPlan) -> float | None:
        """Seconds from `since` to the last incomplete answer; None if answers stay incomplete."""
        while (now := monotonic()) < since + plan.longest:
            later = [each for each in self.asked if each.asked_at >= since]
            last = max((each.asked_at for each in later if each.ended_at and not each.is_whole), default=since)
            judged_until = min((each.asked_at for each in later if not each.ended_at), default=now)
            if judged_until - last >= plan.calm:
                return last - since
            await asyncio.sleep(0.02)
        return None


def summarize(target: str, fault: str, asked: Sequence[AskedRequest], well_after_s: float | None) -> FaultRow:
    """The row of all requests during a fault. A request without an answer counts with the client's timeout."""
    times = sorted((each.ended_at or each.asked_at + _CLIENT_TIMEOUT_S) - each.asked_at for each in asked)
    return FaultRow(
        target=target,
        fault=fault,
        answers=len(times),
        p50_ms=round(times[len(times) // 2] * 1000, 2),
        p99_ms=round(times[int(len(times) * 0.99)] * 1000, 2),
        kept_share=round(sum(each.keeps_rest for each in asked) / len(asked), 4),
        well_after_s=None if well_after_s is None else round(well_after_s, 3),
    )


async def measure_faults(
    target: str, url: str, upstream: str, signed_in: Sequence[BenchmarkCaller], plan: FaultPlan
) -> list[FaultRow]:
    """A row without a fault, and one for each fault. Raises `RuntimeError` if the target is too slow for the load."""
    timeout = aiohttp.ClientTimeout(total=_CLIENT_TIMEOUT_S)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as session:
        load = ConstantLoad(url, signed_in, session)
        sending = asyncio.ensure_future(load.run())
        rows = []
        try:
            await asyncio.sleep(plan.warm_up)
            if await load.wait_until_calm(monotonic(), plan) is None:
                raise RuntimeError(f"it does not answer {RATE:.0f} requests a second in time, without any fault")
            for fault in (NO_FAULT, *FAULTS):
                await _set_fault(upstream, fault)
                began = monotonic()
                await asyncio.sleep(plan.fault)
                await _set_fault(upstream, NO_FAULT)
                ended = monotonic()
                well_after = await load.wait_until_calm(ended, plan)
                during = [each for each in load.asked if began <= each.asked_at < ended]
                rows.append(summarize(target, fault, during, well_after))
        finally:
            sending.cancel()
            await load.stop()
        return rows


async def _set_fault(upstream: str, fault: str) -> None:
    url = f"{upstream}{FAULT_PATH}{fault.replace(' ', '-')}"
    await asyncio.to_thread(lambda: urlopen(url, timeout=5).close())  # noqa: S310 - http on the loopback address


@dataclass(frozen=True, slots=True, kw_only=True)
class _FaultRun:
    """One run over all targets."""

    folder: Path
    upstream: Upstream
    keys: Path
    callers: list[BenchmarkCaller]
    plan: FaultPlan

    def measure(self, target: Target) -> list[FaultRow]:
        """Start the target, measure it, stop it. Raises `ProgramNotStarted`, or `RuntimeError` if it is too slow."""
        missing = target.missing()
        if missing is not None:
            raise ProgramNotStarted(missing)
        port, folder = free_port(), self.folder
        options = TargetOptions(
            port=port, upstream=self.upstream.url, subgraphs="", keys=self.keys, folder=folder, deadline=DEADLINE_S
        )
        command = target.command(options)
        log, environment = folder / f"{port}.log", command.environment
        program = Program(command.arguments, core=GATEWAY_CORE, log=log, folder=command.folder, environment=environment)
        try:
            program.wait_for(port)
            url = build_url(target, port)
            first = ask(url, Q4, 1, self.callers[0].token)
            if first.json is None or first.json.get("data") != build_expected_answer(Q4, 1):
                raise ProgramNotStarted(f"it answers with {first.status} {first.json}")
            return asyncio.run(measure_faults(target.name, url, self.upstream.url, self.callers, self.plan))
        finally:
            program.stop()


def main() -> int:
    """Measure, print and write; the exit code."""
    console = Console(width=130, highlight=False)
    plan = QUICK if "--quick" in sys.argv or "--trial" in sys.argv else FULL
    reason = peer_packages.install_peers()
    rows: list[FaultRow] = []
    left_out = {} if reason is None else {"the peers from npm": reason}
    with tempfile.TemporaryDirectory(prefix="simpul-benchmarks-") as name, run_on_core(LOAD_CORE):
        folder = Path(name)
        keys, signed_in = callers.issue_tokens(folder)
        upstream = Upstream(folder, with_faults=True)
        run = _FaultRun(folder=folder, upstream=upstream, keys=keys, callers=signed_in, plan=plan)
        try:
            for target in COMPARED_WITH_FAULTS:
                try:
                    rows += run.measure(target)
                    print_progress(f"  {target.name}: measured")
                except (ProgramNotStarted, RuntimeError, OSError) as problem:
                    left_out[target.name] = str(problem)
        finally:
            upstream.stop()
    fault_report.print_faults(rows, console, SIMPUL_COALESCING.name)
    for target_name, why in left_out.items():
        console.print(f"Left out: {target_name}: {why}")
    if plan is FULL and rows:
        _save(rows, left_out)
    return 0 if rows else 1


def _save(rows: Sequence[FaultRow], left_out: Mapping[str, str]) -> None:
    context: dict[str, Any] = {
        "began": datetime.now(UTC),
        "machine": machine.read_facts(),
        "versions": machine.read_versions(COMPARED_WITH_FAULTS),
        "requests_per_second": RATE,
        "deadline_s": DEADLINE_S,
        "left_out": left_out,
    }
    fault_report.save_faults(rows, context)
    fault_report.write_table(rows)


if __name__ == "__main__":
    sys.exit(main())
