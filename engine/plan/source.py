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

from engine.kinds import Derived, Leads, Shown
from engine.plan.leaves import quick
from engine.plan.tree import PlanField, Shape

_PLAIN = {
    "String": "type({}) is str",
    "ID": "type({}) is str",
    "Int": "type({}) is int and -0x20000000 < value < 0x20000000",
    "Boolean": "type({}) is bool",
}
"""When a value of a built-in scalar stands in the answer as it is. Whatever else it is, its function decides."""


def compile_shapes(shapes: Sequence[Shape]) -> str:
    """Give every shape its function; returns the source they were made of."""
    names: dict[str, Any] = {}
    parts: list[str] = []
    for shape in shapes:
        for planned in shape.fields:
            if planned.is_leaf:
                planned.complete = names[f"leaf_{planned.number}"] = quick(planned.type, planned.name)
            if isinstance(planned.kind, Derived):
                names[f"derive_{planned.number}"] = planned.kind.function
            names[f"field_{planned.number}"] = planned
        names[f"shape_{shape.number}"] = shape
        shape.nested = tuple(each for each in shape.fields if not each.is_leaf and not isinstance(each.kind, Leads))
        shape.groups = groups_of(shape)
        parts.append(_function(shape))
    source = "\n\n".join(parts)
    made: dict[str, Any] = dict(names)
    exec(compile(source, "<plan>", "exec"), made)  # noqa: S102 - the source is ours: quoted keys and checked attributes
    for shape in shapes:
        shape.function = made[f"leaves_{shape.number}"]
    return source


def groups_of(shape: Shape) -> tuple[tuple[PlanField, ...], ...]:
    """The fields of a shape that lead elsewhere; those that want facets by the same key stand together."""
    groups: dict[object, list[PlanField]] = {}
    for planned in shape.fields:
        if isinstance(planned.kind, Leads):
            edge = planned.kind.edge
            together = (
                (edge.batch, edge.facet, edge.by, id(planned.guard))
                if edge.by and not edge.many and not planned.graphql.args
                else planned
            )
            groups.setdefault(together, []).append(planned)
    return tuple(tuple(each) for each in groups.values())


def _function(shape: Shape) -> str:
    number = shape.number
    leaves = [each for each in shape.fields if each.is_leaf and not isinstance(each.kind, Leads)]
    guards = sorted(
        {id(each.guard): each for each in leaves if not each.guard.is_public}.values(), key=lambda f: f.number
    )
    before = [f"may_{each.number} = run.may(field_{each.number})" for each in guards]
    before += [
        f"arguments_{each.number} = run.arguments(field_{each.number})" for each in leaves if _takes_arguments(each)
    ]
    lines = [f"def leaves_{number}(run, records):  # {shape.type.name}"]
    if before:
        # What cannot be had for this caller or these arguments is the fault of its fields, in every record.
        lines += ["    try:", *(f"        {each}" for each in before)]
        lines += [
            "    except Exception:",
            f"        return [run.carefully(shape_{number}, record) for record in records]",
        ]
    lines += ["    context = run.context"] if any(isinstance(each.kind, Derived) for each in leaves) else []
    by_key = {each.key: each for each in leaves}
    items = []
    for key in shape.keys:
        if key in shape.typenames:
            items.append(f"{key!r}: {shape.type.name!r}")
        elif key in by_key:
            items.append(f"{key!r}: {_value(by_key[key])}")
        else:
            items.append(f"{key!r}: None")
    lines += ["    noted = run.noted()"] if guards else []
    lines += ["    try:", "        return [", "            {", *(f"                {item}," for item in items)]
    lines += ["            }"]
    if guards:
        allowed = " and ".join(
            f"(may_{n} is None or may_{n}(record, None) is None)" for n in (g.number for g in guards)
        )
        lines += [f"            if {allowed}", f"            else run.carefully(shape_{number}, record)"]
    lines += ["            for record in records", "        ]", "    except Exception:"]
    lines += ["        run.forget(noted)"] if guards else []
    # Something is not plain: each record by itself then, and the one that is to blame field by field.
    lines += [f"        return run.singly(shape_{number}, records)"]
    return "\n".join(lines)


def _takes_arguments(planned: PlanField) -> bool:
    return isinstance(planned.kind, Derived) and bool(planned.graphql.args)


def _value(planned: PlanField) -> str:
    leaf = f"leaf_{planned.number}"
    if isinstance(planned.kind, Shown):
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
