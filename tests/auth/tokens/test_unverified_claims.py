"""The claims of a token without a check of its signature."""

from __future__ import annotations

import pytest

from auth.caller import CallerKind
from auth.tokens.token_verifier import Unauthenticated
from auth.tokens.unverified_claims import UnverifiedClaims
from auth.tokens.verified_token_cache import VerifiedTokenCache
from records.hub.clients import ClientId
from tests.auth.tokens.signed_tokens import CITIZEN, CLAIMS, FOREIGN, KEY, NOW, VERIFIER, omit_claims, sign_token
from tests.auth.verifiers import build_city_verifier, verify

OF_ELSEWHERE = sign_token(CLAIMS | {"iss": "elsewhere"})


def test_unverified_claims_can_be_read_without_authenticating() -> None:
    forged = f"Bearer {sign_token(CLAIMS | {'client_id': 'siaga-112'}, key=FOREIGN)}"
    assert VERIFIER.parse_unverified_claims(forged) == UnverifiedClaims(
        CallerKind.CITIZEN, ClientId("city", "siaga-112")
    )
    with pytest.raises(Unauthenticated):
        verify(VERIFIER, forged)


@pytest.mark.parametrize(
    "authorization",
    ["Bearer nothing", "Basic YTpi", "", f"Bearer {OF_ELSEWHERE}", f"Bearer {sign_token(omit_claims('nik'))}"],
)
def test_an_unreadable_token_has_no_claims(authorization: str) -> None:
    assert VERIFIER.parse_unverified_claims(authorization) is None


def test_the_caller_of_a_recently_verified_token_is_found() -> None:
    reader = build_city_verifier(
        [KEY.as_dict(private=False)], clock=lambda: NOW, cache=VerifiedTokenCache(clock=lambda: NOW)
    )
    authorization = f"Bearer {sign_token(CLAIMS)}"
    assert reader.find_recent_caller(authorization) is None
    assert verify(reader, authorization) == CITIZEN
    assert reader.find_recent_caller(authorization) == CITIZEN
    assert reader.find_recent_caller(authorization.replace("Bearer", "Basic")) is None
    assert VERIFIER.find_recent_caller(authorization) is None  # it has no cache
