"""An address from which tokens are guessed: who is signed in there stays so, for as long as their token is good."""

from __future__ import annotations

from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.types import Scope

from auth.known_tokens import KnownTokens
from auth.rate_keys import RateKeys
from auth.tokens import TokenReader, Unauthenticated
from cache.rates import Rate, Rates
from tests.auth.readers import city_reader, read
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


def test_from_an_address_that_guesses_a_token_that_is_over_is_looked_at_no_more(city: City) -> None:
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


SIGNED_AND_REFUSED: dict[str, dict[str, object]] = {
    "over": {"exp": NOW - 3600, "iat": NOW - 7200},
    "not yet good": {"nbf": NOW + 300},
    "issued in the future": {"iat": NOW + 300},
    "for another": {"aud": "other"},
    "for nobody": {"aud": None},
    "good for too long": {"exp": NOW + 30 * 86_400},
    "of no kind": {"kind": "mayor"},
    "bound to a certificate": {"cnf": {"x5t#S256": "A" * 43}},
}


@pytest.mark.parametrize("claims", SIGNED_AND_REFUSED.values(), ids=SIGNED_AND_REFUSED)
def test_a_token_that_its_issuer_signed_is_no_guess_however_often_it_comes(
    city: City, claims: dict[str, object]
) -> None:
    assert {city.ask(token(**claims)) for _ in range(20 * MOST)} == {Code.UNAUTHENTICATED}
    assert {city.ask(token(sub=str(each), **claims)) for each in range(20 * MOST)} == {Code.UNAUTHENTICATED}
    assert not isinstance(city.ask(token()), Code)


@pytest.mark.parametrize("claims", SIGNED_AND_REFUSED.values(), ids=SIGNED_AND_REFUSED)
def test_the_same_claims_with_another_signature_are_guesses(city: City, claims: dict[str, object]) -> None:
    forged = token(**claims).rpartition(".")[0] + "." + token(sub="other").rpartition(".")[2]
    codes = [city.ask(forged) for _ in range(2 * MOST)]
    assert codes == [Code.UNAUTHENTICATED] * MOST + [Code.RATE_LIMITED] * MOST
    assert city.ask(token()) is Code.RATE_LIMITED


def test_a_token_that_is_over_costs_one_check_of_its_signature_a_minute(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[str] = []

    def decode(text: str, *given: object, **more: object) -> object:
        checked.append(text)
        return real(text, *given, **more)  # type: ignore[arg-type]  # as it was called

    real = jwt.decode
    monkeypatch.setattr("auth.tokens.jwt.decode", decode)
    over = token(exp=NOW - 3600)
    assert [city.ask(over) for _ in range(50)] == [Code.UNAUTHENTICATED] * 50
    assert len(checked) == 1
    city.now += 60
    city.ask(over)
    assert len(checked) == 2


def test_a_token_that_is_not_yet_good_is_looked_at_when_it_is(city: City) -> None:
    early = token(nbf=NOW + 30)
    assert city.ask(early) is Code.UNAUTHENTICATED
    city.now += 19
    assert city.ask(early) is Code.UNAUTHENTICATED
    city.now += 2
    assert not isinstance(city.ask(early), Code)


def test_a_bound_token_that_came_without_its_certificate_is_good_with_it() -> None:
    known = KnownTokens(clock=lambda: NOW, stopwatch=lambda: NOW)
    reader = city_reader([KEY.as_dict(private=False)], known, lambda: NOW)
    bound = f"Bearer {token(cnf={'x5t#S256': 'A' * 43})}"
    for _ in range(2):
        with pytest.raises(Unauthenticated, match="another_certificate"):
            read(reader, bound)
    assert read(reader, bound, "A" * 43).agency == "dukcapil"
