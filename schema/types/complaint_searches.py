"""Text search and orders of complaints: public ones where their agency offers it, and own ones always."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import strawberry

from auth.policy.rules import Rule
from engine.errors import BadInput
from records.complaint_searches import ComplaintOrder, ComplaintSearch, FoundComplaints, has_words, sort_complaints
from records.complaints import Complaint
from records.identifiers import Nik
from records.population import Citizen
from resolvers.complaint_searches import complaint_searches
from schema.declarations.additions import adds_to_query
from schema.declarations.fields import root
from schema.declarations.relay import (
    After,
    ConnectionPage,
    First,
    build_connection,
    check_first,
    connection_of,
    decode_id_cursor,
    encode_id_cursor,
)
from schema.declarations.scalars import publish_enum
from schema.types.complaints import ComplaintFilter, ComplaintType, build_complaint_query

publish_enum(ComplaintOrder)
_MAX_TEXT: Final = 200
Text = Annotated[
    str,
    strawberry.argument(
        description="Only complaints with each of these words in their number, category, description or address,"
        " ignoring case."
    ),
]
Order = Annotated[ComplaintOrder, strawberry.argument(description="Their order.")]


def build_own_key(
    record: Citizen,
    search: Text = "",  # noqa: ARG001 - `select_own` uses it
    sort: Order = ComplaintOrder.NEWEST,  # noqa: ARG001 - `select_own` uses it
) -> Nik:
    """The key of a person's complaints, which come whole."""
    return record.nik


def select_own(found: Sequence[Complaint], arguments: Mapping[str, Any]) -> Sequence[Complaint]:
    """The complaints of a person with the words, in the order. As they came where neither is given."""
    text, order = arguments.get("search", ""), arguments.get("sort", ComplaintOrder.NEWEST)
    if not text and order is ComplaintOrder.NEWEST:
        return found
    return sort_complaints((each for each in found if has_words(each, text)), order)


@connection_of(
    ComplaintType,
    item_name="complaint",
    items_name="complaints",
    has_total=True,
    flags={"is_cut": "Whether more complaints match than a search returns. Then narrow it; `totalCount` is null."},
)
class ComplaintSearchConnectionType:
    """A page of the complaints that a search found."""


def build_search_connection(found: FoundComplaints, arguments: Mapping[str, Any]) -> ConnectionPage:
    """Builds the connection of a page. Raises `BadInput` for a cursor of a complaint that is not found now."""
    start, after = 0, arguments.get("after")
    if after:
        place = {each.id: number for number, each in enumerate(found.complaints, start=1)}
        start = place.get(decode_id_cursor(after), -1)
        if start < 0:
            raise BadInput("Argument 'after' is no cursor of what is found now. Start from the first page.")
    end = start + arguments["first"]
    return build_connection(
        ComplaintSearchConnectionType,
        found.complaints[start:end],
        cursor=lambda each: encode_id_cursor(each.id),
        has_more=end < len(found.complaints),
        arguments=arguments,
        total_count=None if found.is_cut else len(found.complaints),
        is_cut=found.is_cut,
    )


@adds_to_query
class ComplaintSearchQueries:
    """The root field of searches."""

    @root(
        complaint_searches,
        returns=ComplaintSearchConnectionType | None,
        rule=Rule.PUBLIC,
        transform=build_search_connection,
    )
    def search_complaints(
        search: Text = "",
        sort: Order = ComplaintOrder.NEWEST,
        first: First = 20,
        after: After = None,
        filter: Annotated[  # noqa: A002 - the name that clients of connections expect
            ComplaintFilter | None, strawberry.argument(description="Filter; all public complaints if omitted.")
        ] = None,
    ) -> ComplaintSearch:
        """Public complaints by their text, in an order. Use `complaints` to list all of them, newest first."""
        if len(search) > _MAX_TEXT:
            raise BadInput(f"Argument 'search' has {len(search)} characters; at most {_MAX_TEXT} are allowed.")
        if after:
            decode_id_cursor(after)
        check_first(first)
        return ComplaintSearch(text=" ".join(search.split()), order=sort, within=build_complaint_query(1, None, filter))
