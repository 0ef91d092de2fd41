"""The preview of a consent: every field that the partner could read, and the operation that shows the values.

Derived from the published types: the preview shows what a partner can reach from `Consenting`. If the partner may run
only registered operations, it shows what these read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from strawberry import UNSET
from strawberry.schema.config import StrawberryConfig

from auth.policy.rules import Access, Classification, Rule
from records.purposes import Purpose, Scope
from schema import types
from schema.declarations.additions import AddedFields, build_added_fields, import_types
from schema.declarations.fields import PublishedField
from schema.declarations.publishing import Publication
from schema.types.consenting import ConsentingType

OWN_ROOT = ("query ConsentPreview {", "  me {")
CHILD_ROOT = ("query ConsentPreview($child: NIK!) {", "  me: citizen(nik: $child) {")
_MAX_DEPTH = 6
_INDENT = "  "
_NAMES = StrawberryConfig().name_converter


@dataclass(frozen=True, slots=True)
class GrantedField:
    """One field that a scope opens."""

    coordinate: str
    scope: Scope
    description: str
    classification: Classification


@dataclass(frozen=True, slots=True)
class _PreviewPart:
    """A field of the preview, with its selected subfields."""

    name: str
    granted: GrantedField | None
    """None for public fields, such as a region's name."""
    below: tuple[_PreviewPart, ...] = ()

    def iterate_granted(self) -> Iterator[GrantedField]:
        """Yields this field and all fields below it."""
        if self.granted is not None:
            yield self.granted
        for part in self.below:
            yield from part.iterate_granted()

    def to_lines(self, depth: int) -> Iterator[str]:
        """Yields the lines of this field and all fields below it, as GraphQL."""
        yield f"{_INDENT * depth}{self.name}{' {' if self.below else ''}"
        for part in self.below:
            yield from part.to_lines(depth + 1)
        if self.below:
            yield f"{_INDENT * depth}}}"


def list_granted_fields(
    scopes: Collection[Scope], purpose: Purpose, reads: Collection[str] | None
) -> Sequence[GrantedField]:
    """Lists what a partner could read about a person who grants these scopes for this purpose, each field once.

    `reads` are the coordinates that the partner's registered operations read; None if it may run any operation.
    """
    parts = _build_parts(scopes, purpose, reads)
    found = {(each.coordinate, each.scope): each for part in parts for each in part.iterate_granted()}
    return list(found.values())


def grants_anything(scope: Scope, purpose: Purpose, reads: Collection[str] | None) -> bool:
    """Whether a scope opens anything to a partner."""
    return bool(list_granted_fields((scope,), purpose, reads))


def build_preview_document(
    scopes: Collection[Scope], purpose: Purpose, reads: Collection[str] | None, root: Sequence[str] = OWN_ROOT
) -> str | None:
    """Builds the operation that shows the person the values of these fields; None if no value would be sent.

    `root` has the first lines: about the person, or about a child.

    It omits comparisons with the population register, which send no value.
    """
    below = [
        part
        for part in _build_parts(scopes, purpose, reads)
        if part.granted is not None and part.granted.scope is not Scope.IDENTITY
    ]
    if not below:
        return None
    lines = [line for part in below for line in part.to_lines(2)]
    return "\n".join([*root, *lines, f"{_INDENT}}}", "}"])


def _build_parts(scopes: Collection[Scope], purpose: Purpose, reads: Collection[str] | None) -> list[_PreviewPart]:
    parts = []
    for field in _iterate_published_fields(ConsentingType):
        access, target = _get_access(field), _get_target_type(field)
        scope = None if access is None else access.scope
        if (
            access is None
            or scope is None
            or target is None
            or scope not in scopes
            or not _covers_purpose(access, purpose)
        ):
            continue
        below = tuple(_build_parts_below(target, scope, purpose, reads, depth=1))
        if below:
            parts.append(
                _PreviewPart(_get_name(field), _build_granted_field(ConsentingType, field, access, scope), below)
            )
    return parts


def _build_parts_below(
    type_: type[Any], scope: Scope, purpose: Purpose, reads: Collection[str] | None, *, depth: int
) -> Iterator[_PreviewPart]:
    for field in _iterate_published_fields(type_):
        access, target, coordinate = _get_access(field), _get_target_type(field), _get_coordinate(type_, field)
        if access is None or (reads is not None and coordinate not in reads) or _needs_arguments(field):
            continue
        if Rule.PARTNER not in access.rules or access.scope is not scope or not _covers_purpose(access, purpose):
            continue
        opened = _build_granted_field(type_, field, access, scope)
        if target is None:
            yield _PreviewPart(_get_name(field), opened)
        elif depth < _MAX_DEPTH:
            below = (
                _build_public_leaves(target, reads)
                if _is_public(target)
                else _build_parts_below(target, scope, purpose, reads, depth=depth + 1)
            )
            if parts := tuple(below):
                yield _PreviewPart(_get_name(field), opened, parts)


def _build_public_leaves(type_: type[Any], reads: Collection[str] | None) -> Iterator[_PreviewPart]:
    """Yields the scalar fields of a public type that a record leads to, such as a region."""
    for field in _iterate_published_fields(type_):
        read = reads is None or _get_coordinate(type_, field) in reads
        if read and _get_target_type(field) is None and not field.arguments and _get_name(field) != "id":
            yield _PreviewPart(_get_name(field), None)


@cache
def _load_added_fields() -> AddedFields:
    """The fields that domains add, such as `students` of a person who consented. Late, as types import this module."""
    return build_added_fields(import_types(types))


def _iterate_published_fields(type_: type[Any]) -> Iterator[PublishedField]:
    for field in (*type_.__strawberry_definition__.fields, *_load_added_fields().get(type_, ())):
        if isinstance(field, PublishedField):
            yield field


def _get_access(field: PublishedField) -> Access | None:
    return field.own_access or (None if field.guard is None else field.guard.access)


def _covers_purpose(access: Access, purpose: Purpose) -> bool:
    return not access.purposes or purpose in access.purposes


def _get_target_type(field: PublishedField) -> type[Any] | None:
    """Returns the published type that the field leads to; None for a scalar."""
    type_: Any = field.type
    while hasattr(type_, "of_type"):
        type_ = type_.of_type
    return type_ if isinstance(vars(type_).get("__publication__"), Publication) else None


def _is_public(type_: type[Any]) -> bool:
    publication: Publication = vars(type_)["__publication__"]
    return publication.guard.is_public


def _needs_arguments(field: PublishedField) -> bool:
    return any(argument.default is UNSET for argument in field.arguments)


def _get_name(field: PublishedField) -> str:
    return _NAMES.get_graphql_name(field)


def _get_coordinate(type_: type[Any], field: PublishedField) -> str:
    return f"{vars(type_)['__publication__'].name}.{_get_name(field)}"


def _build_granted_field(type_: type[Any], field: PublishedField, access: Access, scope: Scope) -> GrantedField:
    says = (field.description or "").partition("\n")[0]
    return GrantedField(_get_coordinate(type_, field), scope, says, access.classification)
