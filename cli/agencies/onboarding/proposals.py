"""Proposes the reads and records of a manifest from an agency's interface and the protocol of a domain."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from typing import Any, Final, get_type_hints

from cli.agencies.onboarding.matching import SURE_SCORE, RecordMatch, find_best, match_record, rate_column, rate_name
from cli.agencies.onboarding.record_proposals import Join, RecordProposer
from cli.agencies.onboarding.shapes import AgencyInterface, RowShape
from connectors.declared.domain_reads import KEY, DomainRead, list_key_parts, list_reads
from connectors.declared.python_functions import split_optional
from connectors.declared.record_readers import PERSONAL_NUMBERS
from connectors.declared.search.pages import AFTER, FIRST, SEARCH
from connectors.declared.snapshot.personal_records import is_personal

Table = dict[str, Any]
_SNAPSHOT: Final = "all"
_PAGED: Final = frozenset({SEARCH, FIRST, AFTER})
"""Parts of a query that are no filters."""
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
    notes: Mapping[str, str] = field(default_factory=dict)
    """What a person must decide, by the place in the manifest."""
    unsure: Mapping[str, str] = field(default_factory=dict)
    """What a person should look at."""

    @property
    def open_points(self) -> Sequence[str]:
        """What a person must decide, each with its place."""
        return [f"{place}: {text}" for place, text in self.notes.items()]


class Proposer:
    """Proposes for one domain."""

    def __init__(self, domain: type[Any], interface: AgencyInterface) -> None:
        self._domain = domain
        self._interface = interface
        self._reads = list_reads(domain)
        is_soap = interface.driver == "soap"
        self._records = RecordProposer(is_sql=interface.driver == "sql", repeats_no_key=is_soap)

    def propose(self) -> Proposal:
        """Propose all reads, and the records that they give."""
        records = self._records
        for read in self._reads.values():
            for record in read.facets or (read.record,):
                is_service = self._interface.driver in {"http", "soap"}
                records.add(self._choose_shape(read) if is_service else find_best(record, self._interface.shapes))
        records.add_foreign_keys()
        build = {
            "sql": self._propose_sql,
            "http": self._propose_http,
            "soap": self._propose_soap,
            "ckan": self._propose_copy if self._is_copied() else self._propose_ckan,
            "files": self._propose_copy,
        }[self._interface.driver]
        reads = {name: build(read) for name, read in self._reads.items()}
        snapshots: Table = {}
        if self._is_copied():
            identifier = next((each["key"] for each in reads.values() if "key" in each), "id")
            snapshots = {_SNAPSHOT: {"rows": dict(self._interface.source), "every": "1 h", "max_age": "2 d"}}
            snapshots[_SNAPSHOT]["id"] = identifier
            if self._has_personal_records():
                snapshots[_SNAPSHOT]["remove_after"] = "7 d"
        return Proposal(
            reads=reads,
            records=records.build(),
            snapshots=snapshots,
            probe=None if snapshots else self._build_probe(),
            matches=list(records.matches.values()),
            is_personal=self._is_personal(),
            notes=records.notes,
            unsure=records.unsure,
        )

    def _is_copied(self) -> bool:
        """Whether the source is copied whole: a file, or a portal for pages and places near a point."""
        parts = {part for each in self._reads.values() for part in list_key_parts(each.key)}
        return self._interface.driver == "files" or (
            self._interface.driver == "ckan" and bool(parts & {"after", "near"})
        )

    def _decide(self, place: str, text: str) -> None:
        self._records.notes[place] = text

    def _match(self, record: type[Any]) -> RecordMatch:
        return self._records.matches[record.__name__]

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
            self._decide(f"reads.{read.name}.key", "name the column of the key; none was found")
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
            self._decide(f"reads.{read.name}.statement", "join the tables of the other facets")
        identifier = chosen[0].find_column("id") or key
        selected = list(dict.fromkeys([*known, *([key] if key not in {"", "?"} else [])]))
        join = self._records.joins.get(read.record.__name__) if not read.facets else None
        statement = f"SELECT {', '.join(map(_quote, selected))} FROM {_quote(shape.name)}"  # noqa: S608 - a proposal, which is not executed
        of = ""
        if join is not None:
            statement, of = _write_join(shape.name, selected, join), "a."
        if not key:
            own = {} if identifier in {"", "id"} else {"id": identifier}
            return {"statement": statement, **self._propose_query(read, chosen[0]), **own}
        table: Table = {
            "statement": f"{statement} WHERE {of}{_quote(key)} IN :keys ORDER BY {of}{_quote(identifier)}",
            "key": key,
        }
        if identifier != "id":
            table["id"] = identifier
        if shape.columns.get(key) == "number" and read.key not in PERSONAL_NUMBERS:
            table["key_type"] = "number"
        del field_name
        return table

    def _propose_query(self, read: DomainRead, match: RecordMatch) -> Table:
        """How the parts of a query select rows: the field of the same name, a text in the name, and pages by number."""
        parts, filters = list_key_parts(read.key), [each for each in list_key_parts(read.key) if each not in _PAGED]
        known = [each for each in filters if match.find_column(each)]
        table: Table = {}
        if SEARCH in parts and match.find_column("name"):
            table["search"] = ["name"]
        if known:
            table["filters"] = {each: each for each in known}
        left = [each for each in filters if each not in known]
        if FIRST in parts:
            position = split_optional(parts.get(AFTER))[0]
            names = [each.name for each in fields(position)] if is_dataclass(position) else ["id", "code"]
            names = [each for each in names if match.find_column(each)]
            if names:
                table["order"] = names if is_dataclass(position) else names[:1]
            else:
                left.append("order")
            if any(match.shape.columns.get(match.find_column(each) or "") == "number" for each in names):
                table["key_type"] = "number"
        if left:
            self._decide(f"reads.{read.name}", f"no column was found for {', '.join(left)}")
        return table

    # Services.

    def _propose_http(self, read: DomainRead) -> Table:
        match = self._choose_shape(read)
        shape = match.shape
        table: Table = {"path": shape.name}
        if shape.rows:
            table["rows"] = shape.rows
        table |= shape.paging
        parts = list_key_parts(read.key)
        if "search" in parts:
            return {**table, "search": "name"}
        if parts.keys() != {KEY}:
            return table | self._send_parts(read, shape)
        used = next(iter(shape.parameters.items()), None)
        if used is None:
            return {**table, "key": self._find_key(read, match)[1]}
        name, place = used
        if place == "path":
            table["path"] = shape.name.replace(f"{{{name}}}", "{key}")
        else:
            table["query"] = {name: "{key}"}
        self._records.keyed.update(dict.fromkeys([(read.record.__name__, self._name_key(read))]))
        if read.key in PERSONAL_NUMBERS:
            table["key"] = self._find_key(read, match)[1]
            text = "the number of a person is in the address; use `form` if the agency can"
            self._decide(f"reads.{read.name}", text)
        return table

    def _send_parts(self, read: DomainRead, shape: RowShape) -> Table:
        """The path and the query of a read whose key has several parts, each in the parameter that resembles it."""
        match = match_record(read.key, RowShape(name="", columns=dict.fromkeys(shape.parameters, "number")))
        sent = {each.columns[0]: each.field for each in match.fields if each.columns}
        parts = [each for each in list_key_parts(read.key) if each not in sent.values()]
        sent |= dict(zip([each for each in shape.parameters if each not in sent], parts, strict=False))
        if left := parts[len(shape.parameters) :] or ([] if len(sent) >= len(list_key_parts(read.key)) else parts):
            self._decide(f"reads.{read.name}", f"send {', '.join(f'{{{each}}}' for each in left)} in path or query")
        path = shape.name
        for name, place in shape.parameters.items():
            path = path.replace(f"{{{name}}}", f"{{{sent[name]}}}") if place == "path" and name in sent else path
        query = {
            name: f"{{{sent[name]}}}" for name, place in shape.parameters.items() if place == "query" and name in sent
        }
        return {"path": path, **({"query": query} if query else {})}

    def _propose_soap(self, read: DomainRead) -> Table:
        match = self._choose_shape(read)
        shape = match.shape
        _, key = self._find_key(read, match)
        argument = next(iter(shape.parameters), "?")
        table: Table = {"operation": shape.name, "arguments": {argument: "{key}"}}
        if len(shape.parameters) > 1:
            self._decide(f"reads.{read.name}.arguments", f"{', '.join(shape.parameters)}; {argument} was taken")
        if shape.rows:
            table["rows"] = shape.rows
        return {**table, **({"key": key} if key != "?" else {})}

    def _choose_shape(self, read: DomainRead) -> RecordMatch:
        """The rows that resemble the record, of a request that the key can answer."""
        wants_key = list_key_parts(read.key).keys() == {KEY}

        parts = list_key_parts(read.key)
        wanted = 0 if "search" in parts else len(parts)

        def rate(match: RecordMatch) -> float:
            count, gives_list = len(match.shape.parameters), bool(match.shape.rows)
            is_list_of_all = count == 0 and (not wants_key or not read.is_list)
            is_fit = count == wanted and count > 0 and (not wants_key or gives_list == read.is_list)
            is_key = wants_key and any(
                rate_column(self._name_key(read), read.key, each, "text", ()) > SURE_SCORE
                for each in match.shape.parameters
            )
            strange = max(0, count - max(1, wanted))
            return (
                match.score
                + rate_name(match)
                + 15 * is_fit
                + (40 if read.key in PERSONAL_NUMBERS else 20) * is_key
                + 10 * is_list_of_all
                - 20 * strange
            )

        return max((match_record(read.record, each) for each in self._interface.shapes), key=rate)

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
            self._decide(f"reads.{read.name}", "a copy of personal data is found by one key only: ask the agency")
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
        if chosen is not None:
            return {"read": chosen.name, "key": _PERSON_KEY if chosen.key in PERSONAL_NUMBERS else "1"}
        queried = next((each for each in self._reads.values() if not each.facets), None)
        if queried is None:
            self._decide("probe", "name a read and a key that shows whether the agency answers")
            return None
        return {"read": queried.name, "key": _write_sample(queried.key)}

    def _has_personal_records(self) -> bool:
        return any(is_personal(each.record) for each in self._records.matches.values())

    def _is_personal(self) -> bool:
        parts = [part for read in self._reads.values() for part in (read.key, *list_key_parts(read.key).values())]
        return self._has_personal_records() or any(each in PERSONAL_NUMBERS for each in parts)


def _write_sample(query: Any) -> str:  # noqa: ANN401 - the class of a query
    """A query of no person, as JSON: only what it must have."""
    parts = list_key_parts(query)
    required = [each.name for each in fields(query) if each.default is each.default_factory is MISSING]
    samples: dict[object, int | str] = {int: 1, **dict.fromkeys(PERSONAL_NUMBERS, _PERSON_KEY)}
    return json.dumps({name: samples.get(parts[name], "1") for name in required})


def _quote(name: str) -> str:
    """A name in SQL; only one with other signs than letters, digits and `_` needs quotes."""
    return name if name == "?" or (name.isidentifier() and name.islower()) else f'"{name}"'


def _write_join(table: str, columns: Sequence[str], join: Join) -> str:
    """The statement that takes some columns of each row from another table."""
    listed = ", ".join(f"{'b' if each in join.columns else 'a'}.{_quote(each)}" for each in columns)
    other, shared = _quote(join.shape.name), _quote(join.shared)
    return f"SELECT {listed} FROM {_quote(table)} AS a JOIN {other} AS b ON b.{shared} = a.{shared}"  # noqa: S608 - a proposal


def describe_shapes(shapes: Sequence[RowShape]) -> str:
    """The names of all rows, for an error."""
    return ", ".join(each.name for each in shapes)
