"""The client's TLS certificate, as a TLS-terminating proxy reports it in a header (RFC 8705).

The hub itself does not speak TLS. The proxy in front of it requests certificates from clients, verifies that they hold
the keys, and sends the certificate to the hub in a header. It must remove that header from requests of clients. The
header counts only if a setting names it, and only from this machine or from trusted proxies.
"""

from __future__ import annotations

import re
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Collection
from hashlib import sha256
from ipaddress import ip_address
from typing import Final
from urllib.parse import unquote

from starlette.types import Scope

from web.client_address import TrustedProxies, to_plain_address
from web.request_headers import RequestHeaders

_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_HEX: Final = re.compile(r"(?:[0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}", re.ASCII)
_BYTES: Final = re.compile(r":([A-Za-z0-9+/]+=*):", re.ASCII)
_PEM: Final = re.compile(r"\s*-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----\s*", re.ASCII)


class ClientCertificates:
    """Reads the thumbprints of client certificates from requests."""

    def __init__(self, header: str, trusted: Collection[str], *, trusts_loopback: bool = True) -> None:
        """Takes the name of the header, the trusted proxies, and whether this machine is trusted too."""
        self._header = header
        self._trusted = TrustedProxies(trusted)
        self._trusts_loopback = trusts_loopback

    def get_thumbprint(self, scope: Scope, headers: RequestHeaders) -> str | None:
        """The thumbprint in the form of RFC 8705; None without the header, or from a peer that is not trusted."""
        values = headers.getlist(self._header)
        if len(values) != 1 or not self._is_trusted_peer(scope.get("client")):
            return None
        return parse_thumbprint(values[0])

    def _is_trusted_peer(self, client: tuple[str, int] | None) -> bool:
        if client is None:
            return False
        try:
            address = to_plain_address(ip_address(client[0]))
        except ValueError:
            return False
        return (self._trusts_loopback and address.is_loopback) or address in self._trusted


def parse_thumbprint(value: str) -> str | None:
    """The SHA-256 thumbprint in base64url from the value of the header; None for other values.

    Proxies send the thumbprint in base64url or in hexadecimal digits, or the certificate itself: as a byte sequence
    (RFC 9440), or in percent-encoded PEM (nginx, `$ssl_client_escaped_cert`).
    """
    value = value.strip()
    if _BASE64URL.fullmatch(value):
        return value
    if _HEX.fullmatch(value):
        return _encode_thumbprint(bytes.fromhex(value.replace(":", "")))
    found = _BYTES.fullmatch(value) or _PEM.fullmatch(unquote(value))
    if found is None:
        return None
    try:
        return _encode_thumbprint(sha256(b64decode("".join(found[1].split()), validate=True)).digest())
    except ValueError:
        return None


def _encode_thumbprint(digest: bytes) -> str:
    return urlsafe_b64encode(digest).decode("ascii").rstrip("=")
