"""What was invalidated, as far as one process knows; and how much of it is remembered."""

from __future__ import annotations

import pytest

from cache.fences import MOST, NEVER, Fences


def test_a_mark_holds_until_one_of_its_tags_is_invalidated() -> None:
    fences = Fences()
    of_one, of_both, of_none = fences.mark(["one"]), fences.mark(["one", "two"]), fences.mark([])
    fences.invalidate(["two"])
    assert fences.holds(["one"], of_one)
    assert not fences.holds(["one", "two"], of_both)
    assert fences.holds([], of_none)
    assert fences.holds(["one", "two"], fences.mark(["one", "two"]))


def test_a_mark_never_holds_again() -> None:
    fences = Fences()
    mark = fences.mark(["one"])
    fences.invalidate(["one"])
    fences.invalidate(["two"])
    assert not fences.holds(["one"], mark)
    fences.invalidate_everything()
    assert not fences.holds(["one"], mark)
    assert not fences.holds(["one"], NEVER)


def test_with_everything_invalidated_no_mark_holds_not_even_of_no_tags() -> None:
    fences = Fences()
    marks = {("one",): fences.mark(["one"]), (): fences.mark([])}
    fences.invalidate_everything()
    assert not [tags for tags, mark in marks.items() if fences.holds(tags, mark)]
    assert fences.holds((), fences.mark(()))


@pytest.mark.parametrize(("invalidated", "holds"), [(3, True), (4, False)], ids=["as many as fit", "one more"])
def test_beyond_the_bound_everything_counts_as_invalidated_once(invalidated: int, holds: bool) -> None:  # noqa: FBT001 - a parameter
    fences = Fences(most=3)
    other = fences.mark(["other"])
    for each in range(invalidated):
        fences.invalidate([f"tag-{each}"])
    assert fences.holds(["other"], other) is holds
    after = fences.mark(["other"])
    fences.invalidate(["tag-0"])
    assert fences.holds(["other"], after)


def test_what_is_remembered_never_grows_beyond_the_bound() -> None:
    fences = Fences(most=10)
    for each in range(1_000):
        fences.invalidate([f"tag-{each}", f"tag-{each + 1}"])
        assert len(fences._versions) <= 10
    assert Fences()._most == MOST == 100_000


def test_the_same_tag_again_and_again_takes_no_room() -> None:
    fences = Fences(most=1)
    other = fences.mark(["other"])
    for _ in range(100):
        fences.invalidate(["one"])
    assert fences.holds(["other"], other)
