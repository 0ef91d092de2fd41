"""Exactly what would go to a partner: every field that a scope opens, and the operation that shows their values.

Read off the published types themselves: what a partner can reach of somebody who consented (`Consenting`) is what the
person is shown. Where the partner may run registered operations only, it is what these read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from strawberry import UNSET
from strawberry.schema.config import StrawberryConfig

from auth.rules import Access, Classification, Rule
from records.purposes import Purpose, Scope
from schema.consenting import ConsentingType
from schema.fields import PublishedField
from schema.publishing import Publication

_DEEPEST = 6
_INDENT = "  "
_NAMES = StrawberryConfig().name_converter


@dataclass(frozen=True, slots=True)
class Opened:
    """One field that a scope opens."""

    coordinate: str
    scope: Scope
    says: str
    classification: Classification


@dataclass(frozen=True, slots=True)
class _Part:
    """A field of the preview, with what is selected below it."""

    name: str
    opened: Opened | None
    """None for public fields beside it, such as a region's name."""
    below: tuple[_Part, ...] = ()

    def every(self) -> Iterator[Opened]:
        """It and all below."""
        if self.opened is not None:
            yield self.opened
        for part in self.below:
            yield from part.every()

    def lines(self, depth: int) -> Iterator[str]:
        """It and all below, as GraphQL."""
        yield f"{_INDENT * depth}{self.name}{' {' if self.below else ''}"
        for part in self.below:
            yield from part.lines(depth + 1)
        if self.below:
            yield f"{_INDENT * depth}}}"


def opened_by(scopes: Collection[Scope], purpose: Purpose, reads: Collection[str] | None) -> Sequence[Opened]:
    """What a partner could read of a person who grants these scopes for this purpose, each field once.

    `reads` are the coordinates that the partner's registered operations read; None where it may run any operation.
    """
    parts = _parts(scopes, purpose, reads)
    found = {(each.coordinate, each.scope): each for part in parts for each in part.every()}
    return list(found.values())


def opens(scope: Scope, purpose: Purpose, reads: Collection[str] | None) -> bool:
    """Whether a scope opens anything to a partner."""
    return bool(opened_by((scope,), purpose, reads))


def preview_document(scopes: Collection[Scope], purpose: Purpose, reads: Collection[str] | None) -> str | None:
    """The operation that shows the person the same fields of themself; None where no value would go.

    Comparisons with the population register are not in it: no value of the register goes to anybody.
    """
    below = [
        part
        for part in _parts(scopes, purpose, reads)
        if part.opened is not None and part.opened.scope is not Scope.IDENTITY
    ]
    if not below:
        return None
    lines = [line for part in below for line in part.lines(2)]
    return "\n".join(["query ConsentPreview {", f"{_INDENT}me {{", *lines, f"{_INDENT}}}", "}"])


def _parts(scopes: Collection[Scope], purpose: Purpose, reads: Collection[str] | None) -> list[_Part]:
    parts = []
    for field in _fields(ConsentingType):
        access, target = _access(field), _target(field)
        scope = None if access is None else access.scope
        if access is None or scope is None or target is None or scope not in scopes or not _covers(access, purpose):
            continue
        below = tuple(_below(target, scope, purpose, reads, depth=1))
        if below:
            parts.append(_Part(_name(field), _opened(ConsentingType, field, access, scope), below))
    return parts


def _below(
    type_: type[Any], scope: Scope, purpose: Purpose, reads: Collection[str] | None, *, depth: int
) -> Iterator[_Part]:
    for field in _fields(type_):
        access, target, coordinate = _access(field), _target(field), _coordinate(type_, field)
        if access is None or (reads is not None and coordinate not in reads) or _needs_arguments(field):
            continue
        if Rule.PARTNER not in access.rule or access.scope is not scope or not _covers(access, purpose):
            continue
        opened = _opened(type_, field, access, scope)
        if target is None:
            yield _Part(_name(field), opened)
        elif depth < _DEEPEST:
            below = (
                _public_leaves(target, reads)
                if _is_public(target)
                else _below(target, scope, purpose, reads, depth=depth + 1)
            )
            if parts := tuple(below):
                yield _Part(_name(field), opened, parts)


def _public_leaves(type_: type[Any], reads: Collection[str] | None) -> Iterator[_Part]:
    """Plain fields of something public that a record leads to, such as a region."""
    for field in _fields(type_):
        read = reads is None or _coordinate(type_, field) in reads
        if read and _target(field) is None and not field.arguments and _name(field) != "id":
            yield _Part(_name(field), None)


def _fields(type_: type[Any]) -> Iterator[PublishedField]:
    for field in type_.__strawberry_definition__.fields:
        if isinstance(field, PublishedField):
            yield field


def _access(field: PublishedField) -> Access | None:
    return field.own_access or (None if field.guard is None else field.guard.access)


def _covers(access: Access, purpose: Purpose) -> bool:
    return not access.purposes or purpose in access.purposes


def _target(field: PublishedField) -> type[Any] | None:
    """The published type that the field leads to; None for a plain value."""
    type_: Any = field.type
    while hasattr(type_, "of_type"):
        type_ = type_.of_type
    return type_ if isinstance(vars(type_).get("__publication__"), Publication) else None


def _is_public(type_: type[Any]) -> bool:
    publication: Publication = vars(type_)["__publication__"]
    return publication.guard.is_public


def _needs_arguments(field: PublishedField) -> bool:
    return any(argument.default is UNSET for argument in field.arguments)


def _name(field: PublishedField) -> str:
    return _NAMES.get_graphql_name(field)


def _coordinate(type_: type[Any], field: PublishedField) -> str:
    return f"{vars(type_)['__publication__'].name}.{_name(field)}"


def _opened(type_: type[Any], field: PublishedField, access: Access, scope: Scope) -> Opened:
    says = (field.description or "").partition("\n")[0]
    return Opened(_coordinate(type_, field), scope, says, access.classification)
