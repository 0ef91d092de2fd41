"""Requests of the same moment share a run only where each gets exactly what it would have got alone."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auth.caller import Assurance
from engine.batch import Agencies
from engine.encoding import encode
from engine.plan.plan import Plan
from engine.request import GraphQLRequest, GraphQLResponse
from engine.run import Engine
from resolvers.complaints import Complaints
from resolvers.msmes import Msmes
from resolvers.population import Population
from resolvers.prices import Prices
from resolvers.regions import Regions
from resolvers.tax import Tax
from resolvers.wishes import SaidWishes
from schema.asking import Asking
from tests.engine.plan.clock import virtual_loop
from tests.schema.asking import IDS, engine
from tests.small_city import SmallCity
from tests.small_records import AYU, BUDI, CALL, CALLERS, SITI

QUESTIONS = (
    "{ regions(first: 2) { name } }",
    "{ me { name household { familyCardNumber } } }",
    "{ regions(first: 2) { name } me { taxObjects { nop } } }",
    "query ($nik: NIK!) { citizen(nik: $nik) { nik name } }",
    "query ($nik: NIK!) { citizens(niks: [$nik]) { name } }",
    "query ($mine: Boolean!) { regions(first: 1) { name } me @include(if: $mine) { name } }",
    'query ($nik: NIK = "3171014506900001") { citizen(nik: $nik) { name msmes { name } } }',
)


@dataclass(frozen=True)
class Asked:
    """One request."""

    caller: str
    text: str
    variables: tuple[tuple[str, Any], ...] = ()
    turns: int = 0
    """Turns of the event loop after which it comes."""
    leaves: bool = False
    """Whether the client goes away while it waits."""

    @property
    def request(self) -> GraphQLRequest:
        return GraphQLRequest(query=self.text, variables=dict(self.variables))


asked = st.builds(
    Asked,
    caller=st.sampled_from(sorted(CALLERS)),
    text=st.sampled_from(QUESTIONS),
    variables=st.fixed_dictionaries({"mine": st.booleans()}, optional={"nik": st.sampled_from([SITI, BUDI, AYU])}).map(
        lambda given: tuple(given.items())
    ),
    turns=st.integers(0, 3),
    leaves=st.sampled_from([False, False, False, True]),
)


class Slow:
    """The city's connectors, each question of which takes a second."""

    def __init__(self, city: SmallCity) -> None:
        self._city = city

    def __getattr__(self, question: str) -> Any:  # noqa: ANN401 - a connector's question
        async def answered(*given: Any) -> Any:  # noqa: ANN401 - whatever it is asked and answers
            await asyncio.sleep(1)
            return await getattr(self._city, question)(*given)

        return answered


class Hub:
    """An engine over a city of its own."""

    def __init__(self, by: Engine) -> None:
        self.engine = by
        self.alone = False
        self.anew = False
        self.city = SmallCity(down={"crm"})
        domains = (Population, Msmes, Tax, Complaints, Prices, Regions, SaidWishes)
        self.agencies = Agencies(dict.fromkeys(domains, Slow(self.city)))

    async def answer(self, each: Asked) -> Any:  # noqa: ANN401 - JSON
        """What one request is told."""
        caller = CALLERS[each.caller]

        def opened() -> Asking:
            return Asking(caller=caller, call=CALL, agencies=self.agencies, node_ids=IDS)

        for _ in range(each.turns):
            await asyncio.sleep(0)
        response: GraphQLResponse = await self.engine.run(
            each.request,
            opened,
            who=caller,
            until=CALL.deadline,
            request_id="r-1",
            alone=self.alone,
            anew=self.anew,
        )
        return orjson.loads(encode(response))

    async def answers(self, requests: list[Asked]) -> list[Any]:
        """What requests of the same moment are told; None for those whose client goes away."""
        waiting = [asyncio.create_task(self.answer(each)) for each in requests]
        await asyncio.sleep(0.5)
        for each, task in zip(requests, waiting, strict=True):
            if each.leaves:
                task.cancel()
        found = await asyncio.gather(*waiting, return_exceptions=True)
        return [None if isinstance(each, asyncio.CancelledError) else each for each in found]


@cache
def sharing() -> Engine:
    return seen(Engine(engine().schema, engine().rules, coalescing=True))


@cache
def alone() -> Engine:
    return seen(Engine(engine().schema, engine().rules))


def seen(by: Engine) -> Engine:
    """The engine, to which no document is new any more."""
    with virtual_loop() as loop:
        for text in QUESTIONS:
            for mine in (True, False):
                told = loop.run(Hub(by).answer(Asked("anonymous", text, (("nik", SITI), ("mine", mine)))))
                assert "data" in told or told["errors"][0]["extensions"]["code"] == "FORBIDDEN", told
    return by


