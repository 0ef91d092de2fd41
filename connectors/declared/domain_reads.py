"""What a domain protocol asks of a connector: its reads, with the types of their keys and records."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import Any, Final, get_args, get_origin, get_type_hints

from connectors.declared.tables import NotDeclarableError
from records.calls.call import Call
from records.calls.failures import AgencyFailure

KEY: Final = "key"
"""The name of a key that is no query with fields."""


@dataclass(frozen=True, slots=True)
class DomainRead:
    """One read of a domain protocol."""

    name: str
    key: Any
    """The type of a key."""
    record: Any
    """The type of the records."""
    is_list: bool
    """Whether a key has many records."""
    facets: tuple[type[Any], ...] = ()
    """For a read of facets, the records of which a caller wants some: the read takes keys, wanted facets and a call."""


def list_reads(domain: Any) -> Mapping[str, DomainRead]:  # noqa: ANN401 - mypy calls no class hashable
    """The reads of a domain protocol, by name."""
    return {name: _describe(domain, name, getattr(domain, name)) for name in list_read_names(domain)}


def list_read_names(domain: type[Any]) -> Sequence[str]:
    """The names of the reads of a domain protocol."""
    return [name for name, _ in inspect.getmembers(domain, inspect.isfunction) if not name.startswith("_")]


@cache
def _describe(domain: Any, name: str, method: Any) -> DomainRead:  # noqa: ANN401 - mypy calls no class hashable
    hints = get_type_hints(method)
    answers = hints.pop("return")
    keys, *rest = hints.values()
    wanted = rest[0] if len(rest) > 1 and get_origin(rest[0]) is frozenset else None
    if rest != ([Call] if wanted is None else [wanted, Call]) or get_origin(keys) is not Sequence:
        raise NotDeclarableError(
            f"reads.{name}", f"the domain {domain.__name__} gives it more than keys; answer it in Python"
        )
    if wanted is not None:
        facet = get_args(get_args(wanted)[0])[0]
        return DomainRead(name, get_args(keys)[0], facet, is_list=False, facets=get_args(facet) or (facet,))
    (value,) = (each for each in get_args(get_args(answers)[1]) if each is not AgencyFailure)
    is_list = get_origin(value) is Sequence
    return DomainRead(name, get_args(keys)[0], get_args(value)[0] if is_list else value, is_list)


def list_key_parts(key: object) -> Mapping[str, object]:
    """The parts of a key by name, with their types: the fields of a query; else the key itself."""
    if isinstance(key, type) and is_dataclass(key):
        hints = get_type_hints(key)
        return {each.name: hints[each.name] for each in fields(key)}
    return {KEY: key}


def find_plain_type(annotation: Any) -> object:  # noqa: ANN401 - any type
    """The type that a `NewType` names."""
    while hasattr(annotation, "__supertype__"):
        annotation = annotation.__supertype__
    return annotation
