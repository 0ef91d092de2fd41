"""Who is let in, on a loop with virtual time: a processor that can answer 1,000 requests a second, unless said."""

from __future__ import annotations

import asyncio

import pytest

from tests.web.admission.busy_loop import simulate_hub
from web.admission.adaptive_capacity import TARGET, AdaptiveCapacity
from web.admission.load import Urgency

ANONYMOUS, CLAIMED, SIGNED_IN, LANE = Urgency


@pytest.mark.parametrize("load", [100, 500, 900])
def test_within_what_it_can_answer_nobody_is_refused(load: float) -> None:
    with simulate_hub() as busy:
        busy.offer_load({ANONYMOUS: load}, until=5)
        busy.run(5)
        assert busy.refused == []
        assert busy.get_quantile() < 0.05


def test_a_burst_passes() -> None:
    with simulate_hub() as busy:
        for number in range(256):
            busy.loop.call_at(1.0, busy._start_request, ANONYMOUS, 1.0 + number / 1e6)
        busy.run(3)
        assert (busy.count_answered(), busy.refused) == (256, [])


def test_a_burst_that_would_take_seconds_is_answered_only_as_far_as_it_is_quickly() -> None:
    with simulate_hub() as busy:
        for number in range(3000):
            busy.loop.call_at(1.0, busy._start_request, ANONYMOUS, 1.0 + number / 1e6)
        busy.run(3)
        assert 300 <= busy.count_answered() <= 330
        assert busy.get_quantile(1.0) < 4 * TARGET


def test_one_piece_of_work_that_takes_long_makes_nobody_refused() -> None:
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


def test_an_agency_that_gets_slow_makes_nobody_refused() -> None:
    with simulate_hub(steps=3, agency_seconds=lambda came: 0.05 if came < 1 else 5.0) as busy:
        busy.offer_load({SIGNED_IN: 600}, until=4)
        busy.run(4)
        assert busy.refused == []
        assert busy.count_answered() > 2300


@pytest.mark.parametrize(("cost", "capacity"), [(0.001, 1000), (0.005, 200), (0.02, 50)])
@pytest.mark.parametrize("times", [2, 3, 5])
def test_past_it_answers_stay_quick_and_are_not_many_fewer(cost: float, capacity: float, times: float) -> None:
    with simulate_hub(cost=cost) as busy:
        busy.offer_load({ANONYMOUS: capacity * times}, until=8)
        busy.run(8)
        refusing = busy.count_refused(since=4) * 0.00005
        assert busy.get_quantile(since=4) < 5 * TARGET
        assert busy.get_quantile(1.0) < 8 * TARGET
        assert busy.count_answered(since=4) > 0.75 * capacity * (4 - refusing)


@pytest.mark.parametrize("times", [2, 4])
def test_so_they_do_where_agencies_are_waited_for(times: float) -> None:
    with simulate_hub(steps=5, agency_seconds=lambda _came: 0.1) as busy:
        busy.offer_load({ANONYMOUS: 1000 * times}, until=10)
        busy.run(10)
        refusing = busy.count_refused(since=5) * 0.00005
        assert busy.get_quantile(since=5) < 0.4 + 10 * TARGET
        assert busy.count_answered(since=5) > 0.75 * 1000 * (5 - refusing)


def test_an_agency_that_gets_slow_meanwhile_costs_the_others_little() -> None:
    with simulate_hub(steps=2, agency_seconds=lambda came: 2.0 if came > 4 and came * 1e4 % 10 < 3 else 0.05) as busy:
        busy.offer_load({ANONYMOUS: 2000}, until=10)
        busy.run(10)
        refusing = busy.count_refused(since=6) * 0.00005
        assert busy.count_answered(since=6) > 0.7 * 1000 * (4 - refusing)


