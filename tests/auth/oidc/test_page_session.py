"""Sessions: citizens for themselves alone, idle for 15 minutes at most, and never beyond what proved them."""

from __future__ import annotations

import pytest

from auth.caller import ANONYMOUS, Assurance, Caller, CallerKind
from auth.oidc.page_session import CitizenRequired, SessionCookies, SessionLimits, SignedInSession
from tests.auth.callers import SITI
from tests.fakes.clients import build_client
from tests.fakes.small_records import BUDI

SESSIONS = SessionCookies(b"a secret of thirty-two bytes....")
CALLER = Caller(
    kind=CallerKind.CITIZEN,
    first_party=True,
    nik=SITI,
    subject="https://issuer.example siti",
    client=build_client("simpul-pages"),
    assurance=Assurance.SUBSTANTIAL,
)


def test_the_caller_is_who_signed_in() -> None:
    session = SignedInSession.start(CALLER, ends=5000)
    text, _ = SESSIONS.seal(session, now=1000)
    opened = SESSIONS.open(text, now=1001)
    assert opened == session
    assert opened is not None
    assert opened.caller == CALLER


def test_what_no_decision_reads_is_not_kept() -> None:
    more = Caller(
        kind=CallerKind.CITIZEN, nik=SITI, subject="s", scopes=frozenset({"tax"}), purpose="PAYMENT", case="1", role="x"
    )
    session = SignedInSession.start(more, ends=5000)
    assert session.caller == Caller(kind=CallerKind.CITIZEN, first_party=True, nik=SITI, subject="s")


@pytest.mark.parametrize(
    "caller",
    [
        ANONYMOUS,
        Caller(kind=CallerKind.OFFICIAL, agency="dukcapil"),
        Caller(kind=CallerKind.BUSINESS, nib="9120001234567"),
        Caller(kind=CallerKind.CITIZEN, first_party=True, nik=SITI, on_behalf_of=BUDI),
    ],
    ids=lambda caller: f"{caller.kind.value} {caller.representation.value}",
)
def test_others_get_none(caller: Caller) -> None:
    with pytest.raises(CitizenRequired):
        SignedInSession.start(caller, ends=5000)


def test_an_idle_session_ends() -> None:
    text, until = SESSIONS.seal(SignedInSession.start(CALLER, ends=1e9), now=1000)
    assert until == 1900
    assert SESSIONS.open(text, now=1899) is not None
    assert SESSIONS.open(text, now=1900) is None


def test_how_long_it_may_be_idle_is_a_setting() -> None:
    sessions = SessionCookies(b"a secret of thirty-two bytes....", SessionLimits(idle=60))
    text, until = sessions.seal(SignedInSession.start(CALLER, ends=1e9), now=1000)
    assert (until, sessions.open(text, now=1060)) == (1060, None)


def test_the_issuers_token_opens_for_its_session_alone() -> None:
    one, other = SignedInSession.start(CALLER, ends=5000), SignedInSession.start(CALLER, ends=5000)
    sealed = SESSIONS.seal_id_token(one, "an ID token")
    assert b"an ID token" not in sealed
    assert SESSIONS.open_id_token(one, sealed) == "an ID token"
    assert SESSIONS.open_id_token(other, sealed) is None
    assert SESSIONS.open_id_token(one, None) is None
    assert SessionCookies(b"another secret of 32 bytes......").open_id_token(one, sealed) is None


def test_it_is_over_when_the_token_is_however_much_it_is_used() -> None:
    session = SignedInSession.start(CALLER, ends=2000)
    kept = [SESSIONS.seal(session, now=now) for now in (1000, 1500, 1990)]
    assert [until for _, until in kept] == [1900, 2000, 2000]
    assert all(SESSIONS.open(text, now=2000) is None for text, _ in kept)


def test_form_tokens_of_one_session_are_invalid_in_another() -> None:
    one, other = SignedInSession.start(CALLER, ends=5000), SignedInSession.start(CALLER, ends=5000)
    assert one.has_form_token(one.forms)
    assert not one.has_form_token(other.forms)
    assert not one.has_form_token("")
    assert not one.has_form_token("é")


def test_it_shows_nobody() -> None:
    assert str(SITI) not in repr(SignedInSession.start(CALLER, ends=5000))
    assert "siti" not in repr(SignedInSession.start(CALLER, ends=5000))
