"""Signatures of webhooks, the hub's own and those of agencies (Standard Webhooks 1.0.0, `v1`, HMAC-SHA256).

Secrets are derived from the hub's secret, so none is stored.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from hmac import compare_digest, digest

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from records.hub.clients import ClientId

CLOCK_TOLERANCE = 300.0
"""Seconds by which the timestamp of an agency's call may differ from the hub's clock."""
_MAX_ID_LENGTH = 128
_MAX_SIGNATURES = 5
_PREFIX = "whsec_"


def sign(secret: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    """The value of `webhook-signature`: HMAC-SHA256 of id, timestamp and body."""
    signed = digest(secret, b"%b.%b.%b" % (message_id.encode(), timestamp.encode(), body), sha256)
    return f"v1,{b64encode(signed).decode()}"


class InvalidHookSignature(Exception):  # noqa: N818 - reads as what it is
    """The agency did not sign the call. The text is safe to show."""


class AgencyHookSecrets:
    """Verifies calls of agencies, each by its own secret."""

    def __init__(self, secret: bytes) -> None:
        """Derive the key of the agencies' secrets from the hub's secret."""
        self._key = digest(secret, b"simpul agency hooks v1", sha256)

    def derive_secret(self, agency: str) -> bytes:
        """The secret that the hub shares with this agency."""
        return digest(self._key, agency.encode(), sha256)

    def format_secret(self, agency: str) -> str:
        """The same secret in the form that libraries for Standard Webhooks expect."""
        return _format_secret(self.derive_secret(agency))

    def verify(self, agency: str, headers: Mapping[str, str], body: bytes, *, now: float) -> str:
        """The id of the call, if this agency signed it within the tolerance of `now`; raises `InvalidHookSignature`."""
        call, moment = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
        if not 0 < len(call) <= _MAX_ID_LENGTH or not call.isascii() or not call.isprintable():
            raise InvalidHookSignature("The header webhook-id is missing, or is not a text of 1 to 128 characters.")
        if not moment.isascii() or not moment.isdecimal() or abs(float(moment[:20]) - now) > CLOCK_TOLERANCE:
            raise InvalidHookSignature(
                f"The header webhook-timestamp is not a time in seconds within {CLOCK_TOLERANCE:.0f} s of the hub's"
                " clock."
            )
        expected = sign(self.derive_secret(agency), call, moment, body)
        given = headers.get("webhook-signature", "").split(" ")[:_MAX_SIGNATURES]
        if not any(compare_digest(each.encode(), expected.encode()) for each in given):
            raise InvalidHookSignature(
                "The header webhook-signature holds no signature of this call with this agency's secret."
            )
        return call

    def __repr__(self) -> str:
        """Never the key."""
        return "<AgencyHookSecrets>"


class WebhookSignatures:
    """Signs the hub's webhooks, for each client with its own secret.

    A secret has a version, which the client's contract names. The version before it signs, too, so that a client can
    change to a new secret without losing a call.
    """

    def __init__(self, secret: bytes) -> None:
        """Takes the hub's secret."""
        self._secret = secret

    def format_secret(self, client: ClientId, version: int) -> str:
        """The client's secret for checking signatures, in the form that libraries for Standard Webhooks expect."""
        return _format_secret(self._key(client, version))

    def build_headers(
        self, client: ClientId, version: int, *, id_: str, timestamp: int, body: bytes
    ) -> Mapping[str, str]:
        """The headers of one attempt; `timestamp` is its time, in seconds since 1970."""
        keys = [self._key(client, each) for each in range(version, max(version - 2, 0), -1)]
        return {
            "webhook-id": id_,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": " ".join(sign(key, id_, str(timestamp), body) for key in keys),
        }

    def _key(self, client: ClientId, version: int) -> bytes:
        info = f"simpul webhooks v1\n{version}\n{client}".encode()
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(self._secret)

    def __repr__(self) -> str:
        """Never the secret."""
        return "<WebhookSignatures>"


def _format_secret(secret: bytes) -> str:
    return _PREFIX + b64encode(secret).decode()
