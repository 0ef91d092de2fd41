"""Sealed cookies cannot be read or changed, they expire, and each kind has its own key."""

from __future__ import annotations

import pytest

from auth.crypto.sealed_cookies import MAX_COOKIE_LENGTH, CookieTooLong, SealedCookies

SECRET = b"a secret of thirty-two bytes...."
COOKIES = SealedCookies(SECRET, "session")
VALUES = {"nik": "3171014506900001", "n": 1.5, "none": None}


def test_a_cookie_opens_to_its_values_in_all_hubs_with_the_secret() -> None:
    sealed = COOKIES.seal(VALUES, until=100)
    assert SealedCookies(SECRET, "session").open(sealed, now=99) == VALUES


def test_the_same_values_are_sealed_differently_each_time_and_are_unreadable() -> None:
    first, second = (COOKIES.seal(VALUES, until=100) for _ in range(2))
    assert first != second
    assert "3171" not in first


def test_a_cookie_opens_until_it_expires() -> None:
    sealed = COOKIES.seal(VALUES, until=100)
    assert COOKIES.open(sealed, now=99.9) == VALUES
    assert COOKIES.open(sealed, now=100) is None


def test_another_kind_or_another_secret_does_not_open_a_cookie() -> None:
    sealed = COOKIES.seal(VALUES, until=100)
    assert SealedCookies(SECRET, "sign-in").open(sealed, now=0) is None
    assert SealedCookies(SECRET[::-1], "session").open(sealed, now=0) is None


@pytest.mark.parametrize("text", ["", "x", "=", "A" * 40, "é" * 40, "A" * (MAX_COOKIE_LENGTH + 1), "%" * 60, " "])
def test_a_text_that_was_never_sealed_does_not_open(text: str) -> None:
    assert COOKIES.open(text, now=0) is None


def test_a_cookie_with_any_changed_character_does_not_open() -> None:
    sealed = COOKIES.seal(VALUES, until=100)
    for at in range(len(sealed) - 1):
        other = "A" if sealed[at] != "A" else "B"
        assert COOKIES.open(sealed[:at] + other + sealed[at + 1 :], now=0) is None


def test_a_cookie_that_browsers_would_not_store_is_refused() -> None:
    with pytest.raises(CookieTooLong, match="longer than 3800"):
        COOKIES.seal({"long": "x" * 4000}, until=100)


def test_the_repr_shows_no_key() -> None:
    assert repr(COOKIES) == "<SealedCookies session>"
