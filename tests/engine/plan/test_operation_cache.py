"""Which operations stay in the cache."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from types import SimpleNamespace as Record
from typing import Any

import pytest
from graphql import parse

from engine.document.parsing import ValidatedOperation
from engine.engine import Engine
from engine.field_kinds import AttributeField
from engine.plan.code_generation import compile_shape
from engine.plan.operation_cache import CachedOperation, OperationCache
from engine.plan.plan import Plan
from engine.plan.tree import Shape
from engine.request import GraphQLRequest
from engine.run_request import RunRequest
from tests.engine.graphql_core.oracle_comparison import operation_in
from tests.engine.library_schema import rules
from tests.engine.scripted_schema import ScriptedContext, batch, compile_plan, edge, schema
from tests.fakes.virtual_loop import virtual_loop


def operation(text: str = "{ a }") -> CachedOperation:
    document = parse(text)
    return CachedOperation(ValidatedOperation(document=document, definition=operation_in(document), name=None), ())


def seen(number: int) -> tuple[str, str | None]:
    return (f"{{ a{number} }}", None)


def test_a_flood_of_documents_seen_once_evicts_none_seen_again() -> None:
    kept = OperationCache(seen_once=10, seen_again=10)
    hot = [operation() for _ in range(10)]
    for number, each in enumerate(hot):
        kept.add(seen(number), each)
        assert kept.find(seen(number)) is each
    for number in range(1000, 11_000):
        kept.add(seen(number), operation())
    assert [kept.find(seen(number)) for number in range(10)] == hot
    assert repr(kept) == "<OperationCache 10 seen once, 10 again>"


def test_pinned_operations_survive_every_flood_until_they_are_unpinned() -> None:
    kept = OperationCache(seen_once=2, seen_again=2)
    pinned = [operation() for _ in range(20)]
    kept.add(seen(0), operation())
    kept.find(seen(0))
    for number, each in enumerate(pinned):
        kept.pin(seen(number), each)
    for number in range(1000, 2000):
        kept.add(seen(number), operation())
        kept.find(seen(number))
    assert [kept.find(seen(number)) for number in range(20)] == pinned
    assert repr(kept) == "<OperationCache 0 seen once, 2 again, 20 pinned>"
    kept.keep_pinned([seen(3)])
    assert [number for number in range(20) if kept.is_pinned(seen(number))] == [3]
    assert kept.find(seen(4)) is None


def test_a_flood_that_is_sent_twice_evicts_none_in_use() -> None:
    kept = OperationCache(seen_once=10, seen_again=10)
    hot = operation()
    kept.add(seen(0), hot)
    kept.find(seen(0))
    for number in range(1, 1000):
        kept.add(seen(number), operation())
        assert kept.find(seen(number)) is not None
        assert kept.find(seen(0)) is hot
    assert repr(kept) == "<OperationCache 0 seen once, 10 again>"


def test_the_oldest_of_those_seen_once_is_evicted_first() -> None:
    kept = OperationCache(seen_once=2, seen_again=2)
    for number in range(3):
        kept.add(seen(number), operation())
    assert [kept.find(seen(number)) is None for number in range(3)] == [True, False, False]


class Colliding(str):
    """Texts with the same hash."""

    __slots__ = ()

    def __hash__(self) -> int:
        return 1

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other)


def test_two_texts_of_the_same_hash_are_two_documents() -> None:
    kept = OperationCache()
    one, other = operation(), operation()
    kept.add((Colliding("{ a }"), None), one)
    kept.add((Colliding("{ b }"), None), other)
    found: list[Any] = [kept.find((Colliding(text), None)) for text in ("{ a }", "{ b }", "{ c }")]
    assert found == [one, other, None]


def test_one_text_with_two_operations_has_two_entries() -> None:
    kept = OperationCache()
    one, other = operation(), operation()
    kept.add(("query A { a } query B { a }", "A"), one)
    kept.add(("query A { a } query B { a }", "B"), other)
    assert kept.find(("query A { a } query B { a }", "B")) is other
    assert kept.find(("query A { a } query B { a }", "A")) is one
    assert kept.find(("query A { a } query B { a }", None)) is None


MEBIBYTE = 1024 * 1024


def plan(fields: int) -> Plan:
    """A plan with this number of fields."""
    made = compile_plan(schema("type Query { a: String }", {"Query.a": AttributeField("a")}), "{ a }")
    return replace(made, fields=[made.fields[0]] * fields)


@pytest.mark.parametrize(("wide", "most"), [("", 5), ("ก", 3)], ids=["a byte a character", "two bytes a character"])
def test_large_documents_are_bounded_by_memory(wide: str, most: int) -> None:
    kept = OperationCache(bytes_again=16 * MEBIBYTE)
    for number in range(20):
        text = f"{{ a{number} }} #{wide}".ljust(MEBIBYTE, "x")
        kept.add((text, None), operation())
        kept.find((text, None))
    assert repr(kept) == f"<OperationCache 0 seen once, {most} again>"


def test_large_documents_seen_once_do_not_evict_those_in_use() -> None:
    kept = OperationCache(bytes_once=MEBIBYTE)
    kept.add(seen(0), operation())
    kept.find(seen(0))
    kept.add(("#" * MEBIBYTE, None), operation())
    assert repr(kept) == "<OperationCache 0 seen once, 1 again>"


def test_the_plans_of_many_documents_are_bounded_by_memory() -> None:
    kept = OperationCache(bytes_again=3_000 * 1_000)
    for number in range(20):
        each = operation()
        kept.add(seen(number), each)
        kept.find(seen(number))
        kept.add_plan(each, (), plan(100))
    assert [number for number in range(20) if kept.find(seen(number))] == list(range(11, 20))


def test_too_many_plans_of_one_document_are_dropped_and_the_document_stays() -> None:
    kept = OperationCache(bytes_again=3_000 * 1_000)
    each = operation()
    kept.add(seen(0), each)
    kept.find(seen(0))
    held = []
    for values in product((False, True), repeat=3):
        kept.add_plan(each, values, plan(50))
        held.append(len(each.plans))
    assert held == [1, 2, 1, 2, 1, 2, 1, 2]
    assert kept.find(seen(0)) is each


def test_a_plan_larger_than_the_share_of_one_document_stays_until_the_next() -> None:
    kept = OperationCache(bytes_again=3_000 * 1_000)
    each = operation()
    kept.add(seen(0), each)
    kept.find(seen(0))
    kept.add_plan(each, (False,), plan(500))
    assert list(each.plans) == [(False,)]
    kept.add_plan(each, (True,), plan(1))
    assert list(each.plans) == [(True,)]


def test_a_flood_of_unique_documents_is_evicted_and_a_hot_document_stays_compiled() -> None:
    greeted = batch("greetings", lambda key: Record(text=f"Hello {key}"), seconds=0)
    built = schema(
        "type Query { greet(number: Int = 0): Greeting } type Greeting { text: String }",
        {"Query.greet": edge(greeted, lambda _record, arguments, _context: arguments["number"])},
    )
    engine = Engine(built, rules())
    made: list[Any] = []

    async def answered(text: str) -> Any:  # noqa: ANN401 - JSON
        response = await engine.run(
            RunRequest(request=GraphQLRequest(query=text), context_factory=ScriptedContext, request_id="r-1")
        )
        return response.data

    def compiled_once(shape: Shape) -> Any:  # noqa: ANN401 - a function
        made.append(shape)
        return compile_shape(shape)

    with virtual_loop() as loop, pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.plan.code_generation.compile_shape", compiled_once)
        for _ in range(3):
            assert loop.run(answered("{ greet { text } }")) == {"greet": {"text": "Hello 0"}}
        hot = len(made)
        for number in range(1_000):
            loop.run(answered(f"{{ greet(number: {number}) {{ text }} }}"))
        assert loop.run(answered("{ greet { text } }")) == {"greet": {"text": "Hello 0"}}
    assert (hot, len(made)) == (2, 2)  # the root and the greeting on the second request, and nothing after that
