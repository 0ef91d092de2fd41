"""Sealed people can be searched for, and cannot be identified without the hub's secret."""

import pytest

from auth.crypto.sealed_people import InvalidPersonSeal, SealedPeople
from records.identifiers import Nik

SITI, BUDI = Nik("3171014506900001"), Nik("3171010101800002")
PEOPLE = SealedPeople(b"a secret of thirty-two bytes....")


def test_the_same_person_has_the_same_seal_of_32_bytes_and_others_have_others() -> None:
    assert PEOPLE.seal(SITI) == PEOPLE.seal(SITI)
    assert len(PEOPLE.seal(SITI)) == 32
    assert PEOPLE.seal(SITI) != PEOPLE.seal(BUDI)
    assert SITI.encode() not in PEOPLE.seal(SITI)


def test_a_seal_opens_to_the_person() -> None:
    assert PEOPLE.open(PEOPLE.seal(SITI)) == SITI


def test_a_changed_seal_or_one_of_another_secret_does_not_open() -> None:
    other = SealedPeople(b"another secret of 32 bytes......")
    assert other.seal(SITI) != PEOPLE.seal(SITI)
    for seal in (other.seal(SITI), PEOPLE.seal(SITI)[:-1] + b"x", b"", b"x" * 32):
        with pytest.raises(InvalidPersonSeal, match="another secret"):
            PEOPLE.open(seal)


def test_the_newest_secret_seals_and_seals_of_earlier_ones_open() -> None:
    newer = SealedPeople(b"a newer secret of 32 bytes......", [b"a secret of thirty-two bytes...."])
    assert newer.open(PEOPLE.seal(SITI)) == SITI
    assert newer.list_seals(SITI) == [newer.seal(SITI), PEOPLE.seal(SITI)]
    assert newer.open(newer.seal(BUDI)) == BUDI


def test_the_repr_shows_no_key() -> None:
    assert repr(PEOPLE) == "<SealedPeople of 1 secrets>"
