"""The fast path for plain records gives the same answer as the careful path, whatever a batch returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from graphql import GraphQLSchema, Undefined

from engine.batch import Batch, BatchContext
from engine.field_kinds import AttributeField
from engine.plan.tree import DEFINITION
from records.calls.answers import Answers
from records.calls.failures import AgencyUnavailable
from tests.engine.graphql_core.oracle_comparison import find_differences
from tests.engine.graphql_core.torture_schema import Definition
from tests.engine.scripted_schema import (
    ExecutionOutcome,
    ScriptedContext,
    answer,
    batch,
    compile_plan,
    edge,
    execute_text,
    schema,
)
from tests.fakes.virtual_loop import virtual_loop

SDL = """
type Query { one: Thing things: [Thing] sureThings: [Thing!]! grid: [[Thing!]] }
type Thing {
  id: Int name: String sureName: String! flag: Boolean code: ID
  next: Thing sureNext: Thing! brother: Thing list: [Thing]
}
"""
LEAVES = "id name sureName flag code"
TEXT = f"""{{ things {{ {LEAVES} next {{ id next {{ name }} }} sureNext {{ id }} brother {{ id name }} list {{ id }} }}
  again: things {{ next {{ sureName }} }} }}"""


@dataclass(frozen=True)
class LinkedThing:
    id: Any
    name: Any = "a name"
    next_id: Any = 1
    brother: Any = None
    list: Any = ()
    sureName: Any = "surely"  # noqa: N815 - the field's name
    flag: Any = True
    code: Any = "c"


class Odd(LinkedThing):
    """A subclass is not the class that the schema names."""


class Text(str):
    __slots__ = ()


def world(things: Any, nexts: dict[Any, Any], *, published: bool) -> GraphQLSchema:  # noqa: ANN401 - whatever a batch answers
    listed = edge(batch("things", lambda _: things), lambda *_: 0)
    following = edge(batch("next", lambda key: nexts.get(key, LinkedThing(key))), "next_id")
    return schema(
        SDL,
        {
            "Query.things": listed,
            "Query.sureThings": listed,
            "Query.grid": listed,
            "Query.one": edge(batch("one", lambda _: things), lambda *_: 0),
            "Thing.next": following,
            "Thing.sureNext": following,
        },
        records={"Thing": LinkedThing} if published else {},
    )


def run_both(things: Any, nexts: dict[Any, Any] | None = None, text: str = TEXT) -> ExecutionOutcome:  # noqa: ANN401 - whatever a batch answers
    """The answer of the fast path, after comparison with the careful path."""
    found: list[ExecutionOutcome] = []
    for published in (True, False):
        with virtual_loop() as loop:
            found.append(
                execute_text(loop, world(things, nexts or {}, published=published), text, ScriptedContext())[0]
            )
    quick, careful = found
    assert find_differences(quick, careful) == []
    assert len(quick.errors) == len(careful.errors)
    return quick


def test_plain_records_take_the_fast_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.execution.plan_run.ObjectPlacement", None)
    things = (
        LinkedThing(1, next_id=5, brother=LinkedThing(8)),
        LinkedThing(2, next_id=5, brother=LinkedThing(9)),
        LinkedThing(3, brother=LinkedThing(8)),
    )
    with virtual_loop() as loop:
        text = "{ things { id next { id } brother { id } } }"
        found, _ = execute_text(loop, world(things, {}, published=True), text, ScriptedContext())
    assert found.errors == []
    assert found.data == {
        "things": [
            {"id": 1, "next": {"id": 5}, "brother": {"id": 8}},
            {"id": 2, "next": {"id": 5}, "brother": {"id": 9}},
            {"id": 3, "next": {"id": 1}, "brother": {"id": 8}},
        ]
    }


ONE = LinkedThing(7, next_id=3)
LISTS: dict[str, Any] = {
    "nothing": (),
    "null": None,
    "no list": 5,
    "text": "text",
    "a record instead of a list": ONE,
    "a failure": AgencyUnavailable("things"),
    "the same record thrice": [ONE, ONE, ONE],
    "a null among records": [ONE, None, LinkedThing(2)],
    "an undefined among records": [ONE, Undefined],
    "a failure among records": (ONE, ValueError("not this one"), LinkedThing(2)),
    "a subclass among records": [ONE, Odd(4)],
    "only subclasses": [Odd(4), Odd(5)],
    "something else among records": [ONE, "text"],
    "an iterator": {"a": ONE}.values(),
    "lists of lists": [[ONE, LinkedThing(2)], [], None, [ONE, None]],
    "records without keys": [LinkedThing(1, next_id=None), LinkedThing(2)],
    "keys that are failures": [LinkedThing(1, next_id=ValueError("no key")), LinkedThing(2)],
    "keys that cannot be asked by": [LinkedThing(1, next_id=[1]), LinkedThing(2)],
    "failures, nulls and records nested": [
        LinkedThing(1, brother=ValueError("no")),
        LinkedThing(2, brother=ONE),
        LinkedThing(3),
    ],
    "the same list at two records": [
        replace(ONE, list=(ONE, ONE)),
        LinkedThing(2, list=(ONE, None)),
        LinkedThing(3, list=None),
    ],
}


@pytest.mark.parametrize("things", LISTS.values(), ids=LISTS)
@pytest.mark.parametrize("text", [TEXT, TEXT.replace("things", "sureThings"), f"{{ grid {{ {LEAVES} }} }}"])
def test_both_paths_agree_on_every_item_of_a_list(things: object, text: str) -> None:
    run_both(things, text=text)


VALUES: dict[str, Any] = {
    "a record": LinkedThing(11),
    "null": None,
    "undefined": Undefined,
    "a failure": AgencyUnavailable("next"),
    "a subclass": Odd(11),
    "a list": [LinkedThing(11)],
    "text": "text",
    "a record with a fault": LinkedThing(11, name=object(), sureName=None),
}


@pytest.mark.parametrize("first", VALUES.values(), ids=VALUES)
@pytest.mark.parametrize("second", VALUES.values(), ids=VALUES)
def test_both_paths_agree_on_every_answer_of_a_key(first: object, second: object) -> None:
    things = [LinkedThing(n, next_id=key) for n, key in enumerate((21, 22, 21, 23, 22))]
    run_both(things, {21: first, 22: second})
    run_both(LinkedThing(1, next_id=21), {21: first}, f"{{ one {{ {LEAVES} next {{ {LEAVES} }} }} }}")


def test_a_failed_key_fails_exactly_the_records_that_have_it() -> None:
    things = [LinkedThing(n, next_id=key) for n, key in enumerate((21, 22, 21))]
    found = run_both(things, {21: AgencyUnavailable("next")}, "{ things { id next { id } } }")
    assert found.data == {"things": [{"id": 0, "next": None}, {"id": 1, "next": {"id": 22}}, {"id": 2, "next": None}]}
    assert [error.path for error in found.errors] == [["things", 0, "next"], ["things", 2, "next"]]


def test_one_record_under_two_keys_has_its_error_at_both_places() -> None:
    bad = LinkedThing(5, sureName=None)
    things = [LinkedThing(1, next_id=21), LinkedThing(2, next_id=22)]
    found = run_both(things, {21: bad, 22: bad}, "{ things { next { sureName } } }")
    assert found.data == {"things": [{"next": None}, {"next": None}]}
    assert [error.path for error in found.errors] == [["things", n, "next", "sureName"] for n in range(2)]


@pytest.mark.parametrize("field", ["id", "name", "sureName", "flag", "code"])
@pytest.mark.parametrize(
    "value",
    [True, 0, 5, 2**29, -(2**29), 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 1.0, 1.5, float("nan"), "5", "", "x",
     Text("sub"), b"b", None, Undefined, ValueError("no value"), object],
    ids=repr,
)  # fmt: skip
def test_every_value_of_an_attribute_is_written_as_by_graphql_core(field: str, value: object) -> None:
    plain = LinkedThing(1)
    run_both([plain, replace(plain, **{field: value}), plain])


class Refusing:
    """Denies the field of the first thing."""

    is_public = False
    is_keyed = False
    depends_on_time = False
    fact_batches: Sequence[Batch[Any, Any]] = ()
    data_class = None
    read_subject = "id"
    key_is_subject = False

    def find_blanket_refusal(self, _context: Any) -> None:  # noqa: ANN401 - the schema's context
        """None: the field of other records is allowed."""

    def allows_own(self, _context: Any, _records: Sequence[Any]) -> bool:  # noqa: ANN401 - the schema's context
        return False

    def allows_own_key(self, _context: Any, _record: Any, _key: Any) -> bool:  # noqa: ANN401 - any record and key
        return False

    def build_decider(self, _context: Any) -> Any:  # noqa: ANN401 - the schema's context and a decision
        return lambda record, _key: ValueError("not this one") if record.id == 1 else None

    def get_read_subjects(self, record: Any, _key: Any) -> tuple[int]:  # noqa: ANN401 - any record
        return (record.id,)


def test_a_refusal_is_reported_once_when_records_are_shaped_again_one_by_one() -> None:
    built = world([LinkedThing(1), LinkedThing(2, name=object()), LinkedThing(3)], {}, published=True)
    type_: Any = built.type_map["Thing"]
    type_.fields["flag"].extensions[DEFINITION] = Definition(AttributeField("flag"), Refusing())
    plan = compile_plan(built, "{ things { id name flag } }")
    with virtual_loop() as loop:
        found = loop.run(answer(plan, ScriptedContext()))
    assert [each["flag"] for each in found.data["things"]] == [None, True, True]
    assert [error.path for error in found.errors] == [["things", 0, "flag"], ["things", 1, "name"]]


def test_steps_of_batches_with_immediate_answers_still_merge() -> None:
    async def answer_immediately(keys: Sequence[Any], ask: BatchContext[Any]) -> Answers[Any, Any]:
        ask.caller.asked.append((0.0, "next", tuple(keys)))
        return {key: LinkedThing(key, next_id=key + 1) for key in keys}

    following = edge(Batch(name="next", domain=type("next", (), {}), run=answer_immediately), "next_id")

    async def root(keys: Sequence[Any], _ask: BatchContext[Any]) -> Answers[Any, Any]:
        return {key: LinkedThing(key, next_id=key) for key in keys}

    def first(number: int) -> Any:  # noqa: ANN401 - a field's kind
        return edge(Batch(name=f"root {number}", domain=type("root", (), {}), run=root), lambda *_: number)

    built = schema(
        "type Query { a: Thing b: Thing } type Thing { id: Int next: Thing }",
        {"Query.a": first(1), "Query.b": first(10), "Thing.next": following},
    )
    asking = ScriptedContext()
    with virtual_loop() as loop:
        found, _ = execute_text(loop, built, "{ a { next { next { id } } } b { next { next { id } } } }", asking)
    assert found.data == {"a": {"next": {"next": {"id": 2}}}, "b": {"next": {"next": {"id": 11}}}}
    assert asking.calls("next") == [(1, 10), (2, 11)]
