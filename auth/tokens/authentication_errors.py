"""Reasons why a token is not accepted."""

from __future__ import annotations


class Unauthenticated(Exception):  # noqa: N818 - the standard term
    """The token is not accepted. The text is safe to show and never holds the token."""

    def __init__(self, text: str, *, is_signed: bool = False) -> None:
        """`is_signed`: a trusted issuer signed the token, so it is not a guess."""
        super().__init__(text)
        self.is_signed = is_signed


class KeysUnavailable(Exception):  # noqa: N818 - names the condition
    """The token cannot be verified, because its issuer's keys are unavailable. The text is safe to show."""


def build_refusal(reason: str) -> Unauthenticated:
    """The error for a reason in one word, such as `expired_token`."""
    return Unauthenticated(f"The token was refused ({reason}). Sign in again for a new one.")
