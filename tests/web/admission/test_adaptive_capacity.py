"""Admission on virtual time; the processor answers 1,000 requests per second, unless a test sets another cost."""

from __future__ import annotations

import asyncio

import pytest

from tests.web.admission.busy_loop import simulate_hub
from web.admission.adaptive_capacity import TARGET, AdaptiveCapacity
from web.admission.load import Urgency

ANONYMOUS, CLAIMED, SIGNED_IN, LANE = Urgency


@pytest.mark.parametrize("load", [100, 500, 900])
def test_no_request_is_refused_within_capacity(load: float) -> None:
    with simulate_hub() as busy:
        busy.offer_load({ANONYMOUS: load}, until=5)
        busy.run(5)
        assert busy.refused == []
        assert busy.get_quantile() < 0.05


def test_a_short_burst_is_answered() -> None:
    with simulate_hub() as busy:
        for number in range(256):
            busy.loop.call_at(1.0, busy._start_request, ANONYMOUS, 1.0 + number / 1e6)
        busy.run(3)
        assert (busy.count_answered(), busy.refused) == (256, [])


def test_of_a_burst_that_would_take_seconds_only_the_first_requests_are_answered() -> None:
    with simulate_hub() as busy:
        for number in range(3000):
            busy.loop.call_at(1.0, busy._start_request, ANONYMOUS, 1.0 + number / 1e6)
        busy.run(3)
        assert 300 <= busy.count_answered() <= 330
        assert busy.get_quantile(1.0) < 4 * TARGET


@pytest.mark.parametrize("steps", [2, 10])
def test_requests_that_wait_until_few_start_in_a_turn_cause_no_refusal_within_capacity(steps: int) -> None:
    with simulate_hub(steps=steps, has_queue=True) as busy:
        busy.offer_load({ANONYMOUS: 900}, until=5)
        busy.run(5)
        assert busy.refused == []
        assert busy.get_quantile() < 0.05


@pytest.mark.parametrize("steps", [2, 10])
@pytest.mark.parametrize("rate", [2000, 4000])
def test_their_wait_is_bounded_beyond_capacity_as_that_for_the_loop(rate: float, steps: int) -> None:
    with simulate_hub(steps=steps, has_queue=True) as busy:
        busy.offer_load({ANONYMOUS: rate}, until=8)
        busy.run(8)
        assert busy.count_answered() > 8 * 800
        assert busy.get_quantile(since=3) < 2 * TARGET


def test_a_single_long_piece_of_work_causes_no_refusal() -> None:
    with simulate_hub() as busy:
        busy.offer_load({ANONYMOUS: 200}, until=5)
        for at in (1.0, 2.0, 3.0):
            busy.loop.call_at(at, busy.work, 0.4)
        busy.run(5)
        assert busy.refused == []


def test_expensive_sequential_requests_are_all_answered() -> None:
    with simulate_hub(cost=0.2) as busy:

        async def client() -> None:
            for _ in range(20):
                await busy.ask(ANONYMOUS, busy.loop.time())
                await asyncio.sleep(0.001)

        busy.loop.run(client())
        assert (busy.count_answered(), busy.refused) == (20, [])


def test_a_slow_agency_causes_no_refusal() -> None:
    with simulate_hub(steps=3, agency_seconds=lambda came: 0.05 if came < 1 else 5.0) as busy:
        busy.offer_load({SIGNED_IN: 600}, until=4)
        busy.run(4)
        assert busy.refused == []
        assert busy.count_answered() > 2300


@pytest.mark.parametrize(("cost", "capacity"), [(0.001, 1000), (0.005, 200), (0.02, 50)])
@pytest.mark.parametrize("times", [2, 3, 5])
def test_beyond_capacity_responses_stay_fast_and_throughput_stays_high(
    cost: float, capacity: float, times: float
) -> None:
    with simulate_hub(cost=cost) as busy:
        busy.offer_load({ANONYMOUS: capacity * times}, until=8)
        busy.run(8)
        refusing = busy.count_refused(since=4) * 0.00005
        assert busy.get_quantile(since=4) < 5 * TARGET
        assert busy.get_quantile(1.0) < 8 * TARGET
        assert busy.count_answered(since=4) > 0.75 * capacity * (4 - refusing)


@pytest.mark.parametrize("times", [2, 4])
def test_beyond_capacity_the_same_holds_for_requests_that_call_agencies(times: float) -> None:
    with simulate_hub(steps=5, agency_seconds=lambda _came: 0.1) as busy:
        busy.offer_load({ANONYMOUS: 1000 * times}, until=10)
        busy.run(10)
        refusing = busy.count_refused(since=5) * 0.00005
        assert busy.get_quantile(since=5) < 0.4 + 10 * TARGET
        assert busy.count_answered(since=5) > 0.75 * 1000 * (5 - refusing)


