"""What is no longer fresh is given where that may be, and the answer says so, place by place."""

from __future__ import annotations

from datetime import date

from auth.caller import Caller
from auth.sealed_answers import SealedAnswers
from cache.names import KeyedNames
from cache.read_through import ReadThrough
from engine.request import GraphQLRequest, GraphQLResponse
from engine.run import Engine
from resolvers.keeping import KeptBatches
from schema.asking import Asking
from tests.schema.asking import IDS, engine, told
from tests.small_city import SmallCity
from tests.small_records import AYU, BUDI, CALL, CALLERS, CARD, SITI

SECRET = b"a secret of thirty-two bytes...."
AS_OF = "1970-01-01T00:16:40+00:00"
ME = "{ me { name residence { address } taxObjects { nop } complaints { number } } }"


class Hub:
    """A hub that keeps answers, over the small city; its clock is set."""

    def __init__(self, *, coalescing: bool = False) -> None:
        self.city = SmallCity()
        self.now = 1_000.0
        self.engine = Engine(engine().schema, engine().rules, coalescing=coalescing, noting=True)
        through = ReadThrough(
            most_bytes=1_000_000, names=KeyedNames(SECRET), seals=SealedAnswers([SECRET]), now=lambda: self.now
        )
        self.keeping = KeptBatches(through, patience=5.0)

    async def answer(self, query: str, caller: str | Caller = "the person") -> GraphQLResponse:
        who = CALLERS[caller] if isinstance(caller, str) else caller

        def opened() -> Asking:
            return Asking(caller=who, call=CALL, agencies=self.city.agencies(), node_ids=IDS, keeping=self.keeping)

        return await self.engine.run(
            GraphQLRequest(query=query), opened, request_id="r-1", who=who, until=CALL.deadline
        )


async def test_a_warm_answer_asks_nobody_and_says_nothing() -> None:
    hub = Hub()
    cold = await hub.answer(ME)
    hub.city.asked.clear()
    warm = await hub.answer(ME)
    assert (warm.data, warm.errors, dict(warm.extensions)) == (cold.data, [], {})
    assert hub.city.asked == []


async def test_where_an_agency_is_down_its_fields_are_old_and_each_place_says_so() -> None:
    hub = Hub()
    fresh = await hub.answer(ME)
    hub.now += 1_000
    hub.city.down = {"pbb", "dukcapil"}
    old = await hub.answer(ME)
    assert old.data == {"me": {**fresh.data["me"], "name": None, "residence": None}}  # type: ignore[index]  # it has data
    assert told(old) == [("me.name", "AGENCY_UNAVAILABLE"), ("me.residence", "AGENCY_UNAVAILABLE")]
    assert old.extensions == {
        "freshness": [
            {
                "path": ["me", "taxObjects"],
                "agency": "pbb",
                "asOf": AS_OF,
                "stale": True,
                "reason": "AGENCY_UNAVAILABLE",
            }
        ]
    }


async def test_old_is_old_at_every_place_where_it_stands_and_only_there() -> None:
    hub = Hub()
    people = f'{{ citizens(niks: ["{SITI}", "{BUDI}", "{SITI}"]) {{ msmes {{ name }} }} }}'
    await hub.answer(people, "an official")
    hub.now += 400
    hub.city.down = {"jakpreneur"}
    old = await hub.answer(people, "an official")
    assert [each["path"] for each in old.extensions["freshness"]] == [
        ["citizens", 0, "msmes"],
        ["citizens", 2, "msmes"],
    ]


async def test_what_is_old_is_no_answer_for_everybodys_caches() -> None:
    hub = Hub(coalescing=True)
    query = "{ markets { name prices { price } } }"
    assert (await hub.answer(query, "anonymous")).is_public
    hub.now += 1_000
    assert not (await hub.answer(query, "anonymous")).is_public


async def test_rules_and_the_ledger_see_what_is_kept_as_what_is_read() -> None:
    hub = Hub()
    fresh = await hub.answer(ME)
    kept = await hub.answer(ME)
    assert list(kept.reads) == list(fresh.reads) != []
    stranger = await hub.answer(f'{{ citizen(nik: "{SITI}") {{ taxObjects {{ nop }} }} }}', "another citizen")
    assert stranger.data == {"citizen": None}
    assert [code for _, code in told(stranger)] == ["FORBIDDEN"]


async def test_whose_guardian_somebody_is_is_never_decided_by_a_card_that_is_kept() -> None:
    hub = Hub()
    hub.city.ayu_born = date(2020, 6, 5)
    query = f'{{ me {{ household {{ familyCardNumber }} }} citizen(nik: "{AYU}") {{ name }} }}'
    assert (await hub.answer(query)).errors == []
    hub.city.ayu_born = date(1990, 6, 5)  # the card says something else now
    after = await hub.answer(query)
    assert after.data == {"me": {"household": {"familyCardNumber": CARD}}, "citizen": None}
    assert told(after) == [("citizen", "FORBIDDEN")]
