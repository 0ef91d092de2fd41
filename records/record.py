"""Records: frozen values with named fields, created often.

A frozen dataclass sets each field through `object.__setattr__`, by name. Ten thousand records a second cost a tenth of
a small hub's processor time; setting the slots directly costs less than half of that. Everything else is the
dataclass's own: equality, hash, `repr`, `fields`, `replace`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Any, Final, NamedTuple, TypeVar, dataclass_transform

T = TypeVar("T")

FILLED_BY_HUB: Final = frozenset({"agency_id", "as_of", "delivery", "is_shared", "patient_nik", "read_at"})
"""Names of fields that the hub fills, and no agency."""


@dataclass_transform(frozen_default=True, kw_only_default=True)
def record(cls: type[T]) -> type[T]:
    """Make a frozen dataclass with slots, whose fields are given by name.

    >>> @record
    ... class Market:
    ...     name: str
    """
    record_class: Any = dataclass(frozen=True, slots=True, kw_only=True, init=False)(cls)
    record_class.__init__ = _build_init(record_class)
    return record_class  # type: ignore[no-any-return]  # the class that came in, with slots


class Construction(NamedTuple):
    """Python source that makes one record, for code that is generated for each record class."""

    lines: Sequence[str]
    """They leave the record in the variable `made`."""
    names: Mapping[str, Any]
    """What the lines refer to."""


def write_construction(record_class: type[Any], values: Mapping[str, str]) -> Construction:
    """The source that makes a record of expressions for its fields; the other fields get their defaults.

    A generated reader makes a record so without a further call, in less than half of the time of a call of its class.
    Raises `TypeError` for an unknown field, and for one that is missing and has no default.
    """
    if unknown := values.keys() - {each.name for each in fields(record_class)}:
        raise TypeError(f"{record_class.__name__} has no field {min(unknown)!r}.")
    # The object has the slots of a record and is not frozen, so Python sets them directly; then it becomes a record.
    members = {
        "__slots__": vars(record_class)["__slots__"],
        "__init__": object.__init__,
        "__setattr__": object.__setattr__,
    }
    names: dict[str, Any] = {"Unfrozen": type("Unfrozen", record_class.__bases__, members), "Record": record_class}
    lines = ["made = Unfrozen()"]
    for field in fields(record_class):
        value = values.get(field.name)
        if value is None and field.default_factory is not MISSING:
            names[f"make_{field.name}"] = field.default_factory
            value = f"make_{field.name}()"
        elif value is None and field.default is MISSING:
            raise TypeError(f"{record_class.__name__} needs a value for {field.name!r}.")
        elif value is None:
            names[f"default_{field.name}"] = field.default
            value = f"default_{field.name}"
        lines.append(f"made.{field.name} = {value}")
    lines.append("made.__class__ = Record")
    if hasattr(record_class, "__post_init__"):
        lines.append("made.__post_init__()")
    return Construction(lines, names)


def _build_init(record_class: type[Any]) -> Any:  # noqa: ANN401 - a method with the record's own signature
    """Builds `__init__` like a dataclass does. The names in it are field names, which Python has validated."""
    names: dict[str, Any] = {}
    parameters: list[str] = []
    lines: list[str] = []
    for field in fields(record_class):
        names[f"set_{field.name}"] = getattr(record_class, field.name).__set__
        value = field.name
        if field.default_factory is not MISSING:
            names[f"make_{field.name}"] = field.default_factory
            names[f"default_{field.name}"] = MISSING
            value = f"make_{field.name}() if {field.name} is default_{field.name} else {field.name}"
        elif field.default is not MISSING:
            names[f"default_{field.name}"] = field.default
        has_default = f"default_{field.name}" in names
        parameters.append(f"{field.name}=default_{field.name}" if has_default else field.name)
        lines.append(f"    set_{field.name}(self, {value})")
    if hasattr(record_class, "__post_init__"):
        lines.append("    self.__post_init__()")
    signature = ", ".join(["self", *(["*"] if parameters else []), *parameters])
    exec("\n".join([f"def __init__({signature}):", *(lines or ["    pass"])]), names)  # noqa: S102 - made of the record's own field names
    initialise = names["__init__"]
    initialise.__qualname__ = f"{record_class.__qualname__}.__init__"
    initialise.__module__ = record_class.__module__
    initialise.__annotations__ = {field.name: field.type for field in fields(record_class)} | {"return": None}
    return initialise
