"""Node, connections and cursors: the GraphQL Global Object Identification and Cursor Connections specifications."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import strawberry

from auth.rules import Rule
from engine.errors import BadInput
from records.description import Doc
from schema.publishing import publishes
from schema.scalars import comparable

MOST_PER_PAGE = 100


@strawberry.interface(description="Anything that can be read again by its opaque id.")
class Node:
    """The Node interface."""

    id: strawberry.ID = strawberry.field(description="Opaque, stable identifier of this object.")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageInfo:
    """Where a page lies in its list."""

    has_next_page: Annotated[bool, Doc("Whether there is more after this page.")]
    has_previous_page: Annotated[bool, Doc("Whether there is anything before this page.")]
    start_cursor: Annotated[str | None, Doc("Cursor of the first item of the page.")]
    end_cursor: Annotated[str | None, Doc("Cursor of the last item; give it as `after` to read on.")]


@publishes(PageInfo, rule=Rule.PUBLIC, shows=("has_next_page", "has_previous_page", "start_cursor", "end_cursor"))
class PageInfoType:
    """PageInfo in the graph."""


def cursor_of(moment: datetime, identifier: str) -> str:
    """The cursor of an item in a list that is ordered by moment and identifier."""
    return urlsafe_b64encode(f"{moment.isoformat()} {identifier}".encode()).decode().rstrip("=")


def position_of(cursor: str) -> tuple[datetime, str]:
    """Moment and identifier inside a cursor; raises `BadInput` for what is none."""
    try:
        moment, _, identifier = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition(" ")
        position = comparable(datetime.fromisoformat(moment)), identifier
    except ValueError:
        position = None
    if position is None or not position[1] or cursor_of(*position) != cursor:
        raise BadInput(
            "Argument 'after' is no cursor of this list. Give an 'endCursor' or a 'cursor' as it was received."
        )
    return position


def checked_first(first: int, *, most: int = MOST_PER_PAGE) -> int:
    """The page size; raises `BadInput` outside 1 to the most."""
    if not 1 <= first <= most:
        raise BadInput(f"Argument 'first' is {first}; it must be from 1 to {most}.")
    return first
