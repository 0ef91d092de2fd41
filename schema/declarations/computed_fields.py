"""Computed fields of special forms: a record of one of several types, and a path with a sealed key.

A sealed key opens at this hub only, and nobody can make one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Annotated, Any, Union

import strawberry
from strawberry.annotation import StrawberryAnnotation

from engine.batch import Batch
from engine.field_kinds import ComputedField
from schema.declarations.fields import DerivedField, PublishedField
from schema.declarations.request_context import RequestContext
from schema.declarations.routed_fields import copy_as


class UnionField(DerivedField):
    """A derived field whose value is a record of one of its member types."""

    union: tuple[str, str]
    """Name and description of the union."""
    members: Mapping[type[Any], Batch[Any, Any] | None]
    """The batch that gives records of each type; None if it follows from the type."""

    def narrow(self, members: Mapping[type[Any], Batch[Any, Any] | None]) -> UnionField:
        """The field of a hub that has records of these types alone."""
        narrowed = copy_as(UnionField, self)
        narrowed.members = members
        if members:
            narrowed.type_annotation = _build_annotation(*self.union, members)
        return narrowed


def union_field(
    union: tuple[str, str],
    members: Sequence[type[Any]] | Mapping[type[Any], Batch[Any, Any]],
    *,
    get_record: Callable[[Any], Any],
    description: str,
) -> Any:  # noqa: ANN401 - used in a class body
    """A field with a record that `get_record` takes from the parent record.

    `union` is the name and the description of the union of the members. A mapping names the batch that gives the
    records of each: without an agency for it, they are no members.
    """
    field = UnionField(description=description, type_annotation=_build_annotation(*union, members))
    field.union = union
    field.members = members if isinstance(members, Mapping) else dict.fromkeys(members)
    field.derive = lambda record: get_record(record)  # noqa: PLW0108 - the engine calls it by this name
    return field


def _build_annotation(name: str, description: str, members: Collection[type[Any]]) -> StrawberryAnnotation:
    any_member: Any = Union[tuple(members)]  # noqa: UP007 - the members are known at run time
    return StrawberryAnnotation(Annotated[any_member, strawberry.union(name, description=description)] | None)


class SealedLinkField(PublishedField):
    """The path and the sealed key of the record."""

    path: str
    type_name: str
    get_key: Callable[[Any], str]

    def get_result(self, source: Any, info: Any, args: list[Any], kwargs: Any) -> Any:  # noqa: ANN401, ARG002 - Strawberry's signature
        """The link."""
        return self.resolve_if_allowed(source, info.context, lambda: self._build(source, info.context))

    def engine_kind(self) -> ComputedField:
        """For plans."""
        return ComputedField(lambda record, _arguments, context: self._build(record, context))

    def _build(self, record: Any, context: RequestContext) -> str:  # noqa: ANN401 - any record
        return f"{self.path}{context.node_ids.seal(self.type_name, self.get_key(record))}"


def sealed_link(path: str, type_name: str, get_key: Callable[[Any], str], *, description: str) -> Any:  # noqa: ANN401 - used in a class body
    """A field with such a path; `type_name` tells its keys from those of other types."""
    field = SealedLinkField(description=description)
    field.path, field.type_name, field.get_key = path, type_name, get_key
    return field
