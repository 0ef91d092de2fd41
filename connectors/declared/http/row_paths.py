"""The path to the rows in a reply: `data.rows`, or `markets[].prices` for the rows within each market."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from connectors.declared.column_syntax import PARENT, dig, parse_steps
from connectors.drivers.http.xml_body import XML_TEXT
from connectors.readers.rows import Row, row, rows
from connectors.readers.unreadable import UnreadableError

FindRows = Callable[[object], Sequence[Row]]
"""From a reply to its rows. Raises `UnreadableError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowForm:
    """How rows are in a reply."""

    max_rows: int
    may_be_row: bool
    """Whether one object stands for a list of one."""
    is_xml: bool = False
    """Whether a path begins with the root, a list may be missing, and a row may be a text."""


def build_row_finder(place: str, path: str, form: RowForm) -> FindRows:
    """The function for a path. Raises `NotDeclarableError`."""
    steps = parse_steps(place, path)
    inner = next((index for index, (_, is_each) in enumerate(steps) if is_each), None)
    if inner is None:
        names = [name for name, _ in steps]
        # Some agencies give now the list, now an object around it (datatma.json of Pantau Banjir). An empty list says
        # nothing: PHP writes an empty object so.
        may_be_list = bool(names) and not form.is_xml and not names[0].isdecimal()
        return lambda reply: _list_rows(
            reply if may_be_list and reply and isinstance(reply, list) else _walk(reply, names, form), form
        )
    outer = [name for name, _ in steps[: inner + 1] if name]
    within = steps[inner + 1 :]
    parents, inner_form = replace(form, may_be_row=form.is_xml), replace(form, may_be_row=True)
    return lambda reply: _find_within(_list_rows(_walk(reply, outer, form), parents), within, inner_form)


def _find_within(parents: Sequence[Row], steps: Sequence[tuple[str, bool]], form: RowForm) -> Sequence[Row]:
    """The rows within rows: in each, one object, a list, or nothing."""
    names: list[str] = []
    for index, (name, is_each) in enumerate(steps):
        names.append(name)
        if is_each or index == len(steps) - 1:
            found: list[Row] = []
            for parent in parents:
                value = dig(parent, *names)
                found += [{PARENT: parent, **each} for each in (() if value is None else _list_rows(value, form))]
                if len(found) > form.max_rows:
                    raise UnreadableError(f"a list of objects of at most {form.max_rows} rows")
            parents, names = found, []
    return parents


def _walk(reply: object, names: Sequence[str], form: RowForm) -> object:
    value = reply
    last = len(names) - 1
    for index, name in enumerate(names):
        if isinstance(value, list) and name.isdecimal():
            value = value[int(name)] if int(name) < len(value) else None
            continue
        if value is None and form.is_xml:
            return None
        members = row(value)
        if name not in members and not (form.is_xml and 0 < index == last):
            raise UnreadableError(f"an object with '{name}'")
        value = members.get(name)
    return value


def _list_rows(value: object, form: RowForm) -> Sequence[Row]:
    if form.is_xml:
        listed = value if isinstance(value, list) else [] if value is None else [value]
        value = [{XML_TEXT: each} if each is None or isinstance(each, str) else each for each in listed]
    elif form.may_be_row and isinstance(value, Mapping):
        return (value,)
    return rows(value, max_rows=form.max_rows)
