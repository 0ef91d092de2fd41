"""What an answer was worth, and many of them summed up."""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults.answers import Answer, Outcome, judged, quantile, summed_up
from tests.faults.questions import FIRST

AGENCY = {"extensions": {"code": "AGENCY_UNAVAILABLE", "agency": "pbb"}}
LEFT_ALONE = {"extensions": {"code": "AGENCY_UNAVAILABLE", "agency": "pbb", "retryAfter": 2.0}}
STATE = {"extensions": {"code": "LEDGER_UNAVAILABLE"}}
DATA = {"me": {"nik": "1"}}


def seen(status: int = 200, seconds: float = 0.1, **body: Any) -> Answer:  # noqa: ANN401 - JSON
    return judged(FIRST, sent=0.0, seconds=seconds, status=status, body=body, untrue=None)


def aged(reason: str) -> dict[str, Any]:
    return {"freshness": [{"path": ["me"], "agency": "pbb", "stale": True, "reason": reason}]}


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (seen(data=DATA), Outcome.FULL),
        (seen(data=DATA, extensions=aged("revalidating")), Outcome.FULL),
        (seen(data=DATA, extensions=aged("AGENCY_TIMEOUT")), Outcome.STALE),
        (seen(data=DATA, errors=[AGENCY]), Outcome.PARTIAL),
        (seen(data=DATA, errors=[AGENCY], extensions=aged("AGENCY_TIMEOUT")), Outcome.PARTIAL),
        (seen(data=None, errors=[AGENCY]), Outcome.FAILED),
        (seen(data=DATA, errors=[AGENCY, STATE]), Outcome.FAILED),
        (seen(503, data=None, errors=[STATE]), Outcome.FAILED),
        (judged(FIRST, sent=0.0, seconds=0.1, status=0, body=None, untrue=None), Outcome.FAILED),
    ],
)
def test_an_answer_is_full_stale_partial_or_failed(answer: Answer, outcome: Outcome) -> None:
    assert answer.outcome is outcome


def test_an_agency_that_is_left_alone_is_told_by_when_to_come_back() -> None:
    assert seen(data=DATA, errors=[LEFT_ALONE]).left_alone == {"pbb"}
    assert seen(data=DATA, errors=[AGENCY]).left_alone == frozenset()


def test_many_answers_are_summed_up_in_shares_and_times() -> None:
    answers = [seen(seconds=each / 1000, data=DATA) for each in range(1, 100)]
    found = summed_up([*answers, seen(503, seconds=0.1, errors=[STATE])])
    assert found.count == 100
    assert (found.shares[Outcome.FULL], found.shares[Outcome.FAILED], found.shares[Outcome.STALE]) == (0.99, 0.01, 0)
    assert (round(found.p50_ms), round(found.p99_ms)) == (50, 99)
    assert found.statuses == {200: 99, 503: 1}
    assert found.codes == {"LEDGER_UNAVAILABLE": 1}


def test_of_no_answers_there_is_nothing_to_say() -> None:
    assert (summed_up([]).count, summed_up([]).p99_ms, quantile([], 0.5)) == (0, 0.0, 0.0)
