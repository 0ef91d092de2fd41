from __future__ import annotations

from tests.web.admission.overload import CITIZEN, LATER, RESCUER, ScriptedTokens, build_overloaded_shedder
from web.admission.load import LoadSnapshot, Urgency
from web.admission.load_shedder import LoadShedder, RequestPriority
from web.http_errors import HttpErrorCode


async def test_the_priority_of_a_request_follows_its_token() -> None:
    shedding = await build_overloaded_shedder("client:development/siaga-112")
    assert shedding.get_priority(None) == RequestPriority(Urgency.ANONYMOUS)
    assert shedding.get_priority("nothing that is known") == RequestPriority(Urgency.CLAIMED)
    assert shedding.get_priority("citizen") == RequestPriority(Urgency.SIGNED_IN)
    assert shedding.get_priority("rescuer") == RequestPriority(Urgency.LANE)
    assert shedding.get_priority("new") == RequestPriority(Urgency.CLAIMED)
    assert shedding.get_priority("new rescuer") == RequestPriority(Urgency.CLAIMED, claims_lane=True)


async def test_a_certificate_bound_token_is_known_only_with_its_certificate() -> None:
    shedding = await build_overloaded_shedder()
    assert shedding.get_priority("bound").urgency is Urgency.CLAIMED
    assert shedding.get_priority("bound", "thumbprint").urgency is Urgency.SIGNED_IN


async def test_claims_are_not_parsed_if_the_lane_names_no_caller() -> None:
    tokens = ScriptedTokens()
    assert (await build_overloaded_shedder("operation:a", tokens=tokens)).get_priority(
        "new rescuer"
    ) == RequestPriority(Urgency.CLAIMED)
    assert tokens.asked == ["recent"]


async def test_a_verified_caller_has_the_lane_or_is_signed_in() -> None:
    shedding = await build_overloaded_shedder("client:development/siaga-112")
    assert [shedding.get_verified_urgency(each) for each in (RESCUER, CITIZEN)] == [Urgency.LANE, Urgency.SIGNED_IN]


async def test_admits_all_requests_without_overload() -> None:
    shedding = LoadShedder(max_lag=0.1, clock=lambda: LATER)
    assert shedding.enter(LATER)
    assert shedding.enter(LATER + 0.2)
    assert shedding.load == LoadSnapshot(lag=0.0, in_flight=2, limit=None, refused=dict.fromkeys(Urgency, 0))
    shedding.leave()
    assert shedding.in_flight == 1


async def test_a_request_in_a_late_loop_turn_needs_a_check() -> None:
    shedding = LoadShedder(max_lag=0.1, clock=lambda: LATER)
    assert shedding.enter(LATER)
    assert not shedding.enter(LATER + 0.33)
    assert repr(shedding) == "<LoadShedder 2 in flight, <AdaptiveCapacity lag 0 ms, no limit>>"


async def test_a_wait_in_the_queue_of_the_application_counts_as_lag() -> None:
    queue = {LATER: 0.35}
    shedding = LoadShedder(max_lag=0.1, clock=lambda: LATER, cpu_clock=lambda: 0.0)
    shedding.add_queue(queue.__getitem__)
    shedding.enter(LATER)
    shedding.record_lag(LATER, 0.03)
    assert round(shedding.load.lag, 6) == 0.38
    for _ in range(10):  # more than are always admitted
        shedding.enter(LATER)
    assert not shedding.admit(Urgency.ANONYMOUS)
    assert shedding.admit(Urgency.SIGNED_IN)  # may begin up to 0.4 s late
    queue[LATER] = 0.0
    assert shedding.admit(Urgency.ANONYMOUS)


async def test_refuses_all_but_the_lane_with_different_retry_times() -> None:
    shedding = await build_overloaded_shedder()
    assert [shedding.admit(each) for each in Urgency] == [False, False, False, True]
    refusals = [shedding.build_overload_error(Urgency.ANONYMOUS) for _ in range(8)]
    assert {each.code for each in refusals} == {HttpErrorCode.OVERLOADED}
    assert sorted(int(each.headers["Retry-After"]) for each in refusals) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert refusals[0].message == ("The hub is overloaded and did not start this request. Try again in 4 s.")
    assert shedding.load.refused == {
        Urgency.ANONYMOUS: 8,
        Urgency.CLAIMED: 0,
        Urgency.SIGNED_IN: 0,
        Urgency.LANE: 0,
    }
    assert shedding.load.limit == 5.0


async def test_refuses_the_lane_when_it_overdraws_a_second_of_the_rate() -> None:
    shedding = await build_overloaded_shedder()
    assert [shedding.admit(Urgency.LANE) for _ in range(7)] == [True] * 5 + [False] * 2


async def test_a_maximum_lag_of_zero_turns_load_shedding_off() -> None:
    shedding = LoadShedder(max_lag=0)
    assert shedding.enter(1e12)
    assert repr(shedding) == "<LoadShedder, off>"


def test_measures_the_new_loop_after_a_change_of_loops() -> None:
    import asyncio  # noqa: PLC0415 - two loops, one after the other

    shedding = LoadShedder(max_lag=0.1, clock=lambda: LATER)

    async def entered() -> bool:
        return shedding.enter(LATER)

    assert asyncio.run(entered())
    assert asyncio.run(entered())
