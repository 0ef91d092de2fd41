"""Where in a manifest a problem of an agency is, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from difflib import get_close_matches
from typing import Any, Final, get_args, get_type_hints

from connectors.declared.ckan.tables import CkanListTable, CkanReadTable
from connectors.declared.domain_reads import DomainRead
from connectors.declared.record_readers import KEY_COLUMN
from connectors.declared.row_observation import ObservedRow
from connectors.declared.snapshot.tables import SnapshotReadTable
from records.calls.failures import AgencyClockSkew, AgencyFailure, AgencyMalformed, AgencyRefused, AgencyTimeout
from settings.city.manifest import ManifestFile
from settings.city.problems import CityProblem

_COLUMN: Final = re.compile(r"column '([^']+)'")
_FIELD: Final = re.compile(r"\(([A-Z]\w+)\.(\w+)\)")
_DENIED: Final = frozenset({"HTTP 401", "HTTP 403", "HTTP 407"})
_NOT_FOUND: Final = "HTTP 404"
_CONFLICT: Final = "HTTP 409"
_FIX: Final = "name another column, or say how it is read (`read`, `values`, `none`, `unreadable`)"


class ManifestPlaces:
    """Finds the places of one manifest."""

    def __init__(self, file: ManifestFile) -> None:
        self._file = file
        self._manifest = file.manifest

    def explain_failure(self, read: DomainRead, failure: AgencyFailure) -> CityProblem:
        """Why the agency gave no answer, at the line to change."""
        detail, place = failure.detail or str(failure), self._find_request(read)
        match failure:
            case AgencyTimeout():
                place, text = "wire.url", "no answer in time: check the address, the network, and `deadline` in [terms]"
            case AgencyClockSkew():
                place = self._find_credential()
                text = "the clocks differ, and the signature holds the time: set the hub's time, or ask the agency"
            case AgencyRefused() if _NOT_FOUND in detail:
                text = "there is no such address or resource: compare it with the agency's documentation"
            case AgencyRefused() if self._manifest.wire.driver == "sql" or any(each in detail for each in _DENIED):
                place = self._find_credential()
                text = "the agency does not accept the hub: check user, password or key, and their rights"
            case AgencyRefused():
                text = "the agency refuses the request: check user, password or key; or say in [trouble] what it means"
            case AgencyMalformed() if self._manifest.wire.driver == "ckan" and _CONFLICT in detail:
                text = "the resource does not have a column that is asked for: see the step 'columns'"
            case AgencyMalformed():
                text = "the reply does not have the declared form: compare paths and columns with a real reply"
            case _ if "token" in detail:
                place, text = "wire.credential", "no access token: check the token endpoint, the client and its secret"
            case _ if detail.startswith("HTTP "):
                text = "the agency reports an error: ask it, and name the time of this call"
            case _:
                place, text = "wire.url", "no connection: check the address, and that it can be reached from here"
        return self.locate_text(place, f"{text} ({failure.code}: {detail})")

    def locate_text(self, place: str, text: str) -> CityProblem:
        """A problem at the first field of a record whose column the text names, or else at the place."""
        field = _FIELD.search(text)
        if field is not None and field[2] in self._manifest.records.get(field[1], {}):
            return self._file.locate(f"records.{field[1]}.{field[2]}", text)
        named = _COLUMN.search(text)
        fields = [] if named is None else [where for where, column in self._list_fields() if column == named[1]]
        return self._file.locate(fields[0] if fields else place, text)

    def judge_rows(self, rows: Sequence[ObservedRow]) -> Iterator[CityProblem]:
        """Columns of rows that were not there, or could not be read, each once."""
        known: dict[tuple[str, str], tuple[str, Sequence[str], int]] = {}
        for row in rows:
            for each in row.fields:
                if each.problem is not None:
                    key = (f"records.{row.record.__name__}.{each.name}", each.problem)
                    _, _, count = known.get(key, ("", (), 0))
                    known[key] = ", ".join(f"'{column}'" for column in each.columns), row.columns, count + 1
        for (place, problem), (columns, names, count) in known.items():
            fix = suggest_column(columns.strip("'"), names) if "no such column" in problem else _FIX
            yield self._file.locate(place, f"column {columns}: {problem}, in {count} of {len(rows)} rows; {fix}")

    def list_missing(self, rows: Sequence[ObservedRow]) -> Iterator[CityProblem]:
        """Columns of fields that may have no value, which no row had."""
        had: dict[str, bool] = {}
        names: dict[str, Sequence[str]] = {}
        for row in rows:
            for each in row.fields:
                if each.problem is None:
                    place = f"records.{row.record.__name__}.{each.name}"
                    firsts = [re.split(r"[.\[]", column, maxsplit=1)[0] for column in each.columns]
                    is_there = any(first in {KEY_COLUMN, "^", "#text", *row.columns} for first in firsts)
                    had[place] = had.get(place, False) or is_there
                    names[place] = each.columns
        for place, was_there in had.items():
            if not was_there:
                listed = ", ".join(f"'{each}'" for each in names[place])
                yield self._file.locate(place, f"no row has the column {listed}: is its name right?")

    def list_resources(self, reads: Mapping[str, DomainRead]) -> Mapping[str, Sequence[tuple[str, str]]]:
        """The resources of a portal, with the places and names of the columns that are taken from each."""
        found: dict[str, list[tuple[str, str]]] = {}
        for name, read in reads.items():
            table = self._manifest.reads[name]
            rows: object = table
            place = f"reads.{name}"
            if isinstance(table, SnapshotReadTable):
                rows, place = self._manifest.snapshots[table.snapshot].rows, f"snapshots.{table.snapshot}.rows"
            if isinstance(rows, CkanListTable):
                columns = found.setdefault(rows.resource, [])
                columns += [(where, each) for where, each in self._list_fields(_list_records(read))]
                columns += [(f"{place}.where", each) for each in rows.where]
                columns += [(f"{place}.id", rows.id)]
                if isinstance(rows, CkanReadTable):
                    keys = [rows.key] if isinstance(rows.key, str) else (rows.key or {}).values()
                    columns += [(f"{place}.key", each) for each in keys]
                    columns += [(f"{place}.skip_without", each) for each in rows.skip_without]
        return {resource: list(dict.fromkeys(columns)) for resource, columns in found.items()}

    def locate_column(self, place: str, column: str, names: Iterable[str]) -> CityProblem:
        """A column that a table of the agency does not have."""
        return self._file.locate(place, f"there is no column '{column}'; {suggest_column(column, list(names))}")

    def _list_fields(self, records: Iterable[str] | None = None) -> Iterator[tuple[str, str]]:
        for record in self._manifest.records if records is None else records:
            for name, field in self._manifest.records.get(record, {}).items():
                yield from ((f"records.{record}.{name}", each) for each in field.columns if each != KEY_COLUMN)

    def _find_request(self, read: DomainRead) -> str:
        given = self._manifest.reads.get(read.name)
        keys = ("path", "resource", "operation", "statement", "snapshot")
        return ".".join([f"reads.{read.name}", *([each for each in keys if hasattr(given, each)][:1])])

    def _find_credential(self) -> str:
        given = self._manifest.wire.model_fields_set
        return next((f"wire.{each}" for each in ("credential", "user", "password") if each in given), "wire.url")


def suggest_column(column: str, names: Sequence[str]) -> str:
    """Which column to name in place of one that is not there."""
    near = get_close_matches(column, names, n=1, cutoff=0.5)
    first = f"write '{near[0]}'? " if near else ""
    return f"{first}it has {', '.join(sorted(names)) or 'none'}"


def _list_records(read: DomainRead) -> Iterator[str]:
    """The names of the records that a read gives, and of those within them."""
    waiting: list[Any] = list(read.facets or (read.record,))
    while waiting:
        record = waiting.pop()
        yield record.__name__
        for annotation in get_type_hints(record).values():
            waiting += [each for each in (annotation, *get_args(annotation)) if is_dataclass(each)]
