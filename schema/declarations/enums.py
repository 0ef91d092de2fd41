"""Publishes the enumerations of records."""

from __future__ import annotations

import inspect
from enum import Enum

import strawberry

from records.description import DescribedEnum


def publish_enum(enum: type[DescribedEnum]) -> type[Enum]:
    """Publishes an enumeration, with the descriptions of its members."""
    if "__strawberry_definition__" not in vars(enum):
        strawberry.enum(enum, description=inspect.cleandoc(enum.__doc__ or ""))
        definition = enum.__strawberry_definition__  # type: ignore[attr-defined]  # set by Strawberry
        for value, member in zip(definition.values, enum, strict=True):
            value.description = member.description
    return enum
