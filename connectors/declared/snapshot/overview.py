"""Describes the snapshots of an agency by their files, for an operator who has no running hub at hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from connectors.declared.snapshot.file import read_facts
from connectors.declared.snapshot.snapshot import SnapshotPlace, SnapshotStatus
from connectors.declared.snapshot.tables import SnapshotTable
from records.clocks import CITY_TIME_ZONE


def describe_snapshots(folder: Path, agency: str, tables: Mapping[str, SnapshotTable]) -> str:
    """One line about each snapshot: rows, date, whether it is overdue, and why the last load failed."""
    return "; ".join(
        f"{name}: {', '.join(_list_words(_find_status(folder / agency, agency, name, table)))}"
        for name, table in tables.items()
    )


def _find_status(folder: Path, agency: str, name: str, table: SnapshotTable) -> SnapshotStatus:
    """The newest file of any form, and the newest note."""
    places = SnapshotPlace(folder, name, "").list_of_all_forms()
    facts = next((found for each in places if (found := read_facts(each.current)) is not None), None)
    notes = [note for path in folder.glob(f"{name}-*.json") if (note := SnapshotPlace.parse_note(path)) is not None]
    newest = max(notes, key=lambda each: each.looked_at, default=None)
    return SnapshotStatus(agency=agency, name=name, facts=facts, note=newest, max_age=table.max_age)


def _list_words(status: SnapshotStatus) -> Iterator[str]:
    if status.facts is None:
        yield "not loaded yet"
    else:
        left_out = f" ({status.left_out} left out)" if status.left_out else ""
        dated = status.facts.as_of.astimezone(CITY_TIME_ZONE).isoformat(" ", timespec="minutes")
        yield f"{status.rows} rows{left_out} of {dated}"
        if status.is_overdue:
            yield "overdue"
    if status.problem:
        yield f"not loaded: {status.problem}"
