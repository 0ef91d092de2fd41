"""Guessed tokens from one address: recently verified tokens from it still work, new ones wait."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.types import Scope

from auth.crypto.rate_keys import RateKeys
from auth.tokens.key_sets import PublicKey
from auth.tokens.signatures import SignatureCheck
from auth.tokens.token_verifier import TokenVerifier, Unauthenticated
from auth.tokens.verified_token_cache import VerifiedTokenCache
from cache.limits.rate_limiter import Rate, RateLimiter
from tests.auth.verifiers import build_city_verifier, verify
from web.authentication import RequestAuthenticator
from web.client_address import ClientAddresses
from web.http_errors import HttpError, HttpErrorCode
from web.rate_limits.failed_tokens import FailedTokens
from web.request_headers import RequestHeaders
from web.settings import WebSettings

KEY = ECKey.generate_key("P-256", {"kid": "key-1"})
NOW = 1_800_000_000.0
MOST = 3


class TokenScenario:
    """The authentication of a hub, with a clock that the test sets."""

    def __init__(self) -> None:
        self.now = NOW
        known = VerifiedTokenCache(clock=lambda: self.now, monotonic_clock=lambda: self.now)
        self.reader: TokenVerifier = build_city_verifier([KEY.as_dict(private=False)], known, lambda: self.now)
        failed = FailedTokens(
            Rate(MOST),
            limiter=RateLimiter(clock=lambda: self.now),
            keys=RateKeys(b"s" * 32),
            addresses=ClientAddresses(()),
            was_verified=self.reader.was_verified,
        )
        self._authenticator = RequestAuthenticator(self.reader.verify, WebSettings(), failed)

    def ask(self, token: str) -> Any:  # noqa: ANN401 - a caller, or the code of a refusal
        headers = [(b"authorization", f"Bearer {token}".encode())]
        scope: Scope = {"type": "http", "headers": headers, "client": ("192.0.2.1", 5)}
        try:
            return asyncio.run(self._authenticator.authenticate(scope, RequestHeaders(scope)))
        except HttpError as refusal:
            return refusal.code

    def guess(self) -> None:
        for _ in range(2 * MOST):
            self.ask("a.b.c")


def encode_token(**claims: object) -> str:
    given: dict[str, Any] = {"iss": "city", "aud": "simpul", "sub": "pak-budi", "exp": NOW + 600, "kind": "official"}
    given["client_id"] = "app"
    return jwt.encode({"alg": "ES256", "kid": "key-1"}, {**given, "agency": "dukcapil", **claims}, KEY)


@pytest.fixture
def city() -> TokenScenario:
    return TokenScenario()


def test_a_verified_token_still_works_after_its_signature_has_to_be_checked_again(city: TokenScenario) -> None:
    mine = encode_token()
    official = city.ask(mine)
    for _ in range(9):
        city.now += 60
        city.guess()
        assert city.ask(mine) == official


def test_after_guesses_an_expired_token_from_the_address_is_not_verified(city: TokenScenario) -> None:
    mine = encode_token()
    city.ask(mine)
    city.now += 1000
    city.guess()
    assert city.ask(mine) is HttpErrorCode.RATE_LIMITED


def test_after_guesses_a_new_token_from_the_address_waits(city: TokenScenario) -> None:
    city.guess()
    assert city.ask(encode_token()) is HttpErrorCode.RATE_LIMITED
    city.now += 60
    assert not isinstance(city.ask(encode_token()), HttpErrorCode)


SIGNED_AND_REFUSED: dict[str, dict[str, object]] = {
    "expired": {"exp": NOW - 3600, "iat": NOW - 7200},
    "not yet valid": {"nbf": NOW + 300},
    "issued in the future": {"iat": NOW + 300},
    "for another audience": {"aud": "other"},
    "without audience": {"aud": None},
    "valid for too long": {"exp": NOW + 30 * 86_400},
    "of an unknown kind": {"kind": "mayor"},
    "bound to a certificate": {"cnf": {"x5t#S256": "A" * 43}},
}


@pytest.mark.parametrize("claims", SIGNED_AND_REFUSED.values(), ids=SIGNED_AND_REFUSED)
def test_a_token_with_a_valid_signature_never_counts_as_a_guess(city: TokenScenario, claims: dict[str, object]) -> None:
    assert {city.ask(encode_token(**claims)) for _ in range(20 * MOST)} == {HttpErrorCode.UNAUTHENTICATED}
    assert {city.ask(encode_token(sub=str(each), **claims)) for each in range(20 * MOST)} == {
        HttpErrorCode.UNAUTHENTICATED
    }
    assert not isinstance(city.ask(encode_token()), HttpErrorCode)


@pytest.mark.parametrize("claims", SIGNED_AND_REFUSED.values(), ids=SIGNED_AND_REFUSED)
def test_the_same_claims_with_a_false_signature_count_as_guesses(
    city: TokenScenario, claims: dict[str, object]
) -> None:
    forged = encode_token(**claims).rpartition(".")[0] + "." + encode_token(sub="other").rpartition(".")[2]
    codes = [city.ask(forged) for _ in range(2 * MOST)]
    assert codes == [HttpErrorCode.UNAUTHENTICATED] * MOST + [HttpErrorCode.RATE_LIMITED] * MOST
    assert city.ask(encode_token()) is HttpErrorCode.RATE_LIMITED


def test_the_signature_of_an_expired_token_is_checked_once_per_minute(
    city: TokenScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[str] = []

    find_check = PublicKey.find_check

    def count(key: PublicKey, algorithm: str) -> SignatureCheck | None:
        checked.append(algorithm)
        return find_check(key, algorithm)

    monkeypatch.setattr(PublicKey, "find_check", count)
    over = encode_token(exp=NOW - 3600)
    assert [city.ask(over) for _ in range(50)] == [HttpErrorCode.UNAUTHENTICATED] * 50
    assert len(checked) == 1
    city.now += 60
    city.ask(over)
    assert len(checked) == 2


def test_a_token_that_is_not_yet_valid_is_verified_when_it_is(city: TokenScenario) -> None:
    early = encode_token(nbf=NOW + 30)
    assert city.ask(early) is HttpErrorCode.UNAUTHENTICATED
    city.now += 19
    assert city.ask(early) is HttpErrorCode.UNAUTHENTICATED
    city.now += 2
    assert not isinstance(city.ask(early), HttpErrorCode)


def test_a_bound_token_sent_without_its_certificate_is_valid_with_it_later() -> None:
    known = VerifiedTokenCache(clock=lambda: NOW, monotonic_clock=lambda: NOW)
    reader = build_city_verifier([KEY.as_dict(private=False)], known, lambda: NOW)
    bound = f"Bearer {encode_token(cnf={'x5t#S256': 'A' * 43})}"
    for _ in range(2):
        with pytest.raises(Unauthenticated, match="another_certificate"):
            verify(reader, bound)
    assert verify(reader, bound, "A" * 43).agency == "dukcapil"
