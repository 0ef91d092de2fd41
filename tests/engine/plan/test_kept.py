"""Which documents are remembered."""

from __future__ import annotations

from typing import Any

from graphql import parse

from engine.document import Operation
from engine.plan.kept import KeptOperation, KeptOperations
from tests.engine.plan.both import operation_in


def operation(text: str = "{ a }") -> KeptOperation:
    document = parse(text)
    return KeptOperation(Operation(document=document, definition=operation_in(document), name=None), ())


def seen(number: int) -> tuple[str, str | None]:
    return (f"{{ a{number} }}", None)


def test_a_flood_of_documents_that_are_seen_once_forgets_none_that_was_seen_again() -> None:
    kept = KeptOperations(seen_once=10, seen_again=10)
    hot = [operation() for _ in range(10)]
    for number, each in enumerate(hot):
        kept.add(seen(number), each)
        assert kept.find(seen(number)) is each
    for number in range(1000, 11_000):
        kept.add(seen(number), operation())
    assert [kept.find(seen(number)) for number in range(10)] == hot
    assert repr(kept) == "<KeptOperations 10 seen once, 10 again>"


def test_a_flood_that_is_sent_twice_forgets_none_that_stays_in_use() -> None:
    kept = KeptOperations(seen_once=10, seen_again=10)
    hot = operation()
    kept.add(seen(0), hot)
    kept.find(seen(0))
    for number in range(1, 1000):
        kept.add(seen(number), operation())
        assert kept.find(seen(number)) is not None
        assert kept.find(seen(0)) is hot
    assert repr(kept) == "<KeptOperations 0 seen once, 10 again>"


def test_the_oldest_of_those_seen_once_is_forgotten_first() -> None:
    kept = KeptOperations(seen_once=2, seen_again=2)
    for number in range(3):
        kept.add(seen(number), operation())
    assert [kept.find(seen(number)) is None for number in range(3)] == [True, False, False]


class Colliding(str):
    """Texts of one hash."""

    __slots__ = ()

    def __hash__(self) -> int:
        return 1

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other)


def test_two_texts_of_the_same_hash_are_two_documents() -> None:
    kept = KeptOperations()
    one, other = operation(), operation()
    kept.add((Colliding("{ a }"), None), one)
    kept.add((Colliding("{ b }"), None), other)
    found: list[Any] = [kept.find((Colliding(text), None)) for text in ("{ a }", "{ b }", "{ c }")]
    assert found == [one, other, None]


def test_one_text_with_two_operations_is_kept_for_each_by_itself() -> None:
    kept = KeptOperations()
    one, other = operation(), operation()
    kept.add(("query A { a } query B { a }", "A"), one)
    kept.add(("query A { a } query B { a }", "B"), other)
    assert kept.find(("query A { a } query B { a }", "B")) is other
    assert kept.find(("query A { a } query B { a }", "A")) is one
    assert kept.find(("query A { a } query B { a }", None)) is None
