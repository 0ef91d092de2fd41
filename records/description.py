"""Descriptions of record fields and enum values; the published GraphQL schema uses them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any


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
