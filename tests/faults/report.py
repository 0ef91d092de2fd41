"""The table of a fault run in `docs/operators/faults.md`, between its marks."""

from __future__ import annotations

import os
import platform
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from benchmarks.machine import facts
from tests.city import ROOT
from tests.faults.answers import Outcome, Summary, summed_up
from tests.faults.cells import Result, Seen
from tests.faults.claims import Broken

PAGE: Final = ROOT / "docs" / "operators" / "faults.md"
BEGIN: Final = "<!-- the run writes from here -->"
END: Final = "<!-- to here -->"


def line(result: Result) -> str:
    """One result for the console."""
    recovery = "not recovered" if result.recovery is None else f"well after {result.recovery:.1f} s"
    parts = [f"{result.name:40} {recovery:18}"]
    for hub, seen in result.hubs.items():
        parts.append(f"{hub}: {_told(summed_up(seen.needed))} | others {_told(summed_up(seen.others))}")
    return "\n    ".join(parts)


def _told(summary: Summary) -> str:
    shares = " ".join(f"{outcome.value} {share:.0%}" for outcome, share in summary.shares.items() if share)
    return f"{summary.count} answers, {shares}, p50 {summary.p50_ms:.0f} p99 {summary.p99_ms:.0f} ms"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a run was like."""

    seconds: float
    rate: float
    """Questions a second to each hub."""
    left_out: Sequence[str]
    """Agencies that have no line that could break."""


def write(results: Sequence[Result], faults: Sequence[Broken], run: Facts) -> None:
    """Put the table of a run in the place of the last one's."""
    page = PAGE.read_text(encoding="utf-8")
    head, _, rest = page.partition(BEGIN)
    tail = rest.partition(END)[2]
    text = "\n".join(_table(results, faults, run))
    PAGE.write_text(f"{head}{BEGIN}\n{text}\n{END}{tail}", encoding="utf-8")


def _table(results: Sequence[Result], faults: Sequence[Broken], run: Facts) -> list[str]:
    machine = facts()
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    lines = [
        "",
        (
            f"{datetime.now(UTC):%Y-%m-%d}, version {version}, Python {platform.python_version()}, {machine['cores']}"
            f" cores of {machine['processor']} (load average of the last 15 minutes: {os.getloadavg()[2]:.1f});"
            f" {len(results)} faults in {run.seconds:.0f} s, {run.rate:.1f} questions a second to each hub."
            f" {_verdict(faults)}"
        ),
        "",
        *(f"Left out: {each}, which is an SQLite file here." for each in run.left_out),
    ]
    for hub in results[0].hubs:
        lines += [f"### The hub {hub}", "", *_HEAD]
        lines += [_row(result, result.hubs[hub]) for result in results]
        lines.append("")
    return lines


_COLUMNS: Final = (
    *("what fails", "for", "answers", "full", "stale", "partial", "failed", "p50 / p99 before", "p50 / p99 meanwhile"),
    *("others: full", "others: p99 before / meanwhile", "well after"),
)
_HEAD: Final = (f"| {' | '.join(_COLUMNS)} |", "|---" * len(_COLUMNS) + "|")


def _row(result: Result, seen: Seen) -> str:
    needed, before = summed_up(seen.needed), summed_up(seen.needed_before)
    others, others_before = summed_up(seen.others), summed_up(seen.others_before)
    recovery = "not" if result.recovery is None else f"{result.recovery:.1f} s"
    cells = [
        result.name,
        f"{result.lasted:g} s",
        str(needed.count),
        *(f"{needed.shares[outcome]:.0%}" for outcome in Outcome),
        f"{before.p50_ms:.0f} / {before.p99_ms:.0f} ms",
        f"{needed.p50_ms:.0f} / {needed.p99_ms:.0f} ms",
        f"{others.shares[Outcome.FULL]:.0%}" if others.count else "",
        f"{others_before.p99_ms:.0f} / {others.p99_ms:.0f} ms" if others.count else "",
        recovery,
    ]
    return f"| {' | '.join(cells)} |"


def _verdict(faults: Sequence[Broken]) -> str:
    if not faults:
        return "Every claim below holds."
    return "Did not hold: " + "; ".join(f"{each.claim} ({each.seen})" for each in faults) + "."
