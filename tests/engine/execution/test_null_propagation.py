"""The paths of errors, and the nulls that they propagate, in exact values."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from types import SimpleNamespace as Record
from typing import Any

import pytest
from graphql import GraphQLError, GraphQLSchema, located_error

from engine.errors import format_errors
from engine.field_kinds import ComputedField
from records.calls.failures import AgencyUnavailable
from tests.engine.scripted_schema import ScriptedContext, answer, batch, compile_plan, edge, execute_text, schema
from tests.fakes.virtual_loop import VirtualLoop, virtual_loop

SDL = """
type Query { things: [Thing] sure: [Thing!] surest: [Thing!]! one: Thing other: Thing }
type Thing { id: Int sureName: String! name: String next: Thing sureNext: Thing! names: [String!] grid: [[String!]] }
"""


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    with virtual_loop() as made:
        yield made


def thing(number: int, **more: Any) -> Record:  # noqa: ANN401 - attributes
    given = {
        "id": number,
        "sureName": f"Thing {number}",
        "name": f"Thing {number}",
        "names": ["a"],
        "grid": [["a"]],
        "next_id": number,
    }
    return Record(**(given | more))


def world(*things: Record, failing: frozenset[int] = frozenset()) -> GraphQLSchema:
    """`things` is the list; `next` of each is itself; `one` and `other` are the first."""
    by_id = {each.id: each for each in things}
    nexts = batch("next", lambda n: AgencyUnavailable("next") if n in failing else by_id.get(n), seconds=0)
    listed = edge(batch("list", lambda _: list(things), seconds=0), lambda *_: 0)
    first = edge(nexts, lambda *_: things[0].id)
    return schema(
        SDL,
        {
            "Query.things": listed,
            "Query.sure": listed,
            "Query.surest": listed,
            "Query.one": first,
            "Query.other": first,
            "Thing.next": edge(nexts, "next_id"),
            "Thing.sureNext": edge(nexts, "next_id"),
        },
    )


def get_errors(answer: Any) -> list[tuple[str, str]]:  # noqa: ANN401 - an answer
    return [(".".join(map(str, error.path)), error.message) for error in answer.errors]


NULL = "Cannot return null for non-nullable field Thing.sureName."


def test_a_null_in_a_non_null_field_nulls_its_object_only(loop: VirtualLoop) -> None:
    built = world(thing(1), thing(2, sureName=None), thing(3))
    answer, _ = execute_text(loop, built, "{ things { id sureName } }", ScriptedContext())
    assert answer.data == {"things": [{"id": 1, "sureName": "Thing 1"}, None, {"id": 3, "sureName": "Thing 3"}]}
    assert get_errors(answer) == [("things.1.sureName", NULL)]


@pytest.mark.parametrize(("field", "data"), [("sure", {"sure": None}), ("surest", None)])
def test_a_null_propagates_through_all_non_null_parents(
    loop: VirtualLoop, field: str, data: dict[str, Any] | None
) -> None:
    answer, _ = execute_text(
        loop, world(thing(1), thing(2, sureName=None)), f"{{ {field} {{ sureName }} }}", ScriptedContext()
    )
    assert answer.data == data
    assert get_errors(answer) == [(f"{field}.1.sureName", NULL)]


def test_one_failed_key_among_many_fails_only_its_places(loop: VirtualLoop) -> None:
    built = world(*(thing(n) for n in range(5)), failing=frozenset({3}))
    answer, _ = execute_text(loop, built, "{ things { next { id } } }", ScriptedContext())
    assert answer.data == {"things": [{"next": None if n == 3 else {"id": n}} for n in range(5)]}
    assert [path for path, _ in get_errors(answer)] == ["things.3.next"]


def test_an_error_of_a_record_at_several_places_is_reported_at_each(loop: VirtualLoop) -> None:
    built = world(thing(1, name=ValueError("no name")))
    answer, _ = execute_text(
        loop, built, "{ things { name next { name } } one { name } other { name } }", ScriptedContext()
    )
    assert answer.data == {
        "things": [{"name": None, "next": {"name": None}}],
        "one": {"name": None},
        "other": {"name": None},
    }
    assert sorted(get_errors(answer)) == [
        ("one.name", "no name"),
        ("other.name", "no name"),
        ("things.0.name", "no name"),
        ("things.0.next.name", "no name"),
    ]


def test_equal_messages_at_several_places_are_separate_errors(loop: VirtualLoop) -> None:
    built = world(*(thing(n, name=ValueError("same")) for n in range(3)))
    answer, _ = execute_text(loop, built, "{ things { name } }", ScriptedContext())
    assert get_errors(answer) == [(f"things.{n}.name", "same") for n in range(3)]


def test_a_null_propagated_at_one_place_does_not_affect_another(loop: VirtualLoop) -> None:
    shared = thing(1, sureName=None)
    built = world(shared, thing(2, next_id=1))
    answer, _ = execute_text(
        loop, built, "{ one { next { id sureName } } things { id next { sureName } } }", ScriptedContext()
    )
    assert answer.data == {"one": {"next": None}, "things": [{"id": 1, "next": None}, {"id": 2, "next": None}]}
    answer, _ = execute_text(loop, built, "{ one { id } other { id sureName } }", ScriptedContext())
    assert answer.data == {"one": {"id": 1}, "other": None}


def test_errors_inside_lists_of_lists_name_both_indices(loop: VirtualLoop) -> None:
    built = world(thing(1, grid=[["a"], ["b", None], None, ["c", 5, b"x"]]))
    answer, _ = execute_text(loop, built, "{ one { grid } }", ScriptedContext())
    assert answer.data == {"one": {"grid": [["a"], None, None, None]}}
    assert get_errors(answer) == [
        ("one.grid.1.1", "Cannot return null for non-nullable field Thing.grid."),
        ("one.grid.3.2", "String cannot represent value: b'x'"),
    ]


def test_an_error_below_one_of_several_types_has_its_path(loop: VirtualLoop) -> None:
    built = schema(
        """
        type Query { both: [Both!] }
        union Both = A | B
        type A { child: Child } type B { child: Child }
        type Child { p: String q: String! }
        """,
        {
            "Query.both": edge(
                batch("both", lambda _: [Record(kind=kind, child=Record(p="p", q=None)) for kind in "AB"]),
                lambda *_: 0,
            )
        },
    )
    for name in "AB":
        built.type_map[name].is_type_of = lambda value, _info, name=name: value.kind == name  # type: ignore[attr-defined]  # an object type
    answer, _ = execute_text(
        loop, built, "{ both { ... on A { child { p } } ... on B { child { q } } } }", ScriptedContext()
    )
    assert answer.data == {"both": [{"child": {"p": "p"}}, {"child": None}]}
    assert get_errors(answer) == [("both.1.child.q", "Cannot return null for non-nullable field Child.q.")]


def test_a_failure_at_many_places_does_not_grow_its_traceback(loop: VirtualLoop) -> None:
    failure = AgencyUnavailable("A")

    async def down(_keys: Any, _ask: Any) -> Any:  # noqa: ANN401 - a batch
        raise failure

    built = world(*(thing(n) for n in range(500)))
    edge_ = built.type_map["Thing"].fields["next"].extensions["strawberry-definition"].kind.edge  # type: ignore[attr-defined]  # an object type
    object.__setattr__(edge_.batch, "run", down)
    answer, _ = execute_text(loop, built, "{ things { next { id } sureNext { id } } }", ScriptedContext())
    assert len(answer.errors) == 1000
    assert {error.original_error for error in answer.errors} == {failure}
    assert len(traceback.extract_tb(failure.__traceback__)) < 10  # the frames of one batch, not of 1000 places


def test_arguments_that_fail_in_every_request_do_not_grow_a_traceback(loop: VirtualLoop) -> None:
    built = schema(
        "type Query { things: [Thing] } type Thing { said(times: Int = 13): String }",
        {
            "Query.things": edge(batch("list", lambda _: [Record() for _ in range(200)], seconds=0), lambda *_: 0),
            "Thing.said": ComputedField(lambda *_: "never"),
        },
    )
    answer, _ = execute_text(loop, built, "{ things { said } }", ScriptedContext())
    assert answer.data == {"things": [{"said": None}] * 200}
    fault = answer.errors[0].original_error
    assert str(fault) == "13 brings bad luck"
    assert fault is not None
    assert len(traceback.extract_tb(fault.__traceback__)) < 5


def test_an_error_of_arguments_belongs_to_one_run_only(loop: VirtualLoop) -> None:
    built = schema("type Query { said(times: Int = 13): String }", {"Query.said": ComputedField(lambda *_: "never")})
    plan = compile_plan(built, "{ said }")
    first, second = (loop.run(answer(plan, ScriptedContext())).errors[0].original_error for _ in range(2))
    assert str(first) == str(second) == "13 brings bad luck"
    assert first is not second


def test_errors_are_counted_without_being_built(loop: VirtualLoop, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def noted(*given: Any) -> GraphQLError:  # noqa: ANN401 - graphql-core's function
        made.append(given)
        return located_error(*given)

    monkeypatch.setattr("engine.execution.null_propagation.located_error", noted)
    built = world(*(thing(n, sureName=None, next_id=5) for n in range(2_000)))
    found, _ = execute_text(loop, built, "{ things { next { sureName } } }", ScriptedContext())
    assert found.data == {"things": [{"next": None}] * 2_000}
    assert repr(found.errors) == "<LocatedErrors 2000>"
    assert made == []
    shown = format_errors(found.errors, request_id="r-1")
    assert [len(shown), len(made)] == [1_001, 1_000]
    assert shown[49]["path"] == ["things", 49, "next", "sureName"]
    assert shown[1_000]["message"] == "1000 more errors are not listed."


def objects_in(value: Any, found: set[int]) -> set[int]:  # noqa: ANN401 - any part of an answer
    """Every dict, by identity."""
    if isinstance(value, dict):
        found.add(id(value))
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        objects_in(inner, found)
    return found


@pytest.mark.parametrize("length", [100, 1000])
def test_an_answer_has_one_object_per_record_not_per_place(loop: VirtualLoop, length: int) -> None:
    built = world(*(thing(n, next_id=n % 10) for n in range(length)))
    answer, _ = execute_text(loop, built, "{ things { id next { name } } }", ScriptedContext())
    assert len(objects_in(answer.data, set())) == 1 + length + 10


def calls_made(loop: VirtualLoop, length: int, *, failing: bool) -> int:
    """The number of function calls for an answer in which everything or nothing fails."""
    numbers = range(length)
    name = None if failing else "Thing"
    built = world(
        *(thing(n, sureName=name, names=[name]) for n in numbers),
        failing=frozenset(numbers) if failing else frozenset(),
    )
    text = "{ things { id sureName names sureNext { id } next { id } } }"
    execute_text(loop, built, text, ScriptedContext())
    count = 0

    def counted(_frame: Any, event: str, _argument: Any) -> None:  # noqa: ANN401 - the profiler's signature
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(counted)
    try:
        execute_text(loop, built, text, ScriptedContext())
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("failing", [False, True])
def test_work_grows_with_the_number_of_objects_and_no_faster(loop: VirtualLoop, failing: bool) -> None:  # noqa: FBT001 - a parameter of the test
    few, many, most = (calls_made(loop, length, failing=failing) for length in (100, 200, 800))
    assert most - few == pytest.approx(7 * (many - few), rel=0.05)
