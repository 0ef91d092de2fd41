"""The garbage of a run, and its turns of the event loop."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace as Record
from typing import Any

import pytest
from graphql import GraphQLSchema

from engine.agencies.bindings import Agencies
from engine.batch import BatchContext
from engine.execution.batch_scheduler import BatchRead, BatchScheduler, FailedAnswer
from engine.execution.plan_run import PlanRun
from records.calls.failures import AgencyUnavailable
from tests.engine.scripted_schema import ScriptedContext, answer, batch, compile_plan, edge, schema

NEEDS_EAGER_TASKS = pytest.mark.skipif(
    sys.version_info < (3, 12), reason="Python 3.11 begins every task in the next turn"
)


def chain(*, failing: bool = False) -> GraphQLSchema:
    """A chain of things; every batch answers immediately."""

    def following(key: int) -> Any:  # noqa: ANN401 - a record or a failure
        if failing:
            raise AgencyUnavailable("next")
        return Record(id=key + 1)

    return schema(
        "type Query { one: Thing } type Thing { id: Int next: Thing }",
        {
            "Query.one": edge(batch("one", lambda key: Record(id=key), seconds=0), lambda *_: 0),
            "Thing.next": edge(batch("next", following, seconds=0), "id"),
        },
    )


class ReadCountingContext(ScriptedContext):
    """A context with the agencies of a whole hub."""

    agencies = Agencies({})

    def build_batch_context(self, facets: frozenset[type[Any]]) -> BatchContext[Any]:
        return replace(super().build_batch_context(facets), agencies=self.agencies)


async def test_first_and_repeated_requests_are_counted_by_agency() -> None:
    authors = edge(batch("authors", lambda key: Record(id=key, name="A"), seconds=0, agency="library"), "author")
    books = edge(
        batch("books", lambda _: Record(all=[Record(author=each) for each in (1, 1, 2, 1)]), seconds=0, agency="shop"),
        lambda *_: 0,
    )
    asking = ReadCountingContext()
    found = await answer(
        compile_plan(
            schema(
                "type Query { shop: Shop } type Shop { all: [Book] }"
                " type Book { author: Author } type Author { id: Int }",
                {"Query.shop": books, "Book.author": authors},
            ),
            "{ shop { all { author { id } } } again: shop { all { author { id } } } }",
        ),
        asking,
    )
    assert found.errors == []
    counted = {
        name: (reads.first_requests, reads.repeated_requests, reads.keys.counts[:2])
        for name, reads in asking.agencies.read_counts.items()
    }
    assert counted == {"shop": (1, 1, [1, 0]), "library": (2, 6, [0, 1])}


@pytest.fixture
def garbage() -> Iterator[list[Any]]:
    """Objects in reference cycles, which only the garbage collector finds."""
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    yield gc.garbage
    gc.set_debug(0)
    gc.garbage.clear()
    gc.enable()


@pytest.mark.parametrize("failing", [False, True])
async def test_a_run_leaves_no_reference_cycles(garbage: list[Any], failing: bool) -> None:  # noqa: FBT001 - a parameter of the table
    found = await answer(compile_plan(chain(failing=failing), "{ one { id next { id } } }"), ScriptedContext())
    assert found.data == {"one": {"id": 0, "next": None if failing else {"id": 1}}}
    del found
    await asyncio.sleep(0)  # the event loop drops a finished call in its next turn
    gc.collect()
    assert [each for each in garbage if isinstance(each, BatchScheduler | PlanRun | BatchRead | FailedAnswer)] == []


async def turns_of(text: str) -> int:
    """Whether another task got a turn before the answer was ready."""
    turns: list[int] = []
    asyncio.get_running_loop().call_soon(turns.append, 1)
    found = await answer(compile_plan(chain(), text), ScriptedContext())
    assert found.errors == []
    return len(turns)


@NEEDS_EAGER_TASKS
async def test_steps_with_immediate_answers_take_no_turn_of_the_event_loop() -> None:
    assert await turns_of("{ one { next { next { id } } } }") == 0


@NEEDS_EAGER_TASKS
async def test_many_such_steps_in_a_row_yield_to_other_tasks() -> None:
    assert await turns_of("{ one { next { next { next { next { id } } } } } }") == 1
