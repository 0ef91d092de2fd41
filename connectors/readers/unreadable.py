"""The one complaint of every reading function."""

from __future__ import annotations


class UnreadableError(Exception):
    """A value is in none of the forms its agency is known to write.

    Names the kind of value ("an amount of money") and never the value itself, which may be personal:
    the message is fit for `AgencyFailure.detail`.
    """

    def __init__(self, kind: str) -> None:
        """Name the kind of value, with its article: `a day`, `an amount of money`."""
        super().__init__(f"not readable as {kind}")
        self.kind = kind
