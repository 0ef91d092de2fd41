"""Every place of the graph that takes a value from a caller."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLType,
    get_named_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_required_argument,
    is_required_input_field,
)

from schema.builder import build_schema, get_graphql_schema
from tests.fakes.city import build_codes

SAMPLE_ARGUMENTS: Mapping[str, Any] = {
    "Query.citizen.nik": "3171014506909001",
    "Query.citizens.niks": ["3171014506909001"],
    "Query.region.code": "31.71",
    "Query.node.id": "x" * 40,
    "Query.nodes.ids": ["x" * 40],
    "Commodity.trend.year": 2026,
    "Commodity.trend.month": 10,
    "Mutation.submitComplaint.complaint": {"categoryCode": "none", "description": "Lampu mati"},
    "Mutation.rateResolution.rating": 5,
    **{
        f"Mutation.{name}.id": "x" * 40
        for name in (
            "publishComplaint",
            "supportComplaint",
            "commentComplaint",
            "rateResolution",
            "withdrawComplaint",
        )
    },
}
"""Values for required arguments beside the attacked one, by coordinate."""
SAMPLE_INSIDE: Mapping[str, Any] = {
    "latitude": -6.1764,
    "longitude": 106.8415,
    "categoryCode": "none",  # so that nothing is submitted
    "description": "Lampu mati",
    "code": "lampu",
    "values": ["1"],
    "file": "lampu",  # no file: such a value is always refused
    "alternativeText": "Lampu",
}
"""Values for required fields of an input object beside the attacked one."""
SAMPLE_BY_TYPE: Mapping[str, Any] = {"NIK": "3171014506909001", "String": "1", "ID": "x" * 40, "Int": 1}
"""The same by type, for other arguments."""
QUERY_BY_TYPE: Mapping[str, str] = {
    "Query": "{it}",
    "Citizen": "me {{ {it} }}",
    "Commodity": 'commodities(search: "beras") {{ {it} }}',
    "Market": 'markets(search: "senen", first: 1) {{ {it} }}',
    "Mutation": "{it}",
    "ConsentRequest": 'consentRequest(id: "x") {{ {it} }}',
    "Consenting": 'consented(consent: "x") {{ {it} }}',
    "Region": 'region(code: "31.71") {{ {it} }}',
    "Stop": "stops(first: 1) {{ nodes {{ {it} }} }}",
    "TaxObject": "me {{ taxObjects {{ {it} }} }}",
}
"""The query path to a field of each type that has arguments."""


@dataclass(frozen=True, slots=True)
class InputPlace:
    """An argument, or a field of its input object."""

    type_name: str
    field: str
    argument: str
    inside: tuple[str, ...]
    """The way to the field of the input object, or of one within it."""
    named: str
    """The type of a single value."""

    def __str__(self) -> str:
        """The coordinate."""
        return ".".join((self.type_name, self.field, self.argument, *self.inside))

    def value(self, one: object) -> object:
        """The value of the whole argument, with the given value at this place, and samples of what else is required."""
        parent = load_graph().type_map[self.type_name]
        assert isinstance(parent, GraphQLObjectType)
        return _place(parent.fields[self.field].args[self.argument].type, self.inside, one)

    def write_literal(self, one: str) -> str:
        """The same as a literal, with the literal of one value."""
        return _literal(self.value(_Literal(one)))

    def query(self, literal: str | None = None) -> str:
        """An operation that passes the variable `$it` to the argument, or a literal."""
        parent = load_graph().type_map[self.type_name]
        assert isinstance(parent, GraphQLObjectType)
        field = parent.fields[self.field]
        given = {self.argument: literal or "$it"}
        for name, argument in field.args.items():
            if name != self.argument and is_required_argument(argument):
                coordinate = f"{self.type_name}.{self.field}.{name}"
                given[name] = (
                    _literal(SAMPLE_ARGUMENTS[coordinate])
                    if coordinate in SAMPLE_ARGUMENTS
                    else _get_sample_value(argument)
                )
        arguments = ", ".join(f"{name}: {value}" for name, value in given.items())
        it = f"it: {self.field}({arguments}) {_selection(field)}"
        declared = "" if literal else f"($it: {field.args[self.argument].type})"
        kind = "mutation" if self.type_name == "Mutation" else "query"
        return f"{kind} Attack{declared} {{ {QUERY_BY_TYPE[self.type_name].format(it=it)} }}"


@cache
def load_graph() -> GraphQLSchema:
    """The graph in front of all agencies of the city."""
    return get_graphql_schema(build_schema(build_codes()))


@cache
def list_input_places() -> tuple[InputPlace, ...]:
    """All places."""
    return tuple(_places())


def _places() -> Iterator[InputPlace]:
    for type_ in load_graph().type_map.values():
        if isinstance(type_, GraphQLObjectType) and not type_.name.startswith("__"):
            for field_name, field in type_.fields.items():
                for name, argument in field.args.items():
                    yield from _collect_places(type_.name, field_name, name, argument)


def _collect_places(type_name: str, field: str, name: str, argument: GraphQLArgument) -> Iterator[InputPlace]:
    for inside, named in _find_leaves(argument.type):
        yield InputPlace(type_name, field, name, inside, named)


def _find_leaves(type_: GraphQLType) -> Iterator[tuple[tuple[str, ...], str]]:
    """The ways to all single values of an input type, with their types."""
    named = get_named_type(type_)
    if not isinstance(named, GraphQLInputObjectType):
        yield (), named.name
        return
    for name, each in named.fields.items():
        yield from (((name, *inside), leaf) for inside, leaf in _find_leaves(each.type))


class _Literal(str):
    """A text that is written as it is."""

    __slots__ = ()


def _place(type_: GraphQLType, inside: Sequence[str], one: object) -> object:
    """A value of an input type, which holds the given one."""
    held = one
    if inside:
        named = get_named_type(type_)
        assert isinstance(named, GraphQLInputObjectType)
        first, *rest = inside
        required = [name for name, each in named.fields.items() if is_required_input_field(each) and name != first]
        held = {name: SAMPLE_INSIDE[name] for name in required} | {first: _place(named.fields[first].type, rest, one)}
    return [held] if _is_list(type_) else held


def _is_list(type_: GraphQLType) -> bool:
    return is_list_type(type_.of_type if is_non_null_type(type_) else type_)


def _selection(field: GraphQLField) -> str:
    named = get_named_type(field.type)
    if is_leaf_type(named):
        return ""
    return "{ __typename nodes { __typename } }" if named.name.endswith("Connection") else "{ __typename }"


def _get_sample_value(argument: GraphQLArgument) -> str:
    named = get_named_type(argument.type)
    one = next(iter(named.values)) if isinstance(named, GraphQLEnumType) else _literal(SAMPLE_BY_TYPE[named.name])
    return f"[{one}]" if _is_list(argument.type) else one


def _literal(value: object) -> str:
    match value:
        case _Literal():
            return str(value)
        case list():
            return f"[{', '.join(map(_literal, value))}]"
        case dict():
            return f"{{{', '.join(f'{name}: {_literal(each)}' for name, each in value.items())}}}"
        case str():
            return f'"{value}"'
    return str(value)
