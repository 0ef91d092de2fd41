"""A record of any type, with a value in every field: subjects of the graph need no fakes of their own."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, date, datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from records.identifiers import Nik
from tests.fakes.small_records import SITI

_PLAIN: dict[Any, Any] = {
    Nik: SITI,
    str: "31.71",
    int: 1,
    float: 1.5,
    bool: True,
    datetime: datetime(2026, 11, 1, 8, tzinfo=UTC),
    date: date(2026, 11, 1),
}
"""The text is the code of a region of the fakes, so that edges to regions lead somewhere."""


def build_sample(annotation: Any) -> Any:  # noqa: ANN401 - any type
    """A value of the type: nothing is null, and lists hold one item."""
    while hasattr(annotation, "__supertype__") and annotation not in _PLAIN:
        annotation = annotation.__supertype__
    if get_origin(annotation) in {Union, UnionType}:
        return build_sample(next(each for each in get_args(annotation) if each is not NoneType))
    if get_origin(annotation) is not None:
        return (build_sample(get_args(annotation)[0]),)
    if annotation is Any:
        return None
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    if issubclass(annotation, Enum):
        return next(iter(annotation))
    hints = get_type_hints(annotation)
    return annotation(**{each.name: build_sample(hints[each.name]) for each in fields(annotation)})
