"""Why a token proves nobody."""

from __future__ import annotations


class Unauthenticated(Exception):  # noqa: N818 - the standard term
    """The token proves nobody; the text is safe to show and never holds the token."""

    def __init__(self, text: str, *, is_signed: bool = False) -> None:
        """With `is_signed`, an issuer that the hub believes made the token, so it is no guess."""
        super().__init__(text)
        self.is_signed = is_signed


class KeysUnavailable(Exception):  # noqa: N818 - names the condition
    """The hub cannot tell whether the token is good: its issuer's keys cannot be had. The text is safe to show."""


def build_refusal(reason: str) -> Unauthenticated:
    """The refusal of a token for a reason in one word, such as `expired_token`."""
    return Unauthenticated(f"The token was refused ({reason}). Sign in again for a new one.")
