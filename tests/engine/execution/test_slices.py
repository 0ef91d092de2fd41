"""An answer with very many records is shaped in slices, so that other tasks get turns."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace as Record
from typing import Any

import pytest
from graphql import GraphQLSchema

from engine.event_loop import SLICE
from engine.execution.object_placement import shape_leaves
from engine.field_kinds import ComputedField
from tests.engine.scripted_schema import ExecutionOutcome, ScriptedContext, answer, batch, compile_plan, edge, schema

SDL = """
type Query { things: [Thing] }
type Thing { id: Int name: String! twice: Int word: String owner: Owner home: Home homes: [Home!] }
type Owner { id: Int boss: Owner }
type Home { street: String owner: Owner }
"""
TEXT = "{ things { id name twice word owner { id boss { id } } home { street owner { id } } homes { street } } }"


def thing(number: int) -> Record:
    home = Record(street=f"Street {number}", owner_id=number % 7)
    return Record(id=number, name=f"Thing {number}", owner_id=number, home=home, homes=(home, home))


def many(records: list[Record]) -> GraphQLSchema:
    owners = batch("owners", lambda n: Record(id=n, boss_id=n // 2), seconds=0)
    return schema(
        SDL,
        {
            "Query.things": edge(batch("things", lambda _: records, seconds=0), lambda *_: 0),
            "Thing.twice": ComputedField(lambda record, *_: record.id * 2),
            "Thing.word": edge(batch("words", lambda n: f"word {n}", seconds=0), "id"),
            "Thing.owner": edge(owners, "owner_id"),
            "Owner.boss": edge(owners, "boss_id"),
            "Home.owner": edge(owners, "owner_id"),
        },
    )


def expected(number: int) -> dict[str, Any]:
    street = {"street": f"Street {number}"}
    return {
        "id": number,
        "name": f"Thing {number}",
        "twice": number * 2,
        "word": f"word {number}",
        "owner": {"id": number, "boss": {"id": number // 2}},
        "home": {**street, "owner": {"id": number % 7}},
        "homes": [street, street],
    }


@pytest.fixture
def shaped(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of objects in each call of a generated function."""
    given: list[int] = []

    def counted(shape: Any, run: Any, records: Any) -> Any:  # noqa: ANN401 - what is counted
        given.append(len(records))
        return shape_leaves(shape, run, records)

    monkeypatch.setattr("engine.execution.object_placement.shape_leaves", counted)
    return given


async def beating(work: Any, shaped: list[int]) -> tuple[ExecutionOutcome, list[int]]:  # noqa: ANN401 - a coroutine
    """The answer, and the number of objects shaped between two turns of another task that is always ready."""
    between: list[int] = []

    async def beat() -> None:
        while True:
            await asyncio.sleep(0)
            between.append(sum(shaped))
            shaped.clear()

    heart = asyncio.create_task(beat())
    try:
        found: ExecutionOutcome = await work
        return found, between
    finally:
        heart.cancel()


@pytest.mark.parametrize("length", [SLICE - 1, SLICE, SLICE + 1, 3 * SLICE + 7])
async def test_answers_are_the_same_in_one_piece_and_in_slices(length: int) -> None:
    asking = ScriptedContext()
    found = await answer(compile_plan(many([thing(n) for n in range(length)]), TEXT), asking)
    assert found.errors == []
    assert found.data == {"things": [expected(n) for n in range(length)]}
    assert [len(keys) for keys in asking.calls("things")] == [1]
    assert [len(keys) for keys in asking.calls("words")] == [length]


async def test_100_000_records_take_one_call_per_step_and_do_not_block_the_event_loop(shaped: list[int]) -> None:
    length = 100_000
    asking = ScriptedContext()
    plan = compile_plan(many([thing(n) for n in range(length)]), TEXT)
    found, between = await beating(answer(plan, asking), shaped)
    assert found.errors == []
    assert found.data["things"][-1] == expected(length - 1)
    assert len(found.data["things"]) == length
    assert len(asking.calls("words")) == 1
    assert sum(between) == 450_007  # things, owners, bosses, homes twice, and the owners of homes
    # Slices of different fields may run in the same turn: four fields have this number of objects.
    assert max(between) <= 4 * SLICE


async def test_keys_computed_one_by_one_do_not_block_the_event_loop_and_share_one_call(shaped: list[int]) -> None:
    length = 5 * SLICE + 1
    looked: list[int] = []

    def key(record: Record, *_: object) -> object:
        shaped.append(1)  # counted as work between two turns
        looked.append(record.id)
        return ValueError("no key") if record.id == SLICE + 5 else record.id

    things = edge(batch("things", lambda _: [Record(id=n) for n in range(length)], seconds=0), lambda *_: 0)
    words = batch("words", lambda n: None if n == 7 else f"word {n}", seconds=0)
    built = schema(
        "type Query { things: [Thing] } type Thing { word: String! }",
        {"Query.things": things, "Thing.word": edge(words, key)},
    )
    asking = ScriptedContext()
    found, between = await beating(answer(compile_plan(built, "{ things { word } }"), asking), shaped)
    expected_words: list[Any] = [{"word": f"word {n}"} for n in range(length)]
    expected_words[7] = expected_words[SLICE + 5] = None
    assert found.data == {"things": expected_words}
    assert sorted(error.path or [] for error in found.errors) == [["things", 7, "word"], ["things", SLICE + 5, "word"]]
    assert looked == list(range(length))
    assert [len(keys) for keys in asking.calls("words")] == [length - 1]
    assert max(between) <= SLICE


async def test_failures_in_slices_have_the_right_paths() -> None:
    length = 2 * SLICE + 3
    records = [thing(n) for n in range(length)]
    records[SLICE + 1].name = None
    records[5].home = ValueError("no home")
    records[6].homes = (None,)
    found = await answer(compile_plan(many(records), TEXT), ScriptedContext())
    data = [expected(n) for n in range(length)]
    data[5]["home"] = None
    data[6]["homes"] = None
    assert found.data == {"things": [*data[: SLICE + 1], None, *data[SLICE + 2 :]]}
    assert sorted((str(error.path), error.message) for error in found.errors) == [
        (f"['things', {SLICE + 1}, 'name']", "Cannot return null for non-nullable field Thing.name."),
        ("['things', 5, 'home']", "no home"),
        ("['things', 6, 'homes', 0]", "Cannot return null for non-nullable field Thing.homes."),
    ]


@pytest.mark.asyncio(loop_scope="function")  # no other test has tasks in its loop
async def test_shaping_stops_if_the_client_disconnects() -> None:
    working = asyncio.create_task(
        answer(compile_plan(many([thing(n) for n in range(10 * SLICE)]), TEXT), ScriptedContext())
    )
    before = asyncio.all_tasks()
    for _ in range(10):  # turns of the loop, after which slices are being shaped
        await asyncio.sleep(0)
    assert asyncio.all_tasks() - before != set()
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() - before == set()


async def test_an_exception_of_the_hub_while_shaping_in_slices_ends_the_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("engine.execution.object_placement.ObjectPlacement.place", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(
            answer(compile_plan(many([thing(n) for n in range(2 * SLICE)]), TEXT), ScriptedContext()), 5
        )
