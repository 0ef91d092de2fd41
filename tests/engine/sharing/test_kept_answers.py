"""Which answers are kept as bytes, for which callers, and for how long."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from dataclasses import replace
from datetime import date
from itertools import permutations
from typing import Any

import pytest

from auth.caller import Assurance, Caller, CallerKind
from engine.batch import BatchContext
from engine.plan.plan import Plan
from engine.request import GraphQLRequest, GraphQLResponse, ResponseOutcome
from engine.sharing import kept_answers
from engine.sharing.kept_answers import KeptAnswers
from records.calls.freshness import AnswerLifetime
from records.calls.subject_reads import SubjectRead
from records.hub.clients import ClientId
from tests.engine.sharing.caching_hub import CachingHub
from tests.fakes.small_records import AYU, CALLERS, SITI
from tests.schema.requests import build_engine

ME = "{ me { name residence { address } household { members { name } } taxObjects { nop } } }"
PERSON = CALLERS["the person"]
PRICES = "{ markets { name prices { price } } }"


async def test_a_public_answer_is_the_same_bytes_for_a_second() -> None:
    hub = CachingHub(coalescing=True)
    first = await hub.answer(PRICES, "anonymous")
    hub.now += 0.9
    kept = await hub.answer(PRICES, "the person")
    assert kept.body is first.body
    assert kept.lifetime == pytest.approx((0.9, 899.1, 900, 86_400), abs=0.5)
    assert (kept.is_public, kept.data_classes) == (True, first.data_classes)
    await asyncio.sleep(0)  # runs of one turn of the loop are shared
    hub.now += 0.2
    later = await hub.answer(PRICES, "anonymous")
    assert (later.body, later.body is first.body) == (first.body, False)


async def test_bytes_are_not_used_beyond_the_lifetime_of_a_part() -> None:
    hub = CachingHub(coalescing=True)
    await hub.answer("{ markets { name } }", "anonymous")
    hub.now += 899.5
    await hub.answer("{ markets { name } }", "anonymous")
    await asyncio.sleep(0)  # runs of one turn of the loop are shared
    hub.now += 0.6
    late = await hub.answer("{ markets { name } }", "anonymous")
    assert (late.lifetime, b"revalidating" in (late.body or b"")) == (None, True)


@pytest.mark.parametrize("is_running", [False, True], ids=["after the run", "during the run"])
async def test_an_invalidation_removes_the_bytes(is_running: bool) -> None:  # noqa: FBT001 - a parameter
    hub = CachingHub(coalescing=True)
    before = asyncio.create_task(hub.answer(PRICES, "anonymous"))
    while is_running and not hub.city.calls:  # noqa: ASYNC110 - before Python 3.12, each task begins a turn later
        await asyncio.sleep(0)
    if not is_running:
        await before
    assert before.done() != is_running
    assert await hub.batch_cache.invalidate_agency("pangan")
    first = await before
    hub.city.calls.clear()
    assert (await hub.answer(PRICES, "anonymous")).body is not first.body
    assert hub.city.calls != []


async def test_a_request_for_current_data_removes_the_bytes() -> None:
    hub = CachingHub(coalescing=True)
    await hub.answer("{ markets { name } }", "anonymous")
    await asyncio.sleep(0)  # runs of one turn of the loop are shared
    hub.now += 0.5
    await hub.answer("{ markets { name } }", "anonymous", max_age=0)
    assert (await hub.answer("{ markets { name } }", "anonymous")).lifetime == pytest.approx(
        (0, 900, 900, 86_400), abs=0.1
    )


async def test_the_bytes_that_are_kept_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = CachingHub(coalescing=True)
    size = len((await hub.answer(PRICES, "anonymous")).body or b"") + kept_answers._BYTES_BESIDE_BODY
    monkeypatch.setattr(kept_answers, "_MAX_BYTES", 3 * size)
    for number in range(10):
        await hub.answer(f"# {number}\n{PRICES}", "anonymous")
        assert hub.engine.shared_answers.kept._bytes == size * len(hub.engine.shared_answers.kept) <= 3 * size
    monkeypatch.setattr(kept_answers, "_MAX_BYTES", size - 1)
    hub.now += 2
    await hub.answer(PRICES, "anonymous")
    assert len(hub.engine.shared_answers.kept) == hub.engine.shared_answers.kept._bytes == 0


async def test_a_persons_answer_is_the_same_bytes_for_them_and_each_request_has_its_reads_recorded() -> None:
    hub = CachingHub()
    first = await hub.answer(ME, request_id="r-1")
    hub.city.calls.clear()
    hub.now += 20
    kept = await hub.answer(ME, request_id="r-2")
    assert kept.body is first.body
    assert hub.city.calls == []
    assert (kept.is_public, kept.data_classes) == (False, first.data_classes)
    assert kept.lifetime == pytest.approx((20, 40, 0, 0), abs=0.5)
    (one, reads), (two, again) = hub.recorded
    assert (one.request_id, two.request_id) == ("r-1", "r-2")
    assert list(again) == list(reads) != []
    assert two.document == one.document


OTHERS = {
    "another person": CALLERS["another citizen"],
    "the person in an app of a third party": replace(PERSON, first_party=False, client=ClientId("hub", "app")),
    "the person with less assurance": replace(PERSON, assurance=Assurance.LOW),
    "the person by another sign-in": replace(PERSON, authenticated_at=1.0),
    "an assistant of the person": Caller(
        kind=CallerKind.CITIZEN,
        first_party=True,
        nik=CALLERS["another citizen"].nik,
        on_behalf_of=SITI,
        assurance=Assurance.SUBSTANTIAL,
    ),
    "nobody": CALLERS["anonymous"],
    "a supervisor": CALLERS["a supervisor"],
}


@pytest.mark.parametrize("other", list(OTHERS.values()), ids=list(OTHERS))
async def test_no_other_caller_gets_the_answer_of_a_person(other: Caller) -> None:
    for callers in permutations((PERSON, other)):
        hub, alone = CachingHub(), CachingHub()
        for each in callers:
            await hub.answer(ME, each)
        answers = [await hub.answer(ME, each) for each in callers]
        given = [(each.data, each.errors) for each in answers]
        expected = [await alone.answer(ME, each, share_run=False) for each in callers]
        assert given == [(each.data, each.errors) for each in expected]
        assert answers[0].body is not answers[1].body


async def test_an_answer_in_one_language_is_not_given_in_another() -> None:
    hub = CachingHub()
    first = await hub.answer(ME, language="id")
    assert (await hub.answer(ME, language="en")).body is not first.body
    assert (await hub.answer(ME, language="id")).body is first.body


async def test_other_values_of_variables_are_another_answer() -> None:
    hub, text = CachingHub(), "query ($n: Int!) { me { name } markets(first: $n) { name } }"
    given: list[Any] = []
    for number in (1, 2, 1):
        request = GraphQLRequest(query=text, variables={"n": number})
        given.append((await hub.answer(text, request=request)).body)
    assert given[0] is given[2]
    assert given[0] is not given[1]


@pytest.mark.parametrize(
    ("query", "seconds"), [("{ me { complaints { number } name } }", 20), ("{ me { taxObjects { nop } } }", 30)]
)
async def test_a_personal_answer_is_not_kept_longer_than_its_strictest_part_or_half_a_minute(
    query: str, seconds: float
) -> None:
    hub = CachingHub()
    await hub.answer("{ me { complaints { number } } }")
    hub.now += 10  # complaints are fresh for 20 s from now on
    first = await hub.answer(query)
    hub.now += seconds - 0.1
    assert (await hub.answer(query)).body is first.body
    hub.now += 0.2
    assert (await hub.answer(query)).body is not first.body


async def test_what_changes_about_a_person_removes_their_answers() -> None:
    hub = CachingHub()
    first = await hub.answer(ME)
    assert await hub.batch_cache.invalidate_people([SITI])
    hub.city.calls.clear()
    assert (await hub.answer(ME)).body is not first.body
    assert {question for _, question, _ in hub.city.calls} == {"facets", "households", "objects_of"}


async def test_a_process_that_may_miss_invalidations_keeps_and_gives_no_personal_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hub = CachingHub()
    kept = await hub.answer(ME)
    public = await hub.answer(PRICES, "anonymous")
    monkeypatch.setattr(type(hub.batch_cache), "may_miss_invalidations", True)
    assert (await hub.answer(ME)).body is not kept.body
    assert (await hub.answer(PRICES, "anonymous")).body is public.body
    assert len(hub.engine.shared_answers.kept) == 1


async def test_a_decision_by_a_family_card_is_made_for_each_request() -> None:
    hub = CachingHub()
    hub.city.ayu_born = date(2020, 6, 5)
    query = f'{{ citizen(nik: "{AYU}") {{ name }} }}'
    for _ in range(2):
        assert (await hub.answer(query)).errors == []
    assert len(hub.engine.shared_answers.kept) == 0
    assert [question for _, question, _ in hub.city.calls].count("households") == 2
    hub.city.ayu_born = date(1990, 6, 5)
    assert (await hub.answer(query)).data == {"citizen": None}


def test_facts_of_decisions_are_never_cached() -> None:
    """So no answer that depends on one is kept."""
    schema = build_engine().schema
    fields = [
        each for type_ in schema.type_map.values() for each in getattr(type_, "fields", {}).values() if each.extensions
    ]
    facts = {
        batch
        for each in fields
        if (definition := each.extensions.get("strawberry-definition")) and hasattr(definition, "engine_guard")
        for batch in definition.engine_guard().fact_batches
    }
    assert {each.name for each in facts} >= {"family_cards_of", "preferences_of"}
    assert [each.name for each in facts if each.caching is not None or each.is_fixed] == []


@pytest.mark.parametrize("caller", ["an official", "the protection officer"])
async def test_officials_read_again_for_each_request(caller: str) -> None:
    hub = CachingHub()
    query = f'{{ citizen(nik: "{SITI}") {{ name }} }}'
    for _ in range(2):
        await hub.answer(query, caller, share_run=not CALLERS[caller].states_purpose)
    assert len(hub.engine.shared_answers.kept) == 0


@pytest.mark.parametrize("coalescing", [False, True])
async def test_what_is_refused_stale_fixed_or_must_be_current_is_not_kept(coalescing: bool) -> None:  # noqa: FBT001 - a parameter
    hub = CachingHub(coalescing=coalescing)
    for _ in range(2):
        await hub.answer(f'{{ me {{ name }} citizen(nik: "{AYU}") {{ name }} }}')
        await hub.answer("{ me { nik } }")
        await hub.answer("{ me { name } markets { name } }", max_age=0)
        await hub.answer("{ __typename }", "anonymous")
        await hub.answer("{ regions { name } }", "anonymous")
    await hub.answer(PRICES, "anonymous", max_age=0)
    hub.now += 1_000
    await hub.answer(PRICES, "anonymous")
    hub.city.failing_agencies = {"pbb"}
    await hub.answer("{ me { taxObjects { nop } } }")
    assert len(hub.engine.shared_answers.kept) == 0


async def test_a_kept_answer_keeps_no_plan_in_memory() -> None:
    hub = CachingHub()
    await hub.answer("{ me { name } }")
    await hub.answer(PRICES, "anonymous")
    keys: Any = list(hub.engine.shared_answers.kept._answers)
    assert len(keys) == 2
    assert not any(isinstance(part, Plan) for key in keys for part in key)


def plan(text: str) -> Plan:
    return build_engine().explain(GraphQLRequest(query=text))[0]


def test_an_operation_knows_whether_its_answer_changes_by_itself() -> None:
    assert not plan(ME).changes_by_itself
    assert plan("{ cityServices(first: 1) { nodes { state } } }").changes_by_itself
    assert not plan("{ cityServices(first: 1) { nodes { name } } }").changes_by_itself
    recent = 'mutation { withdrawDataRequest(number: "x") { __typename } }'
    assert plan(recent).changes_by_itself


class StillCache:
    """A batch cache whose clock a test sets."""

    may_miss_invalidations = False
    now = 100.0
    version = 1

    async def read(self, _batch: Any, _keys: Any, _context: BatchContext[Any], _recorder: Any = None) -> Any:  # noqa: ANN401 - as BatchCache
        raise AssertionError("nothing is read")

    def get_version(self) -> Hashable:
        return self.version

    def clock(self) -> float:
        return self.now


def respond(body: bytes = b"{}", **members: Any) -> GraphQLResponse:  # noqa: ANN401 - members of GraphQLResponse
    known: dict[str, Any] = {
        "reads": (SubjectRead(SITI, ("Citizen.name",), ("dukcapil",)),),
        "lifetime": AnswerLifetime(0.0, 60.0, 0.0, 0.0),
        **members,
    }
    return GraphQLResponse(outcome=ResponseOutcome.ANSWERED, body=body, **known)


def keep_all(kept: KeptAnswers, *keys: str) -> None:
    for key in keys:
        kept.keep(key, kept.get_version(), respond(), changes_by_itself=False)


@pytest.mark.parametrize(("changes_by_itself", "seconds"), [(True, 1.0), (False, 30.0)])
def test_what_changes_by_itself_is_kept_for_a_second(changes_by_itself: bool, seconds: float) -> None:  # noqa: FBT001 - a parameter
    cache = StillCache()
    kept = KeptAnswers(cache)
    kept.keep("key", kept.get_version(), respond(), changes_by_itself=changes_by_itself)
    cache.now += seconds - 0.01
    assert kept.find("key") is not None
    cache.now += 0.02
    assert kept.find("key") is None


@pytest.mark.parametrize(
    "response",
    [
        respond(is_public=True),
        respond(lifetime=None),
        respond(lifetime=AnswerLifetime(0.0, 0.0, 0.0, 0.0)),
        respond(errors=[{"message": "x"}]),
        respond(extensions={"freshness": []}),
        respond(refusals={"x": 1}),
        replace(respond(), body=None),
        replace(respond(), outcome=ResponseOutcome.FORBIDDEN),
    ],
    ids=["public with reads", "one use", "not fresh", "errors", "extensions", "refusals", "no bytes", "forbidden"],
)
def test_such_an_answer_is_not_kept(response: GraphQLResponse) -> None:
    kept = KeptAnswers(StillCache())
    kept.keep("key", kept.get_version(), response, changes_by_itself=False)
    assert (len(kept), kept.find("key")) == (0, None)


def test_an_answer_that_began_before_an_invalidation_is_not_kept() -> None:
    cache = StillCache()
    kept = KeptAnswers(cache)
    before = kept.get_version()
    cache.version += 1
    kept.keep("key", before, respond(), changes_by_itself=False)
    assert kept.find("key") is None


def test_an_invalidation_removes_all_answers_from_memory() -> None:
    cache = StillCache()
    kept = KeptAnswers(cache)
    keep_all(kept, "a", "b")
    cache.version += 1
    assert kept.find("a") is None
    assert len(kept) == kept._bytes == 0


def test_expired_answers_leave_memory_when_another_is_kept() -> None:
    cache = StillCache()
    kept = KeptAnswers(cache)
    keep_all(kept, "a", "b")
    cache.now += 31
    keep_all(kept, "c")
    assert len(kept) == 1


def test_the_oldest_answers_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = KeptAnswers(StillCache())
    monkeypatch.setattr(kept_answers, "_MAX_BYTES", 3 * kept_answers._get_size(respond()))
    keep_all(kept, "a", "b", "c", "a", "d")
    assert {key for key in "abcd" if kept.find(key)} == {"a", "c", "d"}
