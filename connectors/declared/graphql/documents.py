"""The documents of declared reads: only the fields that the wanted records need, and each argument as a variable."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, get_origin

from connectors.declared.column_syntax import PARENT, find_parent_column, parse_steps
from connectors.declared.graphql.tables import GraphqlCallTable
from connectors.declared.record_readers import KEY_COLUMN, RecordReader
from connectors.declared.tables import NotDeclarableError
from connectors.declared.templates import EXPRESSION_NAMES, KEYS, TemplateWriter, list_page_placeholders

MAX_DEPTH: Final = 12
"""Maximum levels of a selection. Servers commonly allow 10 to 15."""
_STEP: Final = re.compile(r"([^.\[\]]+)(?:\[([^\]=]+)=[^\]]+\]|\[\])?(?:\.(?=.)|$)")
_NAME: Final = re.compile(r"[_A-Za-z][_0-9A-Za-z]*", re.ASCII)
_PAGE_INFO: Final = "pageInfo"
_PLACEHOLDER_TYPES: Final = {"{key}": "ID!", "{keys}": "[ID!]!", "{size}": "Int!", "{offset}": "Int!"}


@dataclass(frozen=True, slots=True)
class Selection:
    """A field with the fields selected in it."""

    fields: dict[str, Selection] = field(default_factory=dict)
    places: list[str] = field(default_factory=list)
    """Where the manifest names the field."""

    def add(self, place: str, path: str) -> Selection:
        """Select a path; returns its last field. Raises `NotDeclarableError`."""
        found, end = self, 0
        for step in _STEP.finditer(path):
            if step.start() != end:
                break
            end = step.end()
            for name in (step[1], step[2]) if step[2] else (step[1],):
                if not (_NAME.fullmatch(name) or name.isdecimal()):
                    raise NotDeclarableError(place, f"'{name}' is not the name of a field; write letters, digits and _")
            if step[1].isdecimal():  # an entry of a list, which GraphQL gives whole
                continue
            found = found.fields.setdefault(step[1], Selection())
            found.places.append(place)
            if step[2]:
                found.fields.setdefault(step[2], Selection()).places.append(place)
        if end != len(path):
            raise NotDeclarableError(place, f"'{path}' is not a path: write names with dots, such as address.street")
        return found

    @property
    def depth(self) -> int:
        """The levels below it."""
        return 1 + max(each.depth for each in self.fields.values()) if self.fields else 0

    def write(self, arguments: Mapping[str, str], path: str = "") -> str:
        """The selection set; `arguments` are written texts by the path of their field."""
        inner = []
        for name, each in self.fields.items():
            here = f"{path}.{name}".removeprefix(".")
            inner.append(f"{name}{arguments.get(here, '')}{each.write(arguments, here)}")
        return f"{{{' '.join(inner)}}}" if inner else ""


def select_columns(root: Selection, place: str, rows: str, columns: Iterable[tuple[str, str]]) -> None:
    """Select columns of the rows at a path, each with its place in the manifest. Raises `NotDeclarableError`.

    `^.nik` is the field `nik` of the entity, or of the field asked, in which the rows are.
    """
    at = root
    for name, _ in parse_steps(f"{place}.rows", rows) if rows else ():
        at = at.add(f"{place}.rows", name)
    for where, column in columns:
        outer = find_parent_column(column)
        (at if outer is None else root).add(where, column if outer is None else outer)


def list_columns(reader: RecordReader[Any]) -> list[tuple[str, str]]:
    """The columns that a reader takes, with their places, and those of lists within its rows."""
    found = [(each.place, each.column) for each in reader.uses if each.column != KEY_COLUMN]
    for column, inner in reader.lists.items():
        own = [(place, each) for place, each in list_columns(inner) if not each.startswith(f"{PARENT}.")]
        found += [(place, f"{column}.{each}") for place, each in own]
    return found


def find_connection(place: str, table: GraphqlCallTable) -> str:
    """The path to the connection of paged rows: that of the rows without `nodes` or `edges[].node`.

    Raises `NotDeclarableError`.
    """
    for ending in ("edges[].node", "nodes"):
        if table.rows == ending or table.rows.endswith(f".{ending}"):
            return table.rows.removesuffix(ending).removesuffix(".")
    raise NotDeclarableError(f"{place}.rows", "pages of a connection end with 'nodes' or 'edges[].node'")


def select_page(root: Selection, place: str, table: GraphqlCallTable) -> None:
    """Select what says whether another page follows. Raises `NotDeclarableError`."""
    if table.paging is None:
        return
    connection = find_connection(place, table) if table.paging.by == "relay" else ""
    at = root.add(f"{place}.rows", connection) if connection else root
    if table.paging.by == "relay":
        for name in ("hasNextPage", "endCursor"):
            at.add(f"{place}.paging", f"{_PAGE_INFO}.{name}")
    if table.paging.total is not None:
        at.add(f"{place}.paging.total", table.paging.total)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """The arguments of a read: variables, their types, and the text of each field's arguments."""

    types: Mapping[str, str]
    """The type of each variable."""
    names: Mapping[str, str]
    """The variable of each argument."""
    templates: Mapping[str, Any]
    """The value of each variable, with placeholders."""
    place: str

    def write(self, suffix: str = "") -> Mapping[str, str]:
        """The text of the arguments by the path of their field; that of the field asked is empty."""
        found: dict[str, list[str]] = {}
        for argument, variable in self.names.items():
            path, _, name = argument.rpartition(".")
            found.setdefault(path, []).append(f"{name}:${variable}{suffix}")
        return {path: f"({' '.join(each)})" for path, each in found.items()}

    def declare(self, suffix: str = "") -> str:
        """The declarations of the variables."""
        return " ".join(f"${name}{suffix}:{kind}" for name, kind in self.types.items())

    def build(self, writer: TemplateWriter) -> Callable[[Any, Any], dict[str, Any]]:
        """Compile the function from a key, or keys, and the position of a page to the variables."""
        written = writer.write_json(f"{self.place}.arguments", self.templates)
        found: Callable[[Any, Any], dict[str, Any]] = eval(f"lambda key, page: {written}", dict(EXPRESSION_NAMES))  # noqa: S307 - made of field names, and of quoted texts
        return found


