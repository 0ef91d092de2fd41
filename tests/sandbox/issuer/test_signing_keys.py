"""Keys are stored as long as a token that they signed can be valid, and no longer."""

from pathlib import Path

import pytest

from sandbox.issuer.grants import Lifetimes
from sandbox.issuer.signing_keys import PUBLISHED_FOR_S, SigningKeys
from sandbox.issuer.tokens import ACCESS_TYPE


class ManualClock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def list_kids(keys: SigningKeys) -> list[str]:
    return [key["kid"] for key in keys.build_key_set()["keys"]]


def test_a_replaced_key_is_published_for_an_hour(tmp_path: Path) -> None:
    clock = ManualClock()
    keys = SigningKeys(tmp_path / "keys.json", clock)
    (old,) = list_kids(keys)
    token = keys.sign({"sub": "x"}, typ=ACCESS_TYPE)

    new = keys.rotate()
    clock.now += PUBLISHED_FOR_S - 1
    assert list_kids(keys) == [new, old]
    assert keys.read_claims(token, typ=ACCESS_TYPE) == {"sub": "x"}

    clock.now += 1
    assert list_kids(keys) == [new]
    assert keys.read_claims(token, typ=ACCESS_TYPE) is None


def test_a_key_is_published_longer_than_its_tokens_are_valid() -> None:
    assert Lifetimes().access_s < PUBLISHED_FOR_S


def test_the_time_of_a_replacement_survives_a_restart(tmp_path: Path) -> None:
    clock = ManualClock()
    first = SigningKeys(tmp_path / "keys.json", clock)
    first.rotate()
    assert list_kids(SigningKeys(tmp_path / "keys.json", clock)) == list_kids(first)

    clock.now += PUBLISHED_FOR_S
    assert list_kids(SigningKeys(tmp_path / "keys.json", clock)) == list_kids(first)[:1]


@pytest.mark.parametrize("token", ["", "x", "e30.e30.", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0."])
def test_a_token_of_an_unknown_key_has_no_claims(tmp_path: Path, token: str) -> None:
    assert SigningKeys(tmp_path / "keys.json").read_claims(token, typ=ACCESS_TYPE) is None


def test_a_token_of_another_type_has_no_claims(tmp_path: Path) -> None:
    keys = SigningKeys(tmp_path / "keys.json")

    assert keys.read_claims(keys.sign({"sub": "x"}, typ="JWT"), typ=ACCESS_TYPE) is None


def test_repr_shows_no_key(tmp_path: Path) -> None:
    assert repr(SigningKeys(tmp_path / "keys.json")) == "<SigningKeys 1>"
