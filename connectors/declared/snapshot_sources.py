"""The snapshots that a manifest declares: where their rows come from, and what their reads find them by."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, Final, Protocol, get_args

from connectors.declared.domain_reads import KEY, DomainRead, list_key_parts
from connectors.declared.driver_family import AllRows, HubValues, Source
from connectors.declared.python_functions import split_optional
from connectors.declared.snapshot.layout import SnapshotLayout
from connectors.declared.snapshot.loader import SnapshotSource
from connectors.declared.snapshot.personal_records import is_personal
from connectors.declared.snapshot.reads import find_read_fields
from connectors.declared.snapshot.snapshot import Snapshot, SnapshotPlace
from connectors.declared.snapshot.tables import SnapshotReadTable, SnapshotTable
from connectors.declared.tables import NotDeclarableError, ReadTable, RecordTable
from records.description import get_field_types
from records.identifiers import RegionCode
from records.regions import Coordinates

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")


class DeclaringTables(Protocol):
    """The tables of a manifest that snapshots follow from."""

    @property
    def snapshots(self) -> Mapping[str, SnapshotTable]:
        """The declared snapshots."""

    @property
    def reads(self) -> Mapping[str, ReadTable]:
        """The declared reads."""

    @property
    def records(self) -> Mapping[str, RecordTable]:
        """The declared records."""


def build_snapshot_sources(
    wanted: Mapping[str, DomainRead],
    tables: DeclaringTables,
    all_rows: AllRows | None,
    source: Source[Any],
    hub: HubValues,
) -> Mapping[str, SnapshotSource]:
    """Build the sources of all snapshots of an agency; their files are in the folder. Opens nothing.

    Raises:
        NotDeclarableError: A snapshot is not used, or cannot answer a read that names it.

    """
    reads = {name: each for name, each in tables.reads.items() if isinstance(each, SnapshotReadTable)}
    for name, each in reads.items():
        if each.snapshot not in tables.snapshots:
            known = ", ".join(tables.snapshots) or "none"
            raise NotDeclarableError(f"reads.{name}.snapshot", f"no snapshot has this name; declared: {known}")
    found: dict[str, SnapshotSource] = {}
    for name, table in tables.snapshots.items():
        place = f"snapshots.{name}"
        if not _NAME.fullmatch(name):
            raise NotDeclarableError(place, "write its name with a-z, 0-9 and _, at most 32")
        answered = {read: each for read, each in reads.items() if each.snapshot == name}
        if not answered or all_rows is None:
            raise NotDeclarableError(place, "no read is answered from it; remove the table")
        folder = hub.snapshot_folder
        if folder is None:
            raise NotDeclarableError(place, "nowhere to keep it: set SIMPUL_SNAPSHOT_FOLDER")
        layout = _find_layout(place, table, {read: (wanted[read], each) for read, each in answered.items()})
        columns = _find_columns(place, table, layout, source)
        open_rows = all_rows.build(source, f"{place}.rows", table.rows, columns)
        names = [each for each in _list_records(layout.record) if each in tables.records]
        records = {each: tables.records[each] for each in names}
        form = layout.compute_form([table, *records.items(), *answered.items()])
        if layout.is_personal:
            _check_personal(place, table, layout.record, hub)
        snapshot_place = SnapshotPlace(folder / source.agency, name, form)
        snapshot = Snapshot(source.agency, name, table, layout, snapshot_place, protection=hub.copy_protection)
        found[name] = SnapshotSource(snapshot=snapshot, open_rows=open_rows, records=records, columns=source.columns)
    return found


def _find_layout(
    place: str, table: SnapshotTable, answered: Mapping[str, tuple[DomainRead, SnapshotReadTable]]
) -> SnapshotLayout:
    """What the rows are found by, so that each read can be answered."""
    given = {read.record for read, _ in answered.values()}
    if len(given) > 1:
        names = ", ".join(sorted(each.__name__ for each in given))
        raise NotDeclarableError(place, f"its reads give different records: {names}; declare a snapshot for each")
    [record] = given
    if is_personal(record):
        for name, (read, read_table) in answered.items():
            _require_one_key(name, read, read_table)
    hints = get_field_types(record)
    for each in (*table.id, *(field for _, read in answered.values() for field in read.search)):
        single = split_optional(hints.get(each))[0]
        is_word = each in table.id and isinstance(single, type) and issubclass(single, Enum)
        if single not in {str, int} and not is_word and not _is_text(hints.get(each)):
            raise NotDeclarableError(place, f"the record {record.__name__} has no text or number '{each}'")
    near = {read.near for _, read in answered.values() if read.near is not None}
    if len(near) > 1:
        raise NotDeclarableError(place, f"its reads look near different fields: {', '.join(sorted(near))}")
    for each in near:
        if split_optional(hints.get(each))[0] is not Coordinates:
            raise NotDeclarableError(place, f"the record {record.__name__} has no point on the map '{each}'")
    keys = {field for read, each in answered.values() for field in find_read_fields(read, each).values()}
    return SnapshotLayout(
        record=record,
        id=table.id,
        keys=frozenset(keys - (set(table.id) if len(table.id) == 1 else set())),
        search=frozenset(field for _, each in answered.values() for field in each.search),
        near=next(iter(near), None),
    )


def _is_text(annotation: Any) -> bool:  # noqa: ANN401 - any type
    single = split_optional(annotation)[0]
    while hasattr(single, "__supertype__"):
        single = single.__supertype__
    return single in {str, int}


def _require_one_key(name: str, read: DomainRead, table: SnapshotReadTable) -> None:
    """A sealed file finds a row by its whole key, and by nothing else."""
    place, why = f"reads.{name}", f"{read.record.__name__} is personal, so its copy is sealed and found by one key only"
    for line in ("search", "near"):
        if getattr(table, line):
            raise NotDeclarableError(f"{place}.{line}", f"{why}: remove the line; let the agency search")
    if list_key_parts(read.key).keys() != {KEY}:
        raise NotDeclarableError(place, f"{why}, and this read takes a query: declare a read that asks the agency")
    if read.key is RegionCode:
        raise NotDeclarableError(place, f"{why}, not by the regions around it: declare a read that asks the agency")


def _check_personal(place: str, table: SnapshotTable, record: type[Any], hub: HubValues) -> None:
    """Personal data has an end, and something that seals it."""
    if table.remove_after is None:
        raise NotDeclarableError(
            place, f'{record.__name__} is personal: say when its copy must be gone, as in remove_after = "7 d"'
        )
    if hub.copy_protection is None:
        raise NotDeclarableError(place, f"{record.__name__} is personal, and there is no key to seal it here")


def _list_records(record: type[Any]) -> list[str]:
    """The name of a record, and of the records within it and in its lists."""
    found = [record.__name__]
    hints = get_field_types(record)
    for each in fields(record):
        single = split_optional(hints[each.name])[0]
        for kind in get_args(single) or (single,):
            if isinstance(kind, type) and is_dataclass(kind):
                found += _list_records(kind)
    return found


def _find_columns(place: str, table: SnapshotTable, layout: SnapshotLayout, source: Source[Any]) -> frozenset[str]:
    """The columns of the source that are read."""
    reader = source.records.build(place, layout.record)
    if reader.takes_key:
        name = layout.record.__name__
        raise NotDeclarableError(place, f"{name} takes {{key}}, but rows of a snapshot belong to no key")
    return reader.columns | set(table.skip_without) | ({table.as_of} if table.as_of else set())
