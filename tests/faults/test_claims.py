"""Each claim of a fault run, and that it can fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.faults.answers import Answer, Outcome
from tests.faults.cells import STATE, WORKER, Result, Seen
from tests.faults.claims import broken
from tests.faults.questions import NOTHING, OF_ONE, Question

HUB = "keeps none"
LAND = OF_ONE["pbb"]
TOLD: dict[str, Any] = {
    "codes": {"pbb": "AGENCY_UNAVAILABLE"},
    "left_alone": frozenset({"pbb"}),
    "outcome": Outcome.PARTIAL,
}
"""An answer in which the agency was left alone."""


def answer(question: Question = LAND, **more: Any) -> Answer:  # noqa: ANN401 - any of its fields
    given: Mapping[str, Any] = {"sent": 1.0, "seconds": 0.01, "status": 200, "outcome": Outcome.FULL}
    return Answer(question=question, **{**given, **more})


def result(
    *needed: Answer,
    others: Sequence[Answer] = (),
    before: Sequence[Answer] = (),
    after: Sequence[Answer] = (),
    **more: Any,  # noqa: ANN401 - any of its fields
) -> Result:
    seen = Seen(
        needed=needed or [answer(sent=0.0, **TOLD), answer(sent=3.0, **TOLD)],
        others=others,
        needed_before=before or [answer()] * 60,
        others_before=[answer(NOTHING)] * 60,
        after=after,
    )
    given: Mapping[str, Any] = {
        "name": "x",
        "part": "pbb",
        "kind": "reset",
        "lasted": 3.0,
        "struck": 1,
        "recovery": 1.0,
    }
    return Result(hubs={HUB: seen}, **{**given, **more})


def claims(*results: Result) -> list[tuple[str, str]]:
    return [(each.claim, each.seen) for each in broken(results, asks_always=HUB)]


def test_where_everything_holds_nothing_is_said() -> None:
    assert claims(result()) == []


@pytest.mark.parametrize(
    ("odd", "told"),
    [
        ({"untrue": "taxObjects"}, "pbb alone says of taxObjects what is not so"),
        ({"status": 500, "outcome": Outcome.FAILED}, "pbb alone: HTTP 500 with nothing said"),
        ({"status": 0, "outcome": Outcome.FAILED}, "pbb alone: HTTP 0 with nothing said"),
        (
            {"status": 503, "outcome": Outcome.FAILED, "codes": {"": "LEDGER_UNAVAILABLE"}},
            "pbb alone: HTTP 503 with LEDGER_UNAVAILABLE",
        ),
        ({"outcome": Outcome.FAILED, "codes": {"": "INTERNAL"}}, "pbb alone: INTERNAL"),
    ],
)
def test_what_may_not_be_is_told_with_what_was_asked_and_how_often(odd: dict[str, Any], told: str) -> None:
    found = claims(result(answer(**TOLD), after=[answer(**odd), answer(**odd)]))
    assert found == [("only what may fail fails", f"x, {HUB}: 2 x {told}")]


@pytest.mark.parametrize(
    ("part", "may"),
    [
        (STATE, {"status": 503, "outcome": Outcome.FAILED, "codes": {"": "LEDGER_UNAVAILABLE"}}),
        (WORKER, {"status": 0, "outcome": Outcome.FAILED}),
        ("Redis", {"status": 503, "outcome": Outcome.FAILED, "codes": {"": "OVERLOADED"}}),
    ],
)
def test_some_failures_are_honest(part: str, may: dict[str, Any]) -> None:
    assert claims(result(answer(**may), part=part, kind="killed")) == []


def test_another_agency_that_is_named_or_a_hole_in_what_does_not_need_it_is_told() -> None:
    named = answer(codes={"crm": "AGENCY_TIMEOUT"}, outcome=Outcome.PARTIAL)
    assert claims(result(answer(**TOLD), named)) == [
        ("a failing agency costs its own fields", f"x, {HUB}: {{'crm AGENCY_TIMEOUT': 1}}, 0")
    ]
    hole = answer(NOTHING, outcome=Outcome.STALE)
    assert claims(result(others=[hole])) == [("a failing agency costs its own fields", f"x, {HUB}: {{}}, 1")]


def test_what_is_slowed_without_need_is_told() -> None:
    slow = [answer(NOTHING, seconds=0.071)] * 60
    assert claims(result(others=slow)) == [
        ("what needs it not is not slowed", f"pbb, {HUB}: p99 10 ms before, 71 ms while it fails")
    ]
    assert claims(result(others=[answer(NOTHING, seconds=0.069)] * 60)) == []


def test_an_open_breaker_must_be_seen_and_answer_fast() -> None:
    failed = answer(codes={"pbb": "AGENCY_UNAVAILABLE"}, outcome=Outcome.PARTIAL)
    assert claims(result(*[failed] * 40)) == [("a breaker opens", "pbb: nobody was told that it is left alone")]
    assert claims(result(*[failed] * 40, kind="garbage")) == [], "who talks at all is not broken"
    slow = [answer(**TOLD), *[answer(sent=4.0, seconds=0.0125, **TOLD)] * 50]
    assert claims(result(*slow)) == [
        ("with a breaker open answers are at least as fast", "pbb: p50 12.5 ms, 10.0 ms while it was well")
    ]


def test_who_waited_before_it_was_known_does_not_speak_for_the_open_breaker() -> None:
    assert (
        claims(
            result(
                answer(sent=0.5, seconds=2.0, **TOLD),
                answer(sent=1.0, seconds=0.01, **TOLD),
                answer(sent=2.9, seconds=1.0, **TOLD),
            )
        )
        == []
    )


def test_what_is_not_well_again_or_never_failed_is_told() -> None:
    assert claims(result(recovery=None)) == [("all is well again without a restart", "x")]
    assert claims(result(struck=0)) == [("the fault was there at all", "x")]
