"""`@semanticNonNull`: which fields are null only with an error (nullability specification v0.4).

Every refusable field is nullable in the graph, because it fails alone. A typed client needs to know which nulls are
values. That follows from the record's types, the keys and the batches of the declarations, so nobody writes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from types import NoneType, SimpleNamespace, UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

import strawberry
from strawberry.schema_directive import Location
from strawberry.types.base import StrawberryList, StrawberryOptional
from strawberry.types.field import StrawberryField

from auth.policy.rules import Rule
from schema.declarations.computed_fields import SealedLinkField
from schema.declarations.fields import DerivedField, EdgeField, NodeIdField, PublishedAttribute, RootField

_RULES_OF_PEOPLE: Final = Rule.SELF | Rule.GUARDIAN | Rule.ASSISTANT
_FIRST_LEVEL: Final = (0,)
_MAYBE: Final = object | None
"""The annotation of a value that can be null without an error."""


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="semanticNonNull",
    description="The field is null only with an error of the same path in `errors`. `levels` counts lists from outside:"
    " 0 is the field, 1 an item of its list.",
)
class SemanticNonNullDirective:
    """`@semanticNonNull` in the SDL, as https://specs.apollo.dev/nullability/v0.4 defines it."""

    levels: list[int] = strawberry.directive_field(name="levels", default=_FIRST_LEVEL)


def mark_semantic_non_null(field: StrawberryField, record: type[Any] | None) -> None:
    """Mark a field of a type of the graph; `record` is the type's record, None at a root."""
    levels = find_non_null_levels(field, record)
    if not levels:
        return
    others = [each for each in field.directives if not isinstance(each, SemanticNonNullDirective)]
    given = strawberry.UNSET if levels == _FIRST_LEVEL else list(levels)
    field.directives = [*others, SemanticNonNullDirective(levels=given)]
    text = "Null only with an error." if 0 in levels else "Its items are null only with an error."
    if not (field.description or "").endswith(text):
        field.description = f"{field.description}\n\n{text}"  # the first paragraph is also shown to people


def find_non_null_levels(field: StrawberryField, record: type[Any] | None) -> tuple[int, ...]:
    """The nullable levels of a field's type whose value is never null."""
    return tuple(_find_levels(field.type, _get_value_annotation(field, record), 0))


def _find_levels(type_: object, annotation: object, level: int) -> Iterator[int]:
    if isinstance(type_, StrawberryOptional):
        if not _allows_none(annotation):
            yield level
        type_ = type_.of_type
    if isinstance(type_, StrawberryList):
        yield from _find_levels(type_.of_type, _get_item(annotation), level + 1)


def _get_value_annotation(field: StrawberryField, record: type[Any] | None) -> object:
    """The Python annotation of a field's value where nothing fails."""
    if isinstance(field, EdgeField):
        return _get_edge_annotation(field, record)
    if isinstance(field, PublishedAttribute) and record is not None:
        return get_type_hints(record, include_extras=True)[field.python_name]
    if isinstance(field, DerivedField):
        return _get_return_annotation(field.derive)
    return str if isinstance(field, NodeIdField | SealedLinkField) else _MAYBE


def _get_edge_annotation(field: EdgeField, record: type[Any] | None) -> object:
    edge = field.edge
    answer: object = _MAYBE if edge.facet is not None or edge.batch.absent is None else object
    if answer is object and edge.transform is not None:
        answer = _get_return_annotation(edge.transform)
    if edge.has_many_keys:
        return tuple[answer, ...]  # type: ignore[valid-type]  # an annotation that is known at run time
    return answer if _has_key(field, record) else _MAYBE


def _has_key(field: EdgeField, record: type[Any] | None) -> bool:
    """Whether a caller who may see the field always has a key: without one, the value is null."""
    if field.edge.key_attribute is not None:
        return record is not None and not _allows_none(get_type_hints(record)[field.edge.key_attribute])
    if field.key_function is None:
        return False
    access = field.own_access if isinstance(field, RootField) else None
    if access is not None and not access.rules & ~_RULES_OF_PEOPLE:
        return True  # only a person and their helpers may see it; other callers, who have no key, are refused
    return not _allows_none(_get_return_annotation(field.key_function))


def _get_return_annotation(function: Callable[..., Any]) -> object:
    while isinstance(function, partial):
        function = function.func
    note = getattr(function, "__annotations__", {}).get("return", Any)
    names = getattr(function, "__globals__", {})
    return get_type_hints(SimpleNamespace(__annotations__={"return": note}), names, include_extras=True)["return"]


def _strip(annotation: object) -> object:
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _allows_none(annotation: object) -> bool:
    annotation = _strip(annotation)
    if get_origin(annotation) in (Union, UnionType):
        return any(_allows_none(each) for each in get_args(annotation))
    return annotation in (Any, None, NoneType)


def _get_item(annotation: object) -> object:
    """The annotation of an item of a list; of an unknown value, one that can be null."""
    annotation = _strip(annotation)
    if get_origin(annotation) in (Union, UnionType):
        annotation = next(each for each in get_args(annotation) if each is not NoneType)
    return next(iter(get_args(_strip(annotation))), _MAYBE)
