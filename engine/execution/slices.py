"""How much is done before other requests get their turn."""

from __future__ import annotations

from collections.abc import Iterator

SLICE = 1000
"""Objects that are shaped, or keys that are looked at, in one piece: a few milliseconds of work."""


def iterate_slices(length: int) -> Iterator[slice]:
    """The pieces of so many things."""
    return (slice(start, start + SLICE) for start in range(0, length, SLICE))
