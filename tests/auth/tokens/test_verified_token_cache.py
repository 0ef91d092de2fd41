"""A verified token is accepted for a minute without another check, within its validity and by the same verifier."""

from dataclasses import dataclass
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from auth.caller import Caller, CallerKind
from auth.tokens.token_verifier import LEEWAY, TokenVerifier, Unauthenticated
from auth.tokens.verified_token_cache import VerifiedTokenCache
from records.hub.clients import ClientId
from tests.auth.callers import CITIZEN
from tests.auth.verifiers import build_city_verifier

NOW = 1_800_000_000.0
EXPIRES = NOW + 600


@dataclass
class TokenClocks:
    """Clocks that a test moves."""

    time: float = NOW
    since_start: float = 5.0

    def advance(self, seconds: float) -> None:
        self.time += seconds
        self.since_start += seconds


def build_cache(clocks: TokenClocks, most: int = 10) -> VerifiedTokenCache:
    return VerifiedTokenCache(max_tokens=most, clock=lambda: clocks.time, monotonic_clock=lambda: clocks.since_start)


@pytest.fixture
def clocks() -> TokenClocks:
    return TokenClocks()


@pytest.fixture
def known(clocks: TokenClocks) -> VerifiedTokenCache:
    return build_cache(clocks)


def test_a_token_that_was_just_verified_is_found(known: VerifiedTokenCache) -> None:
    known.put("a.b.c", CITIZEN, expires=EXPIRES)
    assert known.find_caller("a.b.c") is CITIZEN


def test_no_other_token_is_found(known: VerifiedTokenCache) -> None:
    assert known.find_caller("a.b.c") is None
    known.put("a.b.c", CITIZEN, expires=EXPIRES)
    for other in ("a.b.d", "a.b.c ", "", "A.B.C", "a.b.c\ud800"):
        assert known.find_caller(other) is None


def test_a_token_is_verified_again_after_a_minute(known: VerifiedTokenCache, clocks: TokenClocks) -> None:
    known.put("a.b.c", CITIZEN, expires=EXPIRES)
    clocks.advance(59.9)
    assert known.find_caller("a.b.c") is CITIZEN
    clocks.advance(0.1)
    assert known.find_caller("a.b.c") is None


def test_uses_do_not_extend_the_minute(known: VerifiedTokenCache, clocks: TokenClocks) -> None:
    known.put("a.b.c", CITIZEN, expires=EXPIRES)
    for _ in range(2):
        clocks.advance(20)
        assert known.find_caller("a.b.c") is CITIZEN
    clocks.advance(20)
    assert known.find_caller("a.b.c") is None


def test_a_token_that_expires_in_the_cache_is_no_longer_found(known: VerifiedTokenCache, clocks: TokenClocks) -> None:
    known.put("a.b.c", CITIZEN, expires=NOW + 10)
    clocks.advance(9)
    assert known.find_caller("a.b.c") is CITIZEN
    clocks.advance(1)
    assert known.find_caller("a.b.c") is None


def test_a_token_is_not_found_before_its_start_when_the_clock_is_set_back(
    known: VerifiedTokenCache, clocks: TokenClocks
) -> None:
    known.put("a.b.c", CITIZEN, expires=EXPIRES, valid_from=NOW)
    assert known.find_caller("a.b.c") is CITIZEN
    clocks.time -= 1
    assert known.find_caller("a.b.c") is None


def test_a_clock_that_is_set_back_extends_nothing(known: VerifiedTokenCache, clocks: TokenClocks) -> None:
    known.put("a.b.c", CITIZEN, expires=EXPIRES)
    clocks.advance(61)
    clocks.time = NOW
    assert known.find_caller("a.b.c") is None


def test_the_number_of_cached_tokens_is_bounded_and_the_oldest_is_evicted(clocks: TokenClocks) -> None:
    known = build_cache(clocks, most=2)
    for token in ("first", "second", "first", "third"):  # `first` was verified again
        known.put(token, CITIZEN, expires=EXPIRES)
    assert len(known) == 2
    assert [known.find_caller(token) for token in ("first", "second", "third")] == [CITIZEN, None, CITIZEN]


def test_expired_entries_are_removed(known: VerifiedTokenCache, clocks: TokenClocks) -> None:
    for token in ("first", "second", "third"):
        known.put(token, CITIZEN, expires=EXPIRES)
    clocks.advance(60)
    known.put("fourth", CITIZEN, expires=EXPIRES)
    assert len(known) == 1


def test_a_verified_token_is_remembered_until_it_expires(known: VerifiedTokenCache, clocks: TokenClocks) -> None:
    assert not known.was_verified("a.b.c")
    known.put("a.b.c", CITIZEN, expires=EXPIRES)
    for other in ("a.b.d", "a.b.c ", ""):
        assert not known.was_verified(other)
    clocks.advance(599)
    known.put("d.e.f", CITIZEN, expires=EXPIRES + 1)
    assert known.find_caller("a.b.c") is None
    assert known.was_verified("a.b.c")
    clocks.advance(1)
    assert not known.was_verified("a.b.c")


def test_the_number_of_remembered_tokens_is_bounded(clocks: TokenClocks) -> None:
    known = build_cache(clocks, most=2)
    for token in ("first", "second", "first", "third"):
        known.put(token, CITIZEN, expires=EXPIRES)
    assert [known.was_verified(token) for token in ("first", "second", "third")] == [True, False, True]


