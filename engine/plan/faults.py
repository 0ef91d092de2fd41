"""Where faults stand in an answer, and what becomes null for them (GraphQL specification, section 6.4.4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from graphql import GraphQLError, get_nullable_type, is_non_null_type, located_error

from engine.plan.tree import PlanField, Shape

Path = tuple[str | int, ...]


class Fault(NamedTuple):
    """A field that failed in one object of the answer."""

    field: PlanField
    answer: dict[str, Any]
    place: tuple[int, ...]
    """Indices inside the field's own lists."""
    fault: Exception


def located(
    root: Shape, data: dict[str, Any], faults: Sequence[Fault]
) -> tuple[dict[str, Any] | None, list[GraphQLError]]:
    """The data with nulls propagated, and each fault at every path where it stands.

    An object that stands at several places (the same record was asked for there) has its faults at all of them.
    """
    wanted = {id(fault.answer) for fault in faults}
    paths: dict[int, list[Path]] = {each: [] for each in wanted}
    for path, answer in _objects(data, ()):
        if id(answer) in paths:
            paths[id(answer)].append(path)
    errors: list[GraphQLError] = []
    nulls: list[Path | None] = []
    for fault in faults:
        for path in paths[id(fault.answer)]:
            full = (*path, fault.field.key, *fault.place)
            nulls.append(_null_of(root, full))
            error = located_error(fault.fault, list(fault.field.nodes), list(full))
            errors.append(error)
    for null in sorted(nulls, key=lambda each: len(each or ()), reverse=True):
        if null is None:
            return None, errors
        data = _nulled(data, null)
    return data, errors


def _objects(value: Any, path: Path) -> Iterator[tuple[Path, dict[str, Any]]]:  # noqa: ANN401 - any part of an answer
    if type(value) is dict:
        yield path, value
        for key, inner in value.items():
            if type(inner) is dict or type(inner) is list:
                yield from _objects(inner, (*path, key))
    elif type(value) is list:
        for index, inner in enumerate(value):
            if type(inner) is dict or type(inner) is list:
                yield from _objects(inner, (*path, index))


def _null_of(root: Shape, path: Path) -> Path | None:
    """The place that becomes null: the nearest one at or above the path that may be. None for the whole data."""
    types: list[Any] = []
    shapes: Sequence[Shape] = (root,)
    type_: Any = None
    for part in path:
        if isinstance(part, str):
            field = next(each for shape in shapes for each in shape.fields if each.key == part)
            type_ = field.type
            shapes = tuple(field.shapes.values())
        else:
            type_ = get_nullable_type(type_).of_type
        types.append(type_)
    length = len(path)
    while length and is_non_null_type(types[length - 1]):
        length -= 1
    return path[:length] if length else None


def _nulled(data: dict[str, Any], path: Path) -> dict[str, Any]:
    """The data with null at the path. What changes is copied: an object may stand elsewhere too, without the null."""
    changed: Any = dict(data)
    at = changed
    for part in path[:-1]:
        inner = at[part]
        if inner is None:
            return data
        at[part] = dict(inner) if type(inner) is dict else list(inner)
        at = at[part]
    at[path[-1]] = None
    return changed  # type: ignore[no-any-return]  # a copy of the data
