"""A person's access log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auth.policy.rules import Rule
from engine.errors import BadInput
from records.hub.access_history import AccessLogEntry, AccessLogPage, AccessLogQuery
from records.hub.ledger_entries import AccessPosition
from records.population import Citizen
from schema.declarations.publishing import publishes
from schema.declarations.relay import (
    After,
    First,
    build_connection,
    check_first,
    connection_of,
    decode_cursor,
    encode_cursor,
)


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
    """The published `AccessLogEntry`."""


@connection_of(AccessLogEntryType, item_name="entry", items_name="entries")
class AccessLogConnectionType:
    """A page of a person's access log."""


def build_access_log_query(record: Citizen, first: First = 20, after: After = None) -> AccessLogQuery:
    """Builds the query of the requested page. Raises `BadInput`."""
    return AccessLogQuery(
        subject=record.nik, first=check_first(first), after=parse_access_position(after) if after else None
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


def build_access_log_connection(found: AccessLogPage, arguments: Mapping[str, Any]) -> Any:  # noqa: ANN401 - see `build_connection`
    """Builds the connection of a page."""
    return build_connection(
        AccessLogConnectionType,
        found.entries,
        cursor=lambda each: encode_cursor(each.position.at, f"{each.position.chain}:{each.position.sequence}"),
        has_more=found.has_more,
        arguments=arguments,
    )
