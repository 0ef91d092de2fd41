"""What callers got: each answer judged, and many of them summed up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from math import ceil
from typing import Any

from tests.faults.questions import Question

OK = 200
NOT_ASKED = "AGENCY_UNAVAILABLE"
SHED = "OVERLOADED"
OF_STATE = frozenset({"LEDGER_UNAVAILABLE", "WISHES_UNAVAILABLE"})
"""What is honest to say while the hub's own database is gone: what cannot be recorded, or decided, is not given."""


class Outcome(Enum):
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
class Answer:
    """One answer."""

    question: Question
    sent: float
    """When it was asked, by the clock of the run (seconds)."""
    seconds: float
    status: int
    """0 where none came."""
    outcome: Outcome
    codes: Mapping[str, str] = field(default_factory=dict)
    """Codes of errors by the agency they name; under an empty name those that name none."""
    left_alone: frozenset[str] = frozenset()
    """Agencies that were not asked because their breaker is open."""
    untrue: str | None = None
    """The field that says what is not so."""


def judged(
    question: Question,
    *,
    sent: float,
    seconds: float,
    status: int,
    body: Any,  # noqa: ANN401 - JSON of any shape
    untrue: str | None,
) -> Answer:
    """What an answer was worth."""
    errors = body.get("errors", ()) if isinstance(body, dict) else ()
    codes = {each["extensions"].get("agency", ""): each["extensions"]["code"] for each in errors}
    left = frozenset(
        each["extensions"]["agency"]
        for each in errors
        if each["extensions"]["code"] == NOT_ASKED and "retryAfter" in each["extensions"]
    )
    return Answer(
        question=question,
        sent=sent,
        seconds=seconds,
        status=status,
        outcome=_outcome(status, body, codes),
        codes=codes,
        left_alone=left,
        untrue=untrue,
    )


def _outcome(status: int, body: Any, codes: Mapping[str, str]) -> Outcome:  # noqa: ANN401 - JSON of any shape
    if status != OK or not isinstance(body, dict) or "" in codes:
        return Outcome.FAILED
    if codes:
        return Outcome.PARTIAL if body.get("data") is not None else Outcome.FAILED
    places = body.get("extensions", {}).get("freshness", ())
    old = any(str(each.get("reason", "")).startswith("AGENCY_") for each in places)
    return Outcome.STALE if old else Outcome.FULL


@dataclass(frozen=True, slots=True)
class Summary:
    """Many answers."""

    count: int
    shares: Mapping[Outcome, float]
    statuses: Counter[int]
    codes: Counter[str]
    p50_ms: float
    p99_ms: float


def summed_up(answers: Sequence[Answer]) -> Summary:
    """Shares, statuses, codes, and how long they took."""
    outcomes = Counter(each.outcome for each in answers)
    total = max(1, len(answers))
    return Summary(
        count=len(answers),
        shares={outcome: outcomes[outcome] / total for outcome in Outcome},
        statuses=Counter(each.status for each in answers),
        codes=Counter(code for each in answers for code in each.codes.values()),
        p50_ms=quantile((each.seconds for each in answers), 0.5) * 1000,
        p99_ms=quantile((each.seconds for each in answers), 0.99) * 1000,
    )


def quantile(values: Iterable[float], share: float) -> float:
    """The value that this share of the values does not exceed (nearest rank); 0 of none."""
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)] if ordered else 0.0
