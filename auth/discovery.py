"""Where an issuer publishes its keys, and where people sign in (OpenID Connect Discovery 1.0).

Pure: bytes in, addresses or a refusal out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
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


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInAddresses:
    """Where people sign in."""

    authorization: str
    """Where a browser is sent; may have a query of its own (RFC 6749, section 3.1)."""
    token: str
    names_itself: bool
    """Whether its answers always say whose they are (RFC 9207)."""
    end_session: str | None = None
    """Where a browser is sent to sign out (OpenID Connect RP-Initiated Logout 1.0), where there is such a place."""


def key_set_address(document: bytes, issuer: str) -> str:
    """The `jwks_uri` of the document, whose `issuer` has to be this one to the letter (section 4.3).

    Raises `DiscoveryRefused`.
    """
    return _address(_published(document, issuer), "jwks_uri")


def sign_in_addresses(document: bytes, issuer: str) -> SignInAddresses:
    """Where people sign in by a code with PKCE, as the document says, held to the same rules.

    Raises `DiscoveryRefused`, for an issuer that does not know `S256` too: it would let a stolen code pass.
    """
    found = _published(document, issuer)
    methods = found.get("code_challenge_methods_supported", ["S256"])
    if not isinstance(methods, list) or "S256" not in methods:
        raise DiscoveryRefused("it does not check codes by S256 (PKCE)")
    return SignInAddresses(
        authorization=_address(found, "authorization_endpoint"),
        token=_address(found, "token_endpoint"),
        names_itself=found.get("authorization_response_iss_parameter_supported") is True,
        end_session=_address(found, "end_session_endpoint") if "end_session_endpoint" in found else None,
    )


def _published(document: bytes, issuer: str) -> Mapping[str, Any]:
    if len(document) > LARGEST_DOCUMENT:
        raise DiscoveryRefused(f"the discovery document is larger than {LARGEST_DOCUMENT} bytes")
    try:
        found = read_object(document, depth=_DEEPEST, brackets=_MOST_BRACKETS)
    except ValueError as error:
        raise DiscoveryRefused(f"the discovery document: {error}") from None
    if found.get("issuer") != issuer:
        raise DiscoveryRefused("the discovery document names another issuer")
    return found


def _address(found: Mapping[str, Any], name: str) -> str:
    address = found.get(name)
    if not isinstance(address, str) or not is_safe_address(address.partition("?")[0]) or urlsplit(address).fragment:
        raise DiscoveryRefused(f"its {name} is no https address")
    return address
