"""The error of all reading functions."""

from __future__ import annotations

from collections.abc import Sequence


class UnreadableError(Exception):
    """A value has none of its agency's known formats.

    The message names the kind of value ("an amount of money"), never the value, which may be personal. It can be used
    as `AgencyFailure.detail`.
    """

    def __init__(self, kind: str, columns: Sequence[str] = ()) -> None:
        """Stores the kind of value, with its article: `a day`, `an amount of money`; and its columns, if known."""
        super().__init__(f"not readable as {kind}")
        self.kind = kind
        self.columns = tuple(columns)
