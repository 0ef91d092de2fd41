"""Measures every target in turn, in several rounds, so that a disturbance hits all of them."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks import wrk
from benchmarks.comparison.answer_check import WrongAnswer, check_target
from benchmarks.comparison.callers import BenchmarkCaller
from benchmarks.comparison.questions import QUESTIONS, BenchmarkQuestion
from benchmarks.comparison.targets import Target, TargetOptions, build_url
from benchmarks.comparison.upstream import Upstream
from benchmarks.layout import GATEWAY_CORE, free_port
from benchmarks.processes import Program, ProgramNotStarted
from benchmarks.reports.results import Row
from benchmarks.wrk import WrkResult

_TURNS = 12
"""Answers per connection in a measurement, limited by `Effort.longest`."""
_LONG_S = 3
"""Seconds from which a measurement is made in every second round only: it would part the others too far."""
_PATIENT_S = 15
"""Seconds of a second attempt, if a target finished no request in time."""
_WHOLE = 0.97
"""Answers whose mean size is below this share of the correct size count as wrong."""

CONNECTIONS = (1, 16, 64, 256)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """The rounds and durations of a run."""

    name: str
    connections: Mapping[str, Sequence[int]]
    """Numbers of connections, by question."""
    seconds: Mapping[str, int]
    """Seconds of one measurement, by question."""
    rounds: Mapping[str, int]
    """Measurements of each target, by question."""
    warm_up: int
    """Seconds before the first measurement of a target and question."""
    longest: int
    """Maximum seconds of a measurement, for slow targets."""


_EVERYTHING = {question.name: CONNECTIONS for question in QUESTIONS}
FULL = Effort(
    name="full",
    connections=_EVERYTHING,
    seconds=dict.fromkeys(_EVERYTHING, 1),
    rounds={"Q1": 3, "Q2": 3, "Q3": 6, "Q4": 6},
    warm_up=2,
    longest=6,
)
QUICK = Effort(
    name="quick",
    connections={"Q3": (16,), "Q4": (16,)},
    seconds={"Q3": 1, "Q4": 1},
    rounds={"Q3": 3, "Q4": 3},
    warm_up=2,
    longest=2,
)
WARM = Effort(name="warm", connections={"Q3": (1, 16, 64)}, seconds={"Q3": 2}, rounds={"Q3": 5}, warm_up=2, longest=2)
"""For cached answers only."""
WARM_QUICK = Effort(name="warm", connections={"Q3": (16,)}, seconds={"Q3": 1}, rounds={"Q3": 3}, warm_up=1, longest=2)
TRIAL = Effort(
    name="trial",
    connections=_EVERYTHING,
    seconds=dict.fromkeys(_EVERYTHING, 1),
    rounds=dict.fromkeys(_EVERYTHING, 1),
    warm_up=1,
    longest=3,
)
"""Checks that everything works at every number of connections; its figures are not meaningful."""


@dataclass(slots=True)
class _RunningTarget:
    target: Target
    program: Program
    url: str
    rates: dict[str, float] = field(default_factory=dict)
    """The latest requests per second, by question."""
    lengths: dict[str, float] = field(default_factory=dict)
    """Bytes of an answer with headers, measured without load."""


@dataclass(frozen=True, slots=True)
class _RoundSample:
    load: WrkResult
    cpu: float
    memory: float
    calls: int
    upstream: float
    """Processor seconds of the upstream."""
    failed: int


class Rounds:
    """One run of the benchmarks."""

    def __init__(
        self,
        *,
        folder: Path,
        upstream: Upstream,
        keys: Path,
        callers: list[BenchmarkCaller],
        left_out: dict[str, str],
    ) -> None:
        """Targets that are not measured to the end go to `left_out`, with the reason."""
        self._folder = folder
        self._upstream = upstream
        self._keys = keys
        self._callers = callers
        self._running: list[_RunningTarget] = []
        self._left_out = left_out

    def start(self, targets: Sequence[Target]) -> None:
        """Start and check every target; failing ones are left out with the reason."""
        for target in targets:
            reason = target.missing()
            if reason is None:
                reason = self._start_target(target)
            if reason is not None:
                self._left_out[target.name] = reason
            print_progress(f"  {target.name}: {'answers correctly' if reason is None else 'left out, ' + reason}")

    def measure(self, effort: Effort, found: Callable[[Sequence[Row]], None]) -> None:
        """Measure all running targets; `found` receives the rows of each finished question."""
        for question in QUESTIONS:
            counts = effort.connections.get(question.name, ())
            if not counts:
                continue
            for each in self._targets_for(question):
                self._measure_once(each, question, counts[0], effort.warm_up)
            rows: list[Row] = []
            for connections in counts:
                rows += self._measure_in_turns(question, connections, effort)
                print_progress(f"  {question.name} at {connections} connections: measured")
            found(rows)

    def stop(self) -> None:
        """End every target."""
        for each in self._running:
            each.program.stop()
        self._running.clear()

    def _targets_for(self, question: BenchmarkQuestion) -> list[_RunningTarget]:
        return [each for each in self._running if question in each.target.questions]

    def _measure_in_turns(self, question: BenchmarkQuestion, connections: int, effort: Effort) -> list[Row]:
        samples: dict[str, list[_RoundSample]] = {each.target.name: [] for each in self._targets_for(question)}
        for round_number in range(effort.rounds[question.name]):
            running = self._targets_for(question)
            shift = round_number % max(len(running), 1)
            for each in (*running[shift:], *running[:shift]):
                wanted = _TURNS * connections / each.rates[question.name]
                seconds = math.ceil(min(effort.longest, max(effort.seconds[question.name], wanted)))
                if seconds >= _LONG_S and round_number % 2:
                    continue
                sample = self._measure_once(each, question, connections, seconds)
                if sample is not None:
                    samples[each.target.name].append(sample)
        whole = {name: of for name, of in samples.items() if name not in self._left_out and of}
        return [_row(name, question, connections, of) for name, of in whole.items()]

    def _start_target(self, target: Target) -> str | None:
        port = free_port()
        command = target.command(
            TargetOptions(
                port=port,
                upstream=self._upstream.url,
                subgraphs=self._upstream.subgraphs,
                keys=self._keys,
                folder=self._folder,
            )
        )
        program = Program(
            command.arguments,
            core=GATEWAY_CORE,
            log=self._folder / f"{port}.log",
            folder=command.folder,
            environment=command.environment,
        )
        try:
            program.wait_for(port)
            check_target(target, build_url(target, port), self._upstream, self._callers)
        except (ProgramNotStarted, WrongAnswer, OSError) as problem:
            program.stop()
            return (
                str(problem) if isinstance(problem, ProgramNotStarted) else f"{problem} ({program.read_last_output()})"
            )
        except BaseException:
            program.stop()
            raise
        self._running.append(_RunningTarget(target, program, build_url(target, port)))
        return None

    def _measure_once(
        self, running: _RunningTarget, question: BenchmarkQuestion, connections: int, seconds: int
    ) -> _RoundSample | None:
        """One measurement; None if the target failed, which is then left out."""
        requests = self._folder / f"{question.name}{running.target.path.replace('/', '-')}.txt"
        if not requests.exists():
            wrk.write_requests(requests, question, running.target.path, self._callers)
        program = running.program
        program.reset_peak_memory()
        calls, served, cpu = self._upstream.calls(), self._upstream.cpu_seconds(), program.cpu_seconds()
        seen, problem = None, "no answer"
        try:
            seen = wrk.run_wrk(running.url, requests, connections=connections, seconds=seconds)
        except (RuntimeError, subprocess.TimeoutExpired) as failure:
            problem = str(failure)
        used, served = program.cpu_seconds() - cpu, self._upstream.cpu_seconds() - served
        if seen is not None and not seen.requests and program.is_running and seconds < _PATIENT_S:
            program.wait_until_idle()
            return self._measure_once(running, question, connections, _PATIENT_S)
        if seen is None or not seen.requests or not program.is_running:
            why = problem if program.is_running else "it exited"
            self._leave_out(running, f"during {question.name} at {connections} connections: {why}")
            return None
        peak = program.peak_memory_mb()
        program.wait_until_idle()
        made = self._upstream.calls() - calls
        running.rates[question.name] = seen.requests / seen.seconds
        length = seen.bytes / seen.requests
        right = length >= _WHOLE * running.lengths.setdefault(question.name, length)
        failed = seen.failed if right else max(seen.failed, seen.requests)
        return _RoundSample(seen, used, peak, made, served, failed)

    def _leave_out(self, running: _RunningTarget, reason: str) -> None:
        reason = f"{reason} ({running.program.read_last_output()})"
        running.program.stop()
        self._running.remove(running)
        self._left_out[running.target.name] = reason
        print_progress(f"  {running.target.name}: left out {reason}")


def _row(name: str, question: BenchmarkQuestion, connections: int, samples: Sequence[_RoundSample]) -> Row:
    def median_of(values: Sequence[float]) -> float:
        return round(median(values), 3)

    return Row(
        target=name,
        query=question.name,
        connections=connections,
        requests_per_second=median_of([each.load.requests / each.load.seconds for each in samples]),
        requests_per_cpu_second=median_of([each.load.requests / each.cpu if each.cpu else 0.0 for each in samples]),
        p50_ms=median_of([each.load.p50_ms for each in samples]),
        p99_ms=median_of([each.load.p99_ms for each in samples]),
        peak_memory_mb=median_of([each.memory for each in samples]),
        # At the end each connection waits for one more answer, whose calls the upstream has counted.
        upstream_calls_per_request=median_of([each.calls / (each.load.requests + connections) for each in samples]),
        upstream_share=median_of([each.upstream / each.cpu if each.cpu else 0.0 for each in samples]),
        failed_requests=sum(each.failed for each in samples),
    )


def print_progress(text: str) -> None:
    """Print the progress of the run, without buffering."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
