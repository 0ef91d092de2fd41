"""Webhooks of agencies: believed when their agency signed them a moment ago (Standard Webhooks 1.0.0)."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from hmac import compare_digest, digest

from auth.crypto.standard_webhooks import format_secret, sign

CLOCK_TOLERANCE = 300.0
"""Seconds by which the moment of a call may differ from the hub's clock."""
_MAX_ID_LENGTH = 128
_MAX_SIGNATURES = 5


class InvalidHookSignature(Exception):  # noqa: N818 - reads as what it is
    """The call was not signed by whom it says. The text is safe to show."""


class AgencyHookSecrets:
    """Each agency's secret, derived from the hub's: nothing has to be kept."""

    def __init__(self, secret: bytes) -> None:
        """Derive a key of its own from the hub's secret."""
        self._key = digest(secret, b"simpul agency hooks v1", sha256)

    def derive_secret(self, agency: str) -> bytes:
        """The secret that the hub and this agency share."""
        return digest(self._key, agency.encode(), sha256)

    def format_secret(self, agency: str) -> str:
        """The same, as Standard Webhooks' libraries take it."""
        return format_secret(self.derive_secret(agency))

    def verify(self, agency: str, headers: Mapping[str, str], body: bytes, *, now: float) -> str:
        """The id of a call that this agency signed, within the tolerance of `now`; raises `InvalidHookSignature`."""
        call, moment = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
        if not 0 < len(call) <= _MAX_ID_LENGTH or not call.isascii() or not call.isprintable():
            raise InvalidHookSignature("The header webhook-id is missing, or no text of 1 to 128 characters.")
        if not moment.isascii() or not moment.isdecimal() or abs(float(moment[:20]) - now) > CLOCK_TOLERANCE:
            raise InvalidHookSignature(
                f"The header webhook-timestamp is no moment within {CLOCK_TOLERANCE:.0f} s of the hub's clock,"
                " in seconds."
            )
        expected = sign(self.derive_secret(agency), call, moment, body)
        given = headers.get("webhook-signature", "").split(" ")[:_MAX_SIGNATURES]
        if not any(compare_digest(each.encode(), expected.encode()) for each in given):
            raise InvalidHookSignature(
                "The header webhook-signature holds no signature of this call by this agency's secret."
            )
        return call

    def __repr__(self) -> str:
        """Never the key."""
        return "<HookSecrets>"
