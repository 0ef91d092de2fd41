"""From the tree of a plan to Python source, and from the source to functions.

Only response keys (as quoted literals) and attribute names of records enter the source; everything else travels by
reference. One function a shape: it takes the records of all parents together and gives their part of the answer, with
null wherever other records will stand; those are then asked for, or put in place, for all records at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from keyword import iskeyword
from typing import Any

from graphql import get_nullable_type, specified_scalar_types

from engine.field_kinds import AttributeField, BatchField, ComputedField
from engine.plan.leaf_coercion import build_fast_coercion
from engine.plan.tree import PlanField, Shape, ShapeFunction

COMPILE_THRESHOLD = 20
"""Records of one shape that come together: from so many on, compiling costs less than answering them one by one."""

_PLAIN = {
    "String": "type({}) is str",
    "ID": "type({}) is str",
    "Int": "type({}) is int and -0x20000000 < value < 0x20000000",
    "Boolean": "type({}) is bool",
}
"""When a value of a built-in scalar stands in the answer as it is. Whatever else it is, its function decides."""


def compile_shape(shape: Shape) -> ShapeFunction:
    """Give a shape its function; returns it."""
    names: dict[str, Any] = {f"shape_{shape.number}": shape}
    for planned in shape.fields:
        names[f"field_{planned.number}"] = planned
        if isinstance(planned.kind, BatchField):
            continue
        if planned.is_leaf:
            names[f"leaf_{planned.number}"] = build_fast_coercion(planned.type, planned.name)
        if isinstance(planned.kind, ComputedField):
            names[f"derive_{planned.number}"] = planned.kind.function
    exec(compile(_generate_function(shape), "<plan>", "exec"), names)  # noqa: S102 - the source is ours: quoted keys and checked attributes
    function: ShapeFunction = names[f"leaves_{shape.number}"]
    shape.function = function
    return function


def generate_source(shapes: Sequence[Shape]) -> str:
    """The source that the functions of shapes are made of."""
    return "\n\n".join(map(_generate_function, shapes))


def prepare_shapes(shapes: Sequence[Shape]) -> None:
    """Make shapes ready to be answered without being compiled: compiling costs more than a record or two."""
    for shape in shapes:
        shape.function = _build_interpreted(shape)
        for planned in shape.fields:
            if planned.is_leaf and isinstance(planned.kind, BatchField):
                planned.coerce = build_fast_coercion(planned.type, planned.name)


def compile_on_first_use(shapes: Sequence[Shape]) -> None:
    """From now on compile each shape as soon as there is an object for it; many never have one."""
    for shape in shapes:
        shape.function = _build_compiling(shape)


def _build_interpreted(shape: Shape) -> ShapeFunction:
    def answers(run: Any, records: Sequence[Any]) -> list[dict[str, Any]]:  # noqa: ANN401 - the run is part of what is generated
        if len(records) >= COMPILE_THRESHOLD:
            return compile_shape(shape)(run, records)
        return [run.shape_carefully(shape, record) for record in records]

    return answers


def _build_compiling(shape: Shape) -> ShapeFunction:
    def answers(run: Any, records: Sequence[Any]) -> list[dict[str, Any]]:  # noqa: ANN401 - the run is part of what is generated
        return compile_shape(shape)(run, records)

    return answers


def _generate_function(shape: Shape) -> str:
    number = shape.number
    leaves = [each for each in shape.fields if each.is_leaf and not isinstance(each.kind, BatchField)]
    guards = sorted(
        {id(each.guard): each for each in leaves if not each.guard.is_public}.values(), key=lambda f: f.number
    )
    before = [f"may_{each.number} = run.get_decider(field_{each.number})" for each in guards]
    before += [
        f"arguments_{each.number} = run.get_arguments(field_{each.number})" for each in leaves if _takes_arguments(each)
    ]
    lines = [f"def leaves_{number}(run, records):  # {shape.type.name}"]
    if before:
        # What cannot be had for this caller or these arguments is the fault of its fields, in every record.
        lines += ["    try:", *(f"        {each}" for each in before)]
        lines += [
            "    except Exception:",
            f"        return [run.shape_carefully(shape_{number}, record) for record in records]",
        ]
    lines += ["    context = run.context"] if any(isinstance(each.kind, ComputedField) for each in leaves) else []
    by_key = {each.key: each for each in leaves}
    items = []
    for key in shape.keys:
        if key in shape.typenames:
            items.append(f"{key!r}: {shape.type.name!r}")
        elif key in by_key:
            items.append(f"{key!r}: {_generate_value(by_key[key])}")
        else:
            items.append(f"{key!r}: None")
    lines += ["    noted = run.count_errors()"] if guards else []
    lines += ["    try:", "        return [", "            {", *(f"                {item}," for item in items)]
    lines += ["            }"]
    if guards:
        allowed = " and ".join(
            f"(may_{n} is None or may_{n}(record, None) is None)" for n in (g.number for g in guards)
        )
        lines += [f"            if {allowed}", f"            else run.shape_carefully(shape_{number}, record)"]
    lines += ["            for record in records", "        ]", "    except Exception:"]
    lines += ["        run.forget_errors(noted)"] if guards else []
    # Something is not plain: each record by itself then, and the one that is to blame field by field.
    lines += [f"        return run.shape_one_by_one(shape_{number}, records)"]
    return "\n".join(lines)


def _takes_arguments(planned: PlanField) -> bool:
    return isinstance(planned.kind, ComputedField) and bool(planned.graphql_field.args)


def _generate_value(planned: PlanField) -> str:
    leaf = f"leaf_{planned.number}"
    if isinstance(planned.kind, AttributeField):
        attribute = planned.kind.attribute
        if not attribute.isidentifier() or not attribute.isascii() or iskeyword(attribute):
            raise ValueError(f"{planned.name} shows {attribute!r}, which is no attribute name.")
        named: Any = get_nullable_type(planned.type)
        name = getattr(named, "name", "")
        plain = _PLAIN.get(name) if specified_scalar_types.get(name) is named else None
        if plain is not None:
            return f"value if {plain.format(f'value := record.{attribute}')} else {leaf}(value)"
        return f"{leaf}(record.{attribute})"
    arguments = f"arguments_{planned.number}" if _takes_arguments(planned) else "{}"
    return f"{leaf}(derive_{planned.number}(record, {arguments}, context))"
