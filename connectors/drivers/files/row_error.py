"""The error of a file whose rows cannot be trusted."""

from __future__ import annotations


class RowError(Exception):
    """Rows that cannot be used. The text names the file, the row and the column, and never a value."""
