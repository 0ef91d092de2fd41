"""Where faults stand in an answer, and what becomes null for them (GraphQL specification, section 6.4.4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol, overload

from graphql import GraphQLError, get_nullable_type, is_non_null_type, located_error

from engine.plan.tree import PlanField, Shape

Path = tuple[str | int, ...]


class FieldError(NamedTuple):
    """A field that failed in one object of the answer."""

    field: PlanField
    answer: dict[str, Any]
    indices: tuple[int, ...]
    """Indices inside the field's own lists."""
    error: Exception


class LocatedErrors(Sequence[GraphQLError]):
    """Faults and where they stand, as errors. An error is made when it is looked at: of tens of thousands few are."""

    def __init__(self, places: Sequence[tuple[FieldError, Path]]) -> None:
        """Take each fault with its whole path, once for every place."""
        self._places = places

    def __len__(self) -> int:
        """How many there are, looked at or not."""
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> GraphQLError: ...

    @overload
    def __getitem__(self, index: slice) -> list[GraphQLError]: ...

    def __getitem__(self, index: int | slice) -> GraphQLError | list[GraphQLError]:
        """The error, or errors, made anew."""
        if isinstance(index, slice):
            return [_build_error(*each) for each in self._places[index]]
        return _build_error(*self._places[index])

    def iterate_field_errors(self) -> Iterator[FieldError]:
        """The faults, once for every place, without making an error of any."""
        return (fault for fault, _ in self._places)

    def __repr__(self) -> str:
        """How many."""
        return f"<Located {len(self)} errors>"


def _build_error(fault: FieldError, path: Path) -> GraphQLError:
    return located_error(fault.error, list(fault.field.nodes), list(path))


def propagate_nulls(
    root: Shape, data: dict[str, Any], faults: Sequence[FieldError]
) -> tuple[dict[str, Any] | None, Sequence[GraphQLError]]:
    """The data with nulls propagated, and each fault at every path where it stands.

    An object that stands at several places (the same record was asked for there) has its faults at all of them.
    """
    paths = find_paths(data, faults)
    places: list[tuple[FieldError, Path]] = []
    errors = LocatedErrors(places)
    nulls: dict[str | int, Any] = {}
    all_null = False
    for fault in faults:
        alone = not is_non_null_type(_get_failed_type(fault))
        for path in paths[id(fault.answer)]:
            full = (*path, fault.field.key, *fault.indices)
            places.append((fault, full))
            if alone:
                continue  # null stands there already
            null = _find_nullable_path(root, full)
            if null is None:
                all_null = True
            else:
                _mark_null(nulls, null)
    if all_null:
        return None, errors
    return (_apply_nulls(data, nulls) if nulls else data), errors


class LocatedField(Protocol):
    """A field of one object of the answer."""

    @property
    def field(self) -> PlanField:
        """The field."""

    @property
    def answer(self) -> dict[str, Any]:
        """The object."""


def find_paths(data: dict[str, Any], faults: Sequence[LocatedField]) -> dict[int, list[Path]]:
    """Where the objects with faults stand, by their identity. Only what lies above a fault is looked at."""
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
    """The type of the place that failed."""
    type_: Any = fault.field.type
    for _ in fault.indices:
        type_ = get_nullable_type(type_).of_type
    return type_


def _find_nullable_path(root: Shape, path: Path) -> Path | None:
    """The place that becomes null: the nearest one at or above the path that may be. None for the whole data."""
    types: list[Any] = []
    shapes: list[Shape] = [root]
    type_: Any = None
    for part in path:
        if isinstance(part, str):
            # Objects of several types may stand here; where they share a key, validation saw to it that they agree
            # about null, but what is selected below may differ.
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
    """Note that the path becomes null, and with it all below."""
    at = nulls
    for part in path[:-1]:
        at = at.setdefault(part, {})
        if at is None:
            return
    at[path[-1]] = None


def _apply_nulls(value: Any, nulls: dict[str | int, Any]) -> Any:  # noqa: ANN401 - any part of an answer
    """The value with its nulls. What changes is copied, once: an object may stand elsewhere too, without the null."""
    if value is None:
        return None
    changed: Any = dict(value) if type(value) is dict else list(value)
    for part, below in nulls.items():
        changed[part] = None if below is None else _apply_nulls(changed[part], below)
    return changed
