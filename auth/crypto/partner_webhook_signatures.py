"""How a partner knows that a webhook is the hub's: Standard Webhooks 1.0, symmetric signatures (`v1`, HMAC-SHA256).

Each client has a secret of its own, made from the hub's, its name and a version. Nothing is kept: the contract says
which version is in use, and the one before signs beside it, so that a secret is changed without a call being lost.
"""

from __future__ import annotations

from collections.abc import Mapping

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from auth.crypto.standard_webhooks import format_secret, sign
from records.hub.clients import ClientId


class WebhookSignatures:
    """Signs webhooks."""

    def __init__(self, secret: bytes) -> None:
        """Take the hub's secret."""
        self._secret = secret

    def format_secret(self, client: ClientId, version: int) -> str:
        """The secret that the client checks signatures with, as libraries for Standard Webhooks take it."""
        return format_secret(self._key(client, version))

    def build_headers(
        self, client: ClientId, version: int, *, id_: str, timestamp: int, body: bytes
    ) -> Mapping[str, str]:
        """The headers of one attempt; `timestamp` is when it is made, in seconds."""
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
