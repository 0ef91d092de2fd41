"""Random codes that people read aloud, such as the number of a receipt."""

from __future__ import annotations

from secrets import choice
from typing import Final

_ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Without characters that are confused when read aloud."""


def draw_code(length: int) -> str:
    """Draws a random code of this length."""
    return "".join(choice(_ALPHABET) for _ in range(length))
