"""Writes invented rows of an agency's form. No value comes from the agency."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from enum import Enum
from typing import Any, Final

from cli.agencies.onboarding.matching import RecordMatch
from cli.agencies.onboarding.proposals import Proposal
from cli.agencies.onboarding.shapes import AgencyInterface, RowShape
from records.identifiers import FamilyCardNumber, Nib, Nik, Nop, RegionCode, Rupiah
from records.regions import Coordinates

_COUNT: Final = 3
_FIRST_PAGE: Final = {"{page}": "1", "{offset}": "0", "{size}": "100"}
_BY_TYPE: Final[Mapping[Any, str]] = {
    Nik: "317101450690900{n}",
    FamilyCardNumber: "317101010120900{n}",
    Nib: "912000123456{n}",
    Nop: "31710100010001000{n}",
    RegionCode: "31.71.0{n}",
    Rupiah: "{n}50000",
    date: "2026-01-0{n}",
    datetime: "2026-01-0{n} 08:00:00",
    bool: "Y",
    int: "{n}",
}
_BY_KIND: Final = {"number": "{n}", "flag": "1", "day": "2026-01-0{n}", "moment": "2026-01-0{n} 08:00:00"}


def write_samples(interface: AgencyInterface, proposal: Proposal) -> Mapping[str, str]:
    """The sample files by name."""
    match interface.driver:
        case "sql":
            used = {each.shape.name: each.shape for each in proposal.matches}
            return {f"{name}.json": _write_json(_list_rows(proposal, shape)) for name, shape in used.items()}
        case "http":
            return {"replies.json": _write_json(dict(_list_replies(interface, proposal)))}
        case "ckan":
            [shape] = interface.shapes
            return {f"{shape.name}.json": _write_json(_list_rows(proposal, shape))}
        case "files":
            [shape], [snapshot] = interface.shapes, proposal.snapshots
            return {f"{snapshot}.json": _write_json(_list_rows(proposal, shape))}
        case "soap":
            return {"replies.json": _write_json(dict(_list_answers(interface, proposal)))}


def invent(wanted: Any, kind: str, name: str, number: int) -> Any:  # noqa: ANN401 - any type of a field, any JSON
    """An invented value of a field's type, as a column of this kind holds it."""
    if isinstance(wanted, type) and issubclass(wanted, Enum):
        words = [str(each.value) for each in wanted]
        return words[number % len(words)]
    form = _BY_TYPE.get(wanted) or _BY_KIND.get(kind) or f"{name.rpartition('.')[2].upper()} {{n}}"
    text = form.format(n=number)
    if kind == "flag":
        return True
    return int(text) if kind == "number" and text.isdigit() else text


def _list_rows(proposal: Proposal, shape: RowShape) -> Sequence[Mapping[str, Any]]:
    wanted = dict(_list_types(proposal.matches, shape))
    return [
        {
            column: wanted[column][number]
            if isinstance(wanted.get(column), tuple)
            else invent(wanted.get(column), kind, column, number)
            for column, kind in shape.columns.items()
        }
        for number in range(1, _COUNT + 1)
    ]


def _list_types(matches: Sequence[RecordMatch], shape: RowShape) -> Iterator[tuple[str, Any]]:
    """By column: the type of its field; for coordinates, the values themselves."""
    for match in matches:
        if not set(match.columns) <= shape.columns.keys():
            continue
        for each in match.fields:
            if each.wanted is Coordinates and each.columns:
                yield each.columns[0], (0, -6.171, -6.172, -6.173)
                yield each.columns[1], (0, 106.811, 106.812, 106.813)
            elif each.columns:
                is_identifier = each.field in {"id", "code"} or each.field.endswith("_id")
                numbers: Any = int if shape.columns[each.columns[0]] == "number" else ("", "1", "2", "3")
                phones = ("", *(f"081200009{number:03}" for number in (1, 2, 3)))
                yield each.columns[0], numbers if is_identifier else phones if each.field == "phone" else each.wanted


def _list_replies(interface: AgencyInterface, proposal: Proposal) -> Iterator[tuple[str, Any]]:
    shapes = {each.name: each for each in interface.shapes}
    for read in proposal.reads.values():
        shape = next(
            (each for name, each in shapes.items() if name == read["path"] or _as_path(each) == read["path"]), None
        )
        if shape is None:
            continue
        rows = [_nest(each) for each in _list_rows(proposal, shape)]
        sent = {name: _FIRST_PAGE.get(value, value) for name, value in read.get("query", {}).items()}
        parameters = "&".join(f"{name}={value}" for name, value in sorted(sent.items()))
        request = f"GET {read['path']}{f'?{parameters}' if parameters else ''}"
        if "{key}" not in request:
            total = read.get("paging", {}).get("total")
            yield request, _wrap(rows, read.get("rows", "")) | (_nest({total: len(rows)}) if total else {})
            continue
        for number, row in enumerate(rows, start=1):
            key = _dig(row, read["key"]) if "key" in read else number
            given = [row] if read.get("rows") else row
            yield request.replace("{key}", str(key)), _wrap(given, read.get("rows", ""))


def _list_answers(interface: AgencyInterface, proposal: Proposal) -> Iterator[tuple[str, Any]]:
    """The replies of SOAP operations by call."""
    shapes = {each.name: each for each in interface.shapes}
    for read in proposal.reads.values():
        shape = shapes[read["operation"]]
        beside = _nest({name: invent(None, "text", name, 1) for name in shape.beside_rows})
        for number, row in enumerate(_list_rows(proposal, shape), start=1):
            key = row[read["key"]] if "key" in read else number
            rows = _wrap([_nest(row)], shape.rows) if shape.rows else _nest(row)
            yield f"{shape.name} {next(iter(read['arguments']))}={key}", _merge(beside, rows)


def _merge(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    both = {name: _merge(first[name], second[name]) for name in first.keys() & second.keys()}
    return {**first, **second, **both}


def _as_path(shape: RowShape) -> str:
    path = shape.name
    for name, place in shape.parameters.items():
        path = path.replace(f"{{{name}}}", "{key}") if place == "path" else path
    return path


def _nest(row: Mapping[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for column, value in row.items():
        *names, last = column.split(".")
        table = nested
        for each in names:
            table = table.setdefault(each, {})
        table[last] = value
    return nested


def _wrap(rows: Any, path: str) -> Any:  # noqa: ANN401 - any JSON
    for name in reversed([each for each in path.split(".") if each]):
        rows = {name: rows}
    return rows


def _dig(row: Mapping[str, Any], column: str) -> Any:  # noqa: ANN401 - any JSON
    value: Any = row
    for name in column.split("."):
        value = value[name]
    return value


def _write_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"
