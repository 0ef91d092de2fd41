"""Answers from a copy of an agency's data have its date; if the copy is overdue, they are stale."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.agencies.bindings import Agencies
from engine.batch import BatchContext, batch, load_answers
from engine.execution.answer_freshness import AnswerFreshness
from engine.execution.stale_fields import StalePath, describe_notices
from records.calls.answers import Answers, DatedAnswers
from records.calls.call import Call
from records.calls.freshness import Staleness

HOUR = 3600.0


def build_batch(age: timedelta) -> Any:  # noqa: ANN401 - a batch
    @batch(domain=AnswerFreshness)
    async def titles(ids: Sequence[int], context: BatchContext[str]) -> Answers[int, str]:  # noqa: ARG001 - a batch
        """Titles by number."""
        return DatedAnswers({1: "one"}, as_of=datetime.now(UTC) - age, max_age=2 * HOUR, fresh=HOUR)

    return titles


@pytest.mark.parametrize(("hours", "reason", "is_stale"), [(1, "copy", False), (3, "overdue", True)])
async def test_every_key_has_the_date_of_the_copy(hours: int, reason: str, is_stale: bool) -> None:  # noqa: FBT001 - a parameter of the test
    freshness, titles = AnswerFreshness(), build_batch(timedelta(hours=hours))
    context = BatchContext(caller="me", call=Call(deadline=1e12, request_id="r"), agencies=Agencies({}))
    assert await load_answers(titles, [1, 2], context, freshness) == {1: "one"}
    found = freshness.stale_answers[titles, None]
    assert list(found) == [1, 2]
    assert {(each.reason, each.is_stale, each.agency) for each in found.values()} == {
        (reason, is_stale, "answerfreshness")
    }
    assert freshness.get_lifetime() == pytest.approx((0, HOUR, 0, 0), abs=1)


def test_a_copy_is_listed_once_and_every_stale_place() -> None:
    at = datetime(2026, 11, 1, tzinfo=UTC)
    copy = Staleness(as_of=at, reason="copy", agency="wifi", is_stale=False)
    places = [StalePath(("a",), copy), StalePath(("b",), copy), *[StalePath((each,), old(at)) for each in ("c", "d")]]
    assert [(each["path"], each["reason"], each["stale"]) for each in describe_notices(places)["freshness"]] == [
        (["a"], "copy", False),
        (["c"], "overdue", True),
        (["d"], "overdue", True),
    ]


def old(at: datetime) -> Staleness:
    return Staleness(as_of=at, reason="overdue", agency="wifi")
