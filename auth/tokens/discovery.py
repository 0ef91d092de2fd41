"""Parses an issuer's discovery document into the addresses of its keys and its sign-in (OpenID Connect Discovery 1.0).

Pure.
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
    """The document belongs to another issuer, or holds an unsafe address. The text is for the log."""


def build_discovery_url(issuer: str) -> str:
    """The address of the issuer's discovery document (section 4)."""
    return f"{issuer.removesuffix('/')}/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInEndpoints:
    """The addresses for sign-in."""

    authorization: str
    """The authorization endpoint for the browser; it may have a query already (RFC 6749, section 3.1)."""
    token: str
    returns_issuer: bool
    """Whether responses always name their issuer (`iss`, RFC 9207)."""
    end_session: str | None = None
    """The address for sign-out (OpenID Connect RP-Initiated Logout 1.0), if the issuer has one."""


def parse_key_set_url(document: bytes, issuer: str) -> str:
    """The `jwks_uri` of the document, whose `issuer` must equal this one exactly (section 4.3).

    Raises `DiscoveryRefused`.
    """
    return _get_url(_parse_document(document, issuer), "jwks_uri")


def parse_sign_in_endpoints(document: bytes, issuer: str) -> SignInEndpoints:
    """The addresses for sign-in by a code with PKCE, under the same rules.

    Raises `DiscoveryRefused`, also for an issuer without `S256`, which would accept a stolen code.
    """
    found = _parse_document(document, issuer)
    methods = found.get("code_challenge_methods_supported", ["S256"])
    if not isinstance(methods, list) or "S256" not in methods:
        raise DiscoveryRefused("it does not support PKCE by S256")
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
        raise DiscoveryRefused(f"its {name} is not an https address")
    return address
