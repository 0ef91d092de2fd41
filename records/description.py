"""Notes on record fields and enum values: descriptions for the published GraphQL schema, and marks of access."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from types import MappingProxyType
from typing import Annotated, Any, Final, get_args, get_origin, get_type_hints


@dataclass(frozen=True, slots=True)
class Doc:
    """The description of a field, in one sentence for frontend developers: `Annotated[str, Doc("...")]`."""

    text: str


class DescribedEnum(Enum):
    """An enumeration whose members have a description: `MALE = "male", "Male (laki-laki)."`."""

    description: str

    def __new__(cls, value: str, description: str = "") -> Any:  # noqa: ANN401 - Enum builds members through this hook
        """Stores the first item as the value and the second as the description."""
        member = object.__new__(cls)
        member._value_ = value
        member.description = description
        return member


class AccessMark:
    """The mark of a field that decides about access: whose data a record is, and who may see it.

    An agency's value of such a field fails closed: if it is missing or cannot be read, the record fails. It never
    becomes public, and never somebody else's. Write `owner: Annotated[Nik, Doc("..."), DECIDES_ACCESS]`.
    """

    def __repr__(self) -> str:
        """As it is written."""
        return "DECIDES_ACCESS"


DECIDES_ACCESS: Final = AccessMark()


def get_field_types(record: Any) -> Mapping[str, Any]:  # noqa: ANN401 - mypy calls no class hashable
    """The types of a record's fields by name, without notes."""
    return _read_field_types(record)


def list_access_fields(record: Any) -> frozenset[str]:  # noqa: ANN401 - as above
    """The names of a record's marked fields."""
    return _find_access_fields(record)


@cache  # a start asks 500 times for the fields of 60 records
def _read_field_types(record: type[Any]) -> Mapping[str, Any]:
    return MappingProxyType(get_type_hints(record))


@cache
def _find_access_fields(record: type[Any]) -> frozenset[str]:
    hints = get_type_hints(record, include_extras=True)
    return frozenset(
        name for name, hint in hints.items() if get_origin(hint) is Annotated and DECIDES_ACCESS in get_args(hint)[1:]
    )