def test_when_the_load_goes_nobody_is_refused_from_that_moment_on() -> None:
    with simulate_hub() as busy:
        busy.offer_load({ANONYMOUS: 4000}, until=4)
        busy.offer_load({ANONYMOUS: 400}, since=4.2, until=8)
        busy.run(8)
        assert busy.count_refused(since=4.2) == 0
        assert busy.get_quantile(since=5) < 0.05
        assert busy.shedding.load.limit is None


def test_work_that_becomes_cheaper_is_let_in_within_a_second() -> None:
    with simulate_hub(cost=0.05) as busy:
        busy.offer_load({ANONYMOUS: 80}, until=4)
        busy.loop.call_at(4.2, setattr, busy, "cost", 0.001)
        busy.offer_load({ANONYMOUS: 400}, since=4.3, until=8)
        busy.run(8)
        assert busy.count_refused(since=5.3) == 0


def test_work_that_becomes_dearer_is_let_in_more_slowly() -> None:
    with simulate_hub(cost=0.0005) as busy:
        busy.offer_load({ANONYMOUS: 1000}, until=10)
        busy.loop.call_at(3.0, setattr, busy, "cost", 0.01)
        busy.run(10)
        assert busy.count_refused() > 0
        assert busy.get_quantile(since=6) < 3 * TARGET
        assert 240 < busy.count_answered(since=6) <= 420


def test_a_processor_that_others_use_too_is_no_reason_to_refuse_ever_more() -> None:
    with simulate_hub(steal_ratio=2.0) as busy:
        busy.offer_load({ANONYMOUS: 666}, until=10)
        busy.run(10)
        assert busy.count_answered(since=5) > 0.7 * 333 * 5


def test_the_less_urgent_are_refused_first() -> None:
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


def test_the_lane_is_quick_while_others_flood() -> None:
    with simulate_hub() as busy:
        busy.offer_load({ANONYMOUS: 4000, LANE: 100}, until=8)
        busy.run(8)
        assert busy.count_refused(urgency=LANE) == 0
        assert busy.get_quantile(since=3, urgency=LANE) < 3 * TARGET


def test_the_lane_alone_is_refused_far_beyond_and_stays_bounded() -> None:
    with simulate_hub() as busy:
        busy.offer_load({LANE: 3000}, until=8)
        busy.run(8)
        assert busy.count_refused() > 0
        assert busy.get_quantile(1.0) < 2.5


def late(capacity: AdaptiveCapacity, *moments: float, lag: float = 1.0) -> None:
    """Let the loop be late at these moments."""
    for now in moments:
        capacity.admitted += 2
        capacity.record_tick(now, lag, 0.0)


def test_a_delay_has_to_stand_before_anybody_is_refused() -> None:
    capacity = AdaptiveCapacity()
    capacity.record_tick(0.0, 0.0, 0.0)
    late(capacity, 0.1, 0.2)
    assert not capacity.is_overloaded
    capacity.record_tick(0.25, 0.0, 0.0)  # in time once: what waited was worked off
    late(capacity, 0.3, 0.4, 0.5)
    assert not capacity.is_overloaded
    late(capacity, 0.6)
    assert capacity.is_overloaded


def test_its_repr_tells_how_it_is() -> None:
    capacity = AdaptiveCapacity()
    assert repr(capacity) == "<Capacity lag 0 ms, no limit>"
    capacity.record_tick(0.0, 0.0, 0.0)
    late(capacity, 0.2, 0.3, 0.4)
    assert repr(capacity) == "<Capacity lag 1000 ms, 5/s>"


def test_what_is_begun_in_one_turn_is_bounded_by_what_requests_cost_and_not_by_how_soon_they_wait() -> None:
    with simulate_hub(steps=10, agency_seconds=lambda _came: 0.0) as busy:
        busy.offer_load({ANONYMOUS: 300}, until=4)
        for number in range(3000):
            busy.loop.call_at(4.0, busy._start_request, ANONYMOUS, 4.0 + number / 1e6)
        busy.run(8)
        assert 500 < busy.count_answered(since=4) < 1500
        assert busy.get_quantile(1.0) < 16 * TARGET
