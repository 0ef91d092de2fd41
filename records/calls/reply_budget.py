"""The limit on the size of agencies' replies for one client request, over all its calls, pages and agencies."""

from __future__ import annotations

from typing import Final

MAX_REPLY_BYTES: Final = 32 * 1024 * 1024
"""Bytes. A full page of 500 complaints takes 1.3 MB (764 bytes and 28 values a row), a household of five rows 2 kB."""
BYTES_PER_VALUE: Final = 64
"""Approximate bytes that one parsed value (a member, an item, an element) takes in memory besides its text."""
BYTES_PER_ROW: Final = 256
"""Approximate bytes that one database row takes in memory besides its text."""


class ReplyBudget:
    """The bytes left for all replies to one client request.

    A driver limits a single reply. This budget limits the sum of many: 40 pages of 8 MiB are 320 MiB of text, and
    several times that after parsing.
    """

    __slots__ = ("left",)

    def __init__(self, max_bytes: int = MAX_REPLY_BYTES) -> None:
        """Starts with the full budget."""
        self.left = max_bytes

    def take(self, size: int) -> bool:
        """Subtracts the size of a reply in bytes. Returns False if the reply exceeds what was left."""
        self.left -= size
        return self.left >= 0

    @property
    def is_spent(self) -> bool:
        """Whether the budget is used up, so that another reply would not be read."""
        return self.left <= 0

    def __repr__(self) -> str:
        """The bytes left."""
        return f"<ReplyBudget {self.left} bytes left>"
