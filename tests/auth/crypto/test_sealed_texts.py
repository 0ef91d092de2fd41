"""Sealed texts open only with the secret and only for their place."""

from __future__ import annotations

import pytest

from auth.crypto.sealed_texts import SealedTexts, UnreadableText

SECRET, EARLIER = b"a secret of thirty-two bytes....", b"an earlier one of 32 bytes......"
TEXT = "RT saya 2, bukan 3 — ☂"


def test_a_text_opens_for_its_place() -> None:
    texts = SealedTexts(SECRET)
    sealed = texts.seal(TEXT, "HAK-2026-22222222")
    assert TEXT.encode() not in sealed
    assert texts.open(sealed, "HAK-2026-22222222") == TEXT
    assert SealedTexts(SECRET).open(sealed, "HAK-2026-22222222") == TEXT


def test_the_same_text_is_sealed_differently_each_time() -> None:
    texts = SealedTexts(SECRET)
    assert texts.seal(TEXT, "a") != texts.seal(TEXT, "a")


def test_a_moved_or_changed_text_does_not_open() -> None:
    texts = SealedTexts(SECRET)
    sealed = texts.seal(TEXT, "a")
    with pytest.raises(UnreadableText):
        texts.open(sealed, "b")
    for at in range(len(sealed)):
        changed = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
        with pytest.raises(UnreadableText):
            texts.open(changed, "a")
    for length in range(len(sealed)):
        with pytest.raises(UnreadableText):
            texts.open(sealed[:length], "a")


def test_another_secret_opens_nothing_and_an_earlier_one_opens_its_own_texts() -> None:
    old = SealedTexts(EARLIER).seal(TEXT, "a")
    with pytest.raises(UnreadableText):
        SealedTexts(SECRET).open(old, "a")
    both = SealedTexts(SECRET, [EARLIER])
    assert both.open(old, "a") == TEXT
    fresh = both.seal(TEXT, "a")
    assert SealedTexts(SECRET).open(fresh, "a") == TEXT
    with pytest.raises(UnreadableText):
        SealedTexts(EARLIER).open(fresh, "a")


def test_the_repr_shows_no_keys() -> None:
    assert repr(SealedTexts(SECRET, [EARLIER])) == "<SealedTexts of 2 secrets>"
