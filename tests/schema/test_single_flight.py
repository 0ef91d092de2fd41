"""Requests of the same moment share a run only if each gets exactly the answer that it would get alone."""

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
from engine.agencies.bindings import Agencies
from engine.engine import Engine
from engine.plan.plan import Plan
from engine.request import GraphQLRequest, GraphQLResponse
from engine.response_encoding import encode
from engine.run_request import RunRequest
from records.languages import Language
from resolvers.complaints import Complaints
from resolvers.hub.commands import Commands
from resolvers.hub.data_preferences import PeoplePreferences
from resolvers.msmes import Msmes
from resolvers.population import Population
from resolvers.prices import Prices
from resolvers.regions import Regions
from resolvers.tax import Tax
from schema.declarations.request_context import RequestContext
from tests.fakes.city import build_policy
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import AYU, BUDI, CALL, CALLERS, SITI
from tests.fakes.virtual_loop import virtual_loop
from tests.schema.requests import IDS, build_engine

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
class CallerQuery:
    """One request."""

    caller: str
    text: str
    variables: tuple[tuple[str, Any], ...] = ()
    turns: int = 0
    """Turns of the event loop before it comes."""
    leaves: bool = False
    """Whether the client disconnects while it waits."""
    language: Language = Language.INDONESIAN

    @property
    def request(self) -> GraphQLRequest:
        return GraphQLRequest(query=self.text, variables=dict(self.variables))


asked = st.builds(
    CallerQuery,
    caller=st.sampled_from(sorted(CALLERS)),
    text=st.sampled_from(QUESTIONS),
    variables=st.fixed_dictionaries({"mine": st.booleans()}, optional={"nik": st.sampled_from([SITI, BUDI, AYU])}).map(
        lambda given: tuple(given.items())
    ),
    turns=st.integers(0, 3),
    leaves=st.sampled_from([False, False, False, True]),
)


class SlowCity:
    """The city's connectors, each call of which takes a second."""

    def __init__(self, city: SmallCity) -> None:
        self._city = city

    def __getattr__(self, question: str) -> Any:  # noqa: ANN401 - a connector's question
        async def answered(*given: Any) -> Any:  # noqa: ANN401 - whatever it is asked and answers
            await asyncio.sleep(1)
            return await getattr(self._city, question)(*given)

        return answered


class SharingHub:
    """An engine over a separate city."""

    def __init__(self, by: Engine) -> None:
        self.engine = by
        self.alone = False
        self.require_new_run = False
        self.city = SmallCity(failing_agencies={"crm"})
        domains = (Population, Msmes, Tax, Complaints, Prices, Regions, PeoplePreferences, Commands)
        self.agencies = Agencies(dict.fromkeys(domains, SlowCity(self.city)))

    async def answer(self, each: CallerQuery) -> Any:  # noqa: ANN401 - JSON
        """The response to one request."""
        caller = CALLERS[each.caller]

        def opened() -> RequestContext:
            call = replace(CALL, language=each.language)
            return RequestContext(policy=build_policy(), caller=caller, call=call, agencies=self.agencies, node_ids=IDS)

        for _ in range(each.turns):
            await asyncio.sleep(0)
        response: GraphQLResponse = await self.engine.run(
            RunRequest(
                request=each.request,
                context_factory=opened,
                caller_key=caller,
                language=each.language,
                deadline=CALL.deadline,
                request_id="r-1",
                share_run=not self.alone,
                require_new_run=self.require_new_run,
            )
        )
        return orjson.loads(encode(response))

    async def answers(self, requests: list[CallerQuery]) -> list[Any]:
        """The responses to requests of the same moment; None for those whose client disconnects."""
        waiting = [asyncio.create_task(self.answer(each)) for each in requests]
        await asyncio.sleep(0.5)
        for each, task in zip(requests, waiting, strict=True):
            if each.leaves:
                task.cancel()
        found = await asyncio.gather(*waiting, return_exceptions=True)
        return [None if isinstance(each, asyncio.CancelledError) else each for each in found]


@cache
def build_sharing_engine() -> Engine:
    return seen(Engine(build_engine().schema, build_engine().rules, share_runs=True))


@cache
def build_separate_engine() -> Engine:
    return seen(Engine(build_engine().schema, build_engine().rules))


def seen(by: Engine) -> Engine:
    """The engine with all documents already cached."""
    with virtual_loop() as loop:
        for text in QUESTIONS:
            for mine in (True, False):
                told = loop.run(SharingHub(by).answer(CallerQuery("anonymous", text, (("nik", SITI), ("mine", mine)))))
                assert "data" in told or told["errors"][0]["extensions"]["code"] == "FORBIDDEN", told
    return by


def find_response_differences(by: Engine, requests: list[CallerQuery]) -> list[Any]:
    """Callers whose response differs from their response alone."""
    with virtual_loop() as loop:
        together = loop.run(SharingHub(by).answers(requests))
        own = [loop.run(SharingHub(build_separate_engine()).answer(each)) for each in requests]
    return [
        (each, found, right)
        for each, found, right in zip(requests, together, own, strict=True)
        if found != right and not each.leaves
    ]


