"""The sandbox's development issuer signs tokens that the hub accepts."""

import json
import stat
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from auth.caller import Caller, CallerKind
from auth.tokens.development_issuer import ISSUER, DevelopmentIssuer
from auth.tokens.token_verifier import LEEWAY, Unauthenticated
from tests.auth.callers import CITIZEN, OFFICIAL
from tests.auth.verifiers import build_development_verifier, verify
from tests.fakes.clients import build_client

PARTNER = Caller(kind=CallerKind.PARTNER, client=build_client("kios"), scopes=frozenset({"prices:read", "places:read"}))


def verify_token(public: Path, token: str) -> Caller:
    """The caller of a token, without subject and authentication time."""
    caller = verify(build_development_verifier(public), f"Bearer {token}")
    assert caller.subject == f"{ISSUER} siti"
    return replace(caller, subject="", authenticated_at=None)


@pytest.fixture
def issuer(tmp_path: Path) -> DevelopmentIssuer:
    return DevelopmentIssuer(tmp_path / "issuer.json")


@pytest.fixture
def public(issuer: DevelopmentIssuer, tmp_path: Path) -> Path:
    issuer.write_public_keys(tmp_path / "keys.json")
    return tmp_path / "keys.json"


@pytest.mark.parametrize("caller", [CITIZEN, OFFICIAL, PARTNER], ids=["citizen", "official", "partner"])
def test_a_token_proves_its_caller_by_the_public_keys_alone(
    issuer: DevelopmentIssuer, public: Path, caller: Caller
) -> None:
    token = issuer.sign_token(caller, subject="siti")
    assert verify_token(public, token) == caller


def test_a_citizens_token_holds_the_current_time_as_auth_time(issuer: DevelopmentIssuer, public: Path) -> None:
    before = int(time.time())
    caller = verify(build_development_verifier(public), f"Bearer {issuer.sign_token(CITIZEN, subject='siti')}")
    assert caller.authenticated_at is not None
    assert before <= caller.authenticated_at <= time.time()


def test_only_its_owner_can_read_the_private_key(tmp_path: Path) -> None:
    path = tmp_path / "issuer.json"
    DevelopmentIssuer(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text())["d"]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["issuer.json"]


def test_the_public_keys_hold_no_private_part(public: Path) -> None:
    [key] = json.loads(public.read_text())["keys"]
    assert set(key) == {"kty", "crv", "x", "y", "kid"}
    assert (key["kty"], key["crv"]) == ("EC", "P-256")


def test_the_key_survives_a_restart(issuer: DevelopmentIssuer, public: Path, tmp_path: Path) -> None:
    token = issuer.sign_token(CITIZEN, subject="siti")
    again = DevelopmentIssuer(tmp_path / "issuer.json")
    again.write_public_keys(public)
    assert verify_token(public, token) == CITIZEN
    assert verify_token(public, again.sign_token(CITIZEN, subject="siti")) == CITIZEN


def test_a_key_file_interrupted_by_a_power_loss_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "issuer.json.new").write_text('{"kty": "E')
    issuer = DevelopmentIssuer(tmp_path / "issuer.json")
    issuer.write_public_keys(tmp_path / "keys.json")
    assert verify_token(tmp_path / "keys.json", issuer.sign_token(CITIZEN, subject="siti")) == CITIZEN


def test_another_issuers_token_is_refused(public: Path, tmp_path: Path) -> None:
    stranger = DevelopmentIssuer(tmp_path / "stranger.json")
    with pytest.raises(Unauthenticated):
        verify_token(public, stranger.sign_token(CITIZEN, subject="siti"))


def test_a_token_ends_after_its_lifetime(issuer: DevelopmentIssuer, public: Path) -> None:
    token = issuer.sign_token(CITIZEN, subject="siti", lifetime=timedelta(seconds=-LEEWAY - 1))
    with pytest.raises(
        Unauthenticated, match=r"^The token was refused \(expired_token\)\. Sign in again for a new one\.$"
    ):
        verify_token(public, token)


def test_the_repr_shows_no_key(issuer: DevelopmentIssuer) -> None:
    assert repr(issuer) == "<DevelopmentIssuer>"
