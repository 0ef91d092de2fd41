"""Each claim of a fault run, and that it can fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.faults.answers import AnswerOutcome, FaultAnswer
from tests.faults.cells import STATE, WORKER, CellAnswers, FaultResult
from tests.faults.claims import find_broken_claims
from tests.faults.questions import NOTHING, OF_ONE, FaultQuestion

HUB = "keeps none"
LAND = OF_ONE["pbb"]
OPEN_BREAKER: dict[str, Any] = {
    "codes": {"pbb": "AGENCY_UNAVAILABLE"},
    "open_breakers": frozenset({"pbb"}),
    "outcome": AnswerOutcome.PARTIAL,
}
"""An answer in which the agency was left alone."""


def build_answer(question: FaultQuestion = LAND, **more: Any) -> FaultAnswer:  # noqa: ANN401 - any of its fields
    values: Mapping[str, Any] = {"sent": 1.0, "seconds": 0.01, "status": 200, "outcome": AnswerOutcome.FULL}
    return FaultAnswer(question=question, **{**values, **more})


def build_result(
    *needed: FaultAnswer,
    others: Sequence[FaultAnswer] = (),
    before: Sequence[FaultAnswer] = (),
    after: Sequence[FaultAnswer] = (),
    **more: Any,  # noqa: ANN401 - any of its fields
) -> FaultResult:
    seen = CellAnswers(
        needed=needed or [build_answer(sent=0.0, **OPEN_BREAKER), build_answer(sent=3.0, **OPEN_BREAKER)],
        others=others,
        needed_before=before or [build_answer()] * 60,
        others_before=[build_answer(NOTHING)] * 60,
        after=after,
    )
    values: Mapping[str, Any] = {
        "name": "x",
        "part": "pbb",
        "kind": "reset",
        "duration": 3.0,
        "faulted_exchanges": 1,
        "recovery": 1.0,
    }
    return FaultResult(hubs={HUB: seen}, **{**values, **more})


def list_claims(*results: FaultResult) -> list[tuple[str, str]]:
    return [(each.claim, each.seen) for each in find_broken_claims(results, asks_always=HUB)]


def test_where_everything_holds_nothing_is_said() -> None:
    assert list_claims(build_result()) == []


@pytest.mark.parametrize(
    ("odd", "claim"),
    [
        ({"wrong_field": "taxObjects"}, "pbb alone says of taxObjects what is not so"),
        ({"status": 500, "outcome": AnswerOutcome.FAILED}, "pbb alone: HTTP 500 with nothing said"),
        ({"status": 0, "outcome": AnswerOutcome.FAILED}, "pbb alone: HTTP 0 with nothing said"),
        (
            {"status": 503, "outcome": AnswerOutcome.FAILED, "codes": {"": "LEDGER_UNAVAILABLE"}},
            "pbb alone: HTTP 503 with LEDGER_UNAVAILABLE",
        ),
        ({"outcome": AnswerOutcome.FAILED, "codes": {"": "INTERNAL"}}, "pbb alone: INTERNAL"),
    ],
)
def test_a_violation_is_reported_with_its_question_and_count(odd: dict[str, Any], claim: str) -> None:
    found = list_claims(build_result(build_answer(**OPEN_BREAKER), after=[build_answer(**odd), build_answer(**odd)]))
    assert found == [("only what may fail fails", f"x, {HUB}: 2 x {claim}")]


@pytest.mark.parametrize(
    ("part", "may"),
    [
        (STATE, {"status": 503, "outcome": AnswerOutcome.FAILED, "codes": {"": "LEDGER_UNAVAILABLE"}}),
        (WORKER, {"status": 0, "outcome": AnswerOutcome.FAILED}),
        ("Redis", {"status": 503, "outcome": AnswerOutcome.FAILED, "codes": {"": "OVERLOADED"}}),
    ],
)
def test_some_failures_are_honest(part: str, may: dict[str, Any]) -> None:
    assert list_claims(build_result(build_answer(**may), part=part, kind="killed")) == []


def test_an_error_naming_another_agency_and_a_missing_unrelated_field_are_reported() -> None:
    named = build_answer(codes={"crm": "AGENCY_TIMEOUT"}, outcome=AnswerOutcome.PARTIAL)
    assert list_claims(build_result(build_answer(**OPEN_BREAKER), named)) == [
        ("a failing agency costs its own fields", f"x, {HUB}: {{'crm AGENCY_TIMEOUT': 1}}, 0")
    ]
    hole = build_answer(NOTHING, outcome=AnswerOutcome.STALE)
    assert list_claims(build_result(others=[hole])) == [("a failing agency costs its own fields", f"x, {HUB}: {{}}, 1")]


def test_unneeded_slowness_is_reported() -> None:
    slow = [build_answer(NOTHING, seconds=0.071)] * 60
    assert list_claims(build_result(others=slow)) == [
        ("what needs it not is not slowed", f"pbb, {HUB}: p99 10 ms before, 71 ms while it fails")
    ]
    assert list_claims(build_result(others=[build_answer(NOTHING, seconds=0.069)] * 60)) == []


def test_an_open_breaker_must_be_seen_and_answer_fast() -> None:
    failed = build_answer(codes={"pbb": "AGENCY_UNAVAILABLE"}, outcome=AnswerOutcome.PARTIAL)
    assert list_claims(build_result(*[failed] * 40)) == [
        ("a breaker opens", "pbb: no answer said that its breaker is open")
    ]
    assert list_claims(build_result(*[failed] * 40, kind="garbage")) == [], "who talks at all is not broken"
    slow = [build_answer(**OPEN_BREAKER), *[build_answer(sent=4.0, seconds=0.0125, **OPEN_BREAKER)] * 50]
    assert list_claims(build_result(*slow)) == [
        ("with a breaker open answers are at least as fast", "pbb: p50 12.5 ms, 10.0 ms while it was well")
    ]


def test_requests_sent_before_the_breaker_opened_do_not_count() -> None:
    assert (
        list_claims(
            build_result(
                build_answer(sent=0.5, seconds=2.0, **OPEN_BREAKER),
                build_answer(sent=1.0, seconds=0.01, **OPEN_BREAKER),
                build_answer(sent=2.9, seconds=1.0, **OPEN_BREAKER),
            )
        )
        == []
    )


def test_a_fault_without_recovery_or_without_effect_is_reported() -> None:
    assert list_claims(build_result(recovery=None)) == [("all is well again without a restart", "x")]
    assert list_claims(build_result(faulted_exchanges=0)) == [("the fault was there at all", "x")]
