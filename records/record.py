"""Records: frozen values with named fields, created often.

A frozen dataclass sets each field through `object.__setattr__`, by name. Ten thousand records a second cost a tenth of
a small hub's processor time; setting the slots directly costs less than half of that. Everything else is the
dataclass's own: equality, hash, `repr`, `fields`, `replace`.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from typing import Any, Final, TypeVar, dataclass_transform

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


def _build_init(record_class: type[Any]) -> Any:  # noqa: ANN401 - a method with the record's own signature
    """Builds `__init__` like a dataclass does. The names in the code are field names, which Python has validated."""
    namespace: dict[str, Any] = {}
    parameters: list[str] = []
    lines: list[str] = []
    for field in fields(record_class):
        namespace[f"set_{field.name}"] = getattr(record_class, field.name).__set__
        value = field.name
        if field.default_factory is not MISSING:
            namespace[f"make_{field.name}"] = field.default_factory
            namespace[f"default_{field.name}"] = MISSING
            value = f"make_{field.name}() if {field.name} is default_{field.name} else {field.name}"
        elif field.default is not MISSING:
            namespace[f"default_{field.name}"] = field.default
        has_default = f"default_{field.name}" in namespace
        parameters.append(f"{field.name}=default_{field.name}" if has_default else field.name)
        lines.append(f"    set_{field.name}(self, {value})")
    if hasattr(record_class, "__post_init__"):
        lines.append("    self.__post_init__()")
    signature = ", ".join(["self", *(["*"] if parameters else []), *parameters])
    exec("\n".join([f"def __init__({signature}):", *(lines or ["    pass"])]), namespace)  # noqa: S102 - made of the record's own field names
    initialise = namespace["__init__"]
    initialise.__qualname__ = f"{record_class.__qualname__}.__init__"
    initialise.__module__ = record_class.__module__
    initialise.__annotations__ = {field.name: field.type for field in fields(record_class)} | {"return": None}
    return initialise
