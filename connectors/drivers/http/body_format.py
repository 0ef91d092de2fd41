"""The format of replies' bodies: what a parser gives the HTTP driver."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


class UnparsableBody(Exception):  # noqa: N818 - named for what the body is
    """The body cannot be parsed, or is too large. The text states why, without the content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyFormat:
    """How bodies are parsed."""

    parse: Callable[[bytes], object]
    """From the body to a value. Raises `UnparsableBody`."""
    count_values: Callable[[bytes], int]
    """Upper bound of the values in a body, without parsing it."""
    small_bytes: int
    """Size in bytes below which parsing needs no separate turn of the event loop."""