@settings(max_examples=150, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(asked, min_size=2, max_size=12))
def test_concurrent_requests_get_the_same_answers_as_separate_ones(requests: list[CallerQuery]) -> None:
    assert find_response_differences(build_sharing_engine(), requests) == []


EVERYBODY = [
    CallerQuery(caller, text, (("nik", SITI), ("mine", True))) for text in QUESTIONS for caller in sorted(CALLERS)
]


def test_each_kind_of_caller_gets_its_own_answer() -> None:
    assert find_response_differences(build_sharing_engine(), EVERYBODY * 3) == []


class LeakingEngine(Engine):
    """Ignores the caller."""

    def _get_share_key(self, plan: Plan, run_request: RunRequest) -> Any:  # noqa: ANN401 - the engine's signature
        return super()._get_share_key(plan, run_request._replace(caller_key=None))


def test_an_engine_that_ignores_the_caller_is_detected() -> None:
    leaking = seen(LeakingEngine(build_engine().schema, build_engine().rules, share_runs=True))
    found = find_response_differences(leaking, EVERYBODY)
    assert {each.text for each, _, _ in found} == set(QUESTIONS[1:])


def test_caller_properties_in_rules_separate_runs() -> None:
    """A lower assurance, another purpose or none: each caller gets their own response."""
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
        requests = [CallerQuery(name, query) for name in (*callers, "the person", "an official")] * 2
        assert find_response_differences(build_sharing_engine(), requests) == []


def test_texts_are_shared_within_one_language_only() -> None:
    query = "{ me { receipts { stateText } } }"
    requests = [CallerQuery("the person", query, language=each) for each in Language] * 3
    assert find_response_differences(build_sharing_engine(), requests) == []
    with virtual_loop() as loop:
        answers = loop.run(SharingHub(build_sharing_engine()).answers(requests))
    assert len({str(each) for each in answers}) == len(Language)


def test_only_equal_requests_of_equal_callers_share_a_run() -> None:
    hub = SharingHub(build_sharing_engine())
    public, mine = CallerQuery("the person", QUESTIONS[0]), CallerQuery("the person", QUESTIONS[1])
    others = [CallerQuery("anonymous", QUESTIONS[0]), CallerQuery("another citizen", QUESTIONS[1])]
    with virtual_loop() as loop:
        loop.run(hub.answers([public, mine, *others] * 5))
    told = sorted(question for _, question, _ in hub.city.calls)
    with virtual_loop() as loop:
        for each in (public, mine, others[1]):
            loop.run((once := SharingHub(build_separate_engine())).answer(each))
            for _, question, _ in once.city.calls:
                told.remove(question)
    assert told == []


def test_runs_that_depend_on_preferences_are_not_shared() -> None:
    """A request after a revocation must not join an earlier run."""
    hub = SharingHub(build_sharing_engine())
    hub.alone = True
    public, personal = (
        CallerQuery("an official", QUESTIONS[0]),
        CallerQuery("an official", QUESTIONS[3], (("nik", SITI),)),
    )
    with virtual_loop() as loop:
        loop.run(hub.answers([personal, personal, public, public]))
    assert hub.city.preference_queries == [(SITI,), (SITI,)]
    assert len([question for _, question, _ in hub.city.calls if question == "regions"]) <= 1


def test_a_request_joins_no_run_that_has_begun_to_decide_by_a_family_card() -> None:
    """The card of the pending run may be older than the request."""
    hub = SharingHub(build_sharing_engine())
    child = CallerQuery("the person", QUESTIONS[3], (("nik", AYU),))
    own = CallerQuery("the person", QUESTIONS[1])

    async def story() -> None:
        before = [asyncio.create_task(hub.answer(each)) for each in (child, own)]
        await asyncio.sleep(0.5)  # the calls of both have begun
        await asyncio.gather(*before, hub.answer(child), hub.answer(own))

    with virtual_loop() as loop:
        loop.run(story())
    told = [(question, keys) for _, question, keys in hub.city.calls if question == "households"]
    assert told == [("households", (SITI,))] * 3  # two for decisions, one for both answers with the person's own card


def test_a_request_for_current_data_shares_no_run() -> None:
    """An earlier run may have made its calls earlier."""
    hub, question = SharingHub(build_sharing_engine()), CallerQuery("anonymous", "{ markets { name } }")

    async def story() -> None:
        before = asyncio.create_task(hub.answer(question))
        await asyncio.sleep(0.5)
        hub.require_new_run = True
        new_runs = [asyncio.create_task(hub.answer(question)) for _ in range(2)]
        await asyncio.sleep(0.1)
        hub.require_new_run = False
        after = asyncio.create_task(hub.answer(question))
        assert len({repr(each) for each in await asyncio.gather(before, *new_runs, after)}) == 1

    with virtual_loop() as loop:
        loop.run(story())
    assert [question for _, question, _ in hub.city.calls] == ["market_lists"] * 3
