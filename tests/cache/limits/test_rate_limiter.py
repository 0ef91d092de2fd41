"""Rates in one process, compared with the library's results for the same calls."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st
from throttled import MemoryStore, Quota, per_sec, utils
from throttled.rate_limiter import RateLimiterRegistry

from cache.limits.rate_limiter import Bucket, OwnerRegistry, Rate, RateLimiter, take_from_both


class SampleOwner:
    """An owner with one bucket, on a clock that the tests set."""

    now = 0.0

    def __init__(self, name: str, rate: Rate) -> None:
        self.bucket = Bucket(name, rate)

    def take(self) -> float:
        return self.bucket.take(1, SampleOwner.now)

    def is_full(self) -> bool:
        return self.bucket.full_at <= SampleOwner.now


@pytest.fixture(autouse=True)
def _clock() -> None:
    SampleOwner.now = 0.0


def owners(rate: Rate, most: int = 100) -> OwnerRegistry[SampleOwner]:
    return OwnerRegistry(lambda name: SampleOwner(name, rate), max_owners=most)


def test_a_full_bucket_allows_a_burst_and_refills_evenly() -> None:
    bucket = Bucket("a", Rate(3, 60.0))
    assert [bucket.take(1, 100.0) for _ in range(4)] == [0.0, 0.0, 0.0, 20.0]
    assert (bucket.compute_remaining(100.0), bucket.compute_remaining(100.5)) == ((0, 60), (0, 60))
    assert (bucket.compute_remaining(119.9), bucket.compute_remaining(120.0), bucket.compute_remaining(160.0)) == (
        (0, 41),
        (1, 40),
        (3, 0),
    )
    assert (bucket.take(2, 120.0), bucket.take(1, 120.0), bucket.take(1, 120.0)) == (20.0, 0.0, 20.0)


def test_a_refusal_costs_nothing() -> None:
    bucket = Bucket("a", Rate(10))
    assert bucket.take(8, 0.0) == 0.0
    assert bucket.take(3, 0.0) == pytest.approx(6.0)
    assert bucket.take(2, 0.0) == 0.0


@given(st.lists(st.tuples(st.integers(1, 6), st.floats(0.0, 30.0)), max_size=40))
def test_two_buckets_together_are_taken_from_as_one_by_one(costs: list[tuple[int, float]]) -> None:
    single, charged = Bucket("a", Rate(4)), Bucket("b", Rate(5))
    one, other = Bucket("a", Rate(4)), Bucket("b", Rate(5))
    now = 0.0
    for cost, pause in costs:
        now += pause
        may_take = not one.compute_wait(1, now) and not other.compute_wait(cost, now)
        if may_take:
            assert (one.take(1, now), other.take(cost, now)) == (0.0, 0.0)
        assert take_from_both(single, charged, cost, now) == may_take
        assert (single.full_at, charged.full_at) == (one.full_at, other.full_at)


def test_a_cost_beyond_the_whole_amount_is_never_taken() -> None:
    bucket = Bucket("a", Rate(10))
    assert (bucket.take(11, 0.0), bucket.compute_wait(11, 0.0)) == (inf, inf)
    assert bucket.take(10, 0.0) == 0.0


def test_computing_a_wait_takes_nothing() -> None:
    bucket = Bucket("a", Rate(1))
    assert (
        bucket.compute_wait(1, 5.0),
        bucket.compute_wait(1, 5.0),
        bucket.take(1, 5.0),
        bucket.compute_wait(1, 5.0),
    ) == (0, 0, 0, 60)


@pytest.mark.parametrize(("amount", "seconds"), [(0, 60.0), (-1, 60.0), (1, 0.0)])
def test_a_rate_that_allows_nothing_is_refused(amount: int, seconds: float) -> None:
    with pytest.raises(ValueError, match="gives nothing"):
        Rate(amount, seconds)


@given(
    st.integers(1, 50),
    st.lists(st.tuples(st.integers(1, 20), st.floats(0.0001, 0.2)), min_size=1, max_size=60),
)
def test_the_library_decides_the_same_for_any_calls(amount: int, takings: list[tuple[int, float]]) -> None:
    now = [1000.0]
    library = RateLimiterRegistry.get("gcra")(_quota(amount), MemoryStore())
    bucket = Bucket("a", Rate(amount, 1.0))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(utils, "now_mono_f", lambda: now[0])
        for cost, passed in takings:
            now[0] += passed
            theirs = library.limit("a", cost)
            ours = bucket.take(cost, now[0])
            # On the border, where the last bit decides, both results are right.
            if abs(bucket.compute_wait(cost, now[0]) if ours else 1.0) > 1e-6 and theirs.limited != bool(ours):
                assert abs(theirs.state.retry_after) < 1e-6
            if theirs.limited and cost <= amount:
                assert ours == pytest.approx(theirs.state.retry_after, abs=1e-6)
            assert max(bucket.full_at - now[0], 0) == pytest.approx(theirs.state.reset_after, abs=1e-6)


def _quota(amount: int) -> Quota:
    return per_sec(amount)


def test_each_owner_has_its_own_bucket() -> None:
    known = owners(Rate(1))
    assert [
        known.get_or_create("siti").take(),
        known.get_or_create("siti").take(),
        known.get_or_create("budi").take(),
    ] == [0.0, 60.0, 0.0]
    assert known.find("rina") is None
    assert repr(known) == "<OwnerRegistry 2>"


def test_at_the_limit_owners_with_full_buckets_are_evicted_first() -> None:
    known = owners(Rate(1), most=10)
    known.get_or_create("siti").take()
    for number in range(9):
        known.get_or_create(f"idle-{number}")
    SampleOwner.now = 10.0
    for number in range(8):
        known.get_or_create(f"later-{number}").take()
    assert known.find("idle-0") is None
    assert known.get_or_create("siti").take() == 50.0
    assert len(known) == 10


def test_the_registry_never_exceeds_its_limit() -> None:
    known = owners(Rate(1), most=10)
    for number in range(1000):
        known.get_or_create(f"address-{number}").take()
        assert len(known) <= 10


def test_without_a_store_a_process_counts_locally_and_answers_immediately() -> None:
    now = [0.0]
    rates = RateLimiter(clock=lambda: now[0])
    bucket = Bucket("a", Rate(2))
    assert [rates.take(bucket, 1) for _ in range(3)] == [0.0, 0.0, 30.0]
    now[0] = 30.0
    assert rates.take(bucket, 1) == 0.0
