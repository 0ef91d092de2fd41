"""Codes and refresh tokens are forgotten when they can no longer be used."""

from sandbox.issuer.grants import Grants, Lifetimes, ProviderSignIn
from sandbox.issuer.people import list_people

SIGN_IN = ProviderSignIn(
    sid="s-1",
    person=list_people()["siti"],
    client_id="city-app",
    scopes=("openid",),
    acr="low",
    signed_in_at=0,
    nonce=None,
)


def test_an_unused_code_is_forgotten_when_it_expires() -> None:
    now = 0.0
    grants = Grants(Lifetimes(), lambda: now)
    grants.issue_code(SIGN_IN, redirect_uri="", challenge="")
    assert repr(grants) == "<Grants 1 codes 0 families>"

    now = 60.0
    grants.issue_code(SIGN_IN, redirect_uri="", challenge="")
    assert repr(grants) == "<Grants 1 codes 0 families>"


def test_a_used_code_is_stored_while_a_refresh_token_follows_from_it() -> None:
    now = 0.0
    grants = Grants(Lifetimes(), lambda: now)
    code = grants.issue_code(SIGN_IN, redirect_uri="", challenge="")
    grants.redeem_code(code)
    refresh_token = grants.issue_refresh_token(SIGN_IN)

    now = 3600.0
    grants.issue_code(SIGN_IN, redirect_uri="", challenge="")
    assert grants.find_sign_in(refresh_token, "city-app") == SIGN_IN
    assert grants.redeem_code(code) is None
    assert grants.find_sign_in(refresh_token, "city-app") is None


def test_an_expired_family_is_forgotten() -> None:
    now = 0.0
    grants = Grants(Lifetimes(), lambda: now)
    grants.issue_refresh_token(SIGN_IN)
    assert repr(grants) == "<Grants 0 codes 1 families>"

    now = 8 * 3600.0
    grants.issue_code(SIGN_IN, redirect_uri="", challenge="")
    assert repr(grants) == "<Grants 1 codes 0 families>"
