"""Checks one agency of any stage against its manifest: it starts, answers, has the declared columns, and exact keys."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from cli.agencies.trial import AgencyTrial, ask_agency
from connectors.declared.row_observation import ObservedRow
from settings.city.manifest import ManifestFile
from wiring.statement_checks import explain_agency

_OK: Final = "ok"
_DEADLINE: Final = 10.0


class CheckStep(NamedTuple):
    """One step of the check."""

    check: str
    outcome: str
    """`ok`, a note in brackets, or a problem."""

    @property
    def is_good(self) -> bool:
        """Whether nothing must be changed."""
        return self.outcome == _OK or self.outcome.startswith("(")


async def check_agency(manifest: ManifestFile, city: Path) -> AsyncIterator[CheckStep]:
    """Check one agency by the key of its probe, which is about no person. Raises `ManifestError`."""
    probe = manifest.manifest.probe
    if probe is None:
        yield CheckStep("probe", "(no read is probed: snapshots, or a connector in Python)")
        return
    rows: list[ObservedRow] = []
    trial = AgencyTrial(manifest=manifest, read=probe.read, key=probe.key)
    outcome, answer = await ask_agency(trial, city, probe.key, rows.append)
    is_answered = outcome in {"answered", "no record"}
    yield CheckStep("probe", _OK if is_answered else outcome)
    if not is_answered and not rows:
        return
    yield CheckStep("columns", _judge_columns(rows))
    if answer is not None:
        yield CheckStep("keys", await _judge_keys(trial, city))
    if manifest.manifest.wire.driver == "sql":
        terms = manifest.manifest.terms.with_defaults(deadline=_DEADLINE)
        found = [each async for each in explain_agency(manifest, terms, city)]
        for each in found:
            note = str(each.problem)
            yield CheckStep("statements", note if each.is_error else f"({note})")
        if not found:
            yield CheckStep("statements", _OK)


def _judge_columns(rows: list[ObservedRow]) -> str:
    """Whether each declared column was in a row, and could be read."""
    if not rows:
        return "(the key of the probe has no row: see columns with `simpul agencies try`)"
    problems = {
        f"{row.record.__name__}.{each.name}: {each.problem}" for row in rows for each in row.fields if each.problem
    }
    return "; ".join(sorted(problems)) or _OK


async def _judge_keys(trial: AgencyTrial, city: Path) -> str:
    """Whether keys that only resemble the probe's have no record: databases may compare them loosely."""
    for key in _list_similar(trial.key):
        outcome, _ = await ask_agency(trial, city, key, lambda _: None)
        if outcome == "answered":
            return f"'{key}' has the record of '{trial.key}': compare keys exactly"
    return _OK


def _list_similar(key: str) -> Iterator[str]:
    yield from (f"{key} ", f"{key}abc", f"0{key}", f"{key}.0")
    yield from {key.upper(), key.lower(), key.swapcase()} - {key}
