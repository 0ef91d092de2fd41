"""The table of a fault run in `docs/operators/fault-tests.md`, between its marks."""

from __future__ import annotations

import os
import platform
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from benchmarks.reports.machine import read_facts
from tests.faults.answers import AnswerOutcome, AnswerSummary, summarize
from tests.faults.cells import CellAnswers, FaultResult
from tests.faults.claims import BrokenClaim
from tests.sandbox_agencies import ROOT

PAGE: Final = ROOT / "docs" / "operators" / "fault-tests.md"
BEGIN: Final = "<!-- the run writes from here -->"
END: Final = "<!-- to here -->"


def format_line(result: FaultResult) -> str:
    """One result for the console."""
    recovery = "not recovered" if result.recovery is None else f"well after {result.recovery:.1f} s"
    parts = [f"{result.name:40} {recovery:18}"]
    for hub, seen in result.hubs.items():
        parts.append(
            f"{hub}: {_format_shares(summarize(seen.needed))} | others {_format_shares(summarize(seen.others))}"
        )
    return "\n    ".join(parts)


def _format_shares(summary: AnswerSummary) -> str:
    shares = " ".join(f"{outcome.value} {share:.0%}" for outcome, share in summary.shares.items() if share)
    return f"{summary.count} answers, {shares}, p50 {summary.p50_ms:.0f} p99 {summary.p99_ms:.0f} ms"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """What a run was like."""

    seconds: float
    rate: float
    """Questions a second to each hub."""
    left_out: Sequence[str]
    """Agencies that have no line that could break."""


def write_report(results: Sequence[FaultResult], faults: Sequence[BrokenClaim], run: RunFacts) -> None:
    """Put the table of a run in the place of the last one's."""
    page = PAGE.read_text(encoding="utf-8")
    head, _, rest = page.partition(BEGIN)
    tail = rest.partition(END)[2]
    text = "\n".join(_build_table(results, faults, run))
    PAGE.write_text(f"{head}{BEGIN}\n{text}\n{END}{tail}", encoding="utf-8")


def _build_table(results: Sequence[FaultResult], faults: Sequence[BrokenClaim], run: RunFacts) -> list[str]:
    machine = read_facts()
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    lines = [
        "",
        (
            f"{datetime.now(UTC):%Y-%m-%d}, version {version}, Python {platform.python_version()}, {machine['cores']}"
            f" cores of {machine['processor']} (load average of the last 15 minutes: {os.getloadavg()[2]:.1f});"
            f" {len(results)} faults in {run.seconds:.0f} s, {run.rate:.1f} questions a second to each hub."
            f" {_build_verdict(faults)}"
        ),
        "",
        *(f"Left out: {each}, which is an SQLite file here." for each in run.left_out),
    ]
    for hub in results[0].hubs:
        lines += [f"### The hub {hub}", "", *_HEAD]
        lines += [_build_row(result, result.hubs[hub]) for result in results]
        lines.append("")
    return lines


_COLUMNS: Final = (
    *("what fails", "for", "answers", "full", "stale", "partial", "failed", "p50 / p99 before", "p50 / p99 meanwhile"),
    *("others: full", "others: p99 before / meanwhile", "well after"),
)
_HEAD: Final = (f"| {' | '.join(_COLUMNS)} |", "|---" * len(_COLUMNS) + "|")


def _build_row(result: FaultResult, seen: CellAnswers) -> str:
    needed, before = summarize(seen.needed), summarize(seen.needed_before)
    others, others_before = summarize(seen.others), summarize(seen.others_before)
    recovery = "not" if result.recovery is None else f"{result.recovery:.1f} s"
    cells = [
        result.name,
        f"{result.duration:g} s",
        str(needed.count),
        *(f"{needed.shares[outcome]:.0%}" for outcome in AnswerOutcome),
        f"{before.p50_ms:.0f} / {before.p99_ms:.0f} ms",
        f"{needed.p50_ms:.0f} / {needed.p99_ms:.0f} ms",
        f"{others.shares[AnswerOutcome.FULL]:.0%}" if others.count else "",
        f"{others_before.p99_ms:.0f} / {others.p99_ms:.0f} ms" if others.count else "",
        recovery,
    ]
    return f"| {' | '.join(cells)} |"


def _build_verdict(faults: Sequence[BrokenClaim]) -> str:
    if not faults:
        return "Every claim below holds."
    return "Did not hold: " + "; ".join(f"{each.claim} ({each.seen})" for each in faults) + "."
