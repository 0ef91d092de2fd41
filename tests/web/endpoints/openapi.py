"""The part of OpenAPI 3.0 that `data_tracker.openapi.yaml` uses: parses it, and checks responses by its schemas."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
"""RFC 3339, section 5.6 "date-time"."""
_KNOWN = {"type", "format", "required", "properties", "items", "enum", "$ref", "description", "example", "default"}
_INT32 = 2**31
Lines = list[tuple[int, str]]


def read_yaml(text: str) -> Any:  # noqa: ANN401 - any YAML
    """Parse block-style YAML: mappings, lists, and plain or quoted scalars of one line."""
    lines = [(len(line) - len(line.lstrip()), line.strip()) for line in text.splitlines() if line.strip()]
    value, rest = _parse_block(lines, 0)
    assert rest == len(lines)
    return value


def _parse_block(lines: Lines, at: int) -> tuple[Any, int]:
    indent, content = lines[at]
    if content.startswith("- "):
        return _parse_list(lines, at, indent)
    if re.match(r"[^'\s][^:]*:(\s|$)|'[^']*':(\s|$)", content):
        return _parse_mapping(lines, at, indent)
    return _parse_scalar(content), at + 1


def _parse_list(lines: Lines, at: int, indent: int) -> tuple[list[Any], int]:
    items = []
    while at < len(lines) and lines[at][0] == indent and lines[at][1].startswith("- "):
        lines[at] = (indent + 2, lines[at][1][2:])
        item, at = _parse_block(lines, at)
        items.append(item)
    return items, at


def _parse_mapping(lines: Lines, at: int, indent: int) -> tuple[dict[str, Any], int]:
    found: dict[str, Any] = {}
    while at < len(lines) and lines[at][0] == indent and not lines[at][1].startswith("- "):
        name, _, rest = lines[at][1].partition(":")
        if rest.strip():
            found[_parse_scalar(name)], at = _parse_scalar(rest.strip()), at + 1
        else:
            found[_parse_scalar(name)], at = _parse_block(lines, at + 1)
    return found, at


def _parse_scalar(text: str) -> Any:  # noqa: ANN401 - a scalar
    if text.startswith("'"):
        return text.strip("'")
    return {"true": True, "false": False}.get(text, int(text) if text.isdecimal() else text)


def find_faults(document: Mapping[str, Any], schema: Mapping[str, Any], value: Any, place: str = "") -> Iterator[str]:  # noqa: ANN401 - JSON
    """The violations of a schema in a value, including members that the schema does not name."""
    assert set(schema) <= _KNOWN, f"a schema uses unsupported keywords: {set(schema) - _KNOWN}"
    if "$ref" in schema:
        yield from find_faults(document, _resolve_reference(document, schema["$ref"]), value, place)
        return
    match schema["type"]:
        case "object" if isinstance(value, dict):
            yield from (f"{place}.{name} is missing" for name in schema.get("required", ()) if name not in value)
            yield from (f"{place}.{name} is not named" for name in value if name not in schema["properties"])
            for name in set(value) & set(schema["properties"]):
                yield from find_faults(document, schema["properties"][name], value[name], f"{place}.{name}")
        case "array" if isinstance(value, list):
            for index, each in enumerate(value):
                yield from find_faults(document, schema["items"], each, f"{place}[{index}]")
        case "string" if isinstance(value, str):
            yield from _find_text_faults(schema, value, place)
        case "integer" if type(value) is int:
            yield from () if abs(value) < _INT32 or schema.get("format") != "int32" else (f"{place} is no int32",)
        case kind:
            yield f"{place} is no {kind}"


def _find_text_faults(schema: Mapping[str, Any], value: str, place: str) -> Iterator[str]:
    if "enum" in schema and value not in schema["enum"]:
        yield f"{place} is not in {schema['enum']}"
    if schema.get("format") == "date-time" and not _is_moment(value):
        yield f"{place} is no date-time"


def _resolve_reference(document: Mapping[str, Any], reference: str) -> Mapping[str, Any]:
    found: Any = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    assert isinstance(found, dict)
    return found


def _is_moment(text: str) -> bool:
    return bool(_MOMENT.fullmatch(text)) and datetime.fromisoformat(text).tzinfo is not None


def get_answer_schema(document: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    """The schema of the response to a successful GET of the path."""
    schema = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert isinstance(schema, dict)
    return schema


def get_parameters(document: Mapping[str, Any], path: str) -> Sequence[Mapping[str, Any]]:
    """The parameters of a GET of the path."""
    found: Sequence[Mapping[str, Any]] = document["paths"][path]["get"].get("parameters", ())
    return found
