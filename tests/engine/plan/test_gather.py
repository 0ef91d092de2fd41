"""What a run leaves behind, and what it takes of the event loop."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Iterator
from types import SimpleNamespace as Record
from typing import Any

import pytest
from graphql import GraphQLSchema

from engine.plan.gather import Failed, Gather, Read
from engine.plan.run import Run
from records.failures import AgencyUnavailable
from tests.engine.plan.small import Asking, answer, batch, compiled, edge, schema

AT_ONCE = pytest.mark.skipif(sys.version_info < (3, 12), reason="Python 3.11 begins every task in the next turn")


def chain(*, failing: bool = False) -> GraphQLSchema:
    """A thing, and the next, and so on; every batch answers at once."""

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


@pytest.fixture
def garbage() -> Iterator[list[Any]]:
    """What only the garbage collector finds, when it is asked."""
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    yield gc.garbage
    gc.set_debug(0)
    gc.garbage.clear()
    gc.enable()


@pytest.mark.parametrize("failing", [False, True])
async def test_a_run_leaves_nothing_to_the_garbage_collector(garbage: list[Any], failing: bool) -> None:  # noqa: FBT001 - a parameter of the table
    found = await answer(compiled(chain(failing=failing), "{ one { id next { id } } }"), Asking())
    assert found.data == {"one": {"id": 0, "next": None if failing else {"id": 1}}}
    del found
    await asyncio.sleep(0)  # the event loop lets go of a finished call in its next turn
    gc.collect()
    assert [each for each in garbage if isinstance(each, Gather | Run | Read | Failed)] == []


async def turns_of(text: str) -> int:
    """Whether other work of the event loop got its turn before the answer was there."""
    turns: list[int] = []
    asyncio.get_running_loop().call_soon(turns.append, 1)
    found = await answer(compiled(chain(), text), Asking())
    assert found.errors == []
    return len(turns)


@AT_ONCE
async def test_steps_whose_answers_are_there_at_once_take_no_turn_of_the_event_loop() -> None:
    assert await turns_of("{ one { next { next { id } } } }") == 0


@AT_ONCE
async def test_many_such_steps_in_a_row_let_others_have_their_turn() -> None:
    assert await turns_of("{ one { next { next { next { next { id } } } } } }") == 1
