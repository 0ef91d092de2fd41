"""Codes and refresh tokens are forgotten when nothing can follow from them any more."""

from sandbox.issuer_grants import Grants, Lifetimes, SignIn
from sandbox.issuer_people import listed_people

SIGN_IN = SignIn(
    sid="s-1",
    person=listed_people()["siti"],
    client_id="city-app",
    scopes=("openid",),
    acr="low",
    at=0,
    nonce=None,
)


def test_a_code_that_nobody_fetched_is_forgotten_after_its_time() -> None:
    now = 0.0
    grants = Grants(Lifetimes(), lambda: now)
    grants.code(SIGN_IN, redirect_uri="", challenge="")
    assert repr(grants) == "<Grants 1 codes 0 families>"

    now = 60.0
    grants.code(SIGN_IN, redirect_uri="", challenge="")
    assert repr(grants) == "<Grants 1 codes 0 families>"


def test_a_used_code_is_known_as_long_as_a_refresh_token_follows_from_it() -> None:
    now = 0.0
    grants = Grants(Lifetimes(), lambda: now)
    code = grants.code(SIGN_IN, redirect_uri="", challenge="")
    grants.taken(code)
    held = grants.refresh_token(SIGN_IN)

    now = 3600.0
    grants.code(SIGN_IN, redirect_uri="", challenge="")
    assert grants.behind(held, "city-app") == SIGN_IN
    assert grants.taken(code) is None
    assert grants.behind(held, "city-app") is None


def test_a_family_is_forgotten_after_its_time() -> None:
    now = 0.0
    grants = Grants(Lifetimes(), lambda: now)
    grants.refresh_token(SIGN_IN)
    assert repr(grants) == "<Grants 0 codes 1 families>"

    now = 8 * 3600.0
    grants.code(SIGN_IN, redirect_uri="", challenge="")
    assert repr(grants) == "<Grants 1 codes 0 families>"
