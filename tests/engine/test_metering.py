"""What is told of operations: by names that were registered or are the hub's own, never by what a caller wrote."""

from __future__ import annotations

from typing import Any

import pytest

from engine.limits import Limits
from engine.metering import ended
from engine.persisted import Application, PersistedDocuments
from engine.request import DocumentId, GraphQLRequest, GraphQLResponse, Outcome
from engine.run import Engine
from records.clients import ClientId
from records.operations import ClientContract, RegisteredOperation
from tests.clients import client_named
from tests.engine.library import Given, library, rules

SEARCH = "query Search($first: Int) { search(first: $first) { title } }"
KIOS = Application(client=client_named("kios"), is_partner=True)
HUB = Application(client=ClientId.unproven("simpul"), is_hub=True)
NIK = "query N3171014506909001 { count }"


class Meter:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, str, int]] = []
        self.seconds: list[float] = []

    def ran(self, names: tuple[str, str], ended: str, points: int, seconds: float) -> None:
        self.told.append((*names, ended, points))
        self.seconds.append(seconds)


def documents() -> PersistedDocuments:
    known = PersistedDocuments(automatic=True)
    registered = RegisteredOperation(client=client_named("kios"), id="Search-1", name="Search", text=SEARCH)
    known.take([ClientContract(client=client_named("kios"))], [registered])
    return known


async def metered(
    request: GraphQLRequest,
    application: Application | None = None,
    **given: Any,  # noqa: ANN401 - limits
) -> tuple[str, str, str, int]:
    meter = Meter()
    engine = Engine(library(), rules(**given), plans=False, documents=documents(), meter=meter)
    context = Given({"search": lambda **_: [], "count": lambda: 1})
    await engine.run(request, lambda: context, request_id="r-1", application=application)
    [seconds] = meter.seconds
    assert 0 <= seconds < 10
    [told] = meter.told
    return told


def by_id(value: str, **variables: Any) -> GraphQLRequest:  # noqa: ANN401 - JSON
    return GraphQLRequest(query="", document_id=DocumentId(value), variables=variables)


async def test_a_registered_operation_is_told_by_client_and_name_with_what_it_cost() -> None:
    assert await metered(by_id("Search-1", first=7), KIOS) == ("development/kios", "Search", "complete", 8)


async def test_a_registered_operation_that_is_too_large_is_told_by_its_name_too() -> None:
    told = await metered(by_id("Search-1", first=7), KIOS, limits=Limits(objects=3))
    assert told == ("development/kios", "Search", "refused", 0)


@pytest.mark.parametrize("application", [None, Application(client=client_named("portal"))])
async def test_a_text_that_nobody_registered_is_told_by_no_name_at_all(application: Application | None) -> None:
    told = await metered(GraphQLRequest(query=NIK), application)
    assert told == ("unregistered", "unregistered", "complete", 1)


async def test_an_id_that_nobody_registered_is_told_by_no_name_either() -> None:
    assert await metered(by_id("N3171014506909001"), KIOS) == ("unregistered", "unregistered", "refused", 0)


async def test_what_the_hubs_own_pages_run_is_told_by_the_name_it_was_written_with() -> None:
    request = GraphQLRequest(query="query Consents { count }")
    assert await metered(request, HUB) == ("simpul", "Consents", "complete", 1)


async def test_a_document_that_is_none_is_refused() -> None:
    assert await metered(GraphQLRequest(query="{")) == ("unregistered", "unregistered", "refused", 0)


@pytest.mark.parametrize(
    ("response", "how"),
    [
        (GraphQLResponse(outcome=Outcome.ANSWERED), "complete"),
        (GraphQLResponse(outcome=Outcome.ANSWERED, errors=[{}]), "partial"),
        (GraphQLResponse(outcome=Outcome.REFUSED, errors=[{}]), "refused"),
        (GraphQLResponse(outcome=Outcome.NOT_A_QUERY, errors=[{}]), "refused"),
        (GraphQLResponse(outcome=Outcome.FORBIDDEN, errors=[{}]), "forbidden"),
    ],
)
def test_how_an_operation_ended_is_read_off_its_response(response: GraphQLResponse, how: str) -> None:
    assert ended(response) == how
