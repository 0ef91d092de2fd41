"""Runs are paid for when their cost is known and before anybody is asked."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import pytest

from engine.document import RefusedRequest
from engine.errors import request_error
from engine.limits import Limits, TooLarge
from engine.persisted import Application
from engine.request import DocumentId, GraphQLRequest, GraphQLResponse, Outcome
from engine.run import Engine
from records.operations import ClientContract, RegisteredOperation
from tests.clients import client_named
from tests.engine.library import Given, library, rules, told

SEARCH = "query Search($first: Int) { search(first: $first) { title } }"
KIOS = Application(client=client_named("kios"), is_partner=True)


class Spent(Exception):  # noqa: N818 - an event of the purse's own
    """Nothing is left."""


class Purse:
    """Holds points; tells at once, or when it is awaited."""

    def __init__(self, points: int = 1_000_000, *, at_once: bool = True, never: int = 10**9) -> None:
        self.points = points
        self.paid: list[int] = []
        self._at_once = at_once
        self._never = never

    def spend(self, points: int, /) -> Awaitable[None] | None:
        if points > self._never:
            raise TooLarge(f"{points} points are never there.")
        if self._at_once:
            self._take(points)
            return None
        return self._later(points)

    async def _later(self, points: int) -> None:
        self._take(points)

    def _take(self, points: int) -> None:
        if points > self.points:
            raise Spent
        self.points -= points
        self.paid.append(points)


class Asked(Given):
    """A context that remembers whether a field was answered."""

    def __init__(self) -> None:
        super().__init__({"search": self._search, "count": self._count})
        self.asked = 0

    def _search(self, **_arguments: Any) -> list[Any]:  # noqa: ANN401 - arguments of the graph
        self.asked += 1
        return []

    def _count(self) -> int:
        self.asked += 1
        return 1


async def run(
    purse: Purse,
    query: str = "{ count }",
    *,
    asked: Asked | None = None,
    limits: Limits | None = None,
    variables: dict[str, Any] | None = None,
) -> GraphQLResponse:
    context = asked or Asked()
    request = GraphQLRequest(query=query, variables=variables)
    # The library's fields have resolvers of their own: no plan can be made of them, and they are paid for all the same.
    engine = Engine(library(), rules(limits=limits), plans=False)
    return await engine.run(request, lambda: context, request_id="r-1", purse=purse)


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_run_costs_what_its_variables_make_it_cost(*, at_once: bool) -> None:
    purse = Purse(at_once=at_once)
    for first in (1, 7, 500):
        assert (await run(purse, SEARCH, variables={"first": first})).outcome is Outcome.ANSWERED
    assert purse.paid == [1 + 1, 1 + 7, 1 + 500]


@pytest.mark.parametrize("at_once", [True, False])
async def test_what_cannot_be_paid_ends_the_request_in_the_purses_own_words_and_nobody_is_asked(
    *, at_once: bool
) -> None:
    asked = Asked()
    with pytest.raises(Spent):
        await run(Purse(5, at_once=at_once), SEARCH, asked=asked, variables={"first": 10})
    assert asked.asked == 0


async def test_what_could_never_be_paid_is_too_large() -> None:
    asked = Asked()
    response = await run(Purse(never=100), SEARCH, asked=asked, variables={"first": 100})
    assert (response.outcome, told(response)) == (
        Outcome.REFUSED,
        [("OPERATION_TOO_LARGE", "101 points are never there.")],
    )
    assert asked.asked == 0


@pytest.mark.parametrize(
    "query", ["{ nothing }", "{", "query ($first: Int) { search(first: $first, x: 1) { title } }", "{ broken(a: 1) }"]
)
async def test_what_is_refused_before_its_cost_is_known_costs_nothing(query: str) -> None:
    purse = Purse()
    assert (await run(purse, query)).outcome is Outcome.REFUSED
    assert purse.paid == []


async def test_what_is_beyond_the_limits_costs_nothing() -> None:
    purse = Purse()
    response = await run(purse, SEARCH, limits=Limits(objects=50), variables={"first": 51})
    assert [code for code, _ in told(response)] == ["OPERATION_TOO_LARGE"]
    assert purse.paid == []


async def registered(purse: Purse | None, first: int, *, cost_a_day: int | None, engine: Engine | None = None) -> Any:  # noqa: ANN401 - an engine and a response
    engine = engine or Engine(library(), rules(limits=Limits(objects=1000)), plans=False)
    if not engine.documents._clients:
        operation = RegisteredOperation(client=client_named("kios"), id="Search-1", name="Search", text=SEARCH)
        await engine.know([ClientContract(client=client_named("kios"), cost_a_day=cost_a_day)], [operation])
    request = GraphQLRequest(query="", document_id=DocumentId("Search-1"), variables={"first": first})
    response = await engine.run(request, Asked, request_id="r-1", application=KIOS, purse=purse)
    return engine, [code for code, _ in told(response)]


async def test_a_registered_operation_pays_what_its_variables_make_it_cost_of_the_rate_and_of_the_day() -> None:
    purse = Purse()
    engine, codes = await registered(purse, 1, cost_a_day=600)
    assert codes == []
    assert (await registered(purse, 500, cost_a_day=600, engine=engine))[1] == []
    assert purse.paid == [2, 501]
    # 97 points are left of the day.
    assert (await registered(purse, 97, cost_a_day=600, engine=engine))[1] == ["QUOTA_EXCEEDED"]
    assert (await registered(purse, 96, cost_a_day=600, engine=engine))[1] == []


async def test_a_registered_operation_that_its_variables_make_too_large_is_refused_and_costs_nothing() -> None:
    purse = Purse()
    engine, codes = await registered(purse, 100_000, cost_a_day=600)
    assert codes == ["OPERATION_TOO_LARGE"]
    assert purse.paid == []
    assert (await registered(purse, 500, cost_a_day=600, engine=engine))[1] == []


async def test_what_the_rate_refuses_is_not_spent_of_the_day() -> None:
    engine, codes = await registered(Purse(), 1, cost_a_day=600)
    assert codes == []
    with pytest.raises(Spent):
        await registered(Purse(10), 500, cost_a_day=600, engine=engine)
    assert (await registered(Purse(), 596, cost_a_day=600, engine=engine))[1] == []


async def test_a_purse_that_refuses_as_the_engine_does_is_told_as_such() -> None:
    class Strict:
        def spend(self, _points: int, /) -> None:
            raise RefusedRequest(request_error("No.", "NO"))

    response = await Engine(library(), rules(), plans=False).run(
        GraphQLRequest(query="{ count }"), Asked, request_id="r-1", purse=Strict()
    )
    assert told(response) == [("NO", "No.")]
