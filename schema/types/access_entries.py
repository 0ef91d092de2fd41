"""Ledger entries for supervisors, auditors and the data-protection officer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from operator import attrgetter
from typing import Annotated, Any

import strawberry
from strawberry.utils.str_converters import to_camel_case

from auth.caller import Caller, CallerKind
from auth.policy.rules import Access, Rule
from engine.errors import BadInput
from records.description import DescribedEnum
from records.hub.access_entries import AccessEntry, AccessEntryPage, AccessEntryQuery
from records.hub.ledger_entries import AccessSearch
from records.identifiers import Nik
from resolvers.hub.access_entries import access_entries as overseen_entries
from schema.declarations.additions import adds_to_query
from schema.declarations.fields import root
from schema.declarations.publishing import publishes
from schema.declarations.relay import (
    After,
    ConnectionPage,
    First,
    build_connection,
    check_first,
    connection_of,
    encode_cursor,
)
from schema.declarations.scalars import publish_enum
from schema.types.access_log import parse_access_position

OVERSEERS = Rule.SUPERVISOR | Rule.AUDITOR | Rule.PROTECTION_OFFICER
PROTECTION_OFFICER_ONLY = Access(Rule.PROTECTION_OFFICER, requires_case=True)
_MAX_TEXT_LENGTH = 200
"""Maximum length of one value in the filter, in characters."""


class ReaderKind(DescribedEnum):
    """The kind of a reader."""

    CITIZEN = CallerKind.CITIZEN.value, "A person who reads about themself, their child, or the person they assist."
    BUSINESS = CallerKind.BUSINESS.value, "A business."
    OFFICIAL = CallerKind.OFFICIAL.value, "An official of an agency."
    SUPERVISOR = CallerKind.SUPERVISOR.value, "A supervisor of an agency."
    AUDITOR = CallerKind.AUDITOR.value, "An auditor of the city."
    PROTECTION_OFFICER = CallerKind.PROTECTION_OFFICER.value, "The data-protection officer."
    PARTNER = CallerKind.PARTNER.value, "A partner's application."
    AGENCY_SYSTEM = CallerKind.AGENCY_SYSTEM.value, "A system of an agency."


publish_enum(ReaderKind)


@publishes(
    AccessEntry,
    rule=OVERSEERS,
    subject="subject",
    agency="agency",
    shows=(
        "at",
        "person",
        "reader",
        "reader_kind",
        "agency",
        "unit",
        "role",
        "client",
        "purpose",
        "case",
        "legal_basis",
        "sources",
        "fields",
        "classes",
        "operation",
        "request_id",
        "hidden_until",
    ),
)
class AccessEntryType:
    """The published `AccessEntry`."""


@connection_of(AccessEntryType, item_name="entry", items_name="entries")
class AccessEntryConnectionType:
    """A page of entries."""


@strawberry.input(description="Filters entries. All given conditions must match.")
class AccessEntryFilter:
    """The filter of `accessEntries`."""

    read_from: datetime | None = strawberry.field(default=None, description="Read at or after this moment.")
    read_until: datetime | None = strawberry.field(default=None, description="Read at or before this moment.")
    agency: str | None = strawberry.field(
        default=None, description="Read by staff of this agency. For a supervisor, it is always their own."
    )
    reader_kind: ReaderKind | None = strawberry.field(default=None, description="Read by callers of this kind.")
    client: str | None = strawberry.field(default=None, description="Read by this application.")
    purpose: str | None = strawberry.field(default=None, description="Read for this purpose.")
    case: str | None = strawberry.field(default=None, description="Read for this case.")
    operation: str | None = strawberry.field(default=None, description="Read by an operation with this name.")
    request_id: str | None = strawberry.field(default=None, description="Read by the request with this id.")
    person: str | None = strawberry.field(default=None, description="About the person with this token.")
    reader: str | None = strawberry.field(default=None, description="Read by the reader with this token.")


def build_access_entry_query(
    caller: Caller, first: int, after: str | None, filter_: AccessEntryFilter | None, subject: Nik | None = None
) -> AccessEntryQuery:
    """Builds the query. The default agency of a supervisor is their own. Raises `BadInput`."""
    wanted = filter_ or AccessEntryFilter()
    texts: dict[str, Any] = {name: text for name, text in vars(wanted).items() if isinstance(text, str)}
    for name, text in texts.items():
        if not (0 < len(text) <= _MAX_TEXT_LENGTH and text.isprintable()):
            raise BadInput(
                f"Argument 'filter.{to_camel_case(name)}' must have 1 to {_MAX_TEXT_LENGTH} characters on one line."
            )
    if caller.kind is CallerKind.SUPERVISOR:
        texts.setdefault("agency", caller.agency)
    return AccessEntryQuery(
        first=check_first(first),
        after=parse_access_position(after) if after else None,
        subject=subject,
        person=texts.pop("person", None),
        reader=texts.pop("reader", None),
        filters=AccessSearch(
            start=wanted.read_from,
            end=wanted.read_until,
            caller_kind=None if wanted.reader_kind is None else wanted.reader_kind.value,
            **texts,
        ),
    )


def build_access_entry_connection(found: AccessEntryPage, arguments: Mapping[str, Any]) -> ConnectionPage:
    """Builds the connection of a page."""
    return build_connection(
        AccessEntryConnectionType,
        found.entries,
        cursor=lambda each: encode_cursor(each.position.at, f"{each.position.chain}:{each.position.sequence}"),
        has_more=found.has_more,
        arguments=arguments,
    )


Entries = Annotated[AccessEntryFilter | None, strawberry.argument(description="Filter; all entries if omitted.")]


@adds_to_query
class AccessEntryQueries:
    """The root fields of the ledger."""

    @root(
        overseen_entries,
        returns=AccessEntryConnectionType | None,
        rule=OVERSEERS,
        agency="agency",
        transform=build_access_entry_connection,
    )
    def access_entries(
        caller: Caller,
        first: First = 20,
        after: After = None,
        filter: Entries = None,  # noqa: A002 - the name that clients of connections expect
    ) -> AccessEntryQuery:
        """Reads of people's data, newest first. A supervisor sees those of their own agency. This query is recorded."""
        return build_access_entry_query(caller, first, after, filter)

    @root(
        overseen_entries,
        returns=AccessEntryConnectionType | None,
        rule=PROTECTION_OFFICER_ONLY,
        subject=attrgetter("subject"),
        transform=build_access_entry_connection,
    )
    def access_entries_of(
        caller: Caller,
        nik: Annotated[Nik, strawberry.argument(description="NIK of the person the data is about.")],
        first: First = 20,
        after: After = None,
        filter: Entries = None,  # noqa: A002 - the name that clients of connections expect
    ) -> AccessEntryQuery:
        """Reads of one person's data, newest first, for their case. The query is recorded, and visible to them."""
        return build_access_entry_query(caller, first, after, filter, nik)
