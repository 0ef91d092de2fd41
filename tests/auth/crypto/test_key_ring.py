"""Sealed bytes open only with a known key, at the place they were sealed for, and unchanged."""

import pytest

from auth.crypto.key_ring import ANSWER_INFO, KeyRing

OLD, NEW = b"an old secret of 32 bytes.......", b"a new secret of 32 bytes........"


def test_sealed_bytes_open_for_their_place_and_cannot_be_read() -> None:
    ring = KeyRing([NEW], ANSWER_INFO)
    sealed = ring.seal(b"3171014506900001", "name")
    assert ring.open(sealed, "name") == b"3171014506900001"
    assert b"3171014506900001" not in sealed
    assert ring.seal(b"3171014506900001", "name") != sealed


def test_an_empty_body_can_be_sealed() -> None:
    ring = KeyRing([NEW], ANSWER_INFO)
    assert ring.open(ring.seal(b"", "name"), "name") == b""


def test_after_a_new_key_the_old_one_still_opens_and_no_longer_seals() -> None:
    old, both = KeyRing([OLD], ANSWER_INFO), KeyRing([NEW, OLD], ANSWER_INFO)
    assert both.open(old.seal(b"body", "name"), "name") == b"body"
    assert KeyRing([NEW], ANSWER_INFO).open(both.seal(b"body", "name"), "name") == b"body"
    with pytest.raises(ValueError, match="not known"):
        old.open(both.seal(b"body", "name"), "name")


@pytest.mark.parametrize("at", [0, 4, 16, -1])
def test_changed_bytes_do_not_open(at: int) -> None:
    ring = KeyRing([NEW], ANSWER_INFO)
    sealed = bytearray(ring.seal(b"body", "name"))
    sealed[at] ^= 1
    with pytest.raises(ValueError, match=r"not known|was changed"):
        ring.open(bytes(sealed), "name")


@pytest.mark.parametrize("sealed", [b"", b"x", b"12345678901234567890"])
def test_bytes_that_were_never_sealed_do_not_open(sealed: bytes) -> None:
    with pytest.raises(ValueError, match="not known"):
        KeyRing([NEW], ANSWER_INFO).open(sealed, "name")


def test_bytes_sealed_for_another_place_do_not_open() -> None:
    ring = KeyRing([NEW], ANSWER_INFO)
    with pytest.raises(ValueError, match="another place"):
        ring.open(ring.seal(b"body", "one"), "two")


def test_a_ring_needs_a_secret_and_shows_no_key() -> None:
    with pytest.raises(ValueError, match="at least one"):
        KeyRing([], ANSWER_INFO)
    assert repr(KeyRing([NEW, OLD], ANSWER_INFO)) == "<KeyRing 2 keys>"