def test_an_agency_that_becomes_slow_during_overload_costs_little_throughput() -> None:
    with simulate_hub(steps=2, agency_seconds=lambda came: 2.0 if came > 4 and came * 1e4 % 10 < 3 else 0.05) as busy:
        busy.offer_load({ANONYMOUS: 2000}, until=10)
        busy.run(10)
        refusing = busy.count_refused(since=6) * 0.00005
        assert busy.count_answered(since=6) > 0.7 * 1000 * (4 - refusing)


def test_refusals_end_with_the_load() -> None:
    with simulate_hub() as busy:
        busy.offer_load({ANONYMOUS: 4000}, until=4)
        busy.offer_load({ANONYMOUS: 400}, since=4.2, until=8)
        busy.run(8)
        assert busy.count_refused(since=4.2) == 0
        assert busy.get_quantile(since=5) < 0.05
        assert busy.shedding.load.limit is None


def test_the_rate_follows_cheaper_requests_within_a_second() -> None:
    with simulate_hub(cost=0.05) as busy:
        busy.offer_load({ANONYMOUS: 80}, until=4)
        busy.loop.call_at(4.2, setattr, busy, "cost", 0.001)
        busy.offer_load({ANONYMOUS: 400}, since=4.3, until=8)
        busy.run(8)
        assert busy.count_refused(since=5.3) == 0


def test_the_rate_falls_when_requests_become_more_expensive() -> None:
    with simulate_hub(cost=0.0005) as busy:
        busy.offer_load({ANONYMOUS: 1000}, until=10)
        busy.loop.call_at(3.0, setattr, busy, "cost", 0.01)
        busy.run(10)
        assert busy.count_refused() > 0
        assert busy.get_quantile(since=6) < 3 * TARGET
        assert 240 < busy.count_answered(since=6) <= 420


def test_other_programs_on_the_processor_do_not_starve_the_hub() -> None:
    with simulate_hub(steal_ratio=2.0) as busy:
        busy.offer_load({ANONYMOUS: 666}, until=10)
        busy.run(10)
        assert busy.count_answered(since=5) > 0.7 * 333 * 5


def test_less_urgent_requests_are_refused_first() -> None:
    with simulate_hub() as busy:
        busy.offer_load({ANONYMOUS: 1500, CLAIMED: 500, SIGNED_IN: 400, LANE: 200}, until=8)
        busy.run(8)
        share = {
            each: busy.count_answered(since=3, urgency=each) / (rate * 5)
            for each, rate in zip(Urgency, (1500, 500, 400, 200), strict=True)
        }
        assert busy.count_refused(urgency=LANE) == 0
        assert share[SIGNED_IN] > 0.8
        assert share[ANONYMOUS] < 0.1
        assert share[ANONYMOUS] <= share[CLAIMED] <= share[SIGNED_IN]


def test_the_lane_stays_fast_during_a_flood_of_other_requests() -> None:
    with simulate_hub() as busy:
        busy.offer_load({ANONYMOUS: 4000, LANE: 100}, until=8)
        busy.run(8)
        assert busy.count_refused(urgency=LANE) == 0
        assert busy.get_quantile(since=3, urgency=LANE) < 3 * TARGET


def test_too_many_requests_of_the_lane_alone_are_refused_and_response_times_are_bounded() -> None:
    with simulate_hub() as busy:
        busy.offer_load({LANE: 3000}, until=8)
        busy.run(8)
        assert busy.count_refused() > 0
        assert busy.get_quantile(1.0) < 2.5


def late(capacity: AdaptiveCapacity, *moments: float, lag: float = 1.0) -> None:
    """Record late ticks at these times."""
    for now in moments:
        capacity.admitted += 2
        capacity.record_tick(now, lag, 0.0)


def test_only_a_sustained_delay_is_overload() -> None:
    capacity = AdaptiveCapacity()
    capacity.record_tick(0.0, 0.0, 0.0)
    late(capacity, 0.1, 0.2)
    assert not capacity.is_overloaded
    capacity.record_tick(0.25, 0.0, 0.0)  # on time once: the queue was empty
    late(capacity, 0.3, 0.4, 0.5)
    assert not capacity.is_overloaded
    late(capacity, 0.6)
    assert capacity.is_overloaded


def test_repr_shows_lag_and_rate() -> None:
    capacity = AdaptiveCapacity()
    assert repr(capacity) == "<AdaptiveCapacity lag 0 ms, no limit>"
    capacity.record_tick(0.0, 0.0, 0.0)
    late(capacity, 0.2, 0.3, 0.4)
    assert repr(capacity) == "<AdaptiveCapacity lag 1000 ms, 5/s>"


def test_work_begun_in_one_turn_is_bounded_by_the_cost_of_whole_requests() -> None:
    with simulate_hub(steps=10, agency_seconds=lambda _came: 0.0) as busy:
        busy.offer_load({ANONYMOUS: 300}, until=4)
        for number in range(3000):
            busy.loop.call_at(4.0, busy._start_request, ANONYMOUS, 4.0 + number / 1e6)
        busy.run(8)
        assert 500 < busy.count_answered(since=4) < 1500
        assert busy.get_quantile(1.0) < 16 * TARGET
