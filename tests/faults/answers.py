"""What callers got: each answer judged, and many of them summed up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from math import ceil
from typing import Any

from tests.faults.questions import FaultQuestion

OK = 200
UNAVAILABLE = "AGENCY_UNAVAILABLE"
SHED = "OVERLOADED"
STATE_CODES = frozenset({"LEDGER_UNAVAILABLE", "PREFERENCES_UNAVAILABLE"})
"""What is honest to say while the hub's own database is gone: what cannot be recorded, or decided, is not given."""


class AnswerOutcome(Enum):
    """What an answer was worth."""

    FULL = "full"
    """Everything that was asked for, as new as it is kept to be."""
    STALE = "stale"
    """Everything, some of it old because its agency fails, and marked so (`extensions.freshness`)."""
    PARTIAL = "partial"
    """Null where an agency failed, with its code and name; the rest is there."""
    FAILED = "failed"
    """No data at all, an error that is no agency's, or no answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultAnswer:
    """One answer."""

    question: FaultQuestion
    sent: float
    """When it was asked, by the clock of the run (seconds)."""
    seconds: float
    status: int
    """0 where none came."""
    outcome: AnswerOutcome
    codes: Mapping[str, str] = field(default_factory=dict)
    """Codes of errors by the agency they name; under an empty name those that name none."""
    open_breakers: frozenset[str] = frozenset()
    """Agencies that were not asked because their breaker is open."""
    wrong_field: str | None = None
    """The field that says what is not so."""


def judge_answer(
    question: FaultQuestion,
    *,
    sent: float,
    seconds: float,
    status: int,
    body: Any,  # noqa: ANN401 - JSON of any shape
    wrong_field: str | None,
) -> FaultAnswer:
    """What an answer was worth."""
    errors = body.get("errors", ()) if isinstance(body, dict) else ()
    codes = {each["extensions"].get("agency", ""): each["extensions"]["code"] for each in errors}
    left = frozenset(
        each["extensions"]["agency"]
        for each in errors
        if each["extensions"]["code"] == UNAVAILABLE and "retryAfter" in each["extensions"]
    )
    return FaultAnswer(
        question=question,
        sent=sent,
        seconds=seconds,
        status=status,
        outcome=_judge_outcome(status, body, codes),
        codes=codes,
        open_breakers=left,
        wrong_field=wrong_field,
    )


def _judge_outcome(status: int, body: Any, codes: Mapping[str, str]) -> AnswerOutcome:  # noqa: ANN401 - JSON of any shape
    if status != OK or not isinstance(body, dict) or "" in codes:
        return AnswerOutcome.FAILED
    if codes:
        return AnswerOutcome.PARTIAL if body.get("data") is not None else AnswerOutcome.FAILED
    places = body.get("extensions", {}).get("freshness", ())
    old = any(str(each.get("reason", "")).startswith("AGENCY_") for each in places)
    return AnswerOutcome.STALE if old else AnswerOutcome.FULL


@dataclass(frozen=True, slots=True)
class AnswerSummary:
    """Many answers."""

    count: int
    shares: Mapping[AnswerOutcome, float]
    statuses: Counter[int]
    codes: Counter[str]
    p50_ms: float
    p99_ms: float


def summarize(answers: Sequence[FaultAnswer]) -> AnswerSummary:
    """Shares, statuses, codes, and how long they took."""
    outcomes = Counter(each.outcome for each in answers)
    total = max(1, len(answers))
    return AnswerSummary(
        count=len(answers),
        shares={outcome: outcomes[outcome] / total for outcome in AnswerOutcome},
        statuses=Counter(each.status for each in answers),
        codes=Counter(code for each in answers for code in each.codes.values()),
        p50_ms=compute_quantile((each.seconds for each in answers), 0.5) * 1000,
        p99_ms=compute_quantile((each.seconds for each in answers), 0.99) * 1000,
    )


def compute_quantile(values: Iterable[float], share: float) -> float:
    """The value that this share of the values does not exceed (nearest rank); 0 of none."""
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)] if ordered else 0.0
