"""The parts of a command that a request can hold: its number, person and matter, and the fields of its payload."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from enum import Enum
from types import SimpleNamespace
from typing import Any, Final, NamedTuple, get_args, get_origin

from connectors.declared.domain_reads import find_plain_type
from connectors.declared.http.tables import HttpRequestTable
from connectors.declared.python_functions import split_optional
from connectors.declared.tables import NotDeclarableError
from records.calls.outgoing_commands import OutgoingCommand
from records.description import get_field_types

CASE_ID, NUMBER, SUBJECT = "case_id", "number", "subject"
_CASE_ID_FORM: Final = re.compile(r"(?!\d{16}$|\d{18}$)[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}", re.ASCII)
"""Identifiers that an address may hold: no sign means anything there, and no identity number."""
_ANY_TEXT: Final = re.compile(r"[^\0]*")
_PLACEHOLDER: Final = re.compile(r"\{([a-z_0-9]+)")

GetValue = Callable[[Any], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandParts:
    """The parts of the commands of one kind."""

    types: Mapping[str, object]
    """By name: a text, a number, or `tuple` for several texts."""
    optional: frozenset[str]
    """Those that may be None."""
    payload: Mapping[str, GetValue]
    """From the payload to each of its parts."""

    @property
    def patterns(self) -> Mapping[str, re.Pattern[str]]:
        """The form of each text."""
        return {
            name: _CASE_ID_FORM if name in {CASE_ID, NUMBER} else _ANY_TEXT
            for name, kind in self.types.items()
            if kind is str
        }

    def read(self, command: OutgoingCommand[Any]) -> SimpleNamespace:
        """The values of a command."""
        values = {name: get(command.payload) for name, get in self.payload.items()}
        return SimpleNamespace(number=command.number, subject=command.subject, case_id=command.case_id, **values)


def list_command_parts(place: str, payload: type[Any], *, has_case: bool) -> CommandParts:
    """List the parts of commands with this payload. Raises `NotDeclarableError` for one that cannot be sent."""
    types: dict[str, object] = dict.fromkeys([NUMBER, SUBJECT, *([CASE_ID] if has_case else [])], str)
    optional, getters = set[str](), dict[str, GetValue]()
    for field in _list_fields(payload):
        name, (inner, may_be_none) = field.name, split_optional(field.annotation)
        kind = find_plain_type(inner)
        if kind is int:
            types[name] = int
        elif get_origin(kind) is tuple and find_plain_type(get_args(kind)[0]) is str:
            types[name] = tuple
        elif isinstance(kind, type) and issubclass(kind, str | bool | float | Enum | date):
            types[name] = str
        else:
            raise NotDeclarableError(place, f"the field '{name}' is neither text, number nor time; write a connector")
        getters[name] = field.get
        if may_be_none:
            optional.add(name)
    return CommandParts(types=types, optional=frozenset(optional), payload=getters)


def check_case_id(command: OutgoingCommand[Any]) -> bool:
    """Whether an address may hold the identifier of the matter."""
    return command.case_id is None or _CASE_ID_FORM.fullmatch(command.case_id) is not None


def check_address(place: str, table: HttpRequestTable, parts: CommandParts) -> None:
    """Refuse texts and people in an address, which logs keep. Raises `NotDeclarableError`."""
    values = [each for value in table.query.values() for each in ([value] if isinstance(value, str) else value)]
    allowed = {CASE_ID, NUMBER} | {name for name, kind in parts.types.items() if kind is int}
    for key, templates in {"path": [table.path], "query": values}.items():
        for name in (found for each in templates for found in _PLACEHOLDER.findall(each)):
            if name in parts.types and name not in allowed:
                raise NotDeclarableError(f"{place}.{key}", f"{{{name}}} would stay in logs; send it in a form or body")


class _SentField(NamedTuple):
    """A field of a record, or of one within it."""

    name: str
    annotation: Any
    get: GetValue


def _list_fields(record: type[Any]) -> Iterator[_SentField]:
    """The fields of a record with those of records within it."""
    hints = get_field_types(record)
    for each in fields(record):
        annotation, name = hints[each.name], each.name
        inner, may_be_none = split_optional(annotation)
        if isinstance(inner, type) and is_dataclass(inner):
            for field in _list_fields(inner):
                found = field.annotation | None if may_be_none else field.annotation
                yield _SentField(f"{name}_{field.name}", found, _get_within(name, field.get))
        else:
            yield _SentField(name, annotation, _get_sent(name))


def _get_within(name: str, get: GetValue) -> GetValue:
    def find(record: Any) -> Any:  # noqa: ANN401 - any record
        inner = getattr(record, name)
        return None if inner is None else get(inner)

    return find


def _get_sent(name: str) -> GetValue:
    return lambda record: _to_sent(getattr(record, name))


def _to_sent(value: Any) -> Any:  # noqa: ANN401 - any value of a record
    """A value as requests hold it: a number, a text, several texts, or None."""
    if isinstance(value, Enum):
        return _to_sent(value.value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, float) else value
