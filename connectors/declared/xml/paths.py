"""Paths in XML: names of elements from the root, `@name` for an attribute, `#text` for the text of a row itself."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

from connectors.declared.column_syntax import ColumnSyntax, pick, pick_present, write_path
from connectors.declared.http.rows import ReplyPaths
from connectors.drivers.http.xml_body import XML_TEXT
from connectors.readers.unreadable import UnreadableError


def dig_element(row: object, *names: str) -> object:
    """A value within elements; None if it is missing. An element that is not repeated is the entry `0`."""
    try:
        return dig_present_element(row, *names)
    except KeyError:
        return None


def dig_present_element(row: object, *names: str) -> object:
    """The same, but a missing element or attribute raises `KeyError`."""
    value = row
    for name in names:
        if name.isdecimal():
            entries = value if isinstance(value, list) else [value]
            if int(name) >= len(entries):
                raise KeyError(name)
            value = entries[int(name)]
        elif isinstance(value, Mapping):
            value = value[name]
        elif value is None or isinstance(value, str):  # an element without elements
            raise KeyError(name)
        else:
            raise UnreadableError("one element")
    return value


def read_element(value: object) -> object:
    """The text of an element with attributes; any other value stays as it is."""
    return value[XML_TEXT] if isinstance(value, Mapping) and XML_TEXT in value else value


def _write(place: str, path: str, *, dig: str, pick: str) -> str:
    return f"read_element({write_path(place, path, dig=dig, pick=pick)})"


XML_PATHS: Final = ColumnSyntax(
    partial(_write, dig="dig", pick="pick"),
    partial(_write, dig="dig_present", pick="pick_present"),
    {
        "dig": dig_element,
        "dig_present": dig_present_element,
        "pick": pick,
        "pick_present": pick_present,
        "read_element": read_element,
    },
)
XML_REPLIES: Final = ReplyPaths(XML_PATHS, is_xml=True)
