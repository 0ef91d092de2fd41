"""The lifetime of an answer is the strictest of its calls."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from math import inf

import pytest

from engine.batch import Batch, BatchContext, batch
from engine.execution.answer_freshness import FRESH_FOREVER, AnswerFreshness
from records.calls.answers import Answers
from records.calls.freshness import BatchCaching, Freshness, Staleness


@batch(domain=AnswerFreshness)
async def titles(ids: Sequence[int], ask: BatchContext[str]) -> Answers[int, str]:  # noqa: ARG001 - a batch
    """Titles by number."""
    return {}


def test_an_answer_without_changing_reads_is_fresh_forever() -> None:
    assert AnswerFreshness().get_lifetime() is FRESH_FOREVER


def test_the_oldest_call_and_the_earliest_end_of_freshness_count() -> None:
    freshness = AnswerFreshness()
    freshness.record_lifetime(Freshness(fresh=60, stale_while_revalidate=30, stale_if_error=600), 10.0, 50.0)
    freshness.record_lifetime(Freshness(fresh=600, stale_while_revalidate=20, stale_if_error=900), 580.0, 20.0)
    freshness.record_lifetime(Freshness(fresh=30, stale_while_revalidate=90, stale_if_error=700), 0.0, 30.0)
    assert freshness.get_lifetime() == pytest.approx((580, 20, 20, 600), abs=1)
    assert freshness.get_lifetime().fresh < 20  # time passes


def test_answers_of_a_batch_without_freshness_are_for_one_use() -> None:
    freshness = AnswerFreshness()
    freshness.record_lifetime(None, 0.0, 0.0)
    assert freshness.get_lifetime() == pytest.approx((0, 0, 0, 0), abs=1)
    assert freshness.get_lifetime().fresh == 0


def test_stale_answers_are_recorded_by_batch_facet_and_key() -> None:
    freshness = AnswerFreshness()
    staleness = Staleness(as_of=datetime(2026, 11, 1, tzinfo=UTC), reason="AGENCY_TIMEOUT")
    freshness.record_stale(titles, 1, None, staleness)
    freshness.record_stale(titles, 1, str, staleness)
    freshness.record_stale(titles, 2, None, staleness)
    assert freshness.stale_answers == {(titles, None): {1: staleness, 2: staleness}, (titles, str): {1: staleness}}
    assert repr(freshness).endswith("3 stale>")


@pytest.mark.parametrize(
    "given", [{"domain": AnswerFreshness}, {"caching": BatchCaching()}, {"depends_on_caller": True}], ids=str
)
def test_only_batches_of_the_hub_itself_can_be_fixed(given: dict[str, object]) -> None:
    members: dict[str, object] = {"name": "titles", "domain": None, "run": titles.run, "is_fixed": True}
    assert Batch(**members).is_fixed  # type: ignore[arg-type]  # as given
    with pytest.raises(TypeError, match="cannot be fixed"):
        Batch(**{**members, **given})  # type: ignore[arg-type]  # as given


def test_answers_of_fixed_batches_are_fresh_forever() -> None:
    assert (0.0, inf, inf, inf) == FRESH_FOREVER
