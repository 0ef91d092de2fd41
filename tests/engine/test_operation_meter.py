"""Reports of operations: by names that are registered or the hub's own, never by text of a caller."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from engine.document.limits import Limits
from engine.document.persisted_operations import ClientApplication, PersistedDocuments
from engine.engine import Engine
from engine.operation_meter import classify_outcome
from engine.request import DocumentId, GraphQLRequest, GraphQLResponse, ResponseOutcome
from engine.run_request import RunReporting, RunRequest
from records.hub.clients import ClientId
from records.hub.operations import ClientContract, RegisteredOperation
from tests.engine.library_schema import DictContext, library, rules
from tests.fakes.clients import build_client

SEARCH = "query Search($first: Int) { search(first: $first) { title } }"
KIOS = ClientApplication(client=build_client("kios"), is_partner=True)
HUB = ClientApplication(client=ClientId.without_issuer("simpul"), is_hub=True)
NIK = "query N3171014506909001 { count }"


class RecordingMeter:
    """Remembers the reported operations."""

    def __init__(self) -> None:
        self.recorded: list[tuple[str, str, str, int]] = []
        self.seconds: list[float] = []

    def record_runs(self, names: tuple[str, str], outcome: str, points: int, durations: Sequence[float]) -> None:
        self.recorded += [(*names, outcome, points)] * len(durations)
        self.seconds += durations

    def record_shared(self, origin: str, count: int) -> None:
        raise AssertionError(f"No operation shares the answer of another here: {origin}, {count}.")


def documents() -> PersistedDocuments:
    known = PersistedDocuments(automatic=True)
    registered = RegisteredOperation(client=build_client("kios"), id="Search-1", name="Search", text=SEARCH)
    known.replace([ClientContract(client=build_client("kios"))], [registered])
    return known


async def run_metered(
    request: GraphQLRequest,
    application: ClientApplication | None = None,
    **given: Any,  # noqa: ANN401 - limits
) -> tuple[str, str, str, int]:
    meter = RecordingMeter()
    engine = Engine(
        library(), rules(**given), use_plans=False, documents=documents(), reporting=RunReporting(meter=meter)
    )
    context = DictContext({"search": lambda **_: [], "count": lambda: 1})
    await engine.run(
        RunRequest(request=request, context_factory=lambda: context, request_id="r-1", application=application)
    )
    [seconds] = meter.seconds
    assert 0 <= seconds < 10
    [recorded] = meter.recorded
    return recorded


def by_id(value: str, **variables: Any) -> GraphQLRequest:  # noqa: ANN401 - JSON
    return GraphQLRequest(query="", document_id=DocumentId(value), variables=variables)


async def test_a_registered_operation_is_recorded_by_client_name_and_cost() -> None:
    assert await run_metered(by_id("Search-1", first=7), KIOS) == ("development/kios", "Search", "complete", 8)


async def test_a_registered_operation_that_is_too_large_is_recorded_by_name() -> None:
    recorded = await run_metered(by_id("Search-1", first=7), KIOS, limits=Limits(objects=3))
    assert recorded == ("development/kios", "Search", "refused", 0)


@pytest.mark.parametrize("application", [None, ClientApplication(client=build_client("portal"))])
async def test_an_unregistered_text_is_recorded_without_a_name(application: ClientApplication | None) -> None:
    recorded = await run_metered(GraphQLRequest(query=NIK), application)
    assert recorded == ("unregistered", "unregistered", "complete", 1)


async def test_an_unregistered_id_is_recorded_without_a_name() -> None:
    assert await run_metered(by_id("N3171014506909001"), KIOS) == ("unregistered", "unregistered", "refused", 0)


async def test_an_operation_of_the_hubs_pages_is_recorded_by_its_name() -> None:
    request = GraphQLRequest(query="query Consents { count }")
    assert await run_metered(request, HUB) == ("simpul", "Consents", "complete", 1)


async def test_an_invalid_document_is_recorded_as_refused() -> None:
    assert await run_metered(GraphQLRequest(query="{")) == ("unregistered", "unregistered", "refused", 0)


@pytest.mark.parametrize(
    ("response", "how"),
    [
        (GraphQLResponse(outcome=ResponseOutcome.ANSWERED), "complete"),
        (GraphQLResponse(outcome=ResponseOutcome.ANSWERED, errors=[{}]), "partial"),
        (GraphQLResponse(outcome=ResponseOutcome.REFUSED, errors=[{}]), "refused"),
        (GraphQLResponse(outcome=ResponseOutcome.NOT_A_QUERY, errors=[{}]), "refused"),
        (GraphQLResponse(outcome=ResponseOutcome.FORBIDDEN, errors=[{}]), "forbidden"),
    ],
)
def test_the_outcome_is_classified_by_the_response(response: GraphQLResponse, how: str) -> None:
    assert classify_outcome(response) == how
