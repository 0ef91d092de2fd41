"""The error of a command: one line on stderr, an exit code, no traceback."""

from __future__ import annotations


class CommandError(Exception):
    """The command cannot go on; the text names the thing, the value and the fix in one line."""
