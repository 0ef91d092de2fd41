"""An address from which tokens are guessed: who is signed in there stays so, for as long as their token is good."""

from __future__ import annotations

from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.types import Scope

from auth.known_tokens import KnownTokens
from auth.rate_keys import RateKeys
from auth.tokens import TokenReader
from cache.rates import Rate, Rates
from tests.auth.readers import city_reader
from web.client_address import ClientAddresses
from web.failed_tokens import FailedTokens
from web.refusals import Code, Refusal
from web.request_headers import RequestHeaders
from web.settings import WebSettings
from web.who_asks import WhoAsks

KEY = ECKey.generate_key("P-256", {"kid": "key-1"})
NOW = 1_800_000_000.0
MOST = 3


class City:
    """A hub's way from headers to callers, with clocks that pass when a test says so."""

    def __init__(self) -> None:
        self.now = NOW
        known = KnownTokens(clock=lambda: self.now, stopwatch=lambda: self.now)
        self.reader: TokenReader = city_reader([KEY.as_dict(private=False)], known, lambda: self.now)
        failed = FailedTokens(
            Rate(MOST),
            rates=Rates(clock=lambda: self.now),
            keys=RateKeys(b"s" * 32),
            addresses=ClientAddresses(()),
            proved=self.reader.proved,
        )
        self._who_asks = WhoAsks(self.reader.caller, WebSettings(), failed)

    def ask(self, token: str) -> Any:  # noqa: ANN401 - a caller, or the code of a refusal
        headers = [(b"authorization", f"Bearer {token}".encode())]
        scope: Scope = {"type": "http", "headers": headers, "client": ("192.0.2.1", 5)}
        try:
            return self._who_asks(scope, RequestHeaders(scope))
        except Refusal as refusal:
            return refusal.code

    def guess(self) -> None:
        for _ in range(2 * MOST):
            self.ask("a.b.c")


def token(**claims: object) -> str:
    given: dict[str, Any] = {"iss": "city", "aud": "simpul", "sub": "pak-budi", "exp": NOW + 600, "kind": "official"}
    return jwt.encode({"alg": "ES256", "kid": "key-1"}, {**given, "agency": "dukcapil", **claims}, KEY)


@pytest.fixture
def city() -> City:
    return City()


def test_who_was_signed_in_goes_on_for_longer_than_a_signature_is_taken_as_checked(city: City) -> None:
    mine = token()
    official = city.ask(mine)
    for _ in range(9):
        city.now += 60
        city.guess()
        assert city.ask(mine) == official


def test_a_token_that_is_over_is_a_guess_like_others(city: City) -> None:
    mine = token()
    city.ask(mine)
    city.now += 1000
    city.guess()
    assert city.ask(mine) is Code.RATE_LIMITED


def test_a_token_that_proved_nobody_before_waits(city: City) -> None:
    city.guess()
    assert city.ask(token()) is Code.RATE_LIMITED
    city.now += 60
    assert not isinstance(city.ask(token()), Code)
