"""Locates errors in an answer, and propagates nulls (GraphQL specification, section 6.4.4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol, overload

from graphql import GraphQLError, get_nullable_type, is_non_null_type, located_error

from engine.execution.denied_fields import FieldError
from engine.plan.tree import PlanField, Shape

Path = tuple[str | int, ...]


class LocatedErrors(Sequence[GraphQLError]):
    """Errors with their paths. A `GraphQLError` is built when it is read: of tens of thousands, few are."""

    def __init__(self, places: Sequence[tuple[FieldError, Path]]) -> None:
        """Takes each error with its full path, once for every place."""
        self._places = places

    def __len__(self) -> int:
        """The number of errors."""
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> GraphQLError: ...

    @overload
    def __getitem__(self, index: slice) -> list[GraphQLError]: ...

    def __getitem__(self, index: int | slice) -> GraphQLError | list[GraphQLError]:
        """The error, or errors, built at each access."""
        if isinstance(index, slice):
            return [_build_error(*each) for each in self._places[index]]
        return _build_error(*self._places[index])

    def iterate_field_errors(self) -> Iterator[FieldError]:
        """The errors of fields, once for every place, without building any `GraphQLError`."""
        return (fault for fault, _ in self._places)

    def __repr__(self) -> str:
        """The number of errors."""
        return f"<LocatedErrors {len(self)}>"


def _build_error(fault: FieldError, path: Path) -> GraphQLError:
    return located_error(fault.error, list(fault.field.nodes), list(path))


def propagate_nulls(
    root: Shape, data: dict[str, Any], faults: Sequence[FieldError]
) -> tuple[dict[str, Any] | None, Sequence[GraphQLError]]:
    """The data with nulls propagated, and each error at every path where it occurs.

    An object that occurs at several places, because the same record was selected there, has its errors at all of them.
    """
    paths = find_paths(data, faults)
    places: list[tuple[FieldError, Path]] = []
    errors = LocatedErrors(places)
    nulls: dict[str | int, Any] = {}
    all_null = False
    for fault in faults:
        is_nullable = not is_non_null_type(_get_failed_type(fault))
        for path in paths[id(fault.answer)]:
            full = (*path, fault.field.key, *fault.indices)
            places.append((fault, full))
            if is_nullable:
                continue  # the failed field is null already
            null = _find_nullable_path(root, full)
            if null is None:
                all_null = True
            else:
                _mark_null(nulls, null)
    if all_null:
        return None, errors
    return (_apply_nulls(data, nulls) if nulls else data), errors


class LocatedField(Protocol):
    """A field in one object of the answer."""

    @property
    def field(self) -> PlanField:
        """The field."""

    @property
    def answer(self) -> dict[str, Any]:
        """The object."""


def find_paths(data: dict[str, Any], faults: Sequence[LocatedField]) -> dict[int, list[Path]]:
    """The paths of the objects with errors, by identity of the object."""
    # An answer may hold many thousands of objects. Visit only the fields that lead to one with an error.
    above: dict[str, Any] = {}
    for field in {fault.field for fault in faults}:
        keys: list[str] = []
        over = field.parent.parent
        while over is not None:
            keys.append(over.key)
            over = over.parent.parent
        at = above
        for key in reversed(keys):
            at = at.setdefault(key, {})
    paths: dict[int, list[Path]] = {id(fault.answer): [] for fault in faults}
    _collect_paths(data, above, (), paths)
    return paths


def _collect_paths(value: Any, above: dict[str, Any], path: Path, paths: dict[int, list[Path]]) -> None:  # noqa: ANN401 - any part of an answer
    if type(value) is list:
        for index, inner in enumerate(value):
            if inner is not None:
                _collect_paths(inner, above, (*path, index), paths)
        return
    found = paths.get(id(value))
    if found is not None:
        found.append(path)
    for key, below in above.items():
        inner = value.get(key)
        if inner is not None:
            _collect_paths(inner, below, (*path, key), paths)


def _get_failed_type(fault: FieldError) -> Any:  # noqa: ANN401 - any type
    """The type of the failed value: of the field, or of an item of its lists."""
    type_: Any = fault.field.type
    for _ in fault.indices:
        type_ = get_nullable_type(type_).of_type
    return type_


def _find_nullable_path(root: Shape, path: Path) -> Path | None:
    """The path that becomes null: the nearest nullable one at or above the failed path. None for the whole data."""
    types: list[Any] = []
    shapes: list[Shape] = [root]
    type_: Any = None
    for part in path:
        if isinstance(part, str):
            # Objects of several types may be here. Validation ("Field Selection Merging") guarantees that fields with
            # the same response key agree about null. What is selected below them may differ.
            fields = [each for shape in shapes for each in shape.fields if each.key == part]
            type_ = fields[0].type
            shapes = [shape for each in fields for shape in each.shapes.values()]
        else:
            type_ = get_nullable_type(type_).of_type
        types.append(type_)
    length = len(path)
    while length and is_non_null_type(types[length - 1]):
        length -= 1
    return path[:length] if length else None


def _mark_null(nulls: dict[str | int, Any], path: Path) -> None:
    """Mark the path, and everything below it, as null."""
    at = nulls
    for part in path[:-1]:
        at = at.setdefault(part, {})
        if at is None:
            return
    at[path[-1]] = None


def _apply_nulls(value: Any, nulls: dict[str | int, Any]) -> Any:  # noqa: ANN401 - any part of an answer
    """The value with its nulls. Changed parts are copied: an object may occur elsewhere, without the null."""
    if value is None:
        return None
    changed: Any = dict(value) if type(value) is dict else list(value)
    for part, below in nulls.items():
        changed[part] = None if below is None else _apply_nulls(changed[part], below)
    return changed
