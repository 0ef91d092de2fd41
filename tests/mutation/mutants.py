"""Wrong manifests: each differs from the right one by one mistake that a person could make."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, is_dataclass
from importlib import import_module
from itertools import combinations, pairwise
from typing import Any, get_args, get_type_hints

from connectors.declared.domain_reads import DomainRead
from connectors.declared.field_readers import NAMED_READERS
from connectors.declared.python_functions import split_optional
from connectors.declared.record_readers import PERSONAL_NUMBERS
from records.identifiers import RegionCode
from tests.mutation.statements import change_statement

Manifest = dict[str, Any]
_OUTCOMES = ("success", "absent", "unavailable", "busy", "refused", "malformed")
_KEYS = frozenset({"key", "key_type", "key_pattern", "id", "shared", "match", "group"})
_REMOVED = _KEYS | {"skip_without", "search", "near", "rows", "paging", "form", "query", "body", "filters", "arguments"}


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """A manifest with one mistake."""

    kind: str
    place: str
    change: str
    manifest: Manifest
    is_critical: bool
    """Whether the mistake concerns a person, a region, who may see a record, or the key of a read."""

    def __str__(self) -> str:
        return f"{self.kind}: {self.place}: {self.change}"


class MutantMaker:
    """Makes the mutants of one manifest."""

    def __init__(self, manifest: Manifest, reads: Mapping[str, DomainRead]) -> None:
        self._manifest = manifest
        self._reads = reads
        self._rows = {name: list(self._list_row_records(name, read)) for name, read in reads.items()}
        """The records of each read's rows."""
        found = [each for rows in self._rows.values() for each in rows]
        self._records = {each.__name__: each for each in _list_records(found)}

    def list_all(self) -> Iterator[Mutant]:
        """All mutants."""
        for name in self._manifest.get("records", {}):
            if name in self._records:
                yield from self._change_record(name)
        for name, read in self._manifest.get("reads", {}).items():
            yield from self._change_read(name, read)
        for name, snapshot in self._manifest.get("snapshots", {}).items():
            yield from self._change_snapshot(name, snapshot)
        yield from self._change_trouble()
        yield from self._change_visibility()

    def _list_row_records(self, name: str, read: DomainRead) -> Iterator[type[Any]]:
        """The records of a read: its facets, or those that its function in Python takes."""
        yield from read.facets or (read.record,)
        function = self._manifest.get("reads", {}).get(name, {}).get("python")
        if function is not None:
            module, _, attribute = function.partition(":")
            first = next(iter(get_type_hints(getattr(import_module(module), attribute)).values()))
            yield from (each for each in get_args(first) if is_dataclass(each) and isinstance(each, type))

    # Records.

    def _change_record(self, name: str) -> Iterator[Mutant]:
        table: Mapping[str, Any] = self._manifest["records"][name]
        annotations = get_type_hints(self._records[name])
        columns = sorted({each for field in table.values() for each in _columns_of(field) if each != "{key}"})
        for field, value in table.items():
            is_critical = _is_critical(field, annotations[field])
            for column in columns:
                if column not in _columns_of(value):
                    yield self._mutate(
                        "wrong column", f"records.{name}.{field}", _with_column(value, column), is_critical
                    )
            yield from self._change_field(f"records.{name}.{field}", value, annotations[field], is_critical=is_critical)
        for first, second in combinations(table, 2):
            if _columns_of(table[first]) == _columns_of(table[second]):
                continue
            swapped = {
                first: _with_column(table[first], *_columns_of(table[second])),
                second: _with_column(table[second], *_columns_of(table[first])),
            }
            is_critical = any(_is_critical(each, annotations[each]) for each in (first, second))
            yield self._mutate(
                "swapped columns", f"records.{name}", {**table, **swapped}, is_critical, change=f"{first} <-> {second}"
            )

    def _change_field(self, place: str, value: object, annotation: object, *, is_critical: bool) -> Iterator[Mutant]:
        wanted = split_optional(annotation)[0]
        table = dict(value) if isinstance(value, dict) else {"from": value}
        others = [
            reader for reader, (_, given) in NAMED_READERS.items() if given == wanted and reader != table.get("read")
        ]
        if "read" in table:
            for reader in others:
                yield self._mutate("wrong reader", place, {**table, "read": reader, "width": None}, is_critical)
        for key in ("read", "unknown", "none", "unreadable", "missing", "python", "width", "split"):
            if key in table:
                kind = "wrong reader" if key == "read" else f"without {key}"
                yield self._mutate(
                    kind, place, {**table, key: None, **({"width": None} if key == "read" else {})}, is_critical
                )
        if isinstance(values := table.get("values"), dict):
            for word in values:
                rest = {each: given for each, given in values.items() if each != word}
                yield self._mutate("dropped word", place, {**table, "values": rest}, is_critical, change=word)
            for first, second in pairwise(values):
                if values[first] != values[second]:
                    swapped = {**values, first: values[second], second: values[first]}
                    yield self._mutate(
                        "swapped words",
                        place,
                        {**table, "values": swapped},
                        is_critical,
                        change=f"{first} <-> {second}",
                    )

    # Reads.

    def _change_read(self, name: str, read: Mapping[str, Any]) -> Iterator[Mutant]:
        place = f"reads.{name}"
        records = [self._manifest.get("records", {}).get(each.__name__, {}) for each in self._rows[name]]
        fields = [field for record in records for field in record.values()]
        columns = sorted({each for field in fields for each in _columns_of(field) if each != "{key}"})
        for key in ("key", "id", "group"):
            if isinstance(read.get(key), str):
                for column in columns:
                    if column != read[key]:
                        yield self._mutate("wrong key", f"{place}.{key}", column, is_critical=True)
        for column, repeated in read.get("match", {}).items():
            for each in repeated:
                rest = [one for one in repeated if one != each]
                yield self._mutate("without match", f"{place}.match.{column}", rest, is_critical=True, change=each)
        if "key_pattern" not in read:
            other_type = "text" if read.get("key_type") == "number" else "number"
            yield self._mutate("wrong key", f"{place}.key_type", other_type, is_critical=True)
        for key in sorted(read.keys() & _REMOVED - self._list_needless(name, read)):
            yield self._mutate(f"without {key}", f"{place}.{key}", None, is_critical=key in _KEYS)
        skipped = read.get("skip_without", [])
        for each in skipped if isinstance(skipped, list) else []:
            rest = [column for column in skipped if column != each]
            yield self._mutate("without skip_without", f"{place}.skip_without", rest, is_critical=False)
        yield from self._change_request(place, read)

    def _list_needless(self, name: str, read: Mapping[str, Any]) -> frozenset[str]:
        """Keys without which the manifest means the same: a pattern that is the default, or of a text not sent."""
        is_default = self._reads[name].key in PERSONAL_NUMBERS and read.get("key_pattern") == "[0-9]{16}"
        return frozenset({"key_pattern"} if is_default or "search" in read else ())

    def _change_snapshot(self, name: str, snapshot: Mapping[str, Any]) -> Iterator[Mutant]:
        place = f"snapshots.{name}"
        yield from self._change_request(f"{place}.rows", snapshot["rows"])
        for key in sorted(snapshot["rows"].keys() & {"resource", "filters", "file", "delimiter", "columns", "trailer"}):
            yield self._mutate("wrong rows", f"{place}.rows.{key}", None, is_critical=False)
        for key in sorted(snapshot.keys() & {"id", "as_of", "skip_without"}):
            yield self._mutate(f"without {key}", f"{place}.{key}", None, is_critical=key == "id")

    def _change_request(self, place: str, read: Mapping[str, Any]) -> Iterator[Mutant]:
        for parameters in ("query", "form"):
            for parameter in read.get(parameters, {}):
                for value in (None, "x"):
                    yield self._mutate("wrong request", f"{place}.{parameters}.{parameter}", value, is_critical=False)
        for key, separator in (("path", "/"), ("rows", ".")):
            parts = [each for each in str(read.get(key, "")).split(separator) if each]
            for number, part in enumerate(parts):
                wrong = separator.join([*parts[:number], f"{part}x", *parts[number + 1 :]])
                yield self._mutate(f"wrong {key}", f"{place}.{key}", wrong, is_critical=False)
        if "statement" in read:
            for change, statement in change_statement(read["statement"]):
                yield self._mutate("wrong statement", f"{place}.statement", statement, is_critical=True, change=change)

    def _change_trouble(self) -> Iterator[Mutant]:
        table = self._manifest.get("trouble", {})
        for place, rules in (
            ("trouble", table),
            *((f"trouble.{each}", table.get(each, {})) for each in ("status", "faults")),
        ):
            given = [each for each in _OUTCOMES if each in rules]
            for outcome in given:
                yield self._mutate("dropped trouble rule", f"{place}.{outcome}", None, is_critical=False)
            for first, second in combinations(given, 2):
                swapped = {**rules, first: rules[second], second: rules[first]}
                yield self._mutate(
                    "swapped trouble rules", place, swapped, is_critical=False, change=f"{first} <-> {second}"
                )

    def _change_visibility(self) -> Iterator[Mutant]:
        """Who sees the requests of an Open311 server, and which parameters it filters by."""
        wire = self._manifest["wire"]
        if "visibility" in wire:
            for other in {"public", "private", "by_request"} - {wire["visibility"]}:
                yield self._mutate("wrong visibility", "wire.visibility", other, is_critical=True)
        for each in wire.get("public_fields", ()):
            rest = [one for one in wire["public_fields"] if one != each]
            yield self._mutate("without a public field", "wire.public_fields", rest, is_critical=True, change=each)
        # Others concern no answer of a read: without those for states and regions, the hub itself filters.
        for name in sorted(wire.get("extensions", {}).keys() & {"constant", "page_size", "reporter"}):
            yield self._mutate("without extension", f"wire.extensions.{name}", None, is_critical=False)

    def _mutate(self, kind: str, place: str, value: object, is_critical: bool = False, *, change: str = "") -> Mutant:  # noqa: FBT001, FBT002 - of every mutant
        manifest = deepcopy(self._manifest)
        *tables, last = place.split(".")
        table = manifest
        for each in tables:
            table = table[each]
        if isinstance(value, dict):
            value = {key: each for key, each in value.items() if each is not None}
        if value is None:
            table.pop(last, None)
        else:
            table[last] = value
        return Mutant(kind=kind, place=place, change=change or str(value), manifest=manifest, is_critical=is_critical)


def _list_records(records: Iterable[type[Any]]) -> Iterator[type[Any]]:
    """Records, and those within them, also in lists."""
    found = list(dict.fromkeys(records))
    for record in found:
        yield record
        for annotation in get_type_hints(record).values():
            for each in (annotation, *get_args(annotation)):
                if isinstance(each, type) and is_dataclass(each) and each not in found:
                    found.append(each)


def _columns_of(field: Any) -> Sequence[str]:  # noqa: ANN401 - a field of a manifest
    columns = field["from"] if isinstance(field, dict) else field
    return [columns] if isinstance(columns, str) else list(columns)


def _with_column(field: Any, *columns: str) -> Any:  # noqa: ANN401 - a field of a manifest
    given: Any = columns[0] if len(columns) == 1 else list(columns)
    return {**field, "from": given} if isinstance(field, dict) else given


def _is_critical(field: str, annotation: object) -> bool:
    """Whether rules read the field: who it is about, where, and who may see it."""
    wanted = split_optional(annotation)[0]
    return wanted in (*PERSONAL_NUMBERS, RegionCode, bool) or field in {"visibility", "birth_date"}
