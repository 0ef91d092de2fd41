"""How fresh what was read for one answer is: as the strictest of its parts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from math import inf

import pytest

from engine.batch import Ask, Batch, batch
from engine.how_fresh import FOR_GOOD, HowFresh
from records.answers import Answers
from records.freshness import Freshness, Staleness


def said(freshness: Freshness | None = None) -> Batch[int, str]:
    @batch(agency="library", freshness=freshness)
    async def titles(ids: Sequence[int], ask: Ask[str]) -> Answers[int, str]:  # noqa: ARG001 - a batch
        """Titles by number."""
        return {}

    return titles


def test_where_nothing_was_read_that_changes_an_answer_lasts_for_good() -> None:
    assert HowFresh().of_all() is FOR_GOOD


def test_the_oldest_part_and_the_one_that_is_over_first_count_for_all() -> None:
    how_fresh = HowFresh()
    how_fresh.lasts(said(Freshness(fresh=60, revalidating=30, failing=600)), 10.0, 50.0)
    how_fresh.lasts(said(Freshness(fresh=600, revalidating=20, failing=900)), 580.0, 20.0)
    how_fresh.lasts(said(Freshness(fresh=30, revalidating=90, failing=700)), 0.0, 30.0)
    assert how_fresh.of_all() == pytest.approx((580, 20, 20, 600), abs=1)
    assert how_fresh.of_all().fresh < 20  # it goes on


def test_a_batch_that_says_nothing_is_for_this_once() -> None:
    how_fresh = HowFresh()
    how_fresh.lasts(said(), 0.0, 0.0)
    assert how_fresh.of_all() == pytest.approx((0, 0, 0, 0), abs=1)
    assert how_fresh.of_all().fresh == 0


def test_what_is_old_is_known_by_batch_facet_and_key() -> None:
    how_fresh, titles = HowFresh(), said(Freshness(fresh=1))
    staleness = Staleness(as_of=datetime(2026, 11, 1, tzinfo=UTC), reason="AGENCY_TIMEOUT")
    how_fresh.stale(titles, 1, None, staleness)
    how_fresh.stale(titles, 1, str, staleness)
    how_fresh.stale(titles, 2, None, staleness)
    assert how_fresh.old == {(titles, None): {1: staleness, 2: staleness}, (titles, str): {1: staleness}}
    assert repr(how_fresh).endswith("3 old>")


@pytest.mark.parametrize(
    "given", [{"agency": "library"}, {"freshness": Freshness(fresh=1)}, {"reads_caller": True}], ids=str
)
def test_only_what_the_hub_knows_by_itself_of_everybody_can_be_fixed(given: dict[str, object]) -> None:
    members: dict[str, object] = {"name": "titles", "agency": None, "run": said().run, "fixed": True}
    assert Batch(**members).fixed  # type: ignore[arg-type]  # as given
    with pytest.raises(TypeError, match="cannot be fixed"):
        Batch(**{**members, **given})  # type: ignore[arg-type]  # as given


def test_what_is_fixed_lasts_for_good() -> None:
    assert (0.0, inf, inf, inf) == FOR_GOOD
