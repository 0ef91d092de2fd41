"""Sessions: citizens for themselves alone, idle for 15 minutes at most, and never beyond what proved them."""

from __future__ import annotations

import pytest

from auth.caller import ANONYMOUS, Assurance, Caller, CallerKind
from auth.session import NotForThemself, Session, SessionLimits, Sessions
from tests.auth.people import SITI
from tests.clients import client_named
from tests.small_records import BUDI

SESSIONS = Sessions(b"a secret of thirty-two bytes....")
CALLER = Caller(
    kind=CallerKind.CITIZEN,
    first_party=True,
    nik=SITI,
    subject="https://issuer.example siti",
    client=client_named("simpul-pages"),
    assurance=Assurance.SUBSTANTIAL,
)


def test_the_caller_is_who_signed_in() -> None:
    session = Session.of(CALLER, ends=5000)
    text, _ = SESSIONS.seal(session, now=1000)
    opened = SESSIONS.open(text, now=1001)
    assert opened == session
    assert opened is not None
    assert opened.caller == CALLER


def test_what_no_decision_reads_is_not_kept() -> None:
    more = Caller(
        kind=CallerKind.CITIZEN, nik=SITI, subject="s", scopes=frozenset({"tax"}), purpose="PAYMENT", case="1", role="x"
    )
    session = Session.of(more, ends=5000)
    assert session.caller == Caller(kind=CallerKind.CITIZEN, first_party=True, nik=SITI, subject="s")


@pytest.mark.parametrize(
    "caller",
    [
        ANONYMOUS,
        Caller(kind=CallerKind.OFFICIAL, agency="dukcapil"),
        Caller(kind=CallerKind.BUSINESS, nib="9120001234567"),
        Caller(kind=CallerKind.CITIZEN, first_party=True, nik=SITI, on_behalf_of=BUDI),
    ],
    ids=lambda caller: f"{caller.kind.value} {caller.capacity.value}",
)
def test_others_get_none(caller: Caller) -> None:
    with pytest.raises(NotForThemself):
        Session.of(caller, ends=5000)


def test_it_is_over_when_it_was_idle() -> None:
    text, until = SESSIONS.seal(Session.of(CALLER, ends=1e9), now=1000)
    assert until == 1900
    assert SESSIONS.open(text, now=1899) is not None
    assert SESSIONS.open(text, now=1900) is None


def test_how_long_it_may_be_idle_is_a_setting() -> None:
    sessions = Sessions(b"a secret of thirty-two bytes....", SessionLimits(idle=60))
    text, until = sessions.seal(Session.of(CALLER, ends=1e9), now=1000)
    assert (until, sessions.open(text, now=1060)) == (1060, None)


def test_the_issuers_token_opens_for_its_session_alone() -> None:
    one, other = Session.of(CALLER, ends=5000), Session.of(CALLER, ends=5000)
    sealed = SESSIONS.seal_identity(one, "an ID token")
    assert b"an ID token" not in sealed
    assert SESSIONS.open_identity(one, sealed) == "an ID token"
    assert SESSIONS.open_identity(other, sealed) is None
    assert SESSIONS.open_identity(one, None) is None
    assert Sessions(b"another secret of 32 bytes......").open_identity(one, sealed) is None


def test_it_is_over_when_the_token_is_however_much_it_is_used() -> None:
    session = Session.of(CALLER, ends=2000)
    kept = [SESSIONS.seal(session, now=now) for now in (1000, 1500, 1990)]
    assert [until for _, until in kept] == [1900, 2000, 2000]
    assert all(SESSIONS.open(text, now=2000) is None for text, _ in kept)


def test_forms_of_one_session_are_none_of_another() -> None:
    one, other = Session.of(CALLER, ends=5000), Session.of(CALLER, ends=5000)
    assert one.gave(one.forms)
    assert not one.gave(other.forms)
    assert not one.gave("")
    assert not one.gave("é")


def test_it_shows_nobody() -> None:
    assert str(SITI) not in repr(Session.of(CALLER, ends=5000))
    assert "siti" not in repr(Session.of(CALLER, ends=5000))
