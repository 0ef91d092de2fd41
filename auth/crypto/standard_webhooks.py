"""Symmetric signatures of webhooks (Standard Webhooks 1.0.0, `v1`): agencies', which the hub checks, and its own."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from hmac import digest

_PREFIX = "whsec_"


def sign(secret: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    """What stands in `webhook-signature`: HMAC-SHA256 over id, moment and body."""
    signed = digest(secret, b"%b.%b.%b" % (message_id.encode(), timestamp.encode(), body), sha256)
    return f"v1,{b64encode(signed).decode()}"


def format_secret(secret: bytes) -> str:
    """A secret as libraries for Standard Webhooks take it."""
    return _PREFIX + b64encode(secret).decode()
