"""How a record says what its fields and values mean; the published graph reads its descriptions from here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any


@dataclass(frozen=True, slots=True)
class Doc:
    """The meaning of a field, in one sentence for a frontend developer: `Annotated[str, Doc("...")]`."""

    text: str


class DescribedEnum(Enum):
    """An enumeration whose members carry their meaning: `MALE = "male", "Male (laki-laki)."`."""

    description: str

    def __new__(cls, value: str, description: str = "") -> Any:  # noqa: ANN401 - Enum builds members through this hook
        """Keep the first item as the value and the second as the meaning."""
        member = object.__new__(cls)
        member._value_ = value
        member.description = description
        return member