class FieldDocument(NamedTuple):
    """What a field or an entity selects, and its arguments."""

    selection: Selection
    arguments: Arguments


def build_arguments(
    place: str, table: GraphqlCallTable, kinds: Mapping[str, object], *, sends_numbers: bool
) -> Arguments:
    """Name the variables of a read. `kinds` are the types of the parts of a query. Raises `NotDeclarableError`."""
    if unknown := sorted(table.types.keys() - table.arguments.keys()):
        raise NotDeclarableError(f"{place}.types", f"there is no argument '{unknown[0]}'; remove its type")
    names = {argument: f"v{index}" for index, argument in enumerate(table.arguments)}
    types = {
        names[argument]: table.types.get(argument)
        or _find_type(f"{place}.types", argument, value, kinds, sends_numbers=sends_numbers)
        for argument, value in table.arguments.items()
    }
    templates = {names[argument]: value for argument, value in table.arguments.items()}
    return Arguments(types=types, names=names, templates=templates, place=place)


def _find_type(place: str, argument: str, value: object, kinds: Mapping[str, object], *, sends_numbers: bool) -> str:
    if isinstance(value, str):
        kind = kinds.get(value.strip("{}")) if value.startswith("{") else None
        plain = "[String!]" if get_origin(kind) is tuple else "Int" if kind is int else "String"
        if "{" not in value:
            plain = "String!"
        found = _PLACEHOLDER_TYPES.get(value, plain)
        return found.replace("ID", "Int") if sends_numbers else found
    if isinstance(value, bool):
        return "Boolean!"
    if isinstance(value, int | float):
        return "Int!" if isinstance(value, int) else "Float!"
    if isinstance(value, list | tuple) and value:
        return f"[{_find_type(place, argument, value[0], kinds, sends_numbers=sends_numbers)}]!"
    raise NotDeclarableError(place, f"write the type of the argument: types = {{ {argument} = ... }}")


def list_placeholders(place: str, table: GraphqlCallTable) -> Mapping[str, int | str]:
    """The placeholders of the pages of a field. Raises `NotDeclarableError` if all pages would be the same."""
    if table.paging is None:
        return {}
    name = {"relay": "cursor", "offset": "offset"}[table.paging.by]
    if f"{{{name}}}" not in table.arguments.values():
        raise NotDeclarableError(f"{place}.paging", f"all pages would be the same: send {{{name}}} in an argument")
    return list_page_placeholders("cursor" if name == "cursor" else "offset", table.paging.size)


def check_depth(place: str, selection: Selection) -> None:
    """Raise `NotDeclarableError` for a selection that is too deep."""
    if selection.depth > MAX_DEPTH:
        raise NotDeclarableError(place, f"its records select {selection.depth} levels; at most {MAX_DEPTH} are allowed")


def write_query(name: str, declared: str, fields: Sequence[str]) -> str:
    """The document of a query."""
    return f"query {name}{f'({declared})' if declared else ''}{{{' '.join(fields)}}}"


def uses_keys(table: GraphqlCallTable) -> bool:
    """Whether the field takes a list of keys."""
    return any(f"{{{KEYS}}}" in str(each) for each in table.arguments.values())
