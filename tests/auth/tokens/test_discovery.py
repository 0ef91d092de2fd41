"""The sign-in addresses in an issuer's discovery document."""

from __future__ import annotations

import json

import pytest

from auth.tokens.discovery import MAX_DOCUMENT_BYTES, DiscoveryRefused, SignInEndpoints, parse_sign_in_endpoints

ISSUER = "https://issuer.example"
DOCUMENT = {
    "issuer": ISSUER,
    "jwks_uri": f"{ISSUER}/keys",
    "authorization_endpoint": f"{ISSUER}/authorize?realm=a",
    "token_endpoint": f"{ISSUER}/token",
}


def parse_document(**more: object) -> SignInEndpoints:
    document = {name: value for name, value in {**DOCUMENT, **more}.items() if value is not None}
    return parse_sign_in_endpoints(json.dumps(document).encode(), ISSUER)


def test_the_sign_in_addresses_are_read_from_the_document() -> None:
    assert parse_document() == SignInEndpoints(
        authorization=f"{ISSUER}/authorize?realm=a", token=f"{ISSUER}/token", returns_issuer=False
    )
    assert parse_document(authorization_response_iss_parameter_supported=True).returns_issuer


def test_responses_name_the_issuer_only_if_the_document_says_true() -> None:
    assert not parse_document(authorization_response_iss_parameter_supported="false").returns_issuer


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"issuer": "https://issuer.example/"}, "another issuer"),
        ({"authorization_endpoint": "http://issuer.example/a"}, "authorization_endpoint is not an https address"),
        ({"authorization_endpoint": None}, "authorization_endpoint is not an https address"),
        ({"authorization_endpoint": f"{ISSUER}/a#x"}, "authorization_endpoint is not an https address"),
        ({"token_endpoint": "https://user:secret@issuer.example/t"}, "token_endpoint is not an https address"),
        ({"token_endpoint": 7}, "token_endpoint is not an https address"),
        ({"code_challenge_methods_supported": []}, "PKCE"),
        ({"code_challenge_methods_supported": ["plain"]}, "PKCE"),
        ({"code_challenge_methods_supported": "S256"}, "PKCE"),
    ],
)
def test_a_document_with_an_unsafe_address_is_refused(more: dict[str, object], why: str) -> None:
    with pytest.raises(DiscoveryRefused, match=why):
        parse_document(**more)


@pytest.mark.parametrize("document", [b"", b"[]", b"{", b'{"issuer": 1, "issuer": 2}', b" " * (MAX_DOCUMENT_BYTES + 1)])
def test_an_invalid_document_is_refused(document: bytes) -> None:
    with pytest.raises(DiscoveryRefused):
        parse_sign_in_endpoints(document, ISSUER)
