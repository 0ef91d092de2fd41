"""The client's certificate, as whoever ended its TLS connection tells it (RFC 8705).

The hub speaks no TLS itself. What ends TLS in front of it asks clients for certificates, proves that they hold the
keys, and tells the hub by a header; it has to take that header away where a client sends one of its own. The header
counts only where a setting names it, and only from this machine or the addresses that another setting lists.
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
    """Reads thumbprints of clients' certificates from requests."""

    def __init__(self, header: str, trusted: Collection[str], *, trusts_loopback: bool = True) -> None:
        """Take the header's name, the addresses from which it is believed, and whether this machine's are."""
        self._header = header
        self._trusted = TrustedProxies(trusted)
        self._trusts_loopback = trusts_loopback

    def get_thumbprint(self, scope: Scope, headers: RequestHeaders) -> str | None:
        """The thumbprint, as RFC 8705 writes it; None where no certificate is told, or nobody is believed about it."""
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
    """The SHA-256 thumbprint in base64url that a header tells; None for what is none.

    Terminators tell the thumbprint in base64url or in hexadecimal digits, or the certificate itself: as a byte
    sequence (RFC 9440), or in PEM with percent signs (nginx, `$ssl_client_escaped_cert`).
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