def differences(by: Engine, requests: list[Asked]) -> list[Any]:
    """Who was told something else than they would have been told alone."""
    with virtual_loop() as loop:
        together = loop.run(Hub(by).answers(requests))
        own = [loop.run(Hub(alone()).answer(each)) for each in requests]
    return [
        (each, found, right)
        for each, found, right in zip(requests, together, own, strict=True)
        if found != right and not each.leaves
    ]


@settings(max_examples=150, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(asked, min_size=2, max_size=12))
def test_whoever_asks_whatever_at_the_same_moment_is_told_what_they_would_be_told_alone(requests: list[Asked]) -> None:
    assert differences(sharing(), requests) == []


EVERYBODY = [Asked(caller, text, (("nik", SITI), ("mine", True))) for text in QUESTIONS for caller in sorted(CALLERS)]


def test_each_kind_of_caller_is_told_what_is_theirs() -> None:
    assert differences(sharing(), EVERYBODY * 3) == []


class Leaking(Engine):
    """Forgets who asks."""

    def _question(self, plan: Plan, request: GraphQLRequest, who: object) -> Any:  # noqa: ANN401, ARG002 - the engine's signature
        return super()._question(plan, request, None)


def test_an_engine_that_forgets_who_asks_is_found_out() -> None:
    leaking = seen(Leaking(engine().schema, engine().rules, coalescing=True))
    found = differences(leaking, EVERYBODY)
    assert {each.text for each, _, _ in found} == set(QUESTIONS[1:])


def test_what_a_rule_reads_of_a_caller_keeps_runs_apart() -> None:
    """The same person less surely identified, the same official for another purpose or none: each is told their own."""
    person, official = CALLERS["the person"], CALLERS["an official"]
    callers = {
        "unsure": replace(person, assurance=Assurance.NONE),
        "no purpose": replace(official, purpose=None),
        "another's purpose": replace(official, purpose="HEALTHCARE"),
        "another case": replace(official, case="SUBJEK/2"),
        "of another agency": replace(official, agency="crm", purpose="COMPLAINT_HANDLING"),
    }
    query = f'{{ citizen(nik: "{SITI}") {{ name taxObjects {{ nop }} complaints {{ number }} }} }}'
    with pytest.MonkeyPatch.context() as patched:
        for name, caller in callers.items():
            patched.setitem(CALLERS, name, caller)
        requests = [Asked(name, query) for name in (*callers, "the person", "an official")] * 2
        assert differences(sharing(), requests) == []


def test_equal_requests_of_equal_callers_are_one_run_and_others_are_not() -> None:
    hub = Hub(sharing())
    public, mine = Asked("the person", QUESTIONS[0]), Asked("the person", QUESTIONS[1])
    others = [Asked("anonymous", QUESTIONS[0]), Asked("another citizen", QUESTIONS[1])]
    with virtual_loop() as loop:
        loop.run(hub.answers([public, mine, *others] * 5))
    told = sorted(question for _, question, _ in hub.city.asked)
    with virtual_loop() as loop:
        for each in (public, mine, others[1]):
            loop.run((once := Hub(alone())).answer(each))
            for _, question, _ in once.city.asked:
                told.remove(question)
    assert told == []


def test_whose_answer_depends_on_what_people_said_has_a_run_of_their_own() -> None:
    """Who comes after a person took something back must not be given what was begun before."""
    hub = Hub(sharing())
    hub.alone = True
    public, personal = Asked("an official", QUESTIONS[0]), Asked("an official", QUESTIONS[3], (("nik", SITI),))
    with virtual_loop() as loop:
        loop.run(hub.answers([personal, personal, public, public]))
    assert hub.city.wishes_asked == [(SITI,), (SITI,)]
    assert len([question for _, question, _ in hub.city.asked if question == "regions"]) <= 1


def test_who_wants_what_is_so_now_joins_no_run_and_nobody_joins_theirs() -> None:
    """What was begun before may have asked before."""
    hub, question = Hub(sharing()), Asked("anonymous", "{ markets { name } }")

    async def story() -> None:
        before = asyncio.create_task(hub.answer(question))
        await asyncio.sleep(0.5)
        hub.anew = True
        anew = [asyncio.create_task(hub.answer(question)) for _ in range(2)]
        await asyncio.sleep(0.1)
        hub.anew = False
        after = asyncio.create_task(hub.answer(question))
        assert len({repr(each) for each in await asyncio.gather(before, *anew, after)}) == 1

    with virtual_loop() as loop:
        loop.run(story())
    assert [question for _, question, _ in hub.city.asked] == ["market_lists"] * 3
