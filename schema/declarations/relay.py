"""Nodes, connections and cursors (GraphQL Global Object Identification and Cursor Connections specifications)."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import strawberry

from auth.policy.rules import Rule
from engine.errors import BadInput
from records.calls.answers import CountedList
from records.description import Doc
from records.record import record
from schema.declarations.publishing import get_publication, publishes
from schema.declarations.scalars import require_comparable

T = TypeVar("T", bound=type[Any])

MAX_PAGE_SIZE = 100
_SUFFIX = "ConnectionType"
_NO_CURSOR = (
    "Argument 'after' is not a cursor of this list. Send an 'endCursor' or 'cursor' exactly as it was received."
)

First = Annotated[int, strawberry.argument(description=f"Maximum number of items, 1 to {MAX_PAGE_SIZE}.")]
After = Annotated[str | None, strawberry.argument(description="Continue after this cursor (`pageInfo.endCursor`).")]
Search = Annotated[str, strawberry.argument(description="Only items whose name contains this text, ignoring case.")]


def estimate_matches(arguments: Mapping[str, Any]) -> int:
    """Estimates the size of a short list: about one match if a name is searched for."""
    return 1 if arguments["search"] else 20


@strawberry.interface(description="An object that can be refetched by its opaque id.")
class Node:
    """The Node interface."""

    id: strawberry.ID = strawberry.field(description="Opaque, stable identifier of this object.")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageInfo:
    """The position of a page in its list."""

    has_next_page: Annotated[bool, Doc("Whether there are items after this page.")]
    has_previous_page: Annotated[bool, Doc("Whether there are items before this page.")]
    start_cursor: Annotated[str | None, Doc("Cursor of the first item.")]
    end_cursor: Annotated[str | None, Doc("Cursor of the last item; pass it as `after` to continue.")]


@publishes(PageInfo, rule=Rule.PUBLIC, shows=("has_next_page", "has_previous_page", "start_cursor", "end_cursor"))
class PageInfoType:
    """PageInfo in the graph."""


class ConnectionPage:
    """What the records of all connections have in common."""

    __slots__ = ()
    if TYPE_CHECKING:
        edges: tuple[Any, ...]
        nodes: tuple[Any, ...]
        page_info: PageInfo
        total_count: int | None


def connection_of(
    item: type[Any],
    *,
    item_name: str,
    items_name: str,
    has_total: bool = False,
    counts: Mapping[str, str] = MappingProxyType({}),
    flags: Mapping[str, str] = MappingProxyType({}),
) -> Callable[[T], T]:
    """Publishes a class `XConnectionType` as the connection of a published type, with its edges `XEdge`.

    The class's docstring is the description of a page; `item_name` and `items_name` name its items ("complaint",
    "complaints"). The guard of the item's type protects each item; the connection is public. `build_connection` builds
    its records, with `total_count` if it `has_total`, and with the numbers and truth values that `counts` and `flags`
    describe by their names. Raises `TypeError` for a class with another name.

    >>> @connection_of(ComplaintType, item_name="complaint", items_name="complaints")
    ... class ComplaintConnectionType:
    ...     "A page of complaints."
    """
    of = get_publication(item).record

    def declare(cls: T) -> T:
        if not cls.__name__.endswith(_SUFFIX):
            raise TypeError(
                f"{cls.__name__} is not a valid name of a connection; name it after its items: 'Item{_SUFFIX}'."
            )
        name = cls.__name__.removesuffix(_SUFFIX)
        article = "An" if item_name[0] in "aeiou" else "A"
        doc = Doc(f"Number of {items_name} on all pages; null if the agency does not count them.")
        described = {
            **({"total_count": doc} if has_total else {}),
            **{name: Doc(each) for name, each in counts.items()},
        }
        totals = {
            **{name: Annotated[int | None, each] for name, each in described.items()},
            **{name: Annotated[bool, Doc(each)] for name, each in flags.items()},
        }
        edge = _build_record_class(
            f"{name}Edge",
            f"{article} {item_name} in a list, with its cursor.",
            node=Annotated[of, Doc(f"The {item_name}.")],
            cursor=Annotated[str, Doc("Its position in the list; pass it as `after` to continue from here.")],
        )
        connection = _build_record_class(
            f"{name}Connection",
            cls.__doc__ or "",
            edges=Annotated[tuple[edge, ...], Doc(f"The {items_name} of this page, with their cursors.")],  # type: ignore[valid-type]  # made here
            nodes=Annotated[tuple[of, ...], Doc(f"The {items_name} of this page.")],  # type: ignore[valid-type]  # same
            page_info=Annotated[PageInfo, Doc("The position of the page in the list.")],
            bases=(ConnectionPage,),
            **totals,
        )
        edges = publishes(edge, rule=Rule.PUBLIC, shows=("node", "cursor"), nested=(item,))(
            type(f"{name}EdgeType", (), {})
        )
        nested = (item, edges, PageInfoType)
        pages = publishes(connection, rule=Rule.PUBLIC, shows=("edges", "nodes", "page_info", *totals), nested=nested)(
            cls
        )
        pages.__edge__ = edge
        return pages

    return declare


def _build_record_class(
    name: str,
    description: str,
    *,
    bases: tuple[type[Any], ...] = (),
    **fields: Any,  # noqa: ANN401 - annotations
) -> type[Any]:
    return record(type(name, bases, {"__doc__": description, "__module__": __name__, "__annotations__": fields}))


def build_connection(
    connection: type[Any],
    items: Sequence[Any],
    *,
    cursor: Callable[[Any], str],
    has_more: bool,
    arguments: Mapping[str, Any],
    **totals: int | None,
) -> ConnectionPage:
    """Builds the record of a connection that `connection_of` published; `cursor` returns the cursor of an item."""
    of, edge = get_publication(connection).record, vars(connection)["__edge__"]
    edges = tuple(edge(node=each, cursor=cursor(each)) for each in items)
    page: ConnectionPage = of(
        edges=edges,
        nodes=tuple(items),
        page_info=PageInfo(
            has_next_page=has_more,
            has_previous_page=bool(arguments.get("after")),
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        ),
        **totals,
    )
    return page


def build_page(
    connection: type[Any], found: Sequence[Any], arguments: Mapping[str, Any], *, id_name: str = "id"
) -> ConnectionPage:
    """Builds the connection of a list ordered by identifier, of which one item more than the page was requested."""
    first = arguments["first"]
    total = found.total if isinstance(found, CountedList) else None
    has_total = "total_count" in get_publication(connection).record.__slots__
    return build_connection(
        connection,
        found[:first],
        cursor=lambda each: encode_id_cursor(getattr(each, id_name)),
        has_more=len(found) > first,
        arguments=arguments,
        **({"total_count": total} if has_total else {}),
    )


def encode_id_cursor(identifier: str) -> str:
    """Encodes the cursor of an item in a list that is ordered by identifier."""
    return urlsafe_b64encode(identifier.encode()).decode().rstrip("=")


def decode_id_cursor(cursor: str) -> str:
    """Decodes the identifier of a cursor. Raises `BadInput` if it is invalid."""
    try:
        identifier = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except ValueError:
        identifier = ""
    if not identifier or encode_id_cursor(identifier) != cursor:
        raise BadInput(_NO_CURSOR)
    return identifier


def encode_cursor(moment: datetime, identifier: str) -> str:
    """Encodes the cursor of an item in a list that is ordered by moment and identifier."""
    return urlsafe_b64encode(f"{moment.isoformat()} {identifier}".encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> tuple[datetime, str]:
    """Decodes the moment and the identifier of a cursor. Raises `BadInput` if it is invalid."""
    try:
        moment, _, identifier = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition(" ")
        position = require_comparable(datetime.fromisoformat(moment)), identifier
    except ValueError:
        position = None
    if position is None or not position[1] or encode_cursor(*position) != cursor:
        raise BadInput(_NO_CURSOR)
    return position


def check_first(first: int, *, maximum: int = MAX_PAGE_SIZE) -> int:
    """Returns the page size. Raises `BadInput` outside 1 to `maximum`."""
    if not 1 <= first <= maximum:
        raise BadInput(f"Argument 'first' is {first}; it must be from 1 to {maximum}.")
    return first
