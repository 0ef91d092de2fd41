"""Proposes the reads and records of a manifest from an agency's interface and the protocol of a domain."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, get_type_hints

from cli.agencies.onboarding.matching import FieldMatch, RecordMatch, find_best, match_record, rate_name
from cli.agencies.onboarding.shapes import AgencyInterface, RowShape
from connectors.declared.domain_reads import KEY, DomainRead, list_key_parts, list_reads
from connectors.declared.python_functions import split_optional
from connectors.declared.record_readers import PERSONAL_NUMBERS
from connectors.declared.snapshot.personal_records import is_personal

Table = dict[str, Any]
_KEY_PATTERN: Final = "[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
_PERSON_PATTERN: Final = "[0-9]{16}"
_SNAPSHOT: Final = "all"
_PERSON_KEY: Final = "0000000000000000"
"""A number that no person has: there is no province 00."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What a manifest should hold, and what a person must decide."""

    reads: Mapping[str, Table]
    records: Mapping[str, Table]
    snapshots: Mapping[str, Table]
    probe: Table | None
    matches: Sequence[RecordMatch]
    is_personal: bool
    open_points: Sequence[str] = field(default_factory=list)


class Proposer:
    """Proposes for one domain."""

    def __init__(self, domain: type[Any], interface: AgencyInterface) -> None:
        self._domain = domain
        self._interface = interface
        self._reads = list_reads(domain)
        self._open: list[str] = []
        self._matches: dict[str, RecordMatch] = {}
        self._keyed: dict[tuple[str, str], None] = {}
        """Records and fields that a request with the key is about."""

    def propose(self) -> Proposal:
        """Propose all reads, and the records that they give."""
        records = list(
            dict.fromkeys(record for each in self._reads.values() for record in (each.facets or (each.record,)))
        )
        for record in records:
            self._match(record)
        build = {
            "sql": self._propose_sql,
            "http": self._propose_http,
            "soap": self._propose_soap,
            "ckan": self._propose_ckan,
            "files": self._propose_copy,
        }[self._interface.driver]
        reads = {name: build(read) for name, read in self._reads.items()}
        snapshots: Table = {}
        if self._interface.driver == "files":
            identifier = next((each.find_column("id") and "id" for each in self._matches.values()), None)
            rows = dict(self._interface.source)
            snapshots = {_SNAPSHOT: {"rows": rows, "every": "1 h", "max_age": "2 d", "id": identifier or "id"}}
            if self._has_personal_records():
                snapshots[_SNAPSHOT]["remove_after"] = "7 d"
        return Proposal(
            reads=reads,
            records={each.record.__name__: self._build_record(each) for each in self._matches.values()},
            snapshots=snapshots,
            probe=None if snapshots else self._build_probe(),
            matches=list(self._matches.values()),
            is_personal=self._is_personal(),
            open_points=self._open,
        )

    def _match(self, record: type[Any]) -> RecordMatch:
        name = record.__name__
        if name not in self._matches:
            self._matches[name] = find_best(record, self._interface.shapes)
            for annotation in get_type_hints(record).values():
                inner = split_optional(annotation)[0]
                if (
                    isinstance(inner, type)
                    and hasattr(inner, "__dataclass_fields__")
                    and inner.__name__ != "Coordinates"
                ):
                    self._matches[inner.__name__] = match_record(inner, self._matches[name].shape)
        return self._matches[name]

    def _build_record(self, match: RecordMatch) -> Table:
        table: Table = {}
        for each in match.fields:
            place = f"records.{match.record.__name__}.{each.field}"
            column: Any = list(each.columns) if len(each.columns) > 1 else next(iter(each.columns), "")
            if not column and (match.record.__name__, each.field) in self._keyed:
                column = "{key}"
            elif not column and each.wanted in PERSONAL_NUMBERS and self._interface.driver == "soap":
                column = "{key}"
                self._open.append(f"{place}: no column repeats the number; this needs WS-Addressing")
            elif not column and each.is_optional:
                table[each.field] = []
                continue
            elif not column:
                column = "?"
                self._open.append(f"{place}: name the column; none resembles it")
            table[each.field] = self._build_field(place, each, column)
        return table

    def _build_field(self, place: str, match: FieldMatch, column: Any) -> Any:  # noqa: ANN401 - a field of a manifest
        if match.wanted is bool:
            self._open.append(f"{place}: write the agency's words for yes; every other word means no")
            return {"from": column, "values": {"Y": True}, "unknown": False}
        if isinstance(match.wanted, type) and issubclass(match.wanted, Enum):
            self._open.append(f"{place}: write the agency's words in `values`")
            words = {str(each.value): each.name for each in match.wanted}
            return {"from": column, "values": words, **({"unknown": "null"} if match.is_optional else {})}
        if match.field == "phone":
            return {"from": column, "read": "phone"}
        return {"from": column} if isinstance(column, list) else column

    def _find_key(self, read: DomainRead, match: RecordMatch) -> tuple[str, str]:
        """The field of the record that equals the key, and its column."""
        if list_key_parts(read.key).keys() != {KEY}:
            return "", ""
        hints = {name: split_optional(each)[0] for name, each in get_type_hints(match.record).items()}
        if read.key in PERSONAL_NUMBERS:
            names = [name for name, kind in hints.items() if kind is read.key]
        else:
            parameter = next(
                each for each in inspect.signature(getattr(self._domain, read.name)).parameters if each != "self"
            )
            singular = f"{parameter[:-3]}y" if parameter.endswith("ies") else parameter.removesuffix("s")
            names = [each for each in (singular, "id", "code") if each in hints]
        found = next(((name, column) for name in names if (column := match.find_column(name))), None)
        if found is None:
            self._open.append(f"reads.{read.name}.key: name the column of the key; none was found")
        return found or (names[0] if names else "id", "?")

    def _name_key(self, read: DomainRead) -> str:
        """The name of a key, by the parameter of the protocol: `market_id` of `market_ids`."""
        parameters = inspect.signature(getattr(self._domain, read.name)).parameters
        name = next(each for each in parameters if each != "self")
        return f"{name[:-3]}y" if name.endswith("ies") else name.removesuffix("s")

    # SQL.

    def _propose_sql(self, read: DomainRead) -> Table:
        matches = [self._match(each) for each in (read.facets or (read.record,))]
        shape = matches[0].shape
        field_name, key = self._find_key(read, matches[0])
        chosen = [each for each in matches if each.shape is shape]
        known = list(dict.fromkeys(column for each in chosen for column in each.columns))
        if read.facets and len(chosen) < len(matches):
            self._open.append(f"reads.{read.name}.statement: join the tables of the other facets")
        identifier = chosen[0].find_column("id") or key
        selected = list(dict.fromkeys([*known, *([key] if key not in {"", "?"} else [])]))
        statement = f"SELECT {', '.join(map(_quote, selected))} FROM {_quote(shape.name)}"  # noqa: S608 - a proposal, which is not executed
        if not key:
            searched = [each.field for each in chosen[0].fields if each.field == "name"]
            return {"statement": statement, **({"search": searched} if searched else {}), "id": identifier}
        table: Table = {
            "statement": f"{statement} WHERE {_quote(key)} IN :keys ORDER BY {_quote(identifier)}",
            "key": key,
        }
        if identifier != "id":
            table["id"] = identifier
        if shape.columns.get(key) == "number" and read.key not in PERSONAL_NUMBERS:
            table["key_type"] = "number"
        del field_name
        return table

    # Services.

    def _propose_http(self, read: DomainRead) -> Table:
        match = self._choose_shape(read)
        shape = match.shape
        table: Table = {"path": shape.name}
        if shape.rows:
            table["rows"] = shape.rows
        parts = list_key_parts(read.key)
        if parts.keys() != {KEY}:
            if "search" not in parts:
                self._open.append(
                    f"reads.{read.name}: send {', '.join(f'{{{each}}}' for each in parts)} in path or query"
                )
            return {**table, **({"search": "name"} if "search" in parts else {})}
        used = next(iter(shape.parameters.items()), None)
        if used is None:
            return {**table, "key": self._find_key(read, match)[1], "key_pattern": self._get_pattern(read)}
        name, place = used
        if place == "path":
            table["path"] = shape.name.replace(f"{{{name}}}", "{key}")
        else:
            table["query"] = {name: "{key}"}
        table["key_pattern"] = self._get_pattern(read)
        self._keyed.update(dict.fromkeys([(read.record.__name__, self._name_key(read))]))
        if read.key in PERSONAL_NUMBERS:
            table["key"] = self._find_key(read, match)[1]
            self._open.append(
                f"reads.{read.name}: the number of a person is in the address; use `form` if the agency can"
            )
        return table

    def _propose_soap(self, read: DomainRead) -> Table:
        match = self._choose_shape(read)
        shape = match.shape
        _, key = self._find_key(read, match)
        argument = next(iter(shape.parameters), "?")
        table: Table = {"operation": shape.name, "arguments": {argument: "{key}"}}
        if len(shape.parameters) > 1:
            self._open.append(f"reads.{read.name}.arguments: {', '.join(shape.parameters)}; {argument} was taken")
        if shape.rows:
            table["rows"] = shape.rows
        return {**table, "key_pattern": self._get_pattern(read), **({"key": key} if key != "?" else {})}

    def _choose_shape(self, read: DomainRead) -> RecordMatch:
        """The rows that resemble the record, of a request that the key can answer."""
        wants_key = list_key_parts(read.key).keys() == {KEY}

        def rate(match: RecordMatch) -> float:
            count, gives_list = len(match.shape.parameters), bool(match.shape.rows)
            is_list_of_all = count == 0 and (not wants_key or not read.is_list)
            is_for_key = count == 1 and wants_key and gives_list == read.is_list
            return match.score + rate_name(match) + 15 * is_for_key + 10 * is_list_of_all - 20 * max(0, count - 1)

        return max((match_record(read.record, each) for each in self._interface.shapes), key=rate)

    def _get_pattern(self, read: DomainRead) -> str:
        return _PERSON_PATTERN if read.key in PERSONAL_NUMBERS else _KEY_PATTERN

    # Copies and portals.

    def _propose_ckan(self, read: DomainRead) -> Table:
        match = self._match(read.record)
        _, key = self._find_key(read, match)
        table = dict(self._interface.source)
        if not key:
            return {**table, "search": "name"}
        is_number = match.shape.columns.get(key) == "number"
        return {**table, "key": key, **({"key_type": "number"} if is_number else {})}

    def _propose_copy(self, read: DomainRead) -> Table:
        field_name, _ = self._find_key(read, self._match(read.record))
        parts = list_key_parts(read.key)
        table: Table = {"snapshot": _SNAPSHOT}
        hints = get_type_hints(read.record)
        if field_name:
            table["key"] = field_name
        elif is_personal(read.record):
            self._open.append(f"reads.{read.name}: a copy of personal data is found by one key only: ask the agency")
        elif "search" in parts and "name" in hints:
            table["search"] = ["name"]
        if "near" in parts:
            place = next(
                (name for name, each in hints.items() if split_optional(each)[0].__name__ == "Coordinates"), None
            )
            if place is not None:
                table["near"] = place
        return table

    def _build_probe(self) -> Table | None:
        keyed = [each for each in self._reads.values() if list_key_parts(each.key).keys() == {KEY} and not each.facets]
        chosen = min(keyed, key=lambda each: each.key in PERSONAL_NUMBERS, default=None)
        if chosen is None:
            self._open.append("probe: name a read and a key that shows whether the agency answers")
            return None
        return {"read": chosen.name, "key": _PERSON_KEY if chosen.key in PERSONAL_NUMBERS else "1"}

    def _has_personal_records(self) -> bool:
        return any(is_personal(each.record) for each in self._matches.values())

    def _is_personal(self) -> bool:
        keys = [read.key for read in self._reads.values()]
        return self._has_personal_records() or any(each in PERSONAL_NUMBERS for each in keys)


def _quote(name: str) -> str:
    """A name in SQL; only one with other signs than letters, digits and `_` needs quotes."""
    return name if name == "?" or (name.isidentifier() and name.islower()) else f'"{name}"'


def describe_shapes(shapes: Sequence[RowShape]) -> str:
    """The names of all rows, for an error."""
    return ", ".join(each.name for each in shapes)
