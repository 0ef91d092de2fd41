"""Page sessions are for citizens who act for themselves, idle for at most 15 minutes, and end with their token."""

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


def test_the_sessions_caller_is_the_person_who_signed_in() -> None:
    session = SignedInSession.start(CALLER, ends=5000)
    text, _ = SESSIONS.seal(session, now=1000)
    opened = SESSIONS.open(text, now=1001)
    assert opened == session
    assert opened is not None
    assert opened.caller == CALLER


def test_attributes_that_no_decision_reads_are_not_stored() -> None:
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
def test_other_callers_get_no_session(caller: Caller) -> None:
    with pytest.raises(CitizenRequired):
        SignedInSession.start(caller, ends=5000)


def test_an_idle_session_ends() -> None:
    text, until = SESSIONS.seal(SignedInSession.start(CALLER, ends=1e9), now=1000)
    assert until == 1900
    assert SESSIONS.open(text, now=1899) is not None
    assert SESSIONS.open(text, now=1900) is None


def test_the_idle_limit_is_a_setting() -> None:
    sessions = SessionCookies(b"a secret of thirty-two bytes....", SessionLimits(idle=60))
    text, until = sessions.seal(SignedInSession.start(CALLER, ends=1e9), now=1000)
    assert (until, sessions.open(text, now=1060)) == (1060, None)


def test_the_sealed_id_token_opens_only_for_its_session() -> None:
    one, other = SignedInSession.start(CALLER, ends=5000), SignedInSession.start(CALLER, ends=5000)
    sealed = SESSIONS.seal_id_token(one, "an ID token")
    assert b"an ID token" not in sealed
    assert SESSIONS.open_id_token(one, sealed) == "an ID token"
    assert SESSIONS.open_id_token(other, sealed) is None
    assert SESSIONS.open_id_token(one, None) is None
    assert SessionCookies(b"another secret of 32 bytes......").open_id_token(one, sealed) is None


def test_a_session_ends_with_its_token_even_if_it_is_in_use() -> None:
    session = SignedInSession.start(CALLER, ends=2000)
    kept = [SESSIONS.seal(session, now=now) for now in (1000, 1500, 1990)]
    assert [until for _, until in kept] == [1900, 2000, 2000]
    assert all(SESSIONS.open(text, now=2000) is None for text, _ in kept)


def test_form_tokens_of_one_session_are_invalid_in_another() -> None:
    one, other = SignedInSession.start(CALLER, ends=5000), SignedInSession.start(CALLER, ends=5000)
    assert one.has_csrf_token(one.csrf_token)
    assert not one.has_csrf_token(other.csrf_token)
    assert not one.has_csrf_token("")
    assert not one.has_csrf_token("é")


def test_the_repr_shows_no_person() -> None:
    assert str(SITI) not in repr(SignedInSession.start(CALLER, ends=5000))
    assert "siti" not in repr(SignedInSession.start(CALLER, ends=5000))
