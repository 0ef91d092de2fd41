"""A denied or failed field stays null in the answer, and its error is recorded."""

from __future__ import annotations

from engine.errors import Forbidden
from engine.execution.denied_fields import FieldErrors, build_null_object
from engine.execution.null_propagation import propagate_nulls
from tests.engine.scripted_schema import compile_plan, schema

SHAPE = compile_plan(schema("type Query { name: String tags: [String] }", {}), "{ name __typename tags }").root
NAME, TAGS = SHAPE.fields
DENIAL = Forbidden("Not yours.", "NOT_YOURS")


def test_every_field_of_a_new_object_is_null_but_its_typename() -> None:
    answer = build_null_object(SHAPE)
    assert list(answer.items()) == [("name", None), ("__typename", "Query"), ("tags", None)]


def test_a_denied_field_and_a_failed_list_item_are_null_and_have_errors_with_paths() -> None:
    answer = build_null_object(SHAPE) | {"tags": ["a", None]}
    errors = FieldErrors()
    errors.record(NAME, answer, (), DENIAL)
    errors.record(TAGS, answer, (1,), ValueError("torn"))
    data, located = propagate_nulls(SHAPE, answer, errors.recorded)
    assert data == {"name": None, "__typename": "Query", "tags": ["a", None]}
    assert [(each.path, each.original_error) for each in located] == [
        (["name"], DENIAL),
        (["tags", 1], errors.recorded[1].error),
    ]


def test_errors_of_records_that_are_shaped_again_are_dropped_and_taken_errors_leave_the_run() -> None:
    errors = FieldErrors()
    errors.record(NAME, {}, (), DENIAL)
    errors.record(TAGS, {}, (), DENIAL)
    errors.drop_after(1)
    assert [each.field for each in errors.take()] == [NAME]
    assert errors.recorded == []
