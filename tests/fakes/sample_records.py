"""A record of any type about Siti, with a value in every field: subjects of the graph need no fakes of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, date, datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from records.identifiers import Nib, Nik, PartialDate
from tests.fakes.small_records import SITI

_PLAIN: dict[Any, Any] = {
    str: "31.71",
    int: 1,
    float: 1.5,
    bool: True,
    datetime: datetime(2026, 11, 1, 8, tzinfo=UTC),
    date: date(2026, 11, 1),
    Nik: SITI,
    Nib: Nib("9120001234567"),
    PartialDate: PartialDate("2019-06"),
}
"""The text is the code of a region of the fakes, so that edges to regions lead somewhere."""


def build_sample(annotation: Any) -> Any:  # noqa: ANN401 - any type
    """A value of the type: nothing is null, and lists hold one item."""
    while annotation not in _PLAIN and hasattr(annotation, "__supertype__"):
        annotation = annotation.__supertype__
    if get_origin(annotation) in {Union, UnionType}:
        return build_sample(next(each for each in get_args(annotation) if each is not NoneType))
    if get_origin(annotation) is not None:
        first, *rest = get_args(annotation)
        is_mapping = get_origin(annotation) is Mapping
        return {each: build_sample(rest[0]) for each in first} if is_mapping else (build_sample(first),)
    if annotation is Any:
        return None
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    if issubclass(annotation, Enum):
        return next(iter(annotation))
    hints = get_type_hints(annotation)
    return annotation(**{each.name: build_sample(hints[each.name]) for each in fields(annotation)})
