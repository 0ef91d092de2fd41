"""Records: frozen values with named fields, created often.

A record is a Struct of msgspec, which makes, compares and hashes it in C. A dataclass takes one and a half to five
times as long. A record has the fields of a dataclass, so `fields` and `replace` of the standard library know it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, fields
from inspect import get_annotations
from typing import Any, Final, NamedTuple, TypeVar, dataclass_transform

import msgspec

T = TypeVar("T")

FILLED_BY_HUB: Final = frozenset({"agency_id", "as_of", "delivery", "is_shared", "patient_nik", "read_at"})
"""Names of fields that the hub fills, and no agency."""

_OF_CLASS: Final = ("__dict__", "__weakref__", "__annotate_func__", "__annotate__", "__annotations_cache__")
"""What Python adds to a class itself."""


@dataclass_transform(frozen_default=True, kw_only_default=True)
def record(cls: type[T]) -> type[T]:
    """Make a frozen value, whose fields are given by name. A record cannot extend another one.

    >>> @record
    ... class Market:
    ...     name: str
    """
    if isinstance(cls, msgspec.StructMeta):
        raise TypeError(f"{cls.__name__} extends a record. Write its fields into {cls.__name__} instead.")
    namespace = {name: value for name, value in vars(cls).items() if name not in _OF_CLASS}
    annotations = get_annotations(cls)
    # A dataclass describes the fields. It also compares and shows values, if one of their fields is left out there.
    leaves_out = any(isinstance(each, Field) and not (each.compare and each.repr) for each in namespace.values())
    plain: Any = dataclass(
        init=False, repr=leaves_out, eq=leaves_out, frozen=leaves_out, match_args=False, kw_only=True
    )(cls)  # fmt: skip
    taken = ["__dataclass_fields__", *(["__eq__", "__hash__", "__repr__"] if leaves_out else [])]
    namespace = {**{name: vars(plain)[name] for name in taken}, **namespace, "__qualname__": cls.__qualname__}
    for field in fields(plain):
        namespace.pop(field.name, None)
        if field.default_factory is not MISSING:
            namespace[field.name] = msgspec.field(default_factory=field.default_factory)
        elif field.default is not MISSING:
            namespace[field.name] = field.default
    # A Struct wants the fields with defaults last. So generated code can give the values by position, which takes half.
    namespace["__annotations__"] = dict(sorted(annotations.items(), key=lambda each: each[0] in namespace))
    bases = (msgspec.Struct, *(each for each in cls.__bases__ if each is not object))
    record_class: Any = msgspec.StructMeta(cls.__name__, bases, namespace, frozen=True)
    record_class.__annotations__ = annotations
    return record_class  # type: ignore[no-any-return]  # the class that came in, as a Struct


class Construction(NamedTuple):
    """A Python expression that makes one record, for code that is generated for each record class."""

    expression: str
    names: Mapping[str, Any]
    """What the expression refers to."""


def write_construction(record_class: type[Any], values: Mapping[str, str]) -> Construction:
    """The source that makes a record of expressions for its fields; the other fields get their defaults.

    A generated reader gives the values by position, in less than half of the time of names. Raises `TypeError` for an
    unknown field, and for one that is missing and has no default.
    """
    fields_by_name = {each.name: each for each in fields(record_class)}
    if unknown := values.keys() - fields_by_name:
        raise TypeError(f"{record_class.__name__} has no field {min(unknown)!r}.")
    names: dict[str, Any] = {"Record": record_class}
    arguments: list[str] = []
    for name in record_class.__struct_fields__:
        field, value = fields_by_name[name], values.get(name)
        if value is None and field.default_factory is not MISSING:
            names[f"make_{name}"] = field.default_factory
            value = f"make_{name}()"
        elif value is None and field.default is MISSING:
            raise TypeError(f"{record_class.__name__} needs a value for {name!r}.")
        elif value is None:
            names[f"default_{name}"] = field.default
            value = f"default_{name}"
        arguments.append(value)
    return Construction(f"Record({', '.join(arguments)})", names)
