"""Who read what of a person, in the graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auth.rules import Rule
from engine.errors import BadInput
from records.access_log import AccessLogEntry, AccessLogPage, AccessLogQuery
from records.accesses import AccessPosition
from records.population import Citizen
from schema.publishing import publishes
from schema.relay import After, First, checked_first, cursor_of, page, pages_of, position_of


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


@pages_of(AccessLogEntryType, one="entry", many="entries")
class AccessLogConnectionType:
    """A page of a person's access log."""


def access_log_of(record: Citizen, first: First = 20, after: After = None) -> AccessLogQuery:
    """The page that the arguments ask for; raises `BadInput`."""
    return AccessLogQuery(
        subject=record.nik, first=checked_first(first), after=access_position(after) if after else None
    )


def access_position(after: str) -> AccessPosition:
    """The place in the ledger that a cursor names; raises `BadInput`."""
    at, identifier = position_of(after)
    chain, _, sequence = identifier.partition(":")
    if not sequence.isdecimal() or not sequence.isascii() or len(sequence) > len(str(2**62)):
        raise BadInput(
            "Argument 'after' is no cursor of this list. Give an 'endCursor' or a 'cursor' as it was received."
        )
    return AccessPosition(at=at, chain=chain, sequence=int(sequence))


def access_log_connection(found: AccessLogPage, arguments: Mapping[str, Any]) -> Any:  # noqa: ANN401 - see `page`
    """The page of a list as a connection."""
    return page(
        AccessLogConnectionType,
        found.entries,
        cursor=lambda each: cursor_of(each.position.at, f"{each.position.chain}:{each.position.sequence}"),
        has_more=found.has_more,
        arguments=arguments,
    )
