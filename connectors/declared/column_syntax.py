"""How a manifest names a column, and the Python expression that takes its value from a row."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from connectors.declared.tables import NotDeclarableError
from connectors.readers.texts import text
from connectors.readers.unreadable import UnreadableError

_STEP: Final = re.compile(r"([^.\[\]]+)(?:\[([^\]=]+)=([^\]]+)\])?(?:\.(?=.)|$)")
"""One step of a path, with a condition in brackets if it chooses an entry of a list."""
PARENT: Final = "^"
"""The column of a row within another row: that other row."""
EACH: Final = "[]."
"""Between a list and a member of each of its entries."""
_ROW_STEP: Final = re.compile(r"([^.\[\]]+)(\[\])?(?:\.(?=.)|$)|(\[\])(?:\.(?=.)|$)")
_FIRST_NAME: Final = re.compile(r"[.\[]")


@dataclass(frozen=True, slots=True)
class ColumnSyntax:
    """How the columns of one family of drivers are named."""

    write: Callable[[str, str], str]
    """From the place in the manifest, and a column, to the expression of its value in `row`; None if it is missing."""
    write_present: Callable[[str, str], str]
    """The same for a column that every row must have: without it, the expression raises `KeyError`."""
    names: Mapping[str, Any] = field(default_factory=dict)
    """What the expressions call."""
    has_paths: bool = True
    """Whether a column can be a path."""

    def list_names(self, columns: Iterable[str]) -> Sequence[str]:
        """The names of columns, or the first names of their paths, as an agency is asked for them."""
        if not self.has_paths:
            return sorted(set(columns))
        return sorted({_FIRST_NAME.split(each, maxsplit=1)[0] for each in columns})

    def compile(self, place: str, column: str) -> Callable[[Any], object]:
        """The function from a row to the value of a column. Raises `NotDeclarableError`."""
        get: Callable[[Any], object] = eval(f"lambda row: {self.write(place, column)}", dict(self.names))  # noqa: S307 - made of quoted columns
        return get


def parse_steps(place: str, path: str) -> list[tuple[str, bool]]:
    """The names of a path, and whether rows follow within each entry of that list. Raises `NotDeclarableError`."""
    steps: list[tuple[str, bool]] = []
    end = 0
    for step in _ROW_STEP.finditer(path):
        if step.start() != end:
            break
        end = step.end()
        steps.append((step[1] or "", bool(step[2] or step[3])))
    if end != len(path):
        raise NotDeclarableError(place, f"'{path}' is not a path to rows: write data.rows or markets[].prices")
    if steps and steps[-1][1]:
        raise NotDeclarableError(place, f"'{path}' ends with []: name the list within each object, or leave [] out")
    return steps


def find_parent_column(column: str) -> str | None:
    """The column of the row around, for `^.column`; None for a column of the row itself."""
    return column.removeprefix(f"{PARENT}.") if column.startswith(f"{PARENT}.") else None


def dig(row: object, *names: str) -> object:
    """A value within objects and lists of a reply; None if it is missing. Raises `UnreadableError`."""
    value = row
    for name in names:
        if value is None:
            return None
        if isinstance(value, dict):  # nearly always; `Mapping` costs ten times as much
            value = value.get(name)
        elif isinstance(value, list | tuple) and name.isdecimal():
            value = value[int(name)] if int(name) < len(value) else None
        elif isinstance(value, Mapping):
            value = value.get(name)
        else:
            raise UnreadableError("an object")
    return value


def dig_present(row: object, *names: str) -> object:
    """The same, but a missing member or entry raises `KeyError`; one within null is null."""
    value = row
    for name in names:
        if value is None:
            return None
        if isinstance(value, list | tuple) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        elif isinstance(value, Mapping):
            value = value[name]
        else:
            raise UnreadableError("an object")
    return value


def pick(entries: object, name: str, wanted: str) -> object:
    """The entry of a list whose member has this text; None if there is none. Raises `UnreadableError` for several."""
    listed = entries if isinstance(entries, list | tuple) else [] if entries is None else [entries]
    found = [each for each in listed if _matches(each, name, wanted)]
    if len(found) > 1:
        raise UnreadableError("a list with one such entry")
    return found[0] if found else None


def pick_present(entries: object, name: str, wanted: str) -> object:
    """The same, but raises `KeyError` if there is none."""
    found = pick(entries, name, wanted)
    if found is None:
        raise KeyError(name)
    return found


def _matches(entry: object, name: str, wanted: str) -> bool:
    if not isinstance(entry, Mapping):
        raise UnreadableError("a list of objects")
    return text(entry.get(name)) == wanted


def each_of(entries: object, get: Callable[[Any], object]) -> Sequence[object] | None:
    """The values that `get` takes from the objects of a list; None without a list. Raises `UnreadableError`."""
    if entries is None:
        return None
    if not isinstance(entries, list) or not all(isinstance(each, Mapping) for each in entries):
        raise UnreadableError("a list of objects")
    return [get(each) for each in entries]


def write_path(place: str, path: str, *, dig: str, pick: str) -> str:
    """The expression of a path. `dig` and `pick` are the names of the functions that it calls."""
    expression, names, end = "row", list[str](), 0
    for step in _STEP.finditer(path):
        if step.start() != end:
            break
        end = step.end()
        names.append(step[1])
        if step[2] is not None:
            expression = f"{pick}({_write_dig(expression, names, dig)}, {step[2]!r}, {step[3]!r})"
            names = []
    if end != len(path) or not path:
        raise NotDeclarableError(place, f"'{path}' is not a path: write names with dots, such as address.street")
    return _write_dig(expression, names, dig) if names else expression


def _write_dig(expression: str, names: list[str], dig: str) -> str:
    return f"{dig}({expression}, {', '.join(map(repr, names))})"


def _write_json(place: str, path: str) -> str:
    outer, is_list, inner = path.partition(EACH)
    if is_list:
        return f"each_of({_write_json(place, outer)}, lambda row: {_write_json(place, inner)})"
    return f"row.get({path!r})" if _is_name(path) else write_path(place, path, dig="dig", pick="pick")


def _write_present_json(place: str, path: str) -> str:
    outer, is_list, inner = path.partition(EACH)
    if is_list:
        return f"each_of({_write_present_json(place, outer)}, lambda row: {_write_present_json(place, inner)})"
    if _is_name(path):
        return _write_flat(place, path)
    return write_path(place, path, dig="dig_present", pick="pick_present")


def _write_flat(_place: str, column: str) -> str:
    return f"row[{column!r}]"


def _is_name(path: str) -> bool:
    return bool(path) and "." not in path and "[" not in path


FLAT_COLUMNS: Final = ColumnSyntax(_write_flat, _write_flat, has_paths=False)
"""The name of a column, whatever signs it has. A row without it cannot be read."""
JSON_PATHS: Final = ColumnSyntax(
    _write_json,
    _write_present_json,
    {"dig": dig, "dig_present": dig_present, "each_of": each_of, "pick": pick, "pick_present": pick_present},
)
"""A member of a JSON object, or of one within it: `address.street`, `point.0`, `codings[system=nik].value`.
`owners[].nik` are those of all entries of a list."""
