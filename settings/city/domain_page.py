"""A page of documentation with the reads and records of every domain: what a manifest declares."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from connectors.declared.domain_reads import DomainRead, list_reads
from connectors.declared.tables import NotDeclarableError
from records.description import Doc
from resolvers.domains import find_domains

_INTRODUCTION = """# Domains

<!-- Written by `simpul agencies schema`. -->

A [manifest](manifests.md) answers one of these domains: it declares each read, and a column for each field of the
records. An optional field is null where the agency does not have it.
"""
_WORDS = {str: "text", int: "number", float: "decimal number", bool: "yes or no"}


def render_domain_page() -> str:
    """The page in Markdown."""
    return _INTRODUCTION + "".join(f"\n{each}" for each in _list_sections())


def _list_sections() -> Iterator[str]:
    for word, protocol in find_domains().items():
        yield f"## {word}\n"
        try:
            reads = list_reads(protocol)
        except NotDeclarableError:
            yield "A connector in Python answers it.\n"
            continue
        yield _write_table(
            "read", "key", "gives", "meaning", rows=[_list_read_cells(protocol, each) for each in reads.values()]
        )
        for record in _list_records(reads.values()):
            yield f"### {record.__name__}\n\n{inspect.cleandoc(record.__doc__ or '')}\n"
            yield _write_table("field", "type", "optional", "meaning", rows=list(_list_field_cells(record)))


def _write_table(*columns: str, rows: list[tuple[str, ...]]) -> str:
    lines = [columns, tuple("---" for _ in columns), *rows]
    return "".join(f"| {' | '.join(each)} |\n" for each in lines)


def _list_read_cells(protocol: type[Any], read: DomainRead) -> tuple[str, ...]:
    record = " and ".join(each.__name__ for each in read.facets or (read.record,))
    gives = f"list of {record}" if read.is_list else record
    doc = inspect.cleandoc(getattr(protocol, read.name).__doc__ or "").splitlines()[0]
    return f"`{read.name}`", _describe_type(read.key), gives, doc


def _list_records(reads: Any) -> Iterator[type[Any]]:  # noqa: ANN401 - the values of a mapping
    """Keys with fields, and records, with the records inside them; each once."""
    waiting, seen = [part for each in reads for part in (each.key, *(each.facets or (each.record,)))], set[Any]()
    while waiting:
        each = waiting.pop(0)
        if is_dataclass(each) and each not in seen and isinstance(each, type):
            seen.add(each)
            yield each
            waiting += [part for hint in get_type_hints(each).values() for part in _list_parts(hint)]


def _list_parts(hint: Any) -> Iterator[Any]:  # noqa: ANN401 - any annotation
    yield hint
    for each in get_args(hint):
        yield from _list_parts(each)


def _list_field_cells(record: type[Any]) -> Iterator[tuple[str, ...]]:
    hints = get_type_hints(record, include_extras=True)
    for each in fields(record):
        hint, meaning = hints[each.name], ""
        if get_origin(hint) is Annotated:
            hint, *notes = get_args(hint)
            meaning = next((note.text for note in notes if isinstance(note, Doc)), "")
        parts = get_args(hint) if get_origin(hint) in {Union, UnionType} else (hint,)
        plain = " or ".join(_describe_type(part) for part in parts if part is not NoneType)
        yield f"`{each.name}`", plain, "yes" if NoneType in parts else "", meaning


def _describe_type(hint: Any) -> str:  # noqa: ANN401 - any annotation
    if get_origin(hint) is not None:
        inner = [each for each in get_args(hint) if each is not Ellipsis]
        return f"list of {_describe_type(inner[0])}" if inner else str(hint)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return ", ".join(f"`{each.name}`" for each in hint)
    return _WORDS.get(hint, getattr(hint, "__name__", str(hint)))
