"""Which failures are retried, when, and how often at most."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.resilience.retries import RetryBudget, compute_retry_wait
from records.calls.failures import (
    AgencyClosed,
    AgencyFailure,
    AgencyMalformed,
    AgencyRefused,
    AgencyTimeout,
    AgencyUnavailable,
)

DOWN = AgencyUnavailable("pbb")
TOO_MANY = AgencyRefused("pbb", retry_after=3.0)


@pytest.mark.parametrize(
    ("failure", "worth"),
    [
        (DOWN, True),
        (TOO_MANY, True),
        (AgencyRefused("pbb"), False),
        (AgencyTimeout("pbb"), False),
        (AgencyMalformed("pbb"), False),
        (AgencyClosed("pbb", retry_after=1.0), False),
    ],
)
def test_only_transient_failures_are_retried(failure: AgencyFailure, worth: bool) -> None:  # noqa: FBT001 - a table's column
    assert (compute_retry_wait(1, failure, remaining=10.0) is not None) is worth


def test_the_first_retry_is_immediate() -> None:
    assert compute_retry_wait(1, DOWN, remaining=10.0, random_source=lambda: 1.0) == 0.0


@pytest.mark.parametrize(("retry", "limit"), [(2, 0.1), (3, 0.2), (4, 0.4), (6, 1.6), (7, 2.0), (9, 2.0)])
def test_the_next_wait_is_random_below_a_limit_that_doubles_up_to_two_seconds(retry: int, limit: float) -> None:
    assert compute_retry_wait(retry, DOWN, remaining=10.0, random_source=lambda: 0.0) == 0.0
    assert compute_retry_wait(retry, DOWN, remaining=10.0, random_source=lambda: 1.0) == pytest.approx(limit)


def test_a_retry_waits_for_the_agencys_retry_after() -> None:
    assert compute_retry_wait(1, TOO_MANY, remaining=10.0, random_source=lambda: 0.0) == 3.0
    assert (
        compute_retry_wait(1, AgencyUnavailable("pbb", retry_after=2.0), remaining=10.0, random_source=lambda: 1.0)
        == 2.1
    )


def test_a_retry_after_the_deadline_is_not_made() -> None:
    assert compute_retry_wait(1, TOO_MANY, remaining=3.0, random_source=lambda: 0.0) is None
    assert compute_retry_wait(1, DOWN, remaining=0.0, random_source=lambda: 0.0) is None


@given(st.lists(st.booleans(), max_size=400), st.sampled_from([0.05, 0.1, 0.5, 1.0]))
def test_retries_never_exceed_their_share_of_the_calls_plus_one(wishes: list[bool], share: float) -> None:
    budget = RetryBudget(share)
    retries = 0
    for calls, wish in enumerate(wishes, start=1):
        budget.record_call()
        retries += wish and budget.spend()
        assert retries <= 1 + share * calls + 1e-6


def test_at_most_ten_unused_retries_are_saved() -> None:
    budget = RetryBudget(0.1)
    for _ in range(10_000):
        budget.record_call()
    assert [budget.spend() for _ in range(11)] == [True] * 10 + [False]
