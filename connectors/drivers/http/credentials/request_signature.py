"""Signs requests with a shared secret (HMAC) or a private key (RSA), each attempt with its own time and nonce."""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b64encode
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from secrets import randbelow, token_hex
from typing import Final, Literal

from connectors.drivers.http.credentials.private_key import RsaKey
from connectors.drivers.http.read_connections import build_request_head
from records.clocks import CITY_TIME_ZONE

Algorithm = Literal["sha256", "sha384", "sha512", "sha1"]
Encoding = Literal["hex", "base64"]

_PLACEHOLDER: Final = re.compile(r"\{([a-z0-9_]+)\}")
_TIMES: Final = ("timestamp", "timestamp_ms", "http_date", "iso_date", "local_date")
PARTS: Final = (
    *("method", "host", "path", "query", "key_id", "access_token", "nonce", "nonce_digits"),
    *(*_TIMES, "body_sha256", "body_sha256_base64"),
)
"""The parts of a request that a signature can cover, and headers can hold."""
_NONCE_DIGITS: Final = 32
"""Agencies that want a number take up to 36 digits (SNAP: `X-EXTERNAL-ID`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsignedRequest:
    """One request before its signature."""

    method: str
    host: str
    target: str
    """Path and query, as sent."""
    body: bytes = b""
    access_token: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSignature:
    """How requests to one agency are signed. Texts hold parts in braces: `{method}:{path}:{timestamp}`.

    Raises ValueError, with the name of the text, for a part that does not exist and a header that cannot be sent.
    """

    key: bytes | RsaKey = field(repr=False)
    """The shared secret, or the hub's private key."""
    signed: str
    """The text that is signed."""
    headers: Mapping[str, str]
    """The headers by which the signature, `{signature}`, and the other parts are sent."""
    key_id: str = ""
    algorithm: Algorithm = "sha256"
    encoding: Encoding = "hex"
    read_clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC), repr=False)

    def __post_init__(self) -> None:
        """Check the texts."""
        require_parts("signed", self.signed, PARTS)
        if not any("{signature}" in text for text in self.headers.values()):
            raise ValueError("headers: none holds {signature}")
        for name, text in self.headers.items():
            require_parts(f"headers.{name}", text, (*PARTS, "signature"))
            if build_request_head("", {name: text}) is None or not text.isascii():
                raise ValueError(f"headers.{name}: not a header that the hub can send")
        if not (self.key_id.isascii() and self.key_id.isprintable()):
            raise ValueError("key_id: use letters, digits and signs of ASCII")

    @property
    def covers_token(self) -> bool:
        """Whether the signature needs an access token."""
        return any("{access_token}" in text for text in (self.signed, *self.headers.values()))

    @property
    def covers_time(self) -> bool:
        """Whether the agency can refuse a request because the clocks differ."""
        return any(f"{{{each}}}" in text for text in (self.signed, *self.headers.values()) for each in _TIMES)

    def sign(self, request: UnsignedRequest) -> dict[str, str]:
        """The parts of one attempt, with the present time, a new nonce and the signature."""
        now = self.read_clock()
        path, _, query = request.target.partition("?")
        digest = hashlib.sha256(request.body).digest()
        parts = {
            "method": request.method,
            "host": request.host,
            "path": path,
            "query": query,
            "key_id": self.key_id,
            "access_token": request.access_token,
            "nonce": token_hex(16),
            "nonce_digits": f"{randbelow(10**_NONCE_DIGITS):0{_NONCE_DIGITS}}",
            "timestamp": str(int(now.timestamp())),
            "timestamp_ms": str(int(now.timestamp() * 1000)),
            "http_date": format_datetime(now, usegmt=True),
            "iso_date": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "local_date": now.astimezone(CITY_TIME_ZONE).isoformat(timespec="seconds"),
            "body_sha256": digest.hex(),
            "body_sha256_base64": b64encode(digest).decode(),
        }
        signed = fill_parts(self.signed, parts).encode()
        key, algorithm = self.key, self.algorithm
        signature = hmac.digest(key, signed, algorithm) if isinstance(key, bytes) else key.sign(signed, algorithm)
        parts["signature"] = signature.hex() if self.encoding == "hex" else b64encode(signature).decode()
        return parts

    def fill_headers(self, parts: Mapping[str, str]) -> dict[str, str]:
        """The headers of an attempt with these parts."""
        return {name: fill_parts(text, parts) for name, text in self.headers.items()}


def fill_parts(text: str, parts: Mapping[str, str]) -> str:
    """A text with the values of its parts."""
    return _PLACEHOLDER.sub(lambda match: parts[match[1]], text)


def require_parts(name: str, text: str, known: Collection[str]) -> None:
    """Raise ValueError, with the name of the text, for a part that does not exist."""
    for part in _PLACEHOLDER.findall(text):
        if part not in known:
            raise ValueError(f"{name}: {{{part}}} is unknown; the parts are {', '.join(known)}")
