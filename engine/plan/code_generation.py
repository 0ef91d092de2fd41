"""Generates and compiles the functions of a plan: one for each shape.

A function takes the records of all parents together, and returns their parts of the answer. Fields that load or hold
other records are null at first; the run fills them in for all records together. Only response keys (as quoted literals)
and attribute names enter the source; everything else is passed by reference.
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
"""Records of one shape in one call: from this number on, compiling costs less than interpreting."""

_PLAIN = {
    "String": "type({}) is str",
    "ID": "type({}) is str",
    "Int": "type({}) is int and -0x20000000 < value < 0x20000000",
    "Boolean": "type({}) is bool",
}
"""When a value of a built-in scalar is placed unchanged. For every other value, the scalar's function decides."""


def compile_shape(shape: Shape) -> ShapeFunction:
    """Compile the function of a shape; sets and returns it."""
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
    """The source of the functions of shapes."""
    return "\n\n".join(map(_generate_function, shapes))


def prepare_shapes(shapes: Sequence[Shape]) -> None:
    """Give shapes an interpreted function: for a record or two, compiling costs more."""
    for shape in shapes:
        shape.function = _build_interpreted(shape)
        for planned in shape.fields:
            if planned.is_leaf and isinstance(planned.kind, BatchField):
                planned.coerce = build_fast_coercion(planned.type, planned.name)


def compile_on_first_use(shapes: Sequence[Shape]) -> None:
    """Compile each shape when it gets its first record; many shapes never get one."""
    for shape in shapes:
        shape.function = _build_compiling(shape)


def _build_interpreted(shape: Shape) -> ShapeFunction:
    def answers(run: Any, records: Sequence[Any]) -> list[dict[str, Any]]:  # noqa: ANN401 - the run, which imports this module
        if len(records) >= COMPILE_THRESHOLD:
            return compile_shape(shape)(run, records)
        return [run.shape_carefully(shape, record) for record in records]

    return answers


def _build_compiling(shape: Shape) -> ShapeFunction:
    def answers(run: Any, records: Sequence[Any]) -> list[dict[str, Any]]:  # noqa: ANN401 - the run, which imports this module
        return compile_shape(shape)(run, records)

    return answers


def _generate_function(shape: Shape) -> str:
    number = shape.number
    leaves = [each for each in shape.fields if each.is_leaf and not isinstance(each.kind, BatchField)]
    guards = sorted({id(each.guard): each for each in leaves if not each.is_public}.values(), key=lambda f: f.number)
    # 1. For all records together: the decision of each guard, and the arguments of computed fields. If this fails, it
    # fails for every record, and the careful path assigns the error to its fields.
    before = [f"may_{each.number} = run.get_decider_of_records(field_{each.number}, records)" for each in guards]
    before += [
        f"arguments_{each.number} = run.get_arguments(field_{each.number})" for each in leaves if _takes_arguments(each)
    ]
    lines = [f"def leaves_{number}(run, records):  # {shape.type.name}"]
    if before:
        lines += ["    try:", *(f"        {each}" for each in before)]
        lines += [
            "    except Exception:",
            f"        return [run.shape_carefully(shape_{number}, record) for record in records]",
        ]
    lines += ["    context = run.context"] if any(isinstance(each.kind, ComputedField) for each in leaves) else []
    # 2. One dict for each record, with every response key in order.
    by_key = {each.key: each for each in leaves}
    items = []
    for key in shape.keys:
        if key in shape.typenames:
            items.append(f"{key!r}: {shape.type.name!r}")
        elif key in by_key:
            items.append(f"{key!r}: {_generate_value(by_key[key])}")
        else:
            items.append(f"{key!r}: None")
    lines += ["    error_count = len(run.field_errors.recorded)"] if guards else []
    lines += ["    try:", "        return [", "            {", *(f"                {item}," for item in items)]
    lines += ["            }"]
    # 3. A record with a refused field, or one that waits for a fact, takes the careful path.
    if guards:
        allowed = " and ".join(
            f"(may_{n} is None or may_{n}(record, None) is None)" for n in (g.number for g in guards)
        )
        lines += [f"            if {allowed}", f"            else run.shape_carefully(shape_{number}, record)"]
    # 4. A value is not plain. Each record is shaped separately, so that only the failing one takes the careful path.
    # Errors of this attempt are dropped, or they would be recorded twice.
    lines += ["            for record in records", "        ]", "    except Exception:"]
    lines += ["        run.field_errors.drop_after(error_count)"] if guards else []
    lines += [f"        return run.shape_one_by_one(shape_{number}, records)"]
    return "\n".join(lines)


def _takes_arguments(planned: PlanField) -> bool:
    return isinstance(planned.kind, ComputedField) and bool(planned.graphql_field.args)


def _generate_value(planned: PlanField) -> str:
    leaf = f"leaf_{planned.number}"
    if isinstance(planned.kind, AttributeField):
        attribute = planned.kind.attribute
        if not attribute.isidentifier() or not attribute.isascii() or iskeyword(attribute):
            raise ValueError(f"{planned.name} shows {attribute!r}, which is not an attribute name.")
        named: Any = get_nullable_type(planned.type)
        name = getattr(named, "name", "")
        plain = _PLAIN.get(name) if specified_scalar_types.get(name) is named else None
        if plain is not None:
            return f"value if {plain.format(f'value := record.{attribute}')} else {leaf}(value)"
        return f"{leaf}(record.{attribute})"
    arguments = f"arguments_{planned.number}" if _takes_arguments(planned) else "{}"
    return f"{leaf}(derive_{planned.number}(record, {arguments}, context))"
