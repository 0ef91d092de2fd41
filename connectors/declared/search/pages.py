"""What a domain's search asks for, and what its answer is made of: filters, pages and the order of their records."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Any, Final, get_args, get_origin, get_type_hints

from connectors.declared.domain_reads import DomainRead, find_plain_type
from connectors.declared.python_functions import split_optional
from connectors.declared.tables import FieldTable, NotDeclarableError

SEARCH: Final = "search"
FIRST: Final = "first"
AFTER: Final = "after"
NEAR: Final = "near"
_MAX_PAGE: Final = 1_000
_ORDER: Final = re.compile(r"(\w+)( desc)?")


@dataclass(frozen=True, slots=True)
class SearchPage:
    """A record with the records of one page, whether more follow, and perhaps how many there are."""

    record: type[Any]
    page: type[Any]
    records_field: str
    more_field: str
    total_field: str | None


def find_page(domain_read: DomainRead) -> SearchPage | None:
    """The page that a search answers with; None for a list. Raises `NotDeclarableError` for anything else."""
    page: Any = domain_read.record
    if domain_read.is_list:
        return None
    hints = get_type_hints(page) if isinstance(page, type) and is_dataclass(page) else {}
    more = [name for name, each in hints.items() if each is bool]
    totals = [name for name, each in hints.items() if each == int | None]
    listed = [(name, get_args(each)[0]) for name, each in hints.items() if get_origin(each) is tuple]
    if len(hints) != len(more) + len(listed) + len(totals) or len(more) != 1 or len(listed) != 1:
        problem = "a query is answered by a list or a page; write `python` or a connector"
        raise NotDeclarableError(f"reads.{domain_read.name}", problem)
    return SearchPage(listed[0][1], page, listed[0][0], more[0], next(iter(totals), None))


def find_size(query: Any) -> int:  # noqa: ANN401 - a query of the domain
    """The records of the page that a query asks for."""
    size: int = query.first
    return min(max(size, 0), _MAX_PAGE)


def is_given(value: object) -> bool:
    """Whether a part of a query selects anything."""
    return value is not None and value not in ((), "")


def parse_order(place: str, parts: Mapping[str, object], order: Sequence[str]) -> Mapping[str, bool]:
    """The fields by which pages are sorted, those of the domain's position, and whether each is descending.

    Raises:
        NotDeclarableError: A part of a position is missing, or another field is named.

    """
    at, position = f"{place}.order", split_optional(parts.get(AFTER))[0]
    named = {each.name for each in fields(position)} if is_dataclass(position) else None
    example = "order = [" + ", ".join(f'"{each} desc"' for each in sorted(named or {"id"})) + "]"
    found: dict[str, bool] = {}
    for each in order:
        match = _ORDER.fullmatch(each)
        if match is None or (named is not None and match[1] not in named):
            raise NotDeclarableError(at, f"'{each}' is no part of a position: write it as in {example}")
        found[match[1]] = match[2] is not None
    if len(found) != (1 if named is None else len(named)):
        raise NotDeclarableError(at, f"name each part of a position, as in {example}")
    return found


def require_comparable(place: str, part: str, part_type: object, field: str, kind: object) -> None:
    """Raise `NotDeclarableError` if a part of a query has another type than the field."""
    if find_plain_type(find_single_type(part_type)) != find_plain_type(kind):
        raise NotDeclarableError(place, f"'{part}' has another type than the field '{field}'")


def find_single_type(annotation: object) -> Any:  # noqa: ANN401 - any type
    """The type of a part without None, and without a tuple around it."""
    single = split_optional(annotation)[0]
    return get_args(single)[0] if get_origin(single) is tuple else single


def list_words(place: str, kind: Any, table: FieldTable) -> Mapping[object, Sequence[str]] | None:  # noqa: ANN401 - any type
    """The agency's words for each value of a field; None for a field that is not of words."""
    is_enum = isinstance(kind, type) and issubclass(kind, Enum)
    if table.values is None:
        return {each: [str(each.value)] for each in kind} if is_enum else None
    if table.unknown not in {None, "null"}:
        raise NotDeclarableError(place, "rows with an unknown word would be missing: name them in `values`")
    found: dict[object, list[str]] = {}
    for word, value in table.values.items():
        found.setdefault(kind[value] if is_enum else value, []).append(word)
    return found
