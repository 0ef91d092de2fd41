"""What was proven is taken as proven for a minute, within the token's own time, and by the same reader alone."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from auth.caller import Caller, CallerKind
from auth.known_tokens import KnownTokens
from auth.tokens import LEEWAY, TokenReader, Unauthenticated
from tests.auth import people
from tests.auth.people import CITIZEN
from tests.auth.readers import city_reader

NOW = 1_800_000_000.0
EXPIRES = NOW + 600


@dataclass
class Clocks:
    """Time that passes when a test says so."""

    time: float = NOW
    since_start: float = 5.0

    def pass_by(self, seconds: float) -> None:
        self.time += seconds
        self.since_start += seconds


def known_tokens(clocks: Clocks, most: int = 10) -> KnownTokens:
    return KnownTokens(most=most, clock=lambda: clocks.time, stopwatch=lambda: clocks.since_start)


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def known(clocks: Clocks) -> KnownTokens:
    return known_tokens(clocks)


def test_a_token_that_was_just_checked_is_known(known: KnownTokens) -> None:
    known.keep("a.b.c", CITIZEN, expires=EXPIRES)
    assert known.caller("a.b.c") is CITIZEN


def test_no_other_token_is(known: KnownTokens) -> None:
    assert known.caller("a.b.c") is None
    known.keep("a.b.c", CITIZEN, expires=EXPIRES)
    for other in ("a.b.d", "a.b.c ", "", "A.B.C", "a.b.c\ud800"):
        assert known.caller(other) is None


def test_after_a_minute_it_has_to_be_checked_anew(known: KnownTokens, clocks: Clocks) -> None:
    known.keep("a.b.c", CITIZEN, expires=EXPIRES)
    clocks.pass_by(59.9)
    assert known.caller("a.b.c") is CITIZEN
    clocks.pass_by(0.1)
    assert known.caller("a.b.c") is None


def test_uses_do_not_prolong_the_minute(known: KnownTokens, clocks: Clocks) -> None:
    known.keep("a.b.c", CITIZEN, expires=EXPIRES)
    for _ in range(2):
        clocks.pass_by(20)
        assert known.caller("a.b.c") is CITIZEN
    clocks.pass_by(20)
    assert known.caller("a.b.c") is None


def test_a_token_that_expires_while_it_is_kept_is_no_longer_known(known: KnownTokens, clocks: Clocks) -> None:
    known.keep("a.b.c", CITIZEN, expires=NOW + 10)
    clocks.pass_by(9)
    assert known.caller("a.b.c") is CITIZEN
    clocks.pass_by(1)
    assert known.caller("a.b.c") is None


def test_a_token_is_not_known_before_it_begins_where_the_clock_was_set_back(known: KnownTokens, clocks: Clocks) -> None:
    known.keep("a.b.c", CITIZEN, expires=EXPIRES, begins=NOW)
    assert known.caller("a.b.c") is CITIZEN
    clocks.time -= 1
    assert known.caller("a.b.c") is None


def test_a_clock_that_was_set_back_prolongs_nothing(known: KnownTokens, clocks: Clocks) -> None:
    known.keep("a.b.c", CITIZEN, expires=EXPIRES)
    clocks.pass_by(61)
    clocks.time = NOW
    assert known.caller("a.b.c") is None


def test_only_so_many_are_kept_and_the_one_checked_longest_ago_goes_first(clocks: Clocks) -> None:
    known = known_tokens(clocks, most=2)
    for token in ("first", "second", "first", "third"):  # `first` was checked again
        known.keep(token, CITIZEN, expires=EXPIRES)
    assert len(known) == 2
    assert [known.caller(token) for token in ("first", "second", "third")] == [CITIZEN, None, CITIZEN]


def test_what_has_to_be_checked_anew_is_thrown_away(known: KnownTokens, clocks: Clocks) -> None:
    for token in ("first", "second", "third"):
        known.keep(token, CITIZEN, expires=EXPIRES)
    clocks.pass_by(60)
    known.keep("fourth", CITIZEN, expires=EXPIRES)
    assert len(known) == 1


def test_that_a_token_proved_somebody_is_remembered_as_long_as_it_is_good(known: KnownTokens, clocks: Clocks) -> None:
    assert not known.proved("a.b.c")
    known.keep("a.b.c", CITIZEN, expires=EXPIRES)
    for other in ("a.b.d", "a.b.c ", ""):
        assert not known.proved(other)
    clocks.pass_by(599)
    known.keep("d.e.f", CITIZEN, expires=EXPIRES + 1)
    assert known.caller("a.b.c") is None
    assert known.proved("a.b.c")
    clocks.pass_by(1)
    assert not known.proved("a.b.c")


def test_of_tokens_that_proved_somebody_only_so_many_are_remembered(clocks: Clocks) -> None:
    known = known_tokens(clocks, most=2)
    for token in ("first", "second", "first", "third"):
        known.keep(token, CITIZEN, expires=EXPIRES)
    assert [known.proved(token) for token in ("first", "second", "third")] == [True, False, True]


def test_a_caller_with_a_name_of_any_length_takes_no_place(known: KnownTokens) -> None:
    scopes = frozenset({"b" * 400, "c" * 500})
    known.keep("a.b.c", Caller(kind=CallerKind.OFFICIAL, agency="a" * 101, scopes=scopes), expires=EXPIRES)
    assert len(known) == 0
    known.keep("a.b.c", Caller(kind=CallerKind.OFFICIAL, agency="a" * 100, scopes=scopes), expires=EXPIRES)
    assert len(known) == 1


def test_neither_token_nor_number_is_shown(known: KnownTokens) -> None:
    known.keep("a.b.c", CITIZEN, expires=EXPIRES)
    assert repr(known) == "<KnownTokens 1 of 10>"
    assert all("a.b.c" not in str(key) for key in known._known)


KEY = ECKey.generate_key("P-256", {"kid": "key-1"})
OTHER = ECKey.generate_key("P-256", {"kid": "key-1"})


OFFICIAL = replace(people.OFFICIAL, subject="city pak-budi")


def reader(key: ECKey, known: KnownTokens | None, clocks: Clocks) -> TokenReader:
    return city_reader([key.as_dict(private=False)], known, lambda: clocks.time)


def token(**claims: object) -> str:
    given: dict[str, Any] = {"iss": "city", "aud": "simpul", "sub": "pak-budi", "exp": EXPIRES, "kind": "official"}
    return jwt.encode({"alg": "ES256", "kid": "key-1"}, {**given, "agency": "dukcapil", **claims}, KEY)


def test_a_reader_keeps_what_it_checked(known: KnownTokens, clocks: Clocks) -> None:
    mine, once = reader(KEY, known, clocks), token()
    for _ in range(2):
        assert mine.caller(f"Bearer {once}") == OFFICIAL
    assert len(known) == 1
    assert mine.caller(f"bearer   {once} ") is mine.caller(f"Bearer {once}")


def test_a_known_token_that_expired_is_refused_in_the_usual_words(known: KnownTokens, clocks: Clocks) -> None:
    mine, past = reader(KEY, known, clocks), token(exp=NOW - LEEWAY)
    known.keep(past, OFFICIAL, expires=NOW - LEEWAY)
    with pytest.raises(Unauthenticated, match=r"^The token was refused \(expired_token\)"):
        mine.caller(f"Bearer {past}")
    clocks.time = NOW - 600
    assert mine.caller(f"Bearer {past}") is OFFICIAL


def test_what_was_refused_is_not_kept(known: KnownTokens, clocks: Clocks) -> None:
    mine = reader(KEY, known, clocks)
    for wrong in (token(iss="village"), token(agency=""), "garbage", token()[:-4]):
        with pytest.raises(Unauthenticated):
            mine.caller(f"Bearer {wrong}")
    assert len(known) == 0


def test_a_key_that_is_withdrawn_counts_no_longer_than_a_minute(known: KnownTokens, clocks: Clocks) -> None:
    once = token()
    reader(KEY, known, clocks).caller(f"Bearer {once}")
    later = reader(OTHER, known, clocks)  # the same hub after its issuer changed keys
    assert later.caller(f"Bearer {once}") == OFFICIAL
    clocks.pass_by(60)
    with pytest.raises(Unauthenticated, match="bad_signature"):
        later.caller(f"Bearer {once}")


def test_what_one_set_of_keys_proved_proves_nothing_to_another(clocks: Clocks) -> None:
    once = token()
    assert reader(KEY, known_tokens(clocks), clocks).caller(f"Bearer {once}") == OFFICIAL
    with pytest.raises(Unauthenticated, match="bad_signature"):
        reader(OTHER, known_tokens(clocks), clocks).caller(f"Bearer {once}")


def test_the_beginning_of_a_token_is_kept_with_it(known: KnownTokens, clocks: Clocks) -> None:
    once = token(nbf=NOW - 100, iat=NOW - 50)
    mine = reader(KEY, known, clocks)
    mine.caller(f"Bearer {once}")
    clocks.time = NOW - 50 - LEEWAY
    assert known.caller(once) == OFFICIAL
    clocks.time -= 1
    assert known.caller(once) is None


def test_without_a_place_to_keep_them_every_token_is_checked(clocks: Clocks) -> None:
    mine, once = reader(KEY, None, clocks), token()
    assert mine.caller(f"Bearer {once}") is not mine.caller(f"Bearer {once}")


def test_a_token_that_is_bound_to_a_certificate_is_known_with_it_alone(known: KnownTokens) -> None:
    known.keep("a.b.c", OFFICIAL, expires=EXPIRES, certificate="t" * 43)
    assert known.caller("a.b.c", "t" * 43) is OFFICIAL
    assert known.caller("a.b.c", "u" * 43) is None
    assert known.caller("a.b.c") is None


def test_a_token_that_is_bound_to_none_is_known_with_any(known: KnownTokens) -> None:
    known.keep("a.b.c", OFFICIAL, expires=EXPIRES)
    assert known.caller("a.b.c", "t" * 43) is OFFICIAL
