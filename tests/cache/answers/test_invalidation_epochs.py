"""Invalidations that one process knows of, and the limit on their number."""

from __future__ import annotations

import pytest

from cache.answers.invalidation_epochs import MAX_TAGS, NEVER_CURRENT, InvalidationEpochs


def test_a_snapshot_is_current_until_one_of_its_tags_is_invalidated() -> None:
    epochs = InvalidationEpochs()
    of_one, of_both, of_none = epochs.snapshot(["one"]), epochs.snapshot(["one", "two"]), epochs.snapshot([])
    epochs.invalidate(["two"])
    assert epochs.is_current(["one"], of_one)
    assert not epochs.is_current(["one", "two"], of_both)
    assert epochs.is_current([], of_none)
    assert epochs.is_current(["one", "two"], epochs.snapshot(["one", "two"]))


def test_an_outdated_snapshot_never_becomes_current_again() -> None:
    epochs = InvalidationEpochs()
    snapshot = epochs.snapshot(["one"])
    epochs.invalidate(["one"])
    epochs.invalidate(["two"])
    assert not epochs.is_current(["one"], snapshot)
    epochs.invalidate_everything()
    assert not epochs.is_current(["one"], snapshot)
    assert not epochs.is_current(["one"], NEVER_CURRENT)


def test_invalidating_everything_outdates_even_a_snapshot_without_tags() -> None:
    epochs = InvalidationEpochs()
    snapshots = {("one",): epochs.snapshot(["one"]), (): epochs.snapshot([])}
    epochs.invalidate_everything()
    assert not [tags for tags, snapshot in snapshots.items() if epochs.is_current(tags, snapshot)]
    assert epochs.is_current((), epochs.snapshot(()))


@pytest.mark.parametrize(("invalidated", "holds"), [(3, True), (4, False)], ids=["as many as fit", "one more"])
def test_beyond_the_limit_everything_is_invalidated_once(invalidated: int, holds: bool) -> None:  # noqa: FBT001 - a parameter
    epochs = InvalidationEpochs(max_tags=3)
    other = epochs.snapshot(["other"])
    for each in range(invalidated):
        epochs.invalidate([f"tag-{each}"])
    assert epochs.is_current(["other"], other) is holds
    after = epochs.snapshot(["other"])
    epochs.invalidate(["tag-0"])
    assert epochs.is_current(["other"], after)


def test_the_number_of_epochs_never_exceeds_the_limit() -> None:
    epochs = InvalidationEpochs(max_tags=10)
    for each in range(1_000):
        epochs.invalidate([f"tag-{each}", f"tag-{each + 1}"])
        assert len(epochs._tag_epochs) <= 10
    assert InvalidationEpochs()._max_tags == MAX_TAGS == 100_000


def test_repeating_a_tag_takes_no_memory() -> None:
    epochs = InvalidationEpochs(max_tags=1)
    other = epochs.snapshot(["other"])
    for _ in range(100):
        epochs.invalidate(["one"])
    assert epochs.is_current(["other"], other)
