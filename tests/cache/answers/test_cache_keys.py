"""Names of cached answers outside the process: the same everywhere, revealing nothing."""

from __future__ import annotations

from collections.abc import Hashable
from enum import Enum
from typing import NamedTuple

import pytest

from cache.answers.cache_keys import CacheKeyBuilder
from cache.answers.slots import Slot
from records.complaints import ComplaintQuery
from records.identifiers import Nik
from records.regions import RegionLevel, RegionQuery
from tests.cache.answers.cache_world import build_kind

SITI = Nik("3171014506900001")
NAMES = CacheKeyBuilder(b"a secret of thirty-two bytes....")
THINGS, OTHERS = build_kind("things"), build_kind("others")


class KeyPair(NamedTuple):
    one: str
    other: str


class Colour(Enum):
    RED = "red"


KEYS: list[Hashable] = [
    "1",
    1,
    None,
    ("1",),
    ("12",),
    KeyPair("1", "2"),
    Colour.RED,
    "red",
    RegionQuery(search="", level=None, inside=None, first=1),
    RegionQuery(search="", level=RegionLevel.PROVINCE, inside=None, first=1),
    ComplaintQuery(first=1),
]


def test_the_same_slot_has_the_same_name_in_every_process_with_the_secret_and_another_without() -> None:
    again, other = (
        CacheKeyBuilder(b"a secret of thirty-two bytes...."),
        CacheKeyBuilder(b"another secret of 32 bytes......"),
    )
    slot = Slot(THINGS, SITI)
    assert again.build_key(slot) == NAMES.build_key(slot)
    assert other.build_key(slot).name != NAMES.build_key(slot).name
    assert set(other.build_key(slot).tags).isdisjoint(NAMES.build_key(slot).tags)


def test_different_keys_and_kinds_have_different_names() -> None:
    names = [NAMES.build_key(Slot(each, key)).name for each in (THINGS, OTHERS) for key in KEYS]
    assert len(set(names)) == len(names) == 2 * len(KEYS)


def test_no_name_and_no_tag_identifies_a_person() -> None:
    wanted = NAMES.build_key(Slot(THINGS, SITI))
    for text in (wanted.name, *wanted.tags):
        assert len(text) == 32
        assert SITI not in text
        assert SITI.encode().hex() not in text
    assert wanted.tags == tuple(NAMES.hash_tags([f"thing:{SITI}"]))


def test_a_tag_and_a_key_of_the_same_text_have_different_names() -> None:
    assert NAMES.build_key(Slot(THINGS, "x")).name not in NAMES.hash_tags(["x", '["things","x"]'])


def test_a_key_of_an_unsupported_type_is_refused() -> None:
    with pytest.raises(TypeError, match="frozenset has no name"):
        NAMES.build_key(Slot(THINGS, frozenset({1})))


def test_the_key_is_never_shown() -> None:
    assert repr(NAMES) == "<CacheKeyBuilder>"
