"""Who read what of a person, in the graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import strawberry

from auth.rules import Rule
from engine.errors import BadInput
from records.access_log import AccessLogEntry, AccessLogPage, AccessLogQuery
from records.accesses import AccessPosition
from records.description import Doc
from records.population import Citizen
from schema.publishing import publishes
from schema.relay import MOST_PER_PAGE, PageInfo, PageInfoType, checked_first, cursor_of, position_of

First = Annotated[int, strawberry.argument(description=f"How many at most, 1 to {MOST_PER_PAGE}.")]
After = Annotated[str | None, strawberry.argument(description="Read on after this cursor (`pageInfo.endCursor`).")]


@publishes(
    AccessLogEntry,
    rule=Rule.SELF,
    subject="subject",
    shows=(
        "at",
        "text",
        "reader",
        "agency",
        "purpose",
        "legal_basis",
        "sources",
        "fields",
        "operation",
        "request_id",
    ),
)
class AccessLogEntryType:
    """An entry in the graph."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessLogEdge:
    """An entry in a list, with its place in it."""

    node: Annotated[AccessLogEntry, Doc("The entry.")]
    cursor: Annotated[str, Doc("Its place in the list; give it as `after` to read on from here.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessLogConnection:
    """A page of a person's access log."""

    edges: Annotated[tuple[AccessLogEdge, ...], Doc("The entries of this page, with their cursors.")]
    nodes: Annotated[tuple[AccessLogEntry, ...], Doc("The entries of this page.")]
    page_info: Annotated[PageInfo, Doc("Where the page lies in the list.")]


@publishes(AccessLogEdge, rule=Rule.PUBLIC, shows=("node", "cursor"), nested=(AccessLogEntryType,))
class AccessLogEdgeType:
    """AccessLogEdge in the graph."""


@publishes(
    AccessLogConnection,
    rule=Rule.PUBLIC,
    shows=("edges", "nodes", "page_info"),
    nested=(AccessLogEntryType, AccessLogEdgeType, PageInfoType),
)
class AccessLogConnectionType:
    """AccessLogConnection in the graph."""


def access_log_of(record: Citizen, first: First = 20, after: After = None) -> AccessLogQuery:
    """The page that the arguments ask for; raises `BadInput`."""
    return AccessLogQuery(subject=record.nik, first=checked_first(first), after=_position(after) if after else None)


def _position(after: str) -> AccessPosition:
    at, identifier = position_of(after)
    chain, _, sequence = identifier.partition(":")
    if not sequence.isdecimal() or not sequence.isascii() or len(sequence) > len(str(2**62)):
        raise BadInput(
            "Argument 'after' is no cursor of this list. Give an 'endCursor' or a 'cursor' as it was received."
        )
    return AccessPosition(at=at, chain=chain, sequence=int(sequence))


def access_log_connection(page: AccessLogPage, arguments: Mapping[str, Any]) -> AccessLogConnection:
    """The page of a list as a connection."""
    edges = tuple(
        AccessLogEdge(node=each, cursor=cursor_of(each.position.at, f"{each.position.chain}:{each.position.sequence}"))
        for each in page.entries
    )
    return AccessLogConnection(
        edges=edges,
        nodes=page.entries,
        page_info=PageInfo(
            has_next_page=page.has_more,
            has_previous_page=bool(arguments.get("after")),
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        ),
    )
