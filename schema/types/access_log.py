"""A person's access log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import strawberry

from auth.policy.rules import Rule
from engine.errors import BadInput
from records.hub.access_history import AccessLogEntry, AccessLogFilters, AccessLogPage, AccessLogQuery, AccessReader
from records.hub.ledger_entries import AccessPosition
from records.population import Citizen
from schema.declarations.publishing import publishes
from schema.declarations.relay import (
    After,
    ConnectionPage,
    First,
    build_connection,
    check_first,
    connection_of,
    decode_cursor,
    encode_cursor,
)
from schema.declarations.scalars import publish_enum

_MAX_PURPOSE_LENGTH = 200
publish_enum(AccessReader)


@publishes(
    AccessLogEntry,
    rule=Rule.SELF,
    subject="subject",
    shows=(
        "at",
        "text",
        "reader",
        "reader_kind",
        "agency",
        "partner",
        "purpose",
        "legal_basis",
        "sources",
        "fields",
        "operation",
        "request_id",
    ),
)
class AccessLogEntryType:
    """The published `AccessLogEntry`."""


@connection_of(AccessLogEntryType, item_name="entry", items_name="entries")
class AccessLogConnectionType:
    """A page of a person's access log."""


@strawberry.input(description="Filters the access log. All given conditions must match.")
class AccessLogFilter:
    """The filter of `accessLog`."""

    read_from: datetime | None = strawberry.field(default=None, description="Read at or after this moment.")
    read_until: datetime | None = strawberry.field(default=None, description="Read at or before this moment.")
    readers: list[AccessReader] | None = strawberry.field(
        default=None, description="Read by one of these kinds of reader; by any if omitted or empty."
    )
    purpose: str | None = strawberry.field(default=None, description="Read for this purpose.")


LogFilter = Annotated[AccessLogFilter | None, strawberry.argument(description="Filter; all entries if omitted.")]


def build_access_log_query(
    record: Citizen,
    first: First = 20,
    after: After = None,
    filter: LogFilter = None,  # noqa: A002 - the name that clients of connections expect
) -> AccessLogQuery:
    """Builds the query of the requested page. Raises `BadInput`."""
    return AccessLogQuery(
        subject=record.nik,
        first=check_first(first),
        after=parse_access_position(after) if after else None,
        filters=_build_filters(filter or AccessLogFilter()),
    )


def _build_filters(wanted: AccessLogFilter) -> AccessLogFilters:
    purpose, readers = wanted.purpose, wanted.readers or []
    if purpose is not None and not (0 < len(purpose) <= _MAX_PURPOSE_LENGTH and purpose.isprintable()):
        raise BadInput(f"Argument 'filter.purpose' must have 1 to {_MAX_PURPOSE_LENGTH} characters on one line.")
    if len(readers) > len(AccessReader):
        raise BadInput(f"Argument 'filter.readers' holds {len(readers)} values; there are {len(AccessReader)}.")
    return AccessLogFilters(
        readers=tuple(each for each in AccessReader if each in readers),
        start=wanted.read_from,
        end=wanted.read_until,
        purpose=purpose,
    )


def parse_access_position(after: str) -> AccessPosition:
    """Parses a cursor to a position in the ledger. Raises `BadInput`."""
    at, identifier = decode_cursor(after)
    chain, _, sequence = identifier.partition(":")
    if not sequence.isdecimal() or not sequence.isascii() or len(sequence) > len(str(2**62)):
        raise BadInput(
            "Argument 'after' is not a cursor of this list. Send an 'endCursor' or 'cursor' exactly as it was received."
        )
    return AccessPosition(at=at, chain=chain, sequence=int(sequence))


def build_access_log_connection(found: AccessLogPage, arguments: Mapping[str, Any]) -> ConnectionPage:
    """Builds the connection of a page."""
    return build_connection(
        AccessLogConnectionType,
        found.entries,
        cursor=lambda each: encode_cursor(each.position.at, f"{each.position.chain}:{each.position.sequence}"),
        has_more=found.has_more,
        arguments=arguments,
    )
