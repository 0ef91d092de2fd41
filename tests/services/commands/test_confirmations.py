"""A confirmation is for one person and one content, and for ten minutes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from records.identifiers import Nik
from services.commands.confirmations import LIFETIME, SignedConfirmations

SECRET = b"a secret of thirty-two bytes...."
SITI, BUDI = Nik("3171014506900001"), Nik("3171010101800002")
TEXTS = st.text(max_size=40)


class Clock:
    """A clock that a test sets."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@given(content=TEXTS, other=TEXTS)
def test_it_is_valid_for_its_person_and_content_alone(content: str, other: str) -> None:
    confirmations = SignedConfirmations(SECRET, Clock())
    content, other = (each.encode(errors="replace").decode() for each in (content, other))
    code = confirmations.build_code(SITI, content)
    assert confirmations.is_valid(code, SITI, content)
    assert not confirmations.is_valid(code, BUDI, content)
    assert confirmations.is_valid(code, SITI, other) is (other == content)
    assert not SignedConfirmations(SECRET[::-1], Clock()).is_valid(code, SITI, content)


def test_it_expires_after_ten_minutes() -> None:
    clock = Clock()
    confirmations = SignedConfirmations(SECRET, clock)
    code = confirmations.build_code(SITI, "x")
    clock.now += LIFETIME - 1
    assert confirmations.is_valid(code, SITI, "x")
    clock.now += 1
    assert not confirmations.is_valid(code, SITI, "x")


@given(given_code=st.text(max_size=60))
def test_any_other_text_is_no_confirmation(given_code: str) -> None:
    assert not SignedConfirmations(SECRET, Clock()).is_valid(given_code, SITI, "x")


@given(at=st.integers(0, 49), to=st.sampled_from("ABCxyz019-_"))
def test_a_changed_sign_makes_it_invalid(at: int, to: str) -> None:
    confirmations = SignedConfirmations(SECRET, Clock())
    code = confirmations.build_code(SITI, "x")
    changed = code[: at % len(code)] + to + code[at % len(code) + 1 :]
    if changed[:-1] != code[:-1]:  # the last sign has bits that mean nothing
        assert not confirmations.is_valid(changed, SITI, "x")
