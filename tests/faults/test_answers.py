"""What an answer was worth, and many of them summed up."""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults.answers import AnswerOutcome, FaultAnswer, compute_quantile, judge_answer, summarize
from tests.faults.questions import FIRST

AGENCY = {"extensions": {"code": "AGENCY_UNAVAILABLE", "agency": "pbb"}}
LEFT_ALONE = {"extensions": {"code": "AGENCY_UNAVAILABLE", "agency": "pbb", "retryAfter": 2.0}}
STATE = {"extensions": {"code": "LEDGER_UNAVAILABLE"}}
DATA = {"me": {"nik": "1"}}


def judge(status: int = 200, seconds: float = 0.1, **body: Any) -> FaultAnswer:  # noqa: ANN401 - JSON
    return judge_answer(FIRST, sent=0.0, seconds=seconds, status=status, body=body, wrong_field=None)


def build_stale(reason: str) -> dict[str, Any]:
    return {"freshness": [{"path": ["me"], "agency": "pbb", "stale": True, "reason": reason}]}


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (judge(data=DATA), AnswerOutcome.FULL),
        (judge(data=DATA, extensions=build_stale("revalidating")), AnswerOutcome.FULL),
        (judge(data=DATA, extensions=build_stale("AGENCY_TIMEOUT")), AnswerOutcome.STALE),
        (judge(data=DATA, errors=[AGENCY]), AnswerOutcome.PARTIAL),
        (judge(data=DATA, errors=[AGENCY], extensions=build_stale("AGENCY_TIMEOUT")), AnswerOutcome.PARTIAL),
        (judge(data=None, errors=[AGENCY]), AnswerOutcome.FAILED),
        (judge(data=DATA, errors=[AGENCY, STATE]), AnswerOutcome.FAILED),
        (judge(503, data=None, errors=[STATE]), AnswerOutcome.FAILED),
        (judge_answer(FIRST, sent=0.0, seconds=0.1, status=0, body=None, wrong_field=None), AnswerOutcome.FAILED),
    ],
)
def test_an_answer_is_full_stale_partial_or_failed(answer: FaultAnswer, outcome: AnswerOutcome) -> None:
    assert answer.outcome is outcome


def test_an_open_breaker_is_recognized_by_retry_after() -> None:
    assert judge(data=DATA, errors=[LEFT_ALONE]).open_breakers == {"pbb"}
    assert judge(data=DATA, errors=[AGENCY]).open_breakers == frozenset()


def test_many_answers_are_summed_up_in_shares_and_times() -> None:
    answers = [judge(seconds=each / 1000, data=DATA) for each in range(1, 100)]
    found = summarize([*answers, judge(503, seconds=0.1, errors=[STATE])])
    assert found.count == 100
    assert (
        found.shares[AnswerOutcome.FULL],
        found.shares[AnswerOutcome.FAILED],
        found.shares[AnswerOutcome.STALE],
    ) == (0.99, 0.01, 0)
    assert (round(found.p50_ms), round(found.p99_ms)) == (50, 99)
    assert found.statuses == {200: 99, 503: 1}
    assert found.codes == {"LEDGER_UNAVAILABLE": 1}


def test_of_no_answers_there_is_nothing_to_say() -> None:
    assert (summarize([]).count, summarize([]).p99_ms, compute_quantile([], 0.5)) == (0, 0.0, 0.0)
