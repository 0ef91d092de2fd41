"""Coerces scalars and enums from the value of a record to the value in the answer.

There are two ways to the same result. The fast one is a function for each field, which raises for every value that is
not plain. The careful one then reports each error with its place in the list, as graphql-core does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLLeafType,
    GraphQLOutputType,
    Undefined,
    get_nullable_type,
    is_list_type,
    is_non_null_type,
    specified_scalar_types,
)
from graphql.pyutils import inspect, is_iterable

ErrorReporter = Callable[[tuple[int, ...], Exception], None]

_PLAIN: dict[str, type[Any]] = {"String": str, "ID": str, "Boolean": bool}
_INT_LIMIT = 2**31


def build_fast_coercion(type_: GraphQLOutputType, name: str) -> Callable[[Any], Any]:
    """A function that coerces plain values of the type; it raises for a forbidden null and for all other values."""
    if is_non_null_type(type_):
        inner = build_fast_coercion(type_.of_type, name)

        def never_null(value: Any) -> Any:  # noqa: ANN401 - any value
            result = inner(value)
            if result is None:
                raise build_non_null_error(name)
            return result

        return never_null
    if is_list_type(type_):
        item = build_fast_coercion(type_.of_type, name)

        def listed(value: Any) -> Any:  # noqa: ANN401 - any value
            if value is None:
                return None
            if type(value) is not tuple and type(value) is not list:
                raise TypeError("not a plain list")
            return [item(each) for each in value]

        return listed
    return _build_leaf_coercion(type_)  # type: ignore[arg-type]  # neither list nor non-null: a leaf


def _build_leaf_coercion(type_: GraphQLLeafType) -> Callable[[Any], Any]:
    plain = _PLAIN.get(type_.name) if specified_scalar_types.get(type_.name) is type_ else None
    coerce = type_.coerce_output_value
    if plain is not None:
        return lambda value: value if type(value) is plain or value is None else coerce_leaf(coerce, value, type_)
    if isinstance(type_, GraphQLEnumType):
        return _build_enum_coercion(type_)
    if type_.name == "Int" and specified_scalar_types.get("Int") is type_:
        return lambda value: (
            value
            if value is None or (type(value) is int and -_INT_LIMIT <= value < _INT_LIMIT)
            else coerce_leaf(coerce, value, type_)
        )
    return lambda value: None if value is None else coerce_leaf(coerce, value, type_)


def _build_enum_coercion(type_: GraphQLEnumType) -> Callable[[Any], Any]:
    names: dict[Any, str] = {}
    wrapped = getattr(type_, "wrapped_cls", None)
    if isinstance(wrapped, type) and issubclass(wrapped, Enum):
        names = {member: type_.coerce_output_value(member) for member in wrapped}
    coerce = type_.coerce_output_value

    def enumerated(value: Any) -> Any:  # noqa: ANN401 - any value
        if value is None:
            return None
        try:
            return names[value]
        except (KeyError, TypeError):
            return coerce_leaf(coerce, value, type_)

    return enumerated


def coerce_leaf(coerce: Callable[[Any], Any], value: Any, type_: GraphQLLeafType) -> Any:  # noqa: ANN401 - any value
    """Coerce the value by the type's own rule; raises `TypeError` if the result is null."""
    if isinstance(value, Exception):
        raise value.with_traceback(None)  # each raise would extend its traceback
    if value is Undefined:
        return None
    result = coerce(value)
    if result is None or result is Undefined:
        raise TypeError(
            f"Expected `{inspect(type_)}.coerce_output_value({inspect(value)})` to return non-nullable value,"
            f" returned: {inspect(result)}"
        )
    return result


def coerce_carefully(
    type_: GraphQLOutputType,
    value: Any,  # noqa: ANN401 - any value
    name: str,
    report: ErrorReporter,
    place: tuple[int, ...] = (),
) -> Any:  # noqa: ANN401 - same
    """Coerce the value, with null for what fails; every error is reported with its place."""
    if isinstance(value, Exception):
        report(place, value)
        return None
    try:
        return _coerce_value(type_, value, name, report, place)
    except Exception as fault:  # noqa: BLE001 - whatever a value raises is the error of its place
        report(place, fault)
        return None


def _coerce_value(
    type_: GraphQLOutputType,
    value: Any,  # noqa: ANN401 - any value
    name: str,
    report: ErrorReporter,
    place: tuple[int, ...],
) -> Any:  # noqa: ANN401 - same
    if value is None or value is Undefined:
        if is_non_null_type(type_):
            raise build_non_null_error(name)
        return None
    inner: Any = get_nullable_type(type_)
    if is_list_type(inner):
        return [
            coerce_carefully(inner.of_type, each, name, report, (*place, index))
            for index, each in enumerate(get_items(value, name))
        ]
    return coerce_leaf(inner.coerce_output_value, value, inner)


def get_items(value: Any, name: str) -> Iterable[Any]:  # noqa: ANN401 - any value
    """The items of a list value; raises for any other value."""
    if not is_iterable(value):
        raise build_not_a_list_error(name)
    items: Iterable[Any] = value
    return items


def build_not_a_list_error(name: str) -> GraphQLError:
    """The error of a value that is not a list, in graphql-core's words."""
    return GraphQLError(f"Expected Iterable, but did not find one for field '{name}'.")


def build_non_null_error(name: str) -> TypeError:
    """The error of a forbidden null, in graphql-core's words."""
    return TypeError(f"Cannot return null for non-nullable field {name}.")
