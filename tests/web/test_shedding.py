from __future__ import annotations

from auth.caller import Caller, CallerKind
from auth.claimed import Claimed
from tests.clients import client_named
from tests.web.small_graph import SITI
from web.emergency_lane import lane_from
from web.load import Load, Urgency
from web.refusals import Code
from web.shedding import Shedding, Standing
from web.shedding import Tokens as KnowsTokens

RESCUER = Caller(kind=CallerKind.CITIZEN, first_party=True, nik=SITI, client=client_named("siaga-112"))
CITIZEN = Caller(kind=CallerKind.CITIZEN, first_party=True, nik=SITI)
LATER = 100.0


class Tokens:
    """Three tokens: two were proven a moment ago, one was not."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def lately(self, authorization: str, certificate: str | None) -> Caller | None:
        self.asked.append("lately")
        proven = {("rescuer", None): RESCUER, ("citizen", None): CITIZEN, ("bound", "thumbprint"): CITIZEN}
        return proven.get((authorization, certificate))

    def claimed(self, authorization: str) -> Claimed | None:
        self.asked.append("claimed")
        return {
            "new rescuer": Claimed(CallerKind.CITIZEN, client_named("siaga-112")),
            "new": Claimed(CallerKind.CITIZEN, None),
        }.get(authorization)


async def overloaded(*lane: str, tokens: KnowsTokens | None = None) -> Shedding:
    """One that refuses, at a moment that does not pass: the lane may take five requests, and nobody else any."""
    moments = iter([LATER - 1])
    shedding = Shedding(
        after=0.1,
        lane=lane_from(lane),
        tokens=tokens or Tokens(),
        clock=lambda: next(moments, LATER),
        worked=lambda: 0.0,
    )
    for _ in range(600):
        shedding.enter(LATER)
    for ago in (0.3, 0.2, 0.0):
        shedding.looked(LATER - ago, 1.0)
    for _ in range(599):
        shedding.leave()
    return shedding


async def test_tells_how_urgent_a_request_is_by_what_it_brings() -> None:
    shedding = await overloaded("client:development/siaga-112")
    assert shedding.standing(None) == Standing(Urgency.ANONYMOUS)
    assert shedding.standing("nothing that is known") == Standing(Urgency.CLAIMED)
    assert shedding.standing("citizen") == Standing(Urgency.SIGNED_IN)
    assert shedding.standing("rescuer") == Standing(Urgency.LANE)
    assert shedding.standing("new") == Standing(Urgency.CLAIMED)
    assert shedding.standing("new rescuer") == Standing(Urgency.CLAIMED, says_lane=True)


async def test_a_token_that_is_bound_to_a_certificate_is_known_with_it_alone() -> None:
    shedding = await overloaded()
    assert shedding.standing("bound").urgency is Urgency.CLAIMED
    assert shedding.standing("bound", "thumbprint").urgency is Urgency.SIGNED_IN


async def test_what_a_token_claims_is_not_read_where_the_lane_names_no_caller() -> None:
    tokens = Tokens()
    assert (await overloaded("operation:a", tokens=tokens)).standing("new rescuer") == Standing(Urgency.CLAIMED)
    assert tokens.asked == ["lately"]


async def test_a_proven_caller_is_of_the_lane_or_signed_in() -> None:
    shedding = await overloaded("client:development/siaga-112")
    assert [shedding.proven(each) for each in (RESCUER, CITIZEN)] == [Urgency.LANE, Urgency.SIGNED_IN]


async def test_lets_all_in_while_it_keeps_up() -> None:
    shedding = Shedding(after=0.1, clock=lambda: LATER)
    assert shedding.enter(LATER)
    assert shedding.enter(LATER + 0.2)
    assert shedding.load == Load(lag=0.0, in_flight=2, limit=None, refused=dict.fromkeys(Urgency, 0))
    shedding.leave()
    assert shedding.in_flight == 1


async def test_asks_about_a_request_that_begins_when_the_loop_is_far_behind() -> None:
    shedding = Shedding(after=0.1, clock=lambda: LATER)
    assert shedding.enter(LATER)
    assert not shedding.enter(LATER + 0.33)
    assert repr(shedding) == "<Shedding 2 in flight, <Capacity lag 0 ms, no limit>>"


async def test_refuses_all_but_the_lane_with_seconds_that_spread_them() -> None:
    shedding = await overloaded()
    assert [shedding.let_in(each) for each in Urgency] == [False, False, False, True]
    refusals = [shedding.turn_away(Urgency.ANONYMOUS) for _ in range(8)]
    assert {each.code for each in refusals} == {Code.OVERLOADED}
    assert sorted(int(each.headers["Retry-After"]) for each in refusals) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert refusals[0].message == (
        "The hub is asked for more than it can answer at the moment, and did not begin with this request."
        " Try again in 4 s."
    )
    assert shedding.load.refused == {
        Urgency.ANONYMOUS: 8,
        Urgency.CLAIMED: 0,
        Urgency.SIGNED_IN: 0,
        Urgency.LANE: 0,
    }
    assert shedding.load.limit == 5.0


async def test_refuses_the_lane_too_once_it_is_a_second_ahead() -> None:
    shedding = await overloaded()
    assert [shedding.let_in(Urgency.LANE) for _ in range(7)] == [True] * 5 + [False] * 2


async def test_without_a_bound_nobody_is_ever_refused() -> None:
    shedding = Shedding(after=0)
    assert shedding.enter(1e12)
    assert repr(shedding) == "<Shedding, off>"


def test_begins_to_look_at_another_loop_where_it_is_moved_to_one() -> None:
    import asyncio  # noqa: PLC0415 - two loops, one after the other

    shedding = Shedding(after=0.1, clock=lambda: LATER)

    async def entered() -> bool:
        return shedding.enter(LATER)

    assert asyncio.run(entered())
    assert asyncio.run(entered())
