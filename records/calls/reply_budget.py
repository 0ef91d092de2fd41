"""How much agencies' replies may hold for one client request, over all its calls, pages and agencies."""

from __future__ import annotations

from typing import Final

MAX_REPLY_BYTES: Final = 32 * 1024 * 1024
"""Bytes. A full page of 500 complaints takes 1.3 MB (764 bytes and 28 values a row), a household of five rows 2 kB."""
BYTES_PER_VALUE: Final = 64
"""Bytes that one parsed value (a member, an item, an element) takes in memory, about, besides its text."""
BYTES_PER_ROW: Final = 256
"""The same for a row of a database."""


class ReplyBudget:
    """What is left of the bytes that all replies for one client request may take together.

    One reply is bounded by its driver. This bounds what an agency can send in many: 40 pages of 8 MiB are 320 MiB of
    text, and several times that once they are parsed.
    """

    __slots__ = ("left",)

    def __init__(self, max_bytes: int = MAX_REPLY_BYTES) -> None:
        """Nothing has come yet."""
        self.left = max_bytes

    def take(self, size: int) -> bool:
        """Count what came; False where it is more than was left."""
        self.left -= size
        return self.left >= 0

    @property
    def is_spent(self) -> bool:
        """Whether no reply is worth asking for any more: it would not be read."""
        return self.left <= 0

    def __repr__(self) -> str:
        """How much is left."""
        return f"<ReplyBudget {self.left} bytes left>"
