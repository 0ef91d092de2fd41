"""The source of a plan contains only quoted response keys and attribute names, whatever the document contains."""

from __future__ import annotations

import ast
import re
from types import SimpleNamespace as Record

import pytest
from graphql import GraphQLSchema, StringValueNode, print_ast

from engine.field_kinds import AttributeField, ComputedField
from engine.plan.code_generation import COMPILE_THRESHOLD, compile_shape
from engine.plan.tree import NotPlannable
from tests.engine.scripted_schema import (
    ScriptedContext,
    answer,
    batch,
    build_test_plan,
    compile_plan,
    edge,
    execute_text,
    schema,
)
from tests.fakes.virtual_loop import virtual_loop

SDL = """
enum Mood { GOOD __import__ lambda }
input Deep { text: String mood: Mood inner: Deep }
type Query { one(text: String = "1", mood: Mood, deep: Deep): Thing! }
type Thing { name: String said(text: String, mood: Mood, deep: Deep, list: [String]): String other: Thing }
"""


def things() -> GraphQLSchema:
    thing = batch("things", lambda key: Record(name=f"Thing {key}", next="1"), seconds=0)
    return schema(
        SDL,
        {
            "Query.one": edge(thing, lambda _r, arguments, _c: arguments["text"]),
            "Thing.said": ComputedField(lambda _record, arguments, _context: repr(arguments)),
            "Thing.other": edge(thing, "next"),
        },
    )


ATTACKS = [
    "'",
    '"',
    "\\",
    "\n",
    "'''",
    '"""',
    "'}); import os; os._exit(1) #",
    '"}); import os; os._exit(1) #',
    "\\'}); import os #",
    "{0.__class__}",
    "\u2028",
    "\x00",
    "é漢🎉",
    "name",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_constants_never_enter_the_source_and_arrive_unchanged(attack: str) -> None:
    value = print_ast(parse_string(attack))
    text = f"{{ one(text: {value}, deep: {{text: {value}}}) {{ name said(text: {value}, list: [{value}]) }} }}"
    built = things()
    plain = compile_plan(built, '{ one(text: "x", deep: {text: "x"}) { name said(text: "x", list: ["x"]) } }')
    assert compile_plan(built, text).source == plain.source
    with virtual_loop() as loop:
        found, _ = execute_text(loop, built, text, ScriptedContext())
    assert found.data == {"one": {"name": f"Thing {attack}", "said": repr({"text": attack, "list": [attack]})}}


def parse_string(value: str) -> StringValueNode:
    return StringValueNode(value=value)


@pytest.mark.parametrize(
    "key", ["import", "class", "__import__", "record", "run", "add", "answers", "value", "_", "None"]
)
def test_a_response_key_may_be_any_name(key: str) -> None:
    with virtual_loop() as loop:
        found, _ = execute_text(loop, things(), f"{{ {key}: one {{ {key}: name }} }}", ScriptedContext())
    assert found.data == {key: {key: "Thing 1"}}


def test_the_source_contains_only_keys_attributes_and_numbered_references() -> None:
    plan = compile_plan(
        things(), '{ mine: one(text: "secret") { called: name said(mood: lambda) other { __typename } } }'
    )
    tree = ast.parse(plan.source)
    constants = {each.value for each in ast.walk(tree) if isinstance(each, ast.Constant)}
    assert constants == {"mine", "called", "said", "other", "__typename", "Thing", None}
    names = {each.id.rstrip("0123456789") for each in ast.walk(tree) if isinstance(each, ast.Name)}
    assert names <= {
        "Exception", "arguments_", "context", "derive_", "field_", "leaf_", "record", "records",
        "run", "shape_", "str", "type", "value",
    }  # fmt: skip
    attributes = {each.attr for each in ast.walk(tree) if isinstance(each, ast.Attribute)}
    assert attributes == {"name", "shape_one_by_one", "shape_carefully", "get_arguments", "context"}


@pytest.mark.parametrize("attribute", ["a b", "x); import os #", "class", "", "é", "1"])
def test_an_invalid_attribute_name_is_refused(attribute: str) -> None:
    built = schema("type Query { name: String }", {"Query.name": AttributeField(attribute)})
    with pytest.raises(ValueError, match="which is not an attribute name"):
        compile_shape(compile_plan(built, "{ name }").root)


def test_two_documents_never_share_a_function() -> None:
    built = things()
    first, second = (compile_plan(built, "{ one { name } }") for _ in range(2))
    assert first.source == second.source
    assert compile_shape(first.root) is not compile_shape(second.root)


def test_each_set_of_conditions_has_its_own_plan() -> None:
    built = things()
    text = "query ($a: Boolean!) { one { name @include(if: $a) other @skip(if: $a) { name } } }"
    plans = [build_test_plan(built, text, a=flag) for flag in (True, False)]
    assert [shape.keys for plan in plans for shape in plan.root.fields[0].shapes.values()] == [["name"], ["other"]]


def test_equal_arguments_of_two_fields_are_not_mixed_up() -> None:
    with virtual_loop() as loop:
        found = loop.run(
            answer(
                compile_plan(things(), '{ a: one(text: "1") { name } b: one(text: "2") { name } }'), ScriptedContext()
            )
        )
    assert found.data == {"a": {"name": "Thing 1"}, "b": {"name": "Thing 2"}}


def lists(length: int) -> GraphQLSchema:
    things_ = batch("things", lambda _key: [Record(name=f"Thing {n}") for n in range(length)], seconds=0)
    return schema(
        "type Query { things: [Thing] } type Thing { name: String }", {"Query.things": edge(things_, lambda *_: 0)}
    )


@pytest.mark.parametrize(
    ("seen_again", "length", "is_compiled"),
    [(False, COMPILE_THRESHOLD - 1, False), (False, COMPILE_THRESHOLD, True), (True, 0, False), (True, 1, True)],
)
def test_a_shape_is_compiled_for_a_known_document_or_for_many_records(
    seen_again: bool,  # noqa: FBT001 - a parameter of the table
    length: int,
    is_compiled: bool,  # noqa: FBT001 - a parameter of the table
) -> None:
    built = lists(length)
    plan = build_test_plan(built, "{ things { name } }")
    if seen_again:
        plan.mark_seen_again()
    _, thing = plan.shapes
    before = thing.function
    with virtual_loop() as loop:
        found = loop.run(answer(plan, ScriptedContext()))
    assert found.data == {"things": [{"name": f"Thing {n}"} for n in range(length)]}
    assert (thing.function is not before) is is_compiled
    made = thing.function
    assert made is not None
    assert (made.__code__.co_filename == "<plan>") is is_compiled


@pytest.mark.parametrize(
    ("text", "because"),
    [
        ('{ __type(name: "Thing") { name } }', "Query.__type"),
        ("{ nothing { name } }", "Nothing, which has no possible types"),
        ("subscription { things { name } }", "subscription"),
    ],
)
def test_an_operation_for_graphql_core_only_has_no_plan(text: str, because: str) -> None:
    leads = edge(batch("things", lambda _: None), lambda *_: 0)
    built = schema(
        """
        interface Nothing { name: String }
        type Query { nothing: Nothing }
        type Subscription { things: Thing }
        type Thing { name: String }
        """,
        {"Query.nothing": leads, "Subscription.things": leads},
    )
    with pytest.raises(NotPlannable, match=f"^{re.escape(because)}$"):
        compile_plan(built, text)
