"""Writes the files of a run: `results.json` with a row for each measurement, `run.json` with the context."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from benchmarks.reports import claims, goals, results
from benchmarks.reports.results import Row

ROWS = "results.json"
RUN = "run.json"


@dataclass(kw_only=True)
class RunReport:
    """One run up to now."""

    effort: str
    """`full`, `quick` or `trial`."""
    machine: Mapping[str, Any]
    versions: Mapping[str, str]
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    rows: list[Row] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    """Targets without complete measurements, with the reason."""
    in_process: Mapping[str, Any] = field(default_factory=dict)
    """Measurements without a network, see `in_process.measure`."""

    def save(self, folder: Path) -> None:
        """Write both files."""
        folder.mkdir(parents=True, exist_ok=True)
        results.save_rows(self.rows, folder / ROWS)
        document = {
            "began": self.began,
            "effort": self.effort,
            "machine": self.machine,
            "versions": self.versions,
            "left_out": self.left_out,
            "ahead": claims.build_claims(self.rows),
            "goals": [asdict(each) for each in goals.judge_goals(self.rows)],
            "in_process": self.in_process,
        }
        (folder / RUN).write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")
