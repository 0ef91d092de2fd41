"""How a record becomes a type of the graph.

A published type copies the shown fields of its record: the record holds names, types and descriptions, so each is
written once. Callers cannot see other attributes. Strawberry types are never instantiated; records are passed on, and
their attributes are read.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from types import MappingProxyType, NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

import strawberry

from auth.policy.rules import Access, Rule, to_access
from engine.batch import Batch
from records.description import DescribedEnum, Doc, list_access_fields
from schema.declarations.access_directives import build_directives, describe_access
from schema.declarations.fields import PublishedAttribute, PublishedField, facet_field, node_id
from schema.declarations.guards import Guard
from schema.declarations.scalars import publish_enum

T = TypeVar("T", bound=type[Any])

_NO_FIELD_RULES: Mapping[str, Access] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Facet:
    """A facet of a key-only type: a group of fields that one batch fetches, on demand only."""

    record: type[Any]
    batch: Batch[Any, Any]
    key_attribute: str
    shows: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refetch:
    """How a node is loaded by the key inside its id."""

    batch: Batch[Any, Any]
    seal: Callable[[Any], str]
    """From the record to the text that is sealed in its id."""
    unseal: Callable[[str], Any]
    """From that text to the batch's key."""
    get_subject: Callable[[Any], Any] = lambda _key: None
    """From the key to its person, if the key names one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """The publication of a record; an attribute of the published class, `__publication__`."""

    record: type[Any]
    name: str
    guard: Guard
    refetch: Refetch | None


def get_publication(published: type[Any]) -> Publication:
    """The publication of a type; raises `TypeError` for a type that was not published."""
    publication = vars(published).get("__publication__")
    if not isinstance(publication, Publication):
        raise TypeError(f"{published.__name__} is not a published type; declare it with @publishes(...).")
    return publication


def publishes(  # noqa: PLR0913 - a declaration: its parameters are the fields of what is declared
    record: type[Any],
    *,
    rule: Rule | Access,
    shows: Sequence[str] = (),
    field_rules: Mapping[str, Access] = _NO_FIELD_RULES,
    subject: str | None = None,
    business: str | None = None,
    agency: str | None = None,
    public_when: str | None = None,
    preferences_field: str | None = None,
    facets: Sequence[Facet] = (),
    nested: Sequence[type[Any]] = (),
    refetch: Refetch | None = None,
) -> Callable[[T], T]:
    """Publish a record under its own name.

    `rule` holds for every field without its own rule, from the field itself or from `field_rules`. `subject` names
    the record's attribute with the person or people, `business` the one with the NIB, and `agency` the one with the
    agency whose readers it is about. `public_when` names an attribute that makes a single record public, and
    `preferences_field` one with the person's preferences, if no others count. `nested` lists the published types of
    records inside the shown ones. Raises `TypeError` or `ValueError` if the record cannot be published: the hub does
    not start.
    """
    base_guard = Guard(
        access=to_access(rule), subject=subject, business=business, agency=agency, preferences_field=preferences_field
    )
    guard = replace(base_guard, public_when=public_when)
    published = {get_publication(each).record: each for each in nested}
    _require_fields(record, [name for name in (subject, business, agency, public_when, *field_rules) if name])
    _require_marks(record, [name for name in (subject, business, agency, public_when) if name])

    def declare(cls: T) -> T:
        own = {name: value for name, value in vars(cls).items() if isinstance(value, PublishedField)}
        copied: dict[str, tuple[PublishedField, Any]] = {}
        if refetch is not None:
            copied["id"] = (node_id(record.__name__, refetch.seal), strawberry.ID)
        copied |= _build_attribute_fields(record, shows, published, nullable=not guard.is_public)
        for each in facets:
            copied |= _build_facet_fields(each, published)
        for name, (field, _) in copied.items():
            setattr(cls, name, field)
        cls.__annotations__ = {name: note for name, (_, note) in copied.items()} | dict(cls.__annotations__)
        for name, (field, _) in copied.items():
            field.set_rule(field_rules.get(name))
        for field in (*own.values(), *(field for field, _ in copied.values())):
            field.guard = guard if field.own_access is None else replace(base_guard, access=field.own_access)
        cls.__publication__ = Publication(record=record, name=record.__name__, guard=guard, refetch=refetch)
        cls.is_type_of = staticmethod(lambda value, _info: isinstance(value, record))
        return strawberry.type(
            cls,
            name=record.__name__,
            description=_build_type_description(record, guard),
            directives=build_directives(guard.access, public_ones=guard.public_when is not None),
        )

    return declare


def _build_type_description(record: type[Any], guard: Guard) -> str:
    who = describe_access(guard.access)
    if guard.public_when:
        who += " Everybody can read one that is public."
    return "\n\n".join(filter(None, (inspect.cleandoc(record.__doc__ or ""), who)))


def _build_attribute_fields(
    record: type[Any], names: Sequence[str], published: Mapping[type[Any], type[Any]], *, nullable: bool
) -> dict[str, tuple[PublishedField, Any]]:
    _require_fields(record, names)
    hints = get_type_hints(record, include_extras=True)
    shown: dict[str, tuple[PublishedField, Any]] = {}
    for name in names:
        note = to_graphql_annotation(hints[name], published)
        shown[name] = (
            PublishedAttribute(description=get_field_description(record, name)),
            note | None if nullable else note,
        )
    return shown


def _build_facet_fields(each: Facet, published: Mapping[type[Any], type[Any]]) -> dict[str, tuple[PublishedField, Any]]:
    _require_fields(each.record, each.shows)
    hints = get_type_hints(each.record, include_extras=True)
    return {
        name: (
            facet_field(
                each.record,
                name,
                batch=each.batch,
                key_attribute=each.key_attribute,
                description=get_field_description(each.record, name),
            ),
            to_graphql_annotation(hints[name], published) | None,
        )
        for name in each.shows
    }


def _require_fields(record: type[Any], names: Sequence[str]) -> None:
    known = {field.name for field in fields(record)}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(
            f"{record.__name__} has no field '{unknown[0]}'; it has: {', '.join(sorted(known))}. "
            "Publish a field that the record has."
        )


def _require_marks(record: type[Any], names: Sequence[str]) -> None:
    """Agencies' values of these fields fail closed, because they are marked."""
    missing = sorted(set(names) - list_access_fields(record))
    if missing:
        raise TypeError(
            f"{record.__name__}.{missing[0]} decides about access. "
            "Mark it in its record: Annotated[..., DECIDES_ACCESS]."
        )


def get_field_description(record: type[Any], name: str) -> str:
    """The record's description of a field; raises `TypeError` if there is none."""
    note = get_type_hints(record, include_extras=True)[name]
    for part in get_args(note)[1:] if get_origin(note) is Annotated else ():
        if isinstance(part, Doc):
            return part.text
    raise TypeError(
        f"{record.__name__}.{name} has no description. Annotate it in its record: Annotated[..., Doc('...')]."
    )


def to_graphql_annotation(annotation: Any, published: Mapping[type[Any], type[Any]]) -> Any:  # noqa: ANN401 - any annotation
    """A record's annotation in GraphQL terms: nested records become their published types, tuples lists."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return to_graphql_annotation(get_args(annotation)[0], published)
    if origin in (Union, UnionType):
        inner = [to_graphql_annotation(each, published) for each in get_args(annotation) if each is not NoneType]
        return inner[0] | None
    if origin in (tuple, list):
        return list[to_graphql_annotation(get_args(annotation)[0], published)]  # type: ignore[misc]  # built at run time
    if isinstance(annotation, type) and issubclass(annotation, DescribedEnum):
        return publish_enum(annotation)
    return published.get(annotation, annotation)
