"""Answers outside the process: opened by this hub alone, under their own name, unchanged."""

import pytest

from auth.crypto.sealed_answers import SealedAnswers

OLD, NEW = b"an old secret of 32 bytes.......", b"a new secret of 32 bytes........"


def test_what_was_sealed_opens_under_its_name_and_cannot_be_read_without() -> None:
    seals = SealedAnswers([NEW])
    sealed = seals.seal(b"3171014506900001", "name")
    assert seals.open(sealed, "name") == b"3171014506900001"
    assert b"3171014506900001" not in sealed
    assert seals.seal(b"3171014506900001", "name") != sealed


def test_nothing_at_all_is_sealed_too() -> None:
    seals = SealedAnswers([NEW])
    assert seals.open(seals.seal(b"", "name"), "name") == b""


def test_after_a_new_key_the_old_one_still_opens_and_no_longer_seals() -> None:
    old, both = SealedAnswers([OLD]), SealedAnswers([NEW, OLD])
    assert both.open(old.seal(b"body", "name"), "name") == b"body"
    assert SealedAnswers([NEW]).open(both.seal(b"body", "name"), "name") == b"body"
    with pytest.raises(ValueError, match="not known"):
        old.open(both.seal(b"body", "name"), "name")


@pytest.mark.parametrize("at", [0, 4, 16, -1])
def test_what_was_changed_does_not_open(at: int) -> None:
    seals = SealedAnswers([NEW])
    sealed = bytearray(seals.seal(b"body", "name"))
    sealed[at] ^= 1
    with pytest.raises(ValueError, match=r"not known|was changed"):
        seals.open(bytes(sealed), "name")


@pytest.mark.parametrize("sealed", [b"", b"x", b"12345678901234567890"])
def test_what_was_never_sealed_does_not_open(sealed: bytes) -> None:
    with pytest.raises(ValueError, match="not known"):
        SealedAnswers([NEW]).open(sealed, "name")


def test_a_seal_of_another_name_does_not_open() -> None:
    seals = SealedAnswers([NEW])
    with pytest.raises(ValueError, match="another name"):
        seals.open(seals.seal(b"body", "one"), "two")


def test_without_a_secret_there_are_no_seals_and_no_key_is_shown() -> None:
    with pytest.raises(ValueError, match="at least one"):
        SealedAnswers([])
    assert repr(SealedAnswers([NEW, OLD])) == "<SealedAnswers 2 keys>"
