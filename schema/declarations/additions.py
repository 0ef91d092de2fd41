"""Fields that a module of the graph adds to a type of another module: to a root, or to a published type.

So a new subject is declared in its own files, and no list names it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType, ModuleType
from typing import Any, TypeVar

import strawberry
from strawberry.types.base import get_object_definition
from strawberry.types.field import StrawberryField

from schema.declarations.fields import PublishedField, RootField
from schema.declarations.publishing import get_publication

T = TypeVar("T", bound=type[Any])

AddedFields = Mapping[type[Any], Sequence[StrawberryField]]
"""Fields by the published type that they are added to."""
NO_ADDED_FIELDS: AddedFields = MappingProxyType({})
_TARGET = "__adds_to__"
_PUBLICATION = "__publication__"
_QUERY, _MUTATION = "Query", "Mutation"


def adds_to_query(declared: T) -> T:
    """Add root fields to `Query`."""
    setattr(declared, _TARGET, _QUERY)
    return declared


def adds_to_mutation(declared: T) -> T:
    """Add root fields to `Mutation`."""
    setattr(declared, _TARGET, _MUTATION)
    return declared


def adds_to(published: type[Any]) -> Callable[[T], T]:
    """Add edges to a published type. They have its rule, unless they declare another."""
    guard = get_publication(published).guard

    def declare(declared: T) -> T:
        for field in vars(declared).values():
            if isinstance(field, PublishedField):
                own = field.own_access
                field.guard = guard if own is None else replace(guard, access=own, public_when=None)
        setattr(declared, _TARGET, published)
        return declared

    return declare


def import_types(package: ModuleType) -> Sequence[ModuleType]:
    """The modules of a package, by name."""
    return [import_module(f"{package.__name__}.{each.name}") for each in iter_modules(package.__path__)]


def list_published_records(modules: Sequence[ModuleType]) -> Sequence[type[Any]]:
    """The records that the modules publish, with the edges of connections."""
    found = []
    for each in _list_classes(modules, _PUBLICATION):
        found += [get_publication(each).record, *filter(None, [vars(each).get("__edge__")])]
    return found


def find_node_types(modules: Sequence[ModuleType]) -> Sequence[type[Any]]:
    """The published types whose objects can be loaded by their id."""
    return [each for each in _list_classes(modules, _PUBLICATION) if get_publication(each).refetch is not None]


def find_root_fields(modules: Sequence[ModuleType]) -> Mapping[str, RootField]:
    """The root fields that modules add to `Query`, by name in Python. Raises `TypeError` for two with one name."""
    return _find_fields_of(_QUERY, modules)


def find_mutations(modules: Sequence[ModuleType]) -> Mapping[str, RootField]:
    """The same for `Mutation`."""
    return _find_fields_of(_MUTATION, modules)


def _find_fields_of(root: str, modules: Sequence[ModuleType]) -> Mapping[str, RootField]:
    found: dict[str, RootField] = {}
    for each in _list_classes(modules, _TARGET):
        for name, field in vars(each).items() if vars(each)[_TARGET] == root else ():
            if isinstance(field, RootField) and found.setdefault(name, field) is not field:
                raise TypeError(f"Two modules add the root field '{name}'; rename one.")
    return found


def build_added_fields(modules: Sequence[ModuleType]) -> AddedFields:
    """The fields that modules add to published types, by that type. Raises `TypeError` for one that the type has."""
    added: dict[type[Any], list[StrawberryField]] = {}
    for each in _list_classes(modules, _TARGET):
        target = vars(each)[_TARGET]
        if target not in {_QUERY, _MUTATION}:
            fields = added.setdefault(target, [])
            names = {field.python_name for field in (*get_object_definition(target, strict=True).fields, *fields)}
            new = _list_fields(each)
            if double := next((field.python_name for field in new if field.python_name in names), None):
                raise TypeError(f"{each.__name__} adds '{double}' to {target.__name__}, which has it; rename it.")
            fields.extend(new)
    return added


def _list_fields(declared: type[Any]) -> Sequence[StrawberryField]:
    copied = {name: value for name, value in vars(declared).items() if name not in {"__dict__", "__weakref__"}}
    made = type(declared.__name__, (), copied)
    definition = get_object_definition(strawberry.type(made), strict=True)
    return definition.fields


def _list_classes(modules: Sequence[ModuleType], mark: str) -> Iterator[type[Any]]:
    """The classes that the modules define and that carry the attribute."""
    for module in modules:
        for each in vars(module).values():
            if isinstance(each, type) and mark in vars(each) and each.__module__ == module.__name__:
                yield each
