"""Runs are charged when their cost is known, before any agency is called."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import pytest

from engine.document.limits import Limits, TooLarge
from engine.document.persisted_operations import ClientApplication
from engine.engine import Engine
from engine.errors import build_request_error
from engine.request import DocumentId, GraphQLRequest, GraphQLResponse, RefusedRequest, ResponseOutcome
from engine.run_request import RunRequest
from records.hub.operations import ClientContract, RegisteredOperation
from tests.engine.library_schema import DictContext, get_messages, library, rules
from tests.fakes.clients import build_client

SEARCH = "query Search($first: Int) { search(first: $first) { title } }"
KIOS = ClientApplication(client=build_client("kios"), is_partner=True)


class BudgetSpent(Exception):  # noqa: N818 - raised by the test budget
    """The budget is spent."""


class ScriptedBudget:
    """Holds points; answers immediately, or when it is awaited."""

    def __init__(self, points: int = 1_000_000, *, is_synchronous: bool = True, impossible_above: int = 10**9) -> None:
        self.points = points
        self.paid: list[int] = []
        self._at_once = is_synchronous
        self._never = impossible_above

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
            raise BudgetSpent
        self.points -= points
        self.paid.append(points)


class CountingContext(DictContext):
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
    purse: ScriptedBudget,
    query: str = "{ count }",
    *,
    asked: CountingContext | None = None,
    limits: Limits | None = None,
    variables: dict[str, Any] | None = None,
) -> GraphQLResponse:
    context = asked or CountingContext()
    request = GraphQLRequest(query=query, variables=variables)
    # The library's fields have resolvers, so they have no plan. They are charged all the same.
    engine = Engine(library(), rules(limits=limits), use_plans=False)
    return await engine.run(
        RunRequest(request=request, context_factory=lambda: context, request_id="r-1", budget=purse)
    )


@pytest.mark.parametrize("is_synchronous", [True, False])
async def test_the_cost_of_a_run_depends_on_its_variables(*, is_synchronous: bool) -> None:
    purse = ScriptedBudget(is_synchronous=is_synchronous)
    for first in (1, 7, 500):
        assert (await run(purse, SEARCH, variables={"first": first})).outcome is ResponseOutcome.ANSWERED
    assert purse.paid == [1 + 1, 1 + 7, 1 + 500]


@pytest.mark.parametrize("is_synchronous", [True, False])
async def test_a_budget_that_refuses_ends_the_request_with_its_own_error_and_calls_no_agency(
    *, is_synchronous: bool
) -> None:
    asked = CountingContext()
    with pytest.raises(BudgetSpent):
        await run(ScriptedBudget(5, is_synchronous=is_synchronous), SEARCH, asked=asked, variables={"first": 10})
    assert asked.asked == 0


async def test_a_cost_beyond_every_budget_is_too_large() -> None:
    asked = CountingContext()
    response = await run(ScriptedBudget(impossible_above=100), SEARCH, asked=asked, variables={"first": 100})
    assert (response.outcome, get_messages(response)) == (
        ResponseOutcome.REFUSED,
        [("OPERATION_TOO_LARGE", "101 points are never there.")],
    )
    assert asked.asked == 0


@pytest.mark.parametrize(
    "query", ["{ nothing }", "{", "query ($first: Int) { search(first: $first, x: 1) { title } }", "{ broken(a: 1) }"]
)
async def test_an_invalid_request_costs_nothing(query: str) -> None:
    purse = ScriptedBudget()
    assert (await run(purse, query)).outcome is ResponseOutcome.REFUSED
    assert purse.paid == []


async def test_an_operation_beyond_the_limits_costs_nothing() -> None:
    purse = ScriptedBudget()
    response = await run(purse, SEARCH, limits=Limits(objects=50), variables={"first": 51})
    assert [code for code, _ in get_messages(response)] == ["OPERATION_TOO_LARGE"]
    assert purse.paid == []


async def registered(purse: ScriptedBudget, first: int, *, cost_a_day: int | None, engine: Engine | None = None) -> Any:  # noqa: ANN401 - an engine and a response
    engine = engine or Engine(library(), rules(limits=Limits(objects=1000)), use_plans=False)
    if not engine.documents._clients:
        operation = RegisteredOperation(client=build_client("kios"), id="Search-1", name="Search", text=SEARCH)
        await engine.register_operations(
            [ClientContract(client=build_client("kios"), cost_a_day=cost_a_day)], [operation]
        )
    request = GraphQLRequest(query="", document_id=DocumentId("Search-1"), variables={"first": first})
    response = await engine.run(
        RunRequest(request=request, context_factory=CountingContext, request_id="r-1", application=KIOS, budget=purse)
    )
    return engine, [code for code, _ in get_messages(response)]


async def test_a_registered_operation_is_charged_to_the_rate_and_to_the_day() -> None:
    purse = ScriptedBudget()
    engine, codes = await registered(purse, 1, cost_a_day=600)
    assert codes == []
    assert (await registered(purse, 500, cost_a_day=600, engine=engine))[1] == []
    assert purse.paid == [2, 501]
    # 97 points are left of the day.
    assert (await registered(purse, 97, cost_a_day=600, engine=engine))[1] == ["QUOTA_EXCEEDED"]
    assert (await registered(purse, 96, cost_a_day=600, engine=engine))[1] == []


async def test_a_registered_operation_with_too_large_variables_is_refused_and_costs_nothing() -> None:
    purse = ScriptedBudget()
    engine, codes = await registered(purse, 100_000, cost_a_day=600)
    assert codes == ["OPERATION_TOO_LARGE"]
    assert purse.paid == []
    assert (await registered(purse, 500, cost_a_day=600, engine=engine))[1] == []


async def test_a_run_refused_by_the_rate_spends_nothing_of_the_day() -> None:
    engine, codes = await registered(ScriptedBudget(), 1, cost_a_day=600)
    assert codes == []
    with pytest.raises(BudgetSpent):
        await registered(ScriptedBudget(10), 500, cost_a_day=600, engine=engine)
    assert (await registered(ScriptedBudget(), 596, cost_a_day=600, engine=engine))[1] == []


async def test_a_budget_may_refuse_with_an_error_of_the_engine() -> None:
    class Strict:
        def spend(self, _points: int, /) -> None:
            raise RefusedRequest(build_request_error("No.", "NO"))

    response = await Engine(library(), rules(), use_plans=False).run(
        RunRequest(
            request=GraphQLRequest(query="{ count }"),
            context_factory=CountingContext,
            request_id="r-1",
            budget=Strict(),
        )
    )
    assert get_messages(response) == [("NO", "No.")]
