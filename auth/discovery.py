"""Where an issuer publishes its keys (OpenID Connect Discovery 1.0). Pure: bytes in, an address or a refusal out."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from auth.issuers import is_safe_address
from auth.strict_json import read_object

LARGEST_DOCUMENT: Final = 256 * 1024
"""Bytes."""
_DEEPEST: Final = 10
_MOST_BRACKETS: Final = 2000


class DiscoveryRefused(ValueError):  # noqa: N818 - names the condition
    """The document is not this issuer's, or leads where the hub does not go; the text is for the log."""


def discovery_address(issuer: str) -> str:
    """Where the issuer's document stands (section 4)."""
    return f"{issuer.removesuffix('/')}/.well-known/openid-configuration"


def key_set_address(document: bytes, issuer: str) -> str:
    """The `jwks_uri` of the document, whose `issuer` has to be this one to the letter (section 4.3).

    Raises `DiscoveryRefused`.
    """
    if len(document) > LARGEST_DOCUMENT:
        raise DiscoveryRefused(f"the discovery document is larger than {LARGEST_DOCUMENT} bytes")
    try:
        found = read_object(document, depth=_DEEPEST, brackets=_MOST_BRACKETS)
    except ValueError as error:
        raise DiscoveryRefused(f"the discovery document: {error}") from None
    if found.get("issuer") != issuer:
        raise DiscoveryRefused("the discovery document names another issuer")
    address = found.get("jwks_uri")
    if not isinstance(address, str) or not is_safe_address(address.partition("?")[0]) or urlsplit(address).fragment:
        raise DiscoveryRefused("its jwks_uri is no https address")
    return address
