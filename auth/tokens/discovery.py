"""Where an issuer publishes its keys, and where people sign in (OpenID Connect Discovery 1.0).

Pure: bytes in, addresses or a refusal out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from auth.tokens.issuers import is_safe_address
from auth.tokens.strict_json import parse_json_object

MAX_DOCUMENT_BYTES: Final = 256 * 1024
"""Bytes."""
_MAX_DEPTH: Final = 10
_MAX_BRACKETS: Final = 2000


class DiscoveryRefused(ValueError):  # noqa: N818 - names the condition
    """The document is not this issuer's, or leads where the hub does not go; the text is for the log."""


def build_discovery_url(issuer: str) -> str:
    """Where the issuer's document stands (section 4)."""
    return f"{issuer.removesuffix('/')}/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInEndpoints:
    """Where people sign in."""

    authorization: str
    """Where a browser is sent; may have a query of its own (RFC 6749, section 3.1)."""
    token: str
    returns_issuer: bool
    """Whether its answers always say whose they are (RFC 9207)."""
    end_session: str | None = None
    """Where a browser is sent to sign out (OpenID Connect RP-Initiated Logout 1.0), where there is such a place."""


def parse_key_set_url(document: bytes, issuer: str) -> str:
    """The `jwks_uri` of the document, whose `issuer` has to be this one to the letter (section 4.3).

    Raises `DiscoveryRefused`.
    """
    return _get_url(_parse_document(document, issuer), "jwks_uri")


def parse_sign_in_endpoints(document: bytes, issuer: str) -> SignInEndpoints:
    """Where people sign in by a code with PKCE, as the document says, held to the same rules.

    Raises `DiscoveryRefused`, for an issuer that does not know `S256` too: it would let a stolen code pass.
    """
    found = _parse_document(document, issuer)
    methods = found.get("code_challenge_methods_supported", ["S256"])
    if not isinstance(methods, list) or "S256" not in methods:
        raise DiscoveryRefused("it does not check codes by S256 (PKCE)")
    return SignInEndpoints(
        authorization=_get_url(found, "authorization_endpoint"),
        token=_get_url(found, "token_endpoint"),
        returns_issuer=found.get("authorization_response_iss_parameter_supported") is True,
        end_session=_get_url(found, "end_session_endpoint") if "end_session_endpoint" in found else None,
    )


def _parse_document(document: bytes, issuer: str) -> Mapping[str, Any]:
    if len(document) > MAX_DOCUMENT_BYTES:
        raise DiscoveryRefused(f"the discovery document is larger than {MAX_DOCUMENT_BYTES} bytes")
    try:
        found = parse_json_object(document, max_depth=_MAX_DEPTH, max_brackets=_MAX_BRACKETS)
    except ValueError as error:
        raise DiscoveryRefused(f"the discovery document: {error}") from None
    if found.get("issuer") != issuer:
        raise DiscoveryRefused("the discovery document names another issuer")
    return found


def _get_url(found: Mapping[str, Any], name: str) -> str:
    address = found.get(name)
    if not isinstance(address, str) or not is_safe_address(address.partition("?")[0]) or urlsplit(address).fragment:
        raise DiscoveryRefused(f"its {name} is no https address")
    return address
