"""People's consents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import strawberry

from auth.policy.rules import Access, Rule
from records.hub.consents import Consent, ConsentAnswer, ConsentPage, ConsentPosition, ConsentQuery, ConsentText
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

PARTNER_WITH_CONSENT = Access(Rule.PARTNER, allows_any_consent=True)
"""For the consent itself, which a partner may read with any scope."""
_READABLE = Access(Rule.SELF | Rule.GUARDIAN | Rule.PARTNER, allows_any_consent=True)
GUARDED = Rule.SELF | Rule.GUARDIAN
"""For consents about a child, which its guardians see and revoke."""


@publishes(ConsentText, rule=GUARDED, subject="subject", shows=("language", "version", "text"))
class ConsentTextType:
    """The published `ConsentText`."""


@publishes(
    Consent,
    rule=_READABLE,
    field_rules={"texts": Access(GUARDED)},
    subject="subject",
    shows=(
        "id",
        "client",
        "partner",
        "scopes",
        "purpose",
        "state",
        "granted_at",
        "expires_at",
        "revoked_at",
        "by_guardian",
        "texts",
    ),
    nested=(ConsentTextType,),
)
class ConsentType:
    """The published `Consent`."""

    id: strawberry.ID | None


@publishes(
    ConsentAnswer,
    rule=GUARDED,
    subject="subject",
    shows=("consent", "return_to"),
    nested=(ConsentType,),
)
class ConsentAnswerType:
    """The published `ConsentAnswer`."""


@connection_of(ConsentType, item_name="consent", items_name="consents")
class ConsentConnectionType:
    """A page of a person's consents."""


def build_consent_query(record: Citizen, first: First = 20, after: After = None) -> ConsentQuery:
    """Builds the query of the requested page. Raises `BadInput`."""
    position = None if after is None else ConsentPosition(at=decode_cursor(after)[0], id=decode_cursor(after)[1])
    return ConsentQuery(subject=record.nik, first=check_first(first), after=position)


def build_consent_connection(found: ConsentPage, arguments: Mapping[str, Any]) -> ConnectionPage:
    """Builds the connection of a page."""
    return build_connection(
        ConsentConnectionType,
        found.consents,
        cursor=lambda each: encode_cursor(each.granted_at, each.id),
        has_more=found.has_more,
        arguments=arguments,
    )
