"""Shows how each field of a row is read, for people who try a manifest. Other reads pay nothing for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from connectors.readers.rows import Row
from connectors.readers.unreadable import UnreadableError

R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedField:
    """One field of one row."""

    name: str
    columns: Sequence[str]
    value: object
    problem: str | None
    """Why it cannot be read; it never holds the value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedRow:
    """One row, as the record that it becomes."""

    record: type[Any]
    fields: Sequence[ObservedField]
    columns: Sequence[str] = ()
    """The names of all columns that the row has."""


RowObserver = Callable[[ObservedRow], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldStep:
    """How a field is read, apart from the others."""

    name: str
    columns: Sequence[str]
    arguments: str
    """Python expressions of `row` and `key`, separated by commas."""
    read: Callable[..., Any]
    is_bound: bool
    is_required: bool
    none: frozenset[object]
    """Values that mean no value."""
    missing: object
    """The value where the agency has none."""


def observe_rows(
    bind: Callable[[object], Callable[[Row], R]],
    record: type[R],
    steps: Sequence[FieldStep],
    names: Mapping[str, Any],
    observe: RowObserver,
) -> Callable[[object], Callable[[Row], R]]:
    """The same reader, which reports each row before it reads it."""
    takes = {
        each.name: eval(f"lambda row, key: ({each.arguments}{',' if each.arguments else ''})", dict(names))  # noqa: S307 - the expressions of the compiled reader
        for each in steps
    }

    def bind_observed(key: object) -> Callable[[Row], R]:
        read = bind(key)

        def read_observed(row: Row) -> R:
            fields = [_observe_field(each, takes[each.name], row, key) for each in steps if each.columns]
            observe(ObservedRow(record=record, fields=fields, columns=tuple(row)))
            return read(row)

        return read_observed

    return bind_observed


def _observe_field(step: FieldStep, take: Callable[[Row, object], Any], row: Row, key: object) -> ObservedField:
    value, problem = None, None
    try:
        read = step.read(key) if step.is_bound else step.read
        value = read(*take(row, key))
        value = None if value in step.none else value
        value = step.missing if value is None else value
        if value is None and step.is_required:
            problem = "no value, but the field always has one"
    except KeyError:
        problem = "the reply has no such column"
    except UnreadableError as error:
        problem = f"not {error.kind}"
    return ObservedField(name=step.name, columns=step.columns, value=value, problem=problem)
