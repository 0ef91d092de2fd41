"""Which operations equal requests share without a check of their own."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from graphql import GraphQLObjectType, get_named_type

from auth.crypto.key_ring import ANSWER_INFO, KeyRing
from cache.answers.cache_keys import CacheKeyBuilder
from cache.answers.read_through import ReadThroughCache
from engine.batch import NO_BATCH_CACHE, BatchCache
from engine.document.limits import TooLarge
from engine.document.persisted_operations import ClientApplication, PersistedDocuments
from engine.engine import Engine
from engine.execution.response_building import build_too_large_response
from engine.operation_meter import UNREGISTERED
from engine.request import DocumentId, GraphQLRequest, GraphQLResponse, ResponseOutcome
from engine.response_encoding import encode
from engine.run_request import RunReporting, RunRequest
from engine.sharing.shared_answers import SharedAnswers
from engine.sharing.single_flight import SharedRun
from records.calls.freshness import AnswerLifetime
from records.hub.clients import ClientId
from records.hub.operations import OperationMode, RegisteredOperation
from resolvers.cached_batches import CachedBatchReader
from schema.declarations.request_context import RequestContext
from tests.fakes.city import build_policy
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import CALL, CALLERS
from tests.schema.graph_fields import ARGUMENTS, FieldPlace, list_root_fields, types
from tests.schema.requests import IDS, build_engine

MARKETS = "{ markets(first: 1) { name } }"
SECRET = b"a secret of thirty-two bytes...."
SITI_ASKS = "the person"


@dataclass
class NotedRuns:
    """A meter and a recorder of uses."""

    runs: list[tuple[tuple[str, str], str, int]] = field(default_factory=list)
    uses: Counter[frozenset[str]] = field(default_factory=Counter)
    shared: Counter[str] = field(default_factory=Counter)

    def record_runs(self, names: tuple[str, str], outcome: str, points: int, durations: Sequence[float]) -> None:
        self.runs += [(names, outcome, points)] * len(durations)

    def record_shared(self, origin: str, count: int) -> None:
        self.shared[origin] += count

    def record(self, coordinates: frozenset[str], times: int) -> None:
        self.uses[coordinates] += times


class EngineOfCity:
    """An engine that shares runs, over the small city."""

    def __init__(
        self, *, share_runs: bool = True, is_cached: bool = True, mode: OperationMode = OperationMode.OFF
    ) -> None:
        self.city = SmallCity()
        self.counts = NotedRuns()
        self.cache = CachedBatchReader(
            ReadThroughCache(
                max_bytes=1_000_000,
                key_builder=CacheKeyBuilder(SECRET),
                sealer=KeyRing([SECRET], ANSWER_INFO),
            ),
            timeout=5.0,
        )
        self.is_cached = is_cached
        self.engine = Engine(
            build_engine().schema,
            build_engine().rules,
            share_runs=share_runs,
            documents=PersistedDocuments(first_party=mode, automatic=True),
            reporting=RunReporting(meter=self.counts, uses=self.counts, track_reads=True),
        )
        if is_cached:
            self.engine.keep_answers(self.cache)

    @property
    def shared(self) -> SharedAnswers:
        return self.engine.shared_answers

    async def answer(self, request: GraphQLRequest | str, caller: str = "anonymous", **terms: Any) -> GraphQLResponse:  # noqa: ANN401 - members of RunRequest
        who = CALLERS[caller]
        batch_cache: BatchCache = self.cache if self.is_cached else NO_BATCH_CACHE

        def build_context() -> RequestContext:
            return RequestContext(
                policy=build_policy(),
                caller=who,
                call=CALL,
                agencies=self.city.agencies(),
                node_ids=IDS,
                batch_cache=batch_cache,
            )

        asked = GraphQLRequest(query=request) if isinstance(request, str) else request
        usual = RunRequest(asked, build_context, "r-1", who, CALL.deadline)
        return await self.engine.run(usual._replace(**terms))

    def is_shared(self, request: GraphQLRequest | str) -> bool:
        """Whether equal requests are answered without a run."""
        asked = GraphQLRequest(query=request) if isinstance(request, str) else request
        return self.shared.find_operation(asked) is not None


async def test_a_public_operation_is_shared_after_its_first_request() -> None:
    hub = EngineOfCity()
    assert not hub.is_shared(MARKETS)
    first = await hub.answer(MARKETS)
    operation = hub.shared.find_operation(GraphQLRequest(query=MARKETS))
    assert operation is not None
    assert operation.coordinates == {"Query.markets", "Market.name"}
    found = hub.shared.find(operation, CALL.deadline)
    assert isinstance(found, GraphQLResponse)
    assert found.body == first.body


@pytest.mark.parametrize("caller", sorted(CALLERS))
async def test_the_shared_answer_is_that_of_an_anonymous_caller(caller: str) -> None:
    hub = EngineOfCity()
    await hub.answer(MARKETS, caller)
    operation = hub.shared.find_operation(GraphQLRequest(query=MARKETS))
    assert operation is not None
    found = hub.shared.find(operation, CALL.deadline)
    assert isinstance(found, GraphQLResponse)
    assert found.body == (await EngineOfCity().answer(MARKETS)).body
    assert (list(found.reads), list(found.refusals), found.is_public) == ([], [], True)


PERSONAL = [
    "{ me { name } }",
    "{ markets(first: 1) { name } me { name } }",
    '{ citizen(nik: "3171014506900001") { name } }',
    "{ markets(first: 1) { name } ... on Query { me { nik } } }",
    "query ($a: Boolean = false) { markets(first: 1) { name } me @include(if: $a) { name } }",
]


@pytest.mark.parametrize("caller", ["anonymous", SITI_ASKS])
@pytest.mark.parametrize("text", PERSONAL)
async def test_an_operation_with_personal_fields_is_never_shared(text: str, caller: str) -> None:
    hub = EngineOfCity()
    for _ in range(3):
        await hub.answer(text, caller)
    operation = hub.shared.find_operation(GraphQLRequest(query=text))
    if "@include" not in text:
        assert operation is None
    elif operation is not None:  # its plan for the default value has no personal field
        assert operation.coordinates == {"Query.markets", "Market.name"}


async def test_the_value_of_a_condition_never_leads_to_the_answer_of_another_value() -> None:
    text = "query ($a: Boolean = false) { markets(first: 1) { name } me @include(if: $a) { name } }"
    hub = EngineOfCity()
    with_me = GraphQLRequest(query=text, variables={"a": True})
    for _ in range(2):
        assert b"Person 1" in encode(await hub.answer(with_me, SITI_ASKS))
    assert not hub.is_shared(text)
    await hub.answer(text)
    for _ in range(2):
        await hub.answer(with_me, SITI_ASKS)
    operation = hub.shared.find_operation(GraphQLRequest(query=text))
    assert operation is not None
    found = hub.shared.find(operation, CALL.deadline)
    assert isinstance(found, GraphQLResponse)
    assert found.body == b'{"data":{"markets":[{"name":"Pasar Senen"}]}}'


VARIABLES = "query ($n: Int = 1) { markets(first: $n) { name } }"


@pytest.mark.parametrize(
    "request_",
    [
        GraphQLRequest(query=VARIABLES, variables={"n": 1}),
        GraphQLRequest(query=MARKETS, variables={"unused": 1}),
        GraphQLRequest(query=MARKETS, extensions={"explain": True}),
        GraphQLRequest(query=MARKETS, document_id=DocumentId("x")),
        GraphQLRequest(query="# __schema\n" + MARKETS),
        GraphQLRequest(query="{ __schema { queryType { name } } }"),
        GraphQLRequest(query='{ __type(name: "Query") { name } markets(first: 1) { name } }'),
        GraphQLRequest(query='mutation { refuseConsent(request: "x") { __typename } }'),
        GraphQLRequest(query="{ nothing }"),
        GraphQLRequest(query="{"),
        GraphQLRequest(query=""),
        GraphQLRequest(query=f"query A {MARKETS} query B {MARKETS}"),
    ],
)
async def test_other_operations_are_not_shared(request_: GraphQLRequest) -> None:
    hub = EngineOfCity()
    for caller in ("anonymous", SITI_ASKS, "anonymous"):
        await hub.answer(request_, caller)
    assert not hub.is_shared(request_)
    assert not hub.is_shared(replace(request_, variables=None, extensions=None))


@pytest.mark.parametrize(
    "terms",
    [
        {"application": ClientApplication(client=ClientId("hub", "bank"), is_partner=False)},
        {"share_run": False},
        {"require_new_run": True},
    ],
)
async def test_requests_with_terms_of_their_own_share_nothing_by_themselves(terms: dict[str, Any]) -> None:
    hub = EngineOfCity()
    for _ in range(3):
        await hub.answer(MARKETS, **terms)
    assert hub.is_shared(MARKETS) == ("share_run" in terms)  # the answer of a public operation is the same for all


async def test_the_name_of_the_operation_belongs_to_it() -> None:
    text = f"query A {MARKETS} query B {{ regions(first: 1) {{ name }} }}"
    hub = EngineOfCity()
    await hub.answer(GraphQLRequest(query=text, operation_name="A"))
    assert hub.is_shared(GraphQLRequest(query=text, operation_name="A"))
    assert not hub.is_shared(GraphQLRequest(query=text, operation_name="B"))
    assert not hub.is_shared(text)


@pytest.mark.parametrize("mode", [OperationMode.LOG_UNKNOWN, OperationMode.SAFELIST, OperationMode.IDS_ONLY])
async def test_nothing_is_shared_while_each_text_has_to_be_checked(mode: OperationMode) -> None:
    hub = EngineOfCity(mode=mode)
    for _ in range(3):
        await hub.answer(MARKETS)
    assert not hub.is_shared(MARKETS)


async def test_a_registered_operation_is_shared_by_its_text_and_not_by_its_id() -> None:
    hub = EngineOfCity()
    operation = RegisteredOperation(client=ClientId("hub", "app"), id="x", name="A", text=f"query A {MARKETS}")
    await hub.engine.register_operations((), [operation])
    by_name = GraphQLRequest(query=operation.text, operation_name="A")
    await hub.answer(by_name)
    assert hub.is_shared(by_name)
    assert not hub.is_shared(GraphQLRequest(query="", document_id=DocumentId("x")))
    await hub.engine.register_operations((), ())
    assert not hub.is_shared(by_name)


async def test_without_shared_runs_and_cache_only_the_operation_is_known_and_no_answer() -> None:
    hub = EngineOfCity(share_runs=False, is_cached=False)
    runs = [asyncio.create_task(hub.answer(MARKETS)) for _ in range(3)]
    while not all(each.done() for each in runs):
        operation = hub.shared.find_operation(GraphQLRequest(query=MARKETS))
        assert operation is None or (operation.key, hub.shared.find(operation, CALL.deadline)) == (None, None)
        await asyncio.sleep(0)
    assert hub.is_shared(MARKETS)
    assert hub.counts.shared == {}


async def test_without_shared_runs_answers_of_the_cache_are_kept_and_personal_ones_never_without_a_run() -> None:
    hub = EngineOfCity(share_runs=False)
    for caller in ("anonymous", SITI_ASKS):
        for text in (MARKETS, "{ me { name } }"):
            await hub.answer(text, caller)
    assert hub.is_shared(MARKETS)
    assert not hub.is_shared("{ me { name } }")
    assert len(hub.shared.kept) == 2
    assert len(hub.shared.pending) == 0


@pytest.mark.skipif(sys.version_info < (3, 12), reason="before Python 3.12 every run takes a turn of the event loop")
async def test_a_pending_answer_is_found_with_a_near_deadline_only() -> None:
    hub = EngineOfCity(is_cached=False)
    await hub.answer(MARKETS)
    operation = hub.shared.find_operation(GraphQLRequest(query=MARKETS))
    assert operation is not None
    # The small city never waits, so the run is pending for the rest of this turn.
    assert isinstance(hub.shared.find(operation, CALL.deadline), SharedRun)
    assert hub.shared.find(operation, CALL.deadline + 1.5) is None
    await asyncio.sleep(0)
    assert hub.shared.find(operation, CALL.deadline) is None


async def test_the_report_counts_what_the_engine_counts() -> None:
    hub = EngineOfCity()
    response = await hub.answer(MARKETS)
    operation = hub.shared.find_operation(GraphQLRequest(query=MARKETS))
    assert operation is not None
    hub.shared.report(operation, response, (0.1,))
    assert hub.counts.runs[0] == hub.counts.runs[1] == (UNREGISTERED, "complete", operation.points)
    assert hub.counts.uses == {operation.coordinates: 2}
    hub.shared.report(operation, replace(response, errors=[{"message": "x"}]), (0.1,))
    hub.shared.report(operation, build_too_large_response(TooLarge("too large")), (0.1,))
    assert [outcome for _, outcome, _ in hub.counts.runs[2:]] == ["partial", "refused"]
    assert hub.counts.uses == {operation.coordinates: 3}


async def test_requests_that_get_the_answer_of_another_are_counted_by_where_it_came_from() -> None:
    hub = EngineOfCity()
    await asyncio.gather(*(hub.answer(MARKETS) for _ in range(3)))
    assert hub.counts.shared == {"joined": 2}
    for _ in range(4):
        await hub.answer(MARKETS)
    assert hub.counts.shared == {"joined": 2, "kept": 4}
    assert len(hub.counts.runs) == 7


@pytest.mark.parametrize("what", ["reads", "refusals"])
async def test_an_answer_with_reads_or_refusals_is_never_reported_as_shared(what: str) -> None:
    hub = EngineOfCity()
    await hub.answer(MARKETS)
    operation = hub.shared.find_operation(GraphQLRequest(query=MARKETS))
    assert operation is not None
    personal = await hub.answer("{ me { name } }", SITI_ASKS if what == "reads" else "anonymous")
    given: Any = personal.reads or [object()]
    lifetime = AnswerLifetime(0.0, 10.0, 0.0, 0.0)
    response = GraphQLResponse(outcome=ResponseOutcome.ANSWERED, body=b"{}", lifetime=lifetime, **{what: given})
    runs, uses = list(hub.counts.runs), dict(hub.counts.uses)
    with pytest.raises(RuntimeError, match="personal data"):
        hub.shared.report(operation, response, (0.1,))
    assert (hub.counts.runs, hub.counts.uses) == (runs, uses)


def test_without_an_engine_nothing_is_found() -> None:
    assert SharedAnswers.without_engine().find_operation(GraphQLRequest(query=MARKETS)) is None


def list_documents() -> list[str]:
    """Every field of the query root, with each field of its type."""
    documents = []
    for place in list_root_fields():
        if place.type_name != "Query":
            continue
        target = get_named_type(types()["Query"].fields[place.field].type)
        head = f"{place.field}{ARGUMENTS.get(str(place), '')}"
        if not isinstance(target, GraphQLObjectType):
            documents.append(f"{{ {place.selected} }}")
            continue
        documents += [f"{{ {head} {{ {FieldPlace(target.name, each).selected} }} }}" for each in target.fields]
    return documents


async def test_what_the_whole_graph_shares_is_equal_for_all_callers_and_personal_for_none() -> None:
    documents = list_documents()
    shared = 0
    for document in documents:
        answers, is_shared = {}, False
        for caller in CALLERS:
            hub = EngineOfCity(is_cached=False)
            answers[caller] = await hub.answer(document, caller)
            is_shared = hub.is_shared(document)
            if is_shared:
                assert not answers[caller].reads, document
                assert not answers[caller].refusals, document
        if is_shared:
            shared += 1
            assert len({encode(each) for each in answers.values()}) == 1, document
            assert "person" not in encode(answers["the person"]).decode().lower(), document
    assert shared > 20
    assert len(documents) - shared > 50
