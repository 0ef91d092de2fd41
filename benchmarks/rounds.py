"""The measuring itself: every target in turn, several rounds over, so that what disturbs one disturbs all."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks import load
from benchmarks.callers import SignedIn
from benchmarks.checking import WrongAnswer, check
from benchmarks.load import Load
from benchmarks.places import GATEWAY_CORE, free_port
from benchmarks.processes import NotStarted, Program
from benchmarks.questions import QUESTIONS, Question
from benchmarks.results import Row
from benchmarks.targets import Place, Target, url
from benchmarks.upstream import Upstream


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much is measured."""

    connections: Mapping[str, Sequence[int]]
    """For each question, by name."""
    rounds: int
    seconds: float
    """Of one measurement."""
    warm_up: float
    """Seconds before the first measurement of a target and question."""


FULL = Effort(
    connections={question.name: (1, 16, 64, 256) for question in QUESTIONS}, rounds=3, seconds=3.0, warm_up=3.0
)
QUICK = Effort(connections={"Q3": (16,), "Q4": (16,)}, rounds=3, seconds=2.0, warm_up=2.0)


@dataclass(frozen=True, slots=True)
class _Running:
    target: Target
    program: Program
    url: str


@dataclass(frozen=True, slots=True)
class _Sample:
    load: Load
    cpu: float
    memory: float
    calls: int


class Rounds:
    """One run of the benchmarks."""

    def __init__(self, *, folder: Path, upstream: Upstream, keys: Path, callers: list[SignedIn]) -> None:
        """Take what all targets share."""
        self._folder = folder
        self._upstream = upstream
        self._keys = keys
        self._callers = callers
        self._running: list[_Running] = []
        self.left_out: dict[str, str] = {}
        """Targets that are not measured, and why."""

    def start(self, targets: Sequence[Target]) -> None:
        """Start and check every target; one that fails is left out with its reason."""
        for target in targets:
            reason = target.missing()
            if reason is None:
                reason = self._started(target)
            if reason is not None:
                self.left_out[target.name] = reason
            _say(f"  {target.name}: {'answers rightly' if reason is None else 'left out, ' + reason}")

    def measure(self, effort: Effort) -> list[Row]:
        """Measure all that runs."""
        rows: list[Row] = []
        for question in QUESTIONS:
            running = [each for each in self._running if question in each.target.questions]
            counts = effort.connections.get(question.name, ())
            for place, connections in enumerate(counts):
                samples: dict[str, list[_Sample]] = {each.target.name: [] for each in running}
                for each in running if place == 0 else ():
                    self._sample(each, question, connections, effort.warm_up)
                for turn in range(effort.rounds):
                    shift = turn % max(len(running), 1)
                    for each in (*running[shift:], *running[:shift]):
                        samples[each.target.name].append(self._sample(each, question, connections, effort.seconds))
                rows += [_row(name, question, connections, found) for name, found in samples.items()]
                _say(f"  {question.name} at {connections} connections: measured")
        return rows

    def stop(self) -> None:
        """End every target."""
        for each in self._running:
            each.program.stop()
        self._running.clear()

    def _started(self, target: Target) -> str | None:
        port = free_port()
        command = target.command(Place(port=port, upstream=self._upstream.url, keys=self._keys, folder=self._folder))
        program = Program(
            command.words,
            core=GATEWAY_CORE,
            log=self._folder / f"{port}.log",
            folder=command.folder,
            environment=command.environment,
        )
        try:
            program.wait_for(port)
            check(target, url(target, port), self._upstream, self._callers)
        except (NotStarted, WrongAnswer, OSError) as problem:
            program.stop()
            return str(problem) if isinstance(problem, NotStarted) else f"{problem} ({program.last_words()})"
        except BaseException:
            program.stop()
            raise
        self._running.append(_Running(target, program, url(target, port)))
        return None

    def _sample(self, running: _Running, question: Question, connections: int, seconds: float) -> _Sample:
        requests = self._folder / f"{question.name}{running.target.path.replace('/', '-')}.txt"
        if not requests.exists():
            load.write_requests(requests, question, running.target.path, self._callers)
        running.program.forget_peak()
        calls, cpu = self._upstream.calls(), running.program.cpu_seconds()
        seen = load.run(running.url, requests, connections=connections, seconds=seconds)
        return _Sample(
            seen,
            running.program.cpu_seconds() - cpu,
            running.program.peak_memory_mb(),
            self._upstream.calls() - calls,
        )


def _row(name: str, question: Question, connections: int, samples: Sequence[_Sample]) -> Row:
    def middle(values: Sequence[float]) -> float:
        return round(median(values), 3)

    return Row(
        target=name,
        query=question.name,
        connections=connections,
        requests_per_second=middle([each.load.requests / each.load.seconds for each in samples]),
        requests_per_cpu_second=middle([each.load.requests / each.cpu if each.cpu else 0.0 for each in samples]),
        p50_ms=middle([each.load.p50_ms for each in samples]),
        p99_ms=middle([each.load.p99_ms for each in samples]),
        peak_memory_mb=middle([each.memory for each in samples]),
        upstream_calls_per_request=middle([each.calls / max(each.load.requests, 1) for each in samples]),
        failed_requests=sum(each.load.failed for each in samples),
    )


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
