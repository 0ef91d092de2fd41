"""Which records are personal, and the people that a record is about. Both follow from its annotations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import is_dataclass
from functools import cache
from typing import Any, NamedTuple, get_args

from connectors.declared.python_functions import split_optional
from connectors.declared.record_readers import PERSONAL_NUMBERS
from records.description import get_field_types, list_access_fields
from records.identifiers import Nik


class _Fields(NamedTuple):
    people: tuple[str, ...]
    """Fields with NIKs."""
    records: tuple[str, ...]
    """Fields with records within the record, or with lists of them."""


def is_personal(record: type[Any]) -> bool:
    """Whether a record is about people: a number identifies them, or a field decides who may see it."""
    types = [each for hint in get_field_types(record).values() for each in _list_types(hint)]
    return (
        bool(list_access_fields(record))
        or any(each in PERSONAL_NUMBERS for each in types)
        or any(is_personal(each) for each in types if _is_record(each))
    )


def list_people(record: object) -> Iterator[Nik]:
    """The NIKs in a record, and in the records within it."""
    kind: Any = type(record)
    found = _find_fields(kind)
    for name in found.people:
        yield from _to_tuple(getattr(record, name))
    for name in found.records:
        for each in _to_tuple(getattr(record, name)):
            yield from list_people(each)


@cache
def _find_fields(record: Any) -> _Fields:  # noqa: ANN401 - same
    types = {name: _list_types(hint) for name, hint in get_field_types(record).items()}
    return _Fields(
        people=tuple(name for name, each in types.items() if Nik in each),
        records=tuple(name for name, each in types.items() if any(map(_is_record, each))),
    )


def _list_types(annotation: Any) -> tuple[Any, ...]:  # noqa: ANN401 - any annotation
    """The type of a field; the items' types of a list."""
    single = split_optional(annotation)[0]
    return get_args(single) or (single,)


def _is_record(type_: object) -> bool:
    return isinstance(type_, type) and is_dataclass(type_)


def _to_tuple(value: Any) -> tuple[Any, ...]:  # noqa: ANN401 - any value
    return () if value is None else value if isinstance(value, tuple) else (value,)
