"""Invalidations that one process knows of, and the limit on their number."""

from __future__ import annotations

import pytest

from cache.answers.invalidation_epochs import MAX_TAGS, NEVER_CURRENT, InvalidationEpochs


def test_a_snapshot_is_current_until_one_of_its_tags_is_invalidated() -> None:
    fences = InvalidationEpochs()
    of_one, of_both, of_none = fences.snapshot(["one"]), fences.snapshot(["one", "two"]), fences.snapshot([])
    fences.invalidate(["two"])
    assert fences.is_current(["one"], of_one)
    assert not fences.is_current(["one", "two"], of_both)
    assert fences.is_current([], of_none)
    assert fences.is_current(["one", "two"], fences.snapshot(["one", "two"]))


def test_an_outdated_snapshot_never_becomes_current_again() -> None:
    fences = InvalidationEpochs()
    mark = fences.snapshot(["one"])
    fences.invalidate(["one"])
    fences.invalidate(["two"])
    assert not fences.is_current(["one"], mark)
    fences.invalidate_everything()
    assert not fences.is_current(["one"], mark)
    assert not fences.is_current(["one"], NEVER_CURRENT)


def test_invalidating_everything_outdates_even_a_snapshot_without_tags() -> None:
    fences = InvalidationEpochs()
    marks = {("one",): fences.snapshot(["one"]), (): fences.snapshot([])}
    fences.invalidate_everything()
    assert not [tags for tags, mark in marks.items() if fences.is_current(tags, mark)]
    assert fences.is_current((), fences.snapshot(()))


@pytest.mark.parametrize(("invalidated", "holds"), [(3, True), (4, False)], ids=["as many as fit", "one more"])
def test_beyond_the_limit_everything_is_invalidated_once(invalidated: int, holds: bool) -> None:  # noqa: FBT001 - a parameter
    fences = InvalidationEpochs(max_tags=3)
    other = fences.snapshot(["other"])
    for each in range(invalidated):
        fences.invalidate([f"tag-{each}"])
    assert fences.is_current(["other"], other) is holds
    after = fences.snapshot(["other"])
    fences.invalidate(["tag-0"])
    assert fences.is_current(["other"], after)


def test_the_number_of_versions_never_exceeds_the_limit() -> None:
    fences = InvalidationEpochs(max_tags=10)
    for each in range(1_000):
        fences.invalidate([f"tag-{each}", f"tag-{each + 1}"])
        assert len(fences._versions) <= 10
    assert InvalidationEpochs()._max_tags == MAX_TAGS == 100_000


def test_repeating_a_tag_takes_no_memory() -> None:
    fences = InvalidationEpochs(max_tags=1)
    other = fences.snapshot(["other"])
    for _ in range(100):
        fences.invalidate(["one"])
    assert fences.is_current(["other"], other)