def test_a_caller_with_long_attributes_is_not_cached(known: VerifiedTokenCache) -> None:
    scopes = frozenset({"b" * 400, "c" * 500})
    known.put("a.b.c", Caller(kind=CallerKind.OFFICIAL, agency="a" * 101, scopes=scopes), expires=EXPIRES)
    assert len(known) == 0
    known.put("a.b.c", Caller(kind=CallerKind.OFFICIAL, agency="a" * 100, scopes=scopes), expires=EXPIRES)
    assert len(known) == 1


def test_the_repr_shows_neither_token_nor_number(known: VerifiedTokenCache) -> None:
    known.put("a.b.c", CITIZEN, expires=EXPIRES)
    assert repr(known) == "<VerifiedTokenCache 1 of 10>"
    assert all("a.b.c" not in str(key) for key in known._verified)


KEY = ECKey.generate_key("P-256", {"kid": "key-1"})
OTHER = ECKey.generate_key("P-256", {"kid": "key-1"})


OFFICIAL = Caller(kind=CallerKind.OFFICIAL, agency="dukcapil", client=ClientId("city", "app"), subject="city pak-budi")


def build_verifier(key: ECKey, known: VerifiedTokenCache | None, clocks: TokenClocks) -> TokenVerifier:
    return build_city_verifier([key.as_dict(private=False)], known, lambda: clocks.time)


def token(**claims: object) -> str:
    given: dict[str, Any] = {"iss": "city", "aud": "simpul", "sub": "pak-budi", "exp": EXPIRES, "kind": "official"}
    return jwt.encode(
        {"alg": "ES256", "kid": "key-1"}, {**given, "agency": "dukcapil", "client_id": "app", **claims}, KEY
    )


def test_a_verifier_caches_verified_tokens(known: VerifiedTokenCache, clocks: TokenClocks) -> None:
    mine, once = build_verifier(KEY, known, clocks), token()
    for _ in range(2):
        assert mine.verify(f"Bearer {once}") == OFFICIAL
    assert len(known) == 1
    assert mine.verify(f"bearer   {once} ") is mine.verify(f"Bearer {once}")


def test_a_cached_token_that_expired_is_refused_with_the_usual_text(
    known: VerifiedTokenCache, clocks: TokenClocks
) -> None:
    mine, past = build_verifier(KEY, known, clocks), token(exp=NOW - LEEWAY)
    known.put(past, OFFICIAL, expires=NOW - LEEWAY)
    with pytest.raises(Unauthenticated, match=r"^The token was refused \(expired_token\)"):
        mine.verify(f"Bearer {past}")
    clocks.time = NOW - 600
    assert mine.verify(f"Bearer {past}") is OFFICIAL


def test_a_refused_token_is_not_cached_as_verified(known: VerifiedTokenCache, clocks: TokenClocks) -> None:
    mine = build_verifier(KEY, known, clocks)
    for wrong in (token(iss="village"), token(agency=""), "garbage", token()[:-4]):
        with pytest.raises(Unauthenticated):
            mine.verify(f"Bearer {wrong}")
    assert len(known) == 0


def test_a_withdrawn_key_works_no_longer_than_a_minute(known: VerifiedTokenCache, clocks: TokenClocks) -> None:
    once = token()
    build_verifier(KEY, known, clocks).verify(f"Bearer {once}")
    later = build_verifier(OTHER, known, clocks)  # the same hub, after its issuer changed keys
    assert later.verify(f"Bearer {once}") == OFFICIAL
    clocks.advance(60)
    with pytest.raises(Unauthenticated, match="bad_signature"):
        later.verify(f"Bearer {once}")


def test_a_verifier_with_other_keys_does_not_accept_cached_tokens(clocks: TokenClocks) -> None:
    once = token()
    assert build_verifier(KEY, build_cache(clocks), clocks).verify(f"Bearer {once}") == OFFICIAL
    with pytest.raises(Unauthenticated, match="bad_signature"):
        build_verifier(OTHER, build_cache(clocks), clocks).verify(f"Bearer {once}")


def test_the_start_of_a_token_is_cached_with_it(known: VerifiedTokenCache, clocks: TokenClocks) -> None:
    once = token(nbf=NOW - 100, iat=NOW - 50)
    mine = build_verifier(KEY, known, clocks)
    mine.verify(f"Bearer {once}")
    clocks.time = NOW - 50 - LEEWAY
    assert known.find_caller(once) == OFFICIAL
    clocks.time -= 1
    assert known.find_caller(once) is None


def test_without_a_cache_every_token_is_verified(clocks: TokenClocks) -> None:
    mine, once = build_verifier(KEY, None, clocks), token()
    assert mine.verify(f"Bearer {once}") is not mine.verify(f"Bearer {once}")


def test_a_token_that_is_bound_to_a_certificate_is_found_only_with_it(known: VerifiedTokenCache) -> None:
    known.put("a.b.c", OFFICIAL, expires=EXPIRES, certificate="t" * 43)
    assert known.find_caller("a.b.c", "t" * 43) is OFFICIAL
    assert known.find_caller("a.b.c", "u" * 43) is None
    assert known.find_caller("a.b.c") is None


def test_an_unbound_token_is_found_with_any_certificate(known: VerifiedTokenCache) -> None:
    known.put("a.b.c", OFFICIAL, expires=EXPIRES)
    assert known.find_caller("a.b.c", "t" * 43) is OFFICIAL
